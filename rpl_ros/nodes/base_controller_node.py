# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""base_controller_node: answers each state with the action of a controller that you already have.

Any node of yours that publishes rpl_msgs/BaseAction on `base_action` can stand in its place.
"""

import numpy as np
from rpl_msgs.msg import BaseAction as BaseActionMessage

from rpl_ros.config import ControllerSettings, SettingsError
from rpl_ros.controllers import controller_for
from rpl_ros.convert import fill, read_state
from rpl_ros.data import BaseAction
from rpl_ros.nodes.managed import ManagedNode
from rpl_ros.nodes.params import run_node
from rpl_ros.nodes.qos import publisher, subscribe
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
            self._controller = controller_for(self._spec, self._name)
        except ValueError as error:
            raise SettingsError(f'base_controller_node: {error}') from error
        if hasattr(self._controller, 'prepare'):
            self._controller.prepare()
        self._actions = publisher(self, 'base_action')
        subscribe(self, 'state', self._on_state)
        self.get_logger().info(f'{self._name} is ready')

    def _on_state(self, message):
        if not self.active:
            return
        state = read_state(message)
        size = self._spec.observation_size
        if state.observation.shape != (size,) or not np.isfinite(state.observation).all():
            # residual_node stops the robot for such a state: no action is needed.
            self.warn('state', f'state ({state.episode}, {state.step}): the observation has '
                      f'{state.observation.size} values, expected {size} finite numbers')
            return
        try:
            action = self._controller(state.observation, state.desired_goal)
        except Exception as error:  # a user's own function: whatever it raises, the robot stops
            self.warn(type(error), f'controller {self._name} failed in state ({state.episode}, '
                      f'{state.step}): {type(error).__name__}: {error}')
            action = np.full(self._spec.action_size, np.nan)
        answer = BaseAction(state.episode, state.step, np.asarray(action, dtype=np.float64))
        self._actions.publish(fill(BaseActionMessage(controller=self._name), answer,
                                   message.header))


def main(args=None):
    """Run base_controller_node; return its exit code."""
    return run_node(BaseControllerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
