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


"""What is built in, and what users write, fits the contracts."""

import numpy as np
import pytest
from rpl_ros.contracts import Controller, Learner, Policy, Task
from rpl_ros.controllers import CONTROLLERS, find_controller, FROM_FILE
from rpl_ros.controllers.function import as_controller, ControllerError
from rpl_ros.controllers.guard import Guard
from rpl_ros.learning import learner
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.robot.simulated.make import make_simulated
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings, ResidualSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.specs import TASKS

SIMULATED = [*((name, 'paper') for name in TASKS), ('hook', 'joints'), ('push', 'joints')]


def act(observation, desired_goal):
    """Return a base action, without any state."""
    return np.zeros(4)


class Counting:
    """Counts its calls; the episode is what the first call of it may depend on."""

    def reset(self, episode):
        """Begin an episode."""
        self.calls = episode

    def __call__(self, observation, desired_goal):
        """Return a base action."""
        self.calls += 1
        return np.full(4, self.calls / 100)


@pytest.mark.parametrize('name, arm', SIMULATED)
def test_each_task_fits(name, arm):
    task = make_simulated(name, 0, arm=arm)
    assert isinstance(task, Task) and task.spec.name == name
    spec, other = task.spec, make_simulated(name, 0, arm=arm)
    first = task.reset(3)
    task.reset(1)
    assert (first.episode, first.step, first.last, task.problem) == (3, 0, False, '')
    for state in (first, task.step(np.full(spec.action_size, 2.0))):
        assert state.observation.shape == (spec.observation_size,)
        assert state.achieved_goal.shape == state.desired_goal.shape == (spec.goal_size,)
        assert state.observation.dtype == state.desired_goal.dtype == np.float64
    # The same number gives the same scene in another object, and an action beyond 1 acts as 1.
    np.testing.assert_array_equal(other.reset(3).observation, first.observation)
    other.reset(1)
    np.testing.assert_array_equal(other.step(np.ones(spec.action_size)).observation,
                                  state.observation)


@pytest.mark.parametrize('name', [*CONTROLLERS, *FROM_FILE])
def test_each_controller_fits(name):
    controller = find_controller(name)
    assert isinstance(controller, Controller) and as_controller(controller) is controller
    controller.reset(episode=3)
    size = controller.observation_size
    action = controller(np.zeros(size), np.zeros(3))
    assert action.shape == (7 if size == 20 else 4,)


def test_a_function_and_a_class_of_ones_own_are_controllers():
    for given in (act, Counting(), Guard(act, 4), Guard(Counting(), 4)):
        controller = as_controller(given)
        assert isinstance(controller, Controller)
        controller.reset(7)
        expected = 0.08 if 'Counting' in repr(vars(controller)) + repr(given) else 0.0
        np.testing.assert_array_equal(controller(np.zeros(25), np.zeros(3)), np.full(4, expected))


def test_a_reset_that_cannot_be_called_with_the_episode_is_an_error_at_once():
    class Old(Counting):

        def reset(self):
            self.calls = 0
    with pytest.raises(ControllerError, match='reset.. of Old must take the number'):
        Guard(Old(), 4)


def test_policy_and_learner_fit():
    assert isinstance(ResidualPolicy(make_settings(ResidualSettings, {}), task_spec('push')),
                      Policy)
    assert isinstance(learner.Learner(make_settings(LearnerSettings, {'hidden_size': 4})), Learner)
