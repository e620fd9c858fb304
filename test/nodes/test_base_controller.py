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

"""Controllers that keep something, fail or return nonsense: in one process and as a node."""

from graph_tools import free_domain, listener, nodes, when_present
import numpy as np
import pytest
from rpl_ros.common.assets import share
from rpl_ros.controllers import find_controller
from rpl_ros.controllers.guard import Guard
from rpl_ros.data import State
from rpl_ros.learning.learner import Learner
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.rollout import run_episode
from rpl_ros.ros.convert import state_message
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import ResidualSettings
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec
from rpl_ros.training.players import Players, Weights
from std_msgs.msg import Header

pytestmark = pytest.mark.graph

SIZES = task_spec('push')
PROGRAM = """
import numpy as np


class Counting:   # changes its action at its third call of an episode

    def reset(self, episode):
        self.calls = 0

    def __call__(self, observation, desired_goal):
        self.calls += 1
        return np.full(4, 0.5 if self.calls < 3 else -0.5)


class Stateful:  # an integrator, a phase, and chunks of actions drawn from the episode's number

    def reset(self, episode):
        self.random, self.chunk = np.random.default_rng(episode), []
        self.total, self.phase = 0.0, 0

    def __call__(self, observation, desired_goal):
        self.chunk = self.chunk or list(self.random.uniform(-0.5, 0.5, (3, 4)))
        self.total, self.phase = 0.9 * self.total + observation[0], self.phase + 1
        return self.chunk.pop(0) + 0.1 * self.total + 0.2 * np.sin(self.phase)


def text(observation, desired_goal):
    return 'left'


def short(observation, desired_goal):
    return [0.0, 0.0]


def stumbles(observation, desired_goal):
    if observation[0] > 1.0:
        raise RuntimeError('too far')
    return np.zeros(4)
"""


@pytest.fixture
def controllers(tmp_path, monkeypatch):
    """Make the module my_controllers importable, here and in processes."""
    (tmp_path / 'my_controllers.py').write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=':')
    yield 'my_controllers'


def actions(controller, episodes=2):
    """Return the first base action elements of some episodes in one process."""
    task = make_task('push', 0, horizon=5)
    policy = ResidualPolicy(make_settings(ResidualSettings, {'task': 'push'}), task.spec)
    return [[command.base_action[0] for command in
             run_episode(task, controller, policy, number)[1]] for number in range(episodes)]


def test_a_controller_is_told_that_an_episode_begins(controllers):
    expected = [[0.5, 0.5, -0.5, -0.5, -0.5, -0.5]] * 2
    assert actions(find_controller(f'{controllers}:Counting')) == expected
    assert actions(Guard(find_controller(f'{controllers}:Counting'), 4)) == expected


@pytest.mark.parametrize('name, problem', [
    ('text', "ValueError: could not convert string to float: 'left'"),
    ('short', 'it returned [0. 0.], expected 4 finite numbers')])
def test_what_is_wrong_with_a_controller_is_said(controllers, name, problem):
    guard = Guard(find_controller(f'{controllers}:{name}'), 4)
    assert np.isnan(guard(np.zeros(25), np.zeros(3))).all()
    assert guard.problem.startswith(problem)


def state(episode, step, first=0.0):
    """Return a State message of push; `first` is the observation (O,), or each element of it."""
    observation = np.full(SIZES.observation_size, first)
    item = State(episode, step, observation, np.zeros(3), np.zeros(3))
    return state_message(item, 'push', Header(), '')


def test_a_state_that_is_sent_again_gets_the_same_answer(tmp_path, controllers):
    domain, answers = free_domain(), []
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node={
                'task': 'push', 'readers': 1, 'controller': f'{controllers}:Counting'}):
        ready, states = when_present(node, 'base_controller_node'), publisher(node, 'state')
        subscribe(node, 'base_action', lambda message: answers.append(message.action[0]))
        spin(lambda: states.get_subscription_count() and ready())
        for key in ((0, 0), (0, 0), (0, 0), (0, 1), (0, 2), (0, 2), (1, 0), (1, 1), (1, 2)):
            before = len(answers)
            states.publish(state(*key))
            spin(lambda before=before: len(answers) > before)
    assert answers == [0.5, 0.5, 0.5, 0.5, -0.5, -0.5, 0.5, 0.5, -0.5]


def test_a_stateful_controller_acts_alike_live_in_process_and_with_workers(tmp_path, controllers):
    name = f'{controllers}:Stateful'
    settings = load_settings(share('config') / 'push.yaml', {
        'controller': name, 'horizon': 7, 'hidden_size': 8})
    learner = Learner(settings['learner_node'])
    weights, plays = Weights(1, False, learner.new_version()), []
    for count, order in ((0, range(4)), (1, range(4)), (2, (3, 1, 0, 2))):
        players = Players(settings, count)
        futures = [(number, players.submit('play', number, weights)) for number in order]
        plays.append([future.result().episode for _, future in sorted(futures)])
        players.close()
    alone, *others = plays
    assert not np.array_equal(alone[0].base_actions, alone[1].base_actions)
    for episodes in others:
        for episode, expected in zip(episodes, alone):
            np.testing.assert_array_equal(episode.base_actions, expected.base_actions)
    domain, answers = free_domain(), []
    with listener(domain) as (node, spin), nodes(domain, tmp_path, base_controller_node={
            'task': 'push', 'readers': 1, 'controller': name, 'horizon': 7}):
        ready, states = when_present(node, 'base_controller_node'), publisher(node, 'state')
        subscribe(node, 'base_action', answers.append)
        spin(lambda: states.get_subscription_count() and ready())
        for episode in alone:
            for step, observation in enumerate(episode.observations):
                for _ in range(2):  # each state is sent twice
                    before = len(answers)
                    states.publish(state(episode.episode, step, observation))
                    spin(lambda before=before: len(answers) > before)
                    np.testing.assert_array_equal(answers[-1].action, episode.base_actions[step])


def test_a_controller_that_fails_at_every_step_ends_the_run_with_an_error(tmp_path, controllers):
    domain, answers = free_domain(), []
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node={
                'task': 'push', 'readers': 1, 'controller': f'{controllers}:stumbles'}) as started:
        ready, states = when_present(node, 'base_controller_node'), publisher(node, 'state')
        subscribe(node, 'base_action', answers.append)
        spin(lambda: states.get_subscription_count() and ready())
        for step in range(100):
            before = len(answers)
            # It works now and then: only failures in a row are counted.
            states.publish(state(0, step, 0.0 if step < 5 or step == 40 else 2.0))
            spin(lambda before=before: len(answers) > before
                 or started['base_controller_node'].poll() is not None)
            if started['base_controller_node'].poll() is not None:
                break
        assert started['base_controller_node'].wait(20) == 1
        spin(lambda: len(answers) >= 41 + 50)  # the last one may still be in the queue
    assert len(answers) == 41 + 50
    log = (tmp_path / 'base_controller_node.log').read_text()
    assert 'gave no usable action 50 times in a row: RuntimeError: too far' in log
    line = PROGRAM.splitlines().index("        raise RuntimeError('too far')") + 1
    assert f'my_controllers.py:{line})' in log
