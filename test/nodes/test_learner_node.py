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

"""learner_node alone over real DDS: it learns from topics, survives a kill, refuses bad input."""

import os
from pathlib import Path
import signal
import subprocess
import sys

from bag_tools import encoded, episode_items, write_mcap
from graph_tools import free_domain, listener, nodes
import numpy as np
import pytest
from rpl_ros import data
from rpl_ros.data import Mode, Status
from rpl_ros.learning.from_bags import take_bags
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.learner_file import dump
from rpl_ros.learning.warm_start import warm_start
from rpl_ros.policy.weights import unpack
from rpl_ros.ros.convert import command_message, read_command, read_state, state_message
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.transitions import Joiner
from std_msgs.msg import Header
from std_srvs.srv import Trigger

SPEC = task_spec('hook')
SETTINGS = {'task': 'hook', 'hidden_size': 16, 'batch_size': 32, 'updates_per_step': 0.1,
            'burn_in': 'none', 'publish_every': 10}


def episode_messages(number, rng, version=1):
    """Return the State and Command messages of a made-up episode, in their order."""
    steps = SPEC.horizon
    thing = np.cumsum(rng.normal(0, 0.01, (steps + 1, 3)), axis=0)
    for step in range(steps + 1):
        state = data.State(number, step, rng.normal(size=SPEC.observation_size), thing[step],
                           np.full(3, 0.1), truncated=step == steps, applied=step > 0)
        yield 'state', state_message(state, 'hook', Header(), '')
        four = rng.uniform(-1, 1, 4)
        command = data.Command(number, step, Mode.EXPLORE, version, four, four, 1.0, four, four,
                               Status.EXPLORING)
        yield 'command', command_message(command, Header(), '')


@pytest.fixture
def learner_side(tmp_path):
    """Yield a function that runs one learner_node on a folder and hands over what it takes."""
    domain = free_domain()
    with listener(domain) as (node, spin):
        statuses, weights = [], []
        subscribe(node, 'learner_status', statuses.append)
        senders = {topic: publisher(node, topic) for topic in ('state', 'command')}
        save = node.create_client(Trigger, '/learner_node/save')

        def send(messages):
            for topic, message in messages:
                senders[topic].publish(message)

        def ready():
            spin(lambda: all(sender.get_subscription_count() for sender in senders.values())
                 and save.service_is_ready())
            subscribe(node, 'policy_weights', weights.append)  # late: it must be latched
            spin(lambda: weights and statuses)

        def ask_to_save():
            answer = save.call_async(Trigger.Request())
            spin(answer.done)
            return answer.result()

        def start(**more):
            statuses.clear()
            weights.clear()
            return nodes(domain, tmp_path,
                         learner_node={**SETTINGS, 'out': tmp_path / 'out', **more})
        yield start, ready, send, spin, ask_to_save, statuses, weights


def test_it_learns_from_topics_and_goes_on_after_a_kill(learner_side, tmp_path):
    start, ready, send, spin, ask_to_save, statuses, weights = learner_side
    rng = np.random.default_rng(0)
    with start() as started:
        ready()
        assert weights[-1].version == 1
        for number in range(3):
            send(episode_messages(number, rng))
        spin(lambda: statuses[-1].updates == 30)
        assert (statuses[-1].episodes, statuses[-1].transitions) == (3, 300)
        assert statuses[-1].rejected == 0
        spin(lambda: weights[-1].version == 4)
        tensors, shape = unpack(weights[-1].data, weights[-1].digest)
        assert shape.task == 'hook' and np.abs(tensors['layer3.weight']).max() > 0
        assert ask_to_save().success
        spin(lambda: (tmp_path / 'out/learner.safetensors').exists())
        started['learner_node'].send_signal(signal.SIGKILL)
        started['learner_node'].wait()
    with start() as started:
        ready()
        assert (statuses[-1].updates, weights[-1].version) == (30, 5)
        found, _ = unpack(weights[-1].data, weights[-1].digest)
        np.testing.assert_array_equal(found['layer3.weight'], tensors['layer3.weight'])
        send(episode_messages(3, rng))
        spin(lambda: statuses[-1].updates == 40)
    assert started['learner_node'].returncode == 0
    assert '30 updates, 3 episodes' in (tmp_path / 'learner_node.log').read_text()
    assert list((tmp_path / 'out').glob('policy_*.safetensors'))


def another_run(path):
    """Write the file of a learner after 20 updates to `path`; return the setting that uses it."""
    learner, joiner = Learner(make_settings(LearnerSettings, SETTINGS)), Joiner(SPEC)
    for number in range(2):
        for topic, item in episode_items(SPEC, number, np.random.default_rng(number)):
            for episode in joiner.add(topic, item)[0]:
                learner.add(episode)
    while learner.owed:
        learner.update()
    path.write_bytes(dump(learner))
    return {'start_from': str(path)}


@pytest.mark.parametrize('begins', ['anew', 'with bags', 'with a policy'])
def test_live_and_in_process_learn_the_same(begins, learner_side, tmp_path):
    """The same messages, over DDS and by the functions that nodes and tools share."""
    start, ready, send, spin, _, statuses, weights = learner_side
    recorded, more = begins == 'with bags', {}
    if recorded:
        more = {'bags': str(write_mcap(tmp_path / 'a.mcap', encoded(SPEC, 3)))}
    elif begins == 'with a policy':
        more = another_run(tmp_path / 'start')
    learner = Learner(make_settings(LearnerSettings, {**SETTINGS, **more}))
    assert bool(take_bags(learner)) == recorded
    if begins == 'with a policy':
        warm_start(learner, (tmp_path / 'start').read_bytes())
    joiner, rng = Joiner(SPEC), np.random.default_rng(1)
    with start(**more):
        ready()
        first, _ = unpack(weights[-1].data)
        for name, value in learner.policy_tensors().items():
            np.testing.assert_array_equal(first[name], value, err_msg=name)
        for number in range(5):
            messages = list(episode_messages(number, rng))
            send(messages)
            spin(lambda: statuses[-1].updates == 10 * (number + 1))  # its updates come before more
            for topic, message in messages:
                read = read_state if topic == 'state' else read_command
                for episode in joiner.add(topic, read(message))[0]:
                    learner.add(episode)
            while learner.owed:
                learner.update()
        spin(lambda: weights[-1].version == 6)
        live, _ = unpack(weights[-1].data)
    for name, value in learner.policy_tensors().items():
        np.testing.assert_array_equal(live[name], value, err_msg=name)
    assert np.abs(live['layer3.weight']).max() > 0
    log = (tmp_path / 'learner_node.log').read_text()
    assert ('1 bag: 3 episodes, 300 transitions' in log) == recorded


def test_a_policy_to_begin_with_that_does_not_fit_ends_the_node(learner_side, tmp_path):
    start, *_ = learner_side
    another_run(tmp_path / 'start')
    for path, more, wanted in (
            (tmp_path / 'start', {'hidden_size': 8}, 'they are for hidden_size 16, expected 8'),
            (tmp_path / 'nowhere', {}, 'No such file')):
        with start(start_from=path, **more) as started:
            assert started['learner_node'].wait(timeout=60) == 2
        log = (tmp_path / 'learner_node.log').read_text()
        assert f'start_from {path}: ' in log and wanted in log and 'Traceback' not in log


def test_versions_go_up_whatever_happens_and_one_learner_has_a_folder(learner_side, tmp_path):
    start, ready, send, spin, _, statuses, weights = learner_side
    with start() as started:
        ready()
        for number in range(3):
            send(episode_messages(number, np.random.default_rng(number)))
        spin(lambda: weights[-1].version == 4)
        (tmp_path / 'second').mkdir()
        with nodes(free_domain(), tmp_path / 'second',
                   learner_node={**SETTINGS, 'out': tmp_path / 'out'}) as second:
            assert second['learner_node'].wait(timeout=60) == 2
        assert f'{tmp_path}/out is in use by process {started["learner_node"].pid} on ' in (
            tmp_path / 'second/learner_node.log').read_text()
        started['learner_node'].send_signal(signal.SIGKILL)
        started['learner_node'].wait()
    with start():
        ready()  # there is no checkpoint
        spin(lambda: (statuses[-1].updates, weights[-1].version) == (0, 5))
    with start(out='""'):
        ready()  # it knows of nothing
        spin(lambda: weights[-1].version == 1)
        send(episode_messages(9, np.random.default_rng(9), version=40))
        spin(lambda: weights[-1].version == 41)


def test_a_checkpoint_of_other_settings_is_left_alone(learner_side, tmp_path):
    start, ready, send, spin, ask_to_save, statuses, _ = learner_side
    with start():
        ready()
        send(episode_messages(0, np.random.default_rng(0)))
        spin(lambda: statuses[-1].updates == 10)
        assert ask_to_save().success
    there = {path.name: path.read_bytes() for path in (tmp_path / 'out').glob('*.safetensors')}
    assert len(there) >= 3
    with start(hidden_size=8) as started:
        assert started['learner_node'].wait(timeout=60) == 2
    assert f'error: out: {tmp_path}/out/learner.safetensors: they are for hidden_size 16, ' in (
        tmp_path / 'learner_node.log').read_text()
    assert {path.name: path.read_bytes() for path in (tmp_path / 'out').glob('*.safetensors')
            } == there


def test_bags_that_do_not_fit_end_the_node(learner_side, tmp_path):
    start, *_ = learner_side
    path = write_mcap(tmp_path / 'push.mcap', encoded(task_spec('push'), 1))
    with start(bags=str(path)) as started:
        assert started['learner_node'].wait(timeout=60) == 2
    log = (tmp_path / 'learner_node.log').read_text()
    assert f'error: bags: {path}: ' in log and "expected 'hook'" in log


def test_it_leaves_out_what_is_wrong_and_goes_on(learner_side, tmp_path):
    start, ready, send, spin, _, statuses, _ = learner_side
    rng = np.random.default_rng(0)
    messages = list(episode_messages(0, rng))
    bad = np.zeros(SPEC.observation_size)
    bad[3] = np.nan
    messages[10][1].observation = bad.tolist()  # state 5: not finite
    messages[41][1].residual = [0.0, 0.0]  # command 20: too short
    messages.append(messages[0])  # repeated, after the end
    with start():
        ready()
        send(messages)
        for number in (1, 2):
            send(episode_messages(number, rng))
        spin(lambda: statuses[-1].episodes == 3)
        # Around state 5 two transitions are lost, around command 20 two.
        assert statuses[-1].transitions == 296
        spin(lambda: statuses[-1].updates == 29)
        assert statuses[-1].rejected >= 6
    text = (tmp_path / 'learner_node.log').read_text()
    for words in ('state (0, 5): observation holds a value that is not finite',
                  'command (0, 20): residual has 2 values, expected 4',
                  '4 of 100 transitions are not used: they are incomplete'):
        assert words in text, text


def test_a_damaged_checkpoint_is_named_and_not_used(learner_side, tmp_path):
    start, ready, _, _, _, statuses, _ = learner_side
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/learner.safetensors').write_bytes(b'half a file')
    with start():
        ready()
        assert statuses[-1].updates == 0
    text = (tmp_path / 'learner_node.log').read_text()
    assert f'the learner begins from zero: {tmp_path}/out/learner.safetensors: ' in text
    assert (tmp_path / 'out/damaged_1/learner.safetensors').read_bytes() == b'half a file'


INTERRUPTED = """
import os
import signal
import sys
sys.path.append({tools!r})
from learning_tools import synthetic_episode
from rpl_ros.nodes.learner_node import LearnerNode as Node
from rpl_ros.ros.running import run_node

train = Node._train_once

def late(self):
    if not self._learner.episodes:
        self._episodes.put(synthetic_episode(self._learner.spec, 0))
    train(self)
    if self._learner.updates == 5:
        os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C, while the worker is about to publish
        self._publish_weights()

Node._train_once = late
raise SystemExit(run_node(Node))
"""


def test_what_was_learned_is_kept_where_ctrl_c_meets_a_publication(tmp_path):
    words = [word for name, value in {**SETTINGS, 'out': tmp_path / 'out'}.items()
             for word in ('-p', f'{name}:={value}')]
    program = INTERRUPTED.replace('{tools!r}', repr(str(Path(__file__).parents[1])))
    done = subprocess.run([sys.executable, '-c', program, '--ros-args', *words],
                          capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})
    assert done.returncode == 0 and 'failed' not in done.stderr, done.stderr
    assert (tmp_path / 'out/learner.safetensors').exists()
    assert list((tmp_path / 'out').glob('replay_*.safetensors'))


def test_it_names_the_beginning_that_it_did_not_hear(learner_side, tmp_path):
    start, ready, send, spin, _, statuses, _ = learner_side
    rng = np.random.default_rng(0)
    with start():
        ready()
        messages = list(episode_messages(0, rng))
        send(messages[14:])  # as `ros2 bag play` without a delay: seven steps are lost
        for number in (1, 2):  # two newer episodes show that the first one stays as it is
            send(episode_messages(number, rng))
        spin(lambda: statuses[-1].transitions == 293)
    said = (tmp_path / 'learner_node.log').read_text()
    assert ('the first state is step 7 of episode 0: steps 0 to 6 of episode 0 did not arrive'
            ) in said
    assert said.count('ros2 bag play -d 3') == 1
