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

"""
base_controller_node: answers each state with the action of a controller that you already have.

Any node of yours that publishes rpl_msgs/BaseAction on `base_action` can stand in its place.
"""

import numpy as np
from rpl_msgs.msg import BaseAction as BaseActionMessage

from rpl_ros.config import ControllerSettings, SettingsError
from rpl_ros.controllers import controller_for, prepare
from rpl_ros.controllers.guard import begin_episode, Guard, MOST_FAILURES
from rpl_ros.convert import fill, read_state
from rpl_ros.data import BaseAction
from rpl_ros.nodes.managed import ManagedNode
from rpl_ros.nodes.qos import announce, publisher, subscribe
from rpl_ros.nodes.running import run_node
from rpl_ros.tasks.specs import spec


class BaseControllerNode(ManagedNode):
    """The given controller."""

    def __init__(self):
        """Declare the parameters."""
        super().__init__('base_controller_node', ControllerSettings)

    def configure(self):
        """Find the controller by its name."""
        self._spec = spec(self.settings.task, self.settings.horizon)
        self._name = self.settings.controller or self._spec.controller
        try:
            controller = controller_for(self._spec, self._name)
            prepare(controller, self._name)
        except ValueError as error:
            raise SettingsError(f'base_controller_node: {error}') from error
        self._guard = Guard(controller, self._spec.action_size)
        self._episode, self._newest, self._answer = None, None, None
        self._actions = publisher(self, 'base_action')
        subscribe(self, 'state', self._on_state)
        announce(self)
        self.get_logger().info(f'{self._name} is ready')

    def _on_state(self, message):
        if not self.active:
            return
        state = read_state(message)
        key = state.episode, state.step
        if key == self._newest:
            self._actions.publish(self._answer)  # a controller may count its calls
            return
        size = self._spec.observation_size
        if state.observation.shape != (size,) or not np.isfinite(state.observation).all():
            # residual_node stops the robot for such a state: no action is needed.
            self.warn('state', f'state ({state.episode}, {state.step}): the observation has '
                      f'{state.observation.size} values, expected {size} finite numbers')
            return
        if state.episode != self._episode:
            self._episode = state.episode
            begin_episode(self._guard)
        answer = BaseAction(state.episode, state.step, self._action(state), self._name)
        self._newest = key
        self._answer = fill(BaseActionMessage(), answer, message.header, self.senders.run)
        self._actions.publish(self._answer)

    def _action(self, state):
        """Return the base action (A,), or NaNs, with which the robot stops."""
        self._guard.problem = ''
        action = self._guard(state.observation, state.desired_goal)
        if self._guard.problem:
            self.warn('failed', f'controller {self._name} failed in state ({state.episode}, '
                      f'{state.step}): {self._guard.problem}')
        if self._guard.failures >= MOST_FAILURES:
            self.fail(f'controller {self._name} gave no usable action {MOST_FAILURES} times in a '
                      f'row: {self._guard.problem}')
        return action


def main(args=None):
    """Run base_controller_node; return its exit code."""
    return run_node(BaseControllerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
