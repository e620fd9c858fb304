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

from graph_tools import free_domain, listener, nodes
import numpy as np
import pytest
from rpl_msgs.msg import State as StateMessage
from rpl_ros.config import make_settings, ResidualSettings
from rpl_ros.controllers import find_controller
from rpl_ros.controllers.guard import Guard
from rpl_ros.convert import fill
from rpl_ros.data import State
from rpl_ros.nodes.qos import publisher, subscribe
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.rollout import run_episode
from rpl_ros.tasks import make_task
from rpl_ros.tasks.specs import spec
from std_msgs.msg import Header

pytestmark = pytest.mark.graph

SIZES = spec('push')
PROGRAM = """
import numpy as np


class Counting:   # changes its action at its third call of an episode

    def __init__(self):
        self.reset()

    def reset(self):
        self.calls = 0

    def __call__(self, observation, desired_goal):
        self.calls += 1
        return np.full(4, 0.5 if self.calls < 3 else -0.5)


def text(observation, desired_goal):
    return 'left'


def one_argument(observation):
    return np.zeros(4)


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
    ('one_argument', 'TypeError: one_argument() takes 1 positional argument but 2 were given'),
    ('short', 'it returned [0. 0.], expected 4 finite numbers')])
def test_what_is_wrong_with_a_controller_is_said(controllers, name, problem):
    guard = Guard(find_controller(f'{controllers}:{name}'), 4)
    assert np.isnan(guard(np.zeros(25), np.zeros(3))).all()
    assert guard.problem.startswith(problem)


def state(episode, step, first=0.0):
    """Return a State message of the task push."""
    observation = np.full(SIZES.observation_size, first)
    return fill(StateMessage(task='push'), State(episode, step, observation, np.zeros(3),
                                                 np.zeros(3)), Header(), '')


def test_a_state_that_is_sent_again_gets_the_same_answer(tmp_path, controllers):
    domain, answers = free_domain(), []
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node={
                'task': 'push', 'controller': f'{controllers}:Counting'}):
        states = publisher(node, 'state')
        subscribe(node, 'base_action', lambda message: answers.append(message.action[0]))
        spin(lambda: states.get_subscription_count())
        for key in ((0, 0), (0, 0), (0, 0), (0, 1), (0, 2), (0, 2), (1, 0), (1, 1), (1, 2)):
            before = len(answers)
            states.publish(state(*key))
            spin(lambda before=before: len(answers) > before)
    assert answers == [0.5, 0.5, 0.5, 0.5, -0.5, -0.5, 0.5, 0.5, -0.5]


def test_a_controller_that_fails_at_every_step_ends_the_run_with_an_error(tmp_path, controllers):
    domain, answers = free_domain(), []
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node={
                'task': 'push', 'controller': f'{controllers}:stumbles'}) as started:
        states = publisher(node, 'state')
        subscribe(node, 'base_action', answers.append)
        spin(lambda: states.get_subscription_count())
        for step in range(100):
            before = len(answers)
            # It works now and then: only failures in a row are counted.
            states.publish(state(0, step, 0.0 if step < 5 or step == 40 else 2.0))
            spin(lambda before=before: len(answers) > before
                 or started['base_controller_node'].poll() is not None)
            if started['base_controller_node'].poll() is not None:
                break
        assert started['base_controller_node'].wait(20) == 1
    assert len(answers) == 41 + 50
    log = (tmp_path / 'base_controller_node.log').read_text()
    assert 'gave no usable action 50 times in a row: RuntimeError: too far' in log
    line = PROGRAM.splitlines().index("        raise RuntimeError('too far')") + 1
    assert f'my_controllers.py:{line})' in log
