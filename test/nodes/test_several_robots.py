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

"""Two robots and one learner over real DDS: equal to one process; one that is killed returns."""

from contextlib import ExitStack
import signal

from bag_tools import assert_equal_episodes
from graph_tools import (free_domain, in_process, listener, MODES, nodes, random_policy, SEED,
                         weights_message)
import numpy as np
import pytest
from rpl_msgs.msg import Task
from rpl_ros.ros.convert import read_command, read_state
from rpl_ros.ros.qos import NEWEST, on_presence, publisher, subscribe
from rpl_ros.settings.robots import first_episode_of, place_of
from rpl_ros.tasks.description import task_fields
from rpl_ros.tasks.find import task_spec
from rpl_ros.transitions import Joiner

pytestmark = pytest.mark.graph
TASK, ROBOTS, EACH = 'hook', (1, 2), 4
COMMON = {'task': TASK, 'seed': SEED, 'run': 'r'}


def of_robot(robot, folder):
    """Return the nodes of a robot and their parameters."""
    first = first_episode_of(robot, 0)
    remapped = [f'__ns:=/robot{robot}', 'policy_weights:=/policy_weights',
                'learner_status:=/learner_status']
    return {'base_controller_node': {**COMMON, '-r': remapped},
            'residual_node': {**MODES, **COMMON, 'readers': 3, '-r': remapped},
            'sim_node': {**COMMON, 'first_episode': first, 'episodes': EACH, 'subscribers': 4,
                         'wait_for': '"residual_node learner_node"', '-r': remapped,
                         'last_episode_file': folder / 'last_episode'}}


class Heard:
    """What a node hears of a robot: its whole episodes and all keys of its states."""

    def __init__(self, node, robot):
        self.joiner, self.episodes, self.keys = Joiner(task_spec(TASK)), [], []
        subscribe(node, 'command', lambda message: self.join('command', read_command(message)),
                  place_of(robot))
        subscribe(node, 'state', lambda message: self.join('state', read_state(message)),
                  place_of(robot))

    def join(self, kind, item):
        """Join a State or Command."""
        if kind == 'state':
            self.keys.append((item.episode, item.step))
        self.episodes += self.joiner.add(kind, item)[0]


def test_two_robots_learn_together_and_one_that_was_killed_returns(tmp_path):
    content, domain, statuses = random_policy(TASK, np.random.default_rng(1)), free_domain(), []
    with ExitStack() as stack:
        node, spin = stack.enter_context(listener(domain))
        weights = publisher(node, 'policy_weights')
        stack.enter_context(nodes(domain, tmp_path, learner_node={
            **COMMON, 'robots': 2, 'updates_per_step': 0.0, '-r': 'policy_weights:=unused'}))
        places, started = {robot: tmp_path / str(robot) for robot in ROBOTS}, {}
        heard = {robot: Heard(node, robot) for robot in ROBOTS}
        subscribe(node, 'learner_status', statuses.append)
        for robot, place in places.items():
            place.mkdir()
            parameters = of_robot(robot, place)
            sim = parameters.pop('sim_node')
            stack.enter_context(nodes(domain, place, **parameters))
            started[robot] = place, sim
        spin(lambda: weights.get_subscription_count() == len(ROBOTS))
        weights.publish(weights_message(content, 7, run='r'))
        for place in places.values():
            spin(lambda place=place: 'weights version 7 will be used' in (
                place / 'residual_node.log').read_text())
        sims = {robot: stack.enter_context(nodes(domain, place, sim_node=sim))['sim_node']
                for robot, (place, sim) in started.items()}
        spin(lambda: (20_000_001, 10) in heard[2].keys)
        sims[2].send_signal(signal.SIGKILL)
        sims[2].wait()
        place, sim = started[2]
        again = stack.enter_context(nodes(domain, place, sim_node=sim))['sim_node']
        spin(lambda: sims[1].poll() is not None and again.poll() is not None)
        spin(lambda: statuses[-1].episodes == 2 * EACH)
    assert (sims[1].returncode, again.returncode) == (0, 0)
    first = [10_000_000, 10_000_001, 10_000_002, 10_000_003]
    second = [20_000_000, 20_000_001, 20_000_002, 20_000_003]
    whole = [number for number in second if number != 20_000_001]
    cut = next(one for one in heard[2].episodes if one.episode == 20_000_001)
    assert cut.steps < task_spec(TASK).horizon and not cut.ended
    assert_equal_episodes(heard[1].episodes, [one for one, *_ in in_process(TASK, content, first)])
    assert_equal_episodes([one for one in heard[2].episodes if one is not cut],
                          [one for one, *_ in in_process(TASK, content, whole)])
    last = statuses[-1]
    assert list(last.next_episodes) == [10_000_004, 20_000_004]
    # A kill may reach one reader before the last message of the killed node, another after it.
    assert abs(last.transitions - 7 * 100 - cut.valid.sum()) <= 1
    # A state that waits for its command for more than a second is sent again, never an older one.
    assert heard[1].keys == sorted(heard[1].keys)
    assert {number for number, _ in heard[1].keys} == set(first)
    assert (places[2] / 'last_episode').read_text() == '20000003\n'


def test_a_robot_of_another_task_and_a_second_learner_are_refused(tmp_path):
    domain, statuses, present = free_domain(), [], {1: [], 2: []}
    with listener(domain) as (node, spin), nodes(domain, tmp_path, learner_node={
            **COMMON, 'robots': 2, 'updates_per_step': 0.0, 'out': tmp_path / 'out'}) as first:
        node.settings = type('', (), COMMON)
        subscribe(node, 'learner_status', statuses.append)
        for robot in ROBOTS:
            on_presence(node, present[robot].append, place_of(robot))
        tasks = {robot: node.create_publisher(Task, f'robot{robot}/task', NEWEST)
                 for robot in ROBOTS}
        spin(lambda: statuses and all(one.get_subscription_count() for one in tasks.values()))
        assert not present[1] and not present[2]
        for robot, name in ((1, TASK), (2, 'push')):
            tasks[robot].publish(Task(run='r', **task_fields(task_spec(name), 0.0)))
        spin(lambda: present[1] == ['learner_node'])
        log = tmp_path / 'learner_node.log'
        spin(lambda: "robot2: name is 'push' on the robot, 'hook' here; " in log.read_text())
        assert 'horizon is 50 on the robot, 100 here' in log.read_text() and not present[2]
        (tmp_path / 'second').mkdir()
        with nodes(domain, tmp_path / 'second', learner_node={**COMMON, 'robots': 2}) as second:
            assert second['learner_node'].wait(timeout=60) == 1
        assert "another learner_node of run 'r' is in / already" in (
            tmp_path / 'second' / 'learner_node.log').read_text()
        assert first['learner_node'].poll() is None
