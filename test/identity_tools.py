# Copyright 2026 rpl_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Two runs in one ROS domain: their nodes, and what is heard of each of them."""

from types import SimpleNamespace

from bag_tools import assert_equal_episodes
from graph_tools import EPISODES, MODES, SEED, weights_message
from rpl_ros.ros.convert import read_command, read_state
from rpl_ros.ros.qos import announce, publisher, subscribe
from rpl_ros.ros.senders import Senders
from rpl_ros.tasks.find import task_spec
from rpl_ros.transitions import Joiner

TASK = 'push'
SIZES = task_spec(TASK)


def graph(run, watch, bag=None):
    """
    Return the nodes of a graph of run `run` and their parameters; the test sends weights.

    The simulator waits for the node called `watch`, which has the Watch. The number of readers
    would not tell: those of another graph count, too.
    """
    recorder = {'recorder_node': {'task': TASK, 'run': run, 'out': bag}} if bag else {}
    readers = ['base_controller_node', 'residual_node', 'learner_node', *recorder]
    common = {'task': TASK, 'seed': SEED, 'run': run}
    return {
        'base_controller_node': {
            **common, 'readers': 1 + len(recorder),
            'announce_after': f'"{" ".join(["residual_node", *recorder])}"'},
        'residual_node': {
            **MODES, 'task': TASK, 'run': run, 'readers': 3 + len(recorder),
            'announce_after': f'"{" ".join(["sim_node", "learner_node", watch, *recorder])}"'},
        'learner_node': {**common, 'updates_per_step': 0.0, '-r': 'policy_weights:=unused'},
        'sim_node': {**common, 'episodes': EPISODES, 'subscribers': len(readers) + 1,
                     'wait_for': f'"{" ".join([*readers, watch])}"'}, **recorder}


class Watch:
    """What a run says on the graph's topics, to a node of this run."""

    def __init__(self, node, run, on_state=lambda message: None):
        """Listen; `on_state` is called with each State, too."""
        node.senders = Senders(node, run)
        self.episodes, self.results, self.statuses, self.stamps = [], [], [], []
        self.joiner, self.on_state = Joiner(SIZES), on_state
        subscribe(node, 'state', self._on_state)
        subscribe(node, 'command', lambda message: self._join('command', read_command(message)))
        subscribe(node, 'episode_result', self.results.append)
        subscribe(node, 'learner_status', self.statuses.append)

    def _on_state(self, message):
        self.stamps.append(message.header.stamp)
        self._join('state', read_state(message))
        self.on_state(message)

    def _join(self, kind, item):
        self.episodes += self.joiner.add(kind, item)[0]

    def is_complete(self):
        """Return whether all has come."""
        return (len(self.episodes) == len(self.results) == EPISODES
                and self.statuses and self.statuses[-1].episodes == EPISODES)

    def equals(self, expected):
        """Assert that all was as in one process alone."""
        assert not self.joiner.problems
        assert_equal_episodes(self.episodes, [episode for episode, *_ in expected])
        assert [result.success for result in self.results] == [
            last.success for *_, last in expected]
        assert self.statuses[-1].rejected == 0
        assert self.statuses[-1].header.stamp == self.stamps[-1]  # one time base
        assert self.statuses[-1].transitions == EPISODES * SIZES.horizon


def give_weights(node, spin, folder, content, run):
    """
    Publish weights of a run, wait until its residual_node has them, then let the run begin.

    Returns the publisher. `node` has the Watch for which the simulator of the run waits.
    """
    weights = publisher(node, 'policy_weights')
    spin(lambda: weights.get_subscription_count())
    weights.publish(weights_message(content, 7, run=run))
    spin(lambda: 'weights version 7 will be used' in (folder / 'residual_node.log').read_text())
    node.settings = SimpleNamespace(run=run)
    announce(node)
    return weights
