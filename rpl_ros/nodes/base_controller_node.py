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

Your own node can replace it: it publishes rpl_msgs/BaseAction on the topic `base_action`.
"""

from functools import partial

import numpy as np
from rpl_msgs.msg import BaseAction as BaseActionMessage, State as StateMessage
from rpl_ros.controllers import controller_for, prepare
from rpl_ros.controllers.function import base_action
from rpl_ros.controllers.guard import Guard, MOST_FAILURES
from rpl_ros.data import BaseAction, State
from rpl_ros.ros.convert import base_action_message, read_state
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.ros.running import run_node
from rpl_ros.ros.waiting import announce_when_read
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import ControllerSettings
from rpl_ros.tasks.find import task_spec


class BaseControllerNode(ManagedNode):
    """Calls the base controller once for each state, and publishes its action."""

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('base_controller_node', ControllerSettings)

    def configure(self) -> None:
        """Find the controller by its name."""
        self._spec = task_spec(self.settings.task, self.settings.horizon)
        self._name = self.settings.controller or self._spec.controller
        try:
            controller = controller_for(self._spec, self._name)
            prepare(controller, self._name)
        except ValueError as error:
            raise SettingsError(f'base_controller_node: {error}') from error
        self._guard = Guard(controller, self._spec.action_size)
        self._episode: int | None = None
        self._newest: tuple[int, int] | None = None  # (episode, step) of the last answer
        self._answer: BaseActionMessage | None = None
        self._actions = publisher(self, 'base_action')
        subscribe(self, 'state', self._on_state)
        announce_when_read(self, self._actions)
        self.get_logger().info(f'{self._name} is ready')

    def activate(self) -> None:
        """Begin to act: what is left of a chunk of actions is out of date."""
        self._guard.forget()

    def _on_state(self, message: StateMessage) -> None:
        if not self.active:
            return
        state = read_state(message)
        key = state.episode, state.step
        if key == self._newest:
            self._actions.publish(self._answer)  # each call may change the controller
            return
        size = self._spec.observation_size
        if state.observation.shape != (size,) or not np.isfinite(state.observation).all():
            # residual_node answers such a state with a stop, without a base action.
            self.warn('state', f'state ({state.episode}, {state.step}): the observation has '
                      f'{state.observation.size} values, expected {size} finite numbers')
            return
        if state.episode != self._episode:
            self._episode = state.episode
            self._guard.reset(state.episode)
        answer = BaseAction(state.episode, state.step, self._action(state), self._name)
        self._newest = key
        self._answer = base_action_message(answer, message.header, self.senders.run)
        self._actions.publish(self._answer)

    def _action(self, state: State) -> np.ndarray:
        """Return the base action (A,); NaNs, which stop the robot, if the controller fails."""
        self._guard.problem = ''
        action = base_action(self._guard, state)
        if self._guard.problem:
            self.warn('failed', f'controller {self._name} failed in state ({state.episode}, '
                      f'{state.step}): {self._guard.problem}')
        if self._guard.failures >= MOST_FAILURES:
            self.fail(f'controller {self._name} gave no usable action {MOST_FAILURES} times in a '
                      f'row: {self._guard.problem}')
        return action


main = partial(run_node, BaseControllerNode)

if __name__ == '__main__':
    raise SystemExit(main())
