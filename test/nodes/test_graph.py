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

"""The nodes over real DDS: the same episodes as in one process, and what happens to bad input."""

from dataclasses import replace
import os
from pathlib import Path
import sys
from types import SimpleNamespace

from bag_tools import assert_equal_episodes
from graph_tools import (EPISODES, free_domain, in_process, listener, MODES, nodes, random_policy,
                         SEED, weights_message, when_present)
import numpy as np
import pytest
from rpl_msgs.msg import BaseAction, EpisodeResult, LearnerStatus
from rpl_ros import data
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.data import Mode, Status
from rpl_ros.policy.weights import pack, PolicyShape
from rpl_ros.ros.convert import read_command, read_state, state_message
from rpl_ros.ros.qos import announce, on_presence, publisher, subscribe
from rpl_ros.tasks.environments import describe
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.spec_file import spec_tree
from rpl_ros.tasks.specs import TASKS
from rpl_ros.transitions import Joiner
from std_msgs.msg import Header

pytestmark = pytest.mark.graph


OWN = {'point': ('point_reach:make', 'point_reach:base'), 'pendulum': (
    'Pendulum-v1', 'test_graph:swing')}
EXAMPLES = Path(__file__).parents[2] / 'docs' / 'examples'


def swing(observation, desired_goal):
    """Return the base action of a pendulum."""
    return np.array([0.4 * observation[2] - observation[1]])


@pytest.fixture
def task(request, tmp_path, monkeypatch):
    """Return the name of a built-in task, or the file of one of a user's own."""
    if request.param not in OWN:
        return request.param
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
    environment, controller = OWN[request.param]
    path = tmp_path / 'own.yaml'
    path.write_text(to_yaml(spec_tree(replace(describe(environment), controller=controller))))
    return str(path)


@pytest.mark.parametrize('task', [*TASKS, *OWN], indirect=True)
def test_four_nodes_play_the_same_episodes_as_one_process(tmp_path, task):
    content = random_policy(task, np.random.default_rng(1))
    expected = in_process(task, content)
    domain, joiner = free_domain(), Joiner(task_spec(task))
    episodes, results, statuses = [], [], []
    common = {'task': task, 'seed': SEED}
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node={**common, 'readers': 1},
            residual_node={**MODES, 'task': task, 'readers': 3},
            # The weights are the test's: a node takes them from one sender.
            learner_node={**common, 'updates_per_step': 0.0, '-r': 'policy_weights:=unused'},
            sim_node={**common, 'episodes': EPISODES, 'subscribers': 4, 'wait_for':
                      'base_controller_node residual_node learner_node'}) as started:
        weights = publisher(node, 'policy_weights')

        def residual_has(version):
            log = (tmp_path / 'residual_node.log').read_text()
            return f'weights version {version} will be used' in log
        spin(lambda: weights.get_subscription_count())
        weights.publish(weights_message(content, 7))
        spin(lambda: residual_has(7))

        def take(kind, item):
            episodes.extend(joiner.add(kind, item)[0])
        subscribe(node, 'learner_status', statuses.append)
        subscribe(node, 'episode_result', results.append)
        subscribe(node, 'command', lambda message: take('command', read_command(message)))
        subscribe(node, 'state', lambda message: take('state', read_state(message)))
        spin(lambda: len(episodes) == EPISODES and started['sim_node'].poll() is not None)
        spin(lambda: statuses and statuses[-1].episodes == EPISODES)
    assert started['sim_node'].returncode == 0
    assert not joiner.problems
    for found, (episode, _, _) in zip(episodes, expected):
        assert_equal_episodes([found], [episode])
        assert found.valid.all()
    modes = [Mode.EXPLORE, Mode.EXPLORE, Mode.BASE, Mode.EVALUATE]
    assert [result.mode for result in results] == modes
    assert [result.success for result in results] == [last.success for *_, last in expected]
    assert any(np.abs(episode.residuals).max() > 0.1 for episode in episodes)
    assert statuses[-1].transitions == EPISODES * task_spec(task).horizon
    assert statuses[-1].rejected == 0
    assert {name: process.returncode for name, process in started.items()} == dict.fromkeys(
        started, 0)


@pytest.mark.parametrize('name, topic', [
    ('base_controller_node', 'base_action'), ('residual_node', 'command')])
def test_a_node_says_that_it_is_ready_when_its_readers_are_there(tmp_path, name, topic):
    domain, present = free_domain(), []
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, **{name: {'task': 'hook', 'readers': 2, 'run': 'one',
                                        'announce_after': 'second'}}):
        node.settings = SimpleNamespace(run='one')
        on_presence(node, present.append)
        subscribe(node, topic, lambda message: None)
        log = tmp_path / f'{name}.log'
        spin(lambda: 'has waited for 5 s: nodes that are missing: second; subscriptions on '
             f'/{topic}: 1 of 2' in log.read_text())
        assert not present
        with listener(domain, 'second') as (second, _), listener(domain, 'other') as (other, _):
            subscribe(other, topic, lambda message: None)  # a reader of another run
            spin(lambda: f'subscriptions on /{topic}: 2 of 2' in log.read_text())
            assert not present
            second.settings = node.settings
            subscribe(second, topic, lambda message: None)
            announce(second)
            spin(lambda: present == ['second', name])


def usable_state(episode=0, step=0, **changes):
    """Return a State message of the hook task with plausible numbers."""
    sizes = task_spec('hook')
    item = data.State(episode, step, np.linspace(0.1, 1.0, sizes.observation_size),
                      np.array([1.8, 0.75, 0.42]), np.array([1.65, 0.75, 0.42]))
    message = state_message(item, 'hook', Header(frame_id='world'), '')
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def base_action(episode=0, step=0, action=(0.1, 0.2, 0.3, 0.4)):
    """Return a BaseAction message."""
    return BaseAction(episode=episode, step=step, controller='test', action=list(action))


@pytest.fixture
def residual_side(tmp_path):
    """Yield (send, commands, log) around a residual_node: publishers, what it sent, its log."""
    domain, commands = free_domain(), []
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, residual_node={'task': 'hook', 'base_timeout': 0.3, 'readers': 1}):
        ready = when_present(node, 'residual_node')
        subscribe(node, 'command', lambda message: commands.append(read_command(message)))
        senders = {topic: publisher(node, topic)
                   for topic in ('state', 'base_action', 'policy_weights')}
        spin(lambda: all(sender.get_subscription_count() for sender in senders.values())
             and ready())

        def send(topic, message, answers=0):
            before = len(commands)
            senders[topic].publish(message)
            if answers:
                spin(lambda: len(commands) >= before + answers, 10.0)

        def log_says(text):
            spin(lambda: text in (tmp_path / 'residual_node.log').read_text(), 10.0)
        yield send, commands, log_says


def test_residual_node_answers_bad_input_safely(residual_side):
    send, commands, log_says = residual_side
    send('base_action', base_action())
    send('state', usable_state(), answers=1)
    assert commands[-1].status == Status.NO_POLICY
    assert commands[-1].mode == Mode.BASE  # not exploring: there is nothing to explore with
    np.testing.assert_array_equal(commands[-1].sent, [0.1, 0.2, 0.3, 0.4])

    send('state', usable_state(), answers=1)  # repeated: the same answer again
    np.testing.assert_array_equal(commands[-1].sent, commands[-2].sent)

    send('state', usable_state(step=1))
    send('base_action', base_action(step=1, action=[0.1, float('nan'), 0.3, 0.4]), answers=1)
    assert commands[-1].status == Status.STOP_BAD_BASE
    assert not commands[-1].sent.any()

    send('state', usable_state(step=2))
    send('base_action', base_action(step=2, action=[0.1, 0.2]), answers=1)
    assert commands[-1].status == Status.STOP_BAD_BASE
    log_says('the base action has a wrong length or is not finite')

    send('state', usable_state(step=3))
    send('base_action', base_action(step=2))  # of another step: does not count
    send('base_action', base_action(episode=4, step=3), answers=1)  # nor of another episode
    assert commands[-1].status == Status.STOP_NO_BASE
    log_says('no base action arrived in time')
    log_says('the newest base action is for (episode, step) (4, 3), expected (0, 3)')

    broken = [0.0] * 40
    broken[7] = float('inf')
    send('state', usable_state(step=4, observation=broken))
    send('base_action', base_action(step=4), answers=1)
    assert commands[-1].status == Status.STOP_BAD_STATE
    send('state', usable_state(step=5, observation=[0.0] * 39))
    send('base_action', base_action(step=5), answers=1)
    assert commands[-1].status == Status.STOP_BAD_STATE

    send('state', usable_state(step=1))  # out of order: no second command for it
    log_says('arrived after')
    send('state', usable_state(step=6))
    send('base_action', base_action(step=6), answers=1)
    assert [command.step for command in commands] == [0, 0, 1, 2, 3, 4, 5, 6]


def test_residual_node_refuses_damaged_weights(residual_side):
    send, commands, log_says = residual_side
    good = random_policy('hook', np.random.default_rng(2))
    send('policy_weights', weights_message(good, 3, digest='0' * 64))
    log_says('weights version 3 are not used: the digest')
    other = random_policy('complex_hook', np.random.default_rng(2))
    send('policy_weights', weights_message(other, 4))
    log_says("they are for task 'complex_hook', expected 'hook'")
    send('policy_weights', weights_message(b'no weights at all', 5))
    log_says('weights version 5 are not used')
    send('state', usable_state())
    send('base_action', base_action(), answers=1)
    assert (commands[-1].status, commands[-1].policy_version) == (Status.NO_POLICY, 0)
    send('policy_weights', weights_message(good, 6))
    for episode in range(1, 50):  # taken at the start of an episode, once it has arrived
        send('state', usable_state(episode=episode))
        send('base_action', base_action(episode=episode), answers=1)
        if commands[-1].policy_version == 6:
            break
    assert commands[-1].policy_version == 6


def changed_policy(**changes):
    """Return the bytes of a policy for hook whose PolicyShape has other values."""
    sizes = {'observation_size': 40, 'goal_size': 3, 'action_size': 4, **changes}
    shape = PolicyShape(**{'task': 'hook', 'hidden_layers': 1, 'hidden_size': 8, **sizes})
    return pack({name: np.ones(size) for name, size in shape.tensors().items()}, shape)


def test_residual_node_takes_weights_that_fit_and_are_newer(residual_side):
    send, commands, log_says = residual_side
    for number, (changes, words) in enumerate([
            ({'observation_size': 24}, 'observation_size 24, expected 40'),
            ({'residual_scale': 2.0}, 'residual_scale 2.0, expected 1.0'),
            ({'horizon': 70}, 'horizon 70, expected 100'),
            ({'max_ee_speed': 0.2}, 'max_ee_speed 0.2, expected 0.0')], 1):
        send('policy_weights', weights_message(changed_policy(**changes), number))
        log_says(f'weights version {number} are not used: they are for {words}')
    send('policy_weights', weights_message(changed_policy(horizon=100, max_ee_speed=0.0), 40))
    log_says('weights version 40 will be used')
    for version, words in ((12, 'newer'), (40, 'it was another policy')):
        send('policy_weights', weights_message(changed_policy(), version))
        log_says(f'weights version {version} are not used: version 40 is here already, and '
                 f'{words}')
    send('policy_weights', weights_message(changed_policy(), 41))
    log_says('weights version 41 do not tell for which horizon and max_ee_speed')
    log_says('weights version 41 will be used')
    send('state', usable_state())
    send('base_action', base_action(), answers=1)
    assert commands[-1].policy_version == 41


@pytest.mark.parametrize('name, values, words', [
    ('sim_node', {'task': 'complex_hok'}, ['complex_hok', 'complex_hook']),
    ('sim_node', {'episods': '3'}, ['episods', "did you mean 'episodes'"]),
    ('residual_node', {'residual_scale': '7.0'}, ['residual_scale', '0.0 to 2.0']),
    ('sim_node', {'task': 'complex_hook', 'objects': '/no/such/folder'}, ['/no/such/folder']),
    ('base_controller_node', {'controller': 'reactive_hok'}, ['reactive_hok', 'reactive_hook']),
    ('base_controller_node', {'task': 'push', 'controller': 'reactive_hook'},
     ["'reactive_hook' is for another task", '40 numbers', 'those of push have 25']),
])
def test_bad_parameters_end_a_node_with_one_clear_line(tmp_path, name, values, words):
    with nodes(free_domain(), tmp_path, **{name: values}) as started:
        assert started[name].wait(timeout=30) == 2
    text = (tmp_path / f'{name}.log').read_text()
    assert all(word in text for word in words) and 'Traceback' not in text, text


def test_constants_equal_those_of_the_messages():
    from rpl_msgs.msg import Command
    for status in Status:
        assert getattr(Command, status.name) == status
    for mode in Mode:
        assert getattr(EpisodeResult, mode.name) == mode
    assert LearnerStatus().burn_in is False
