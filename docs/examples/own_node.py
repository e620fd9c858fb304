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
A base controller as a node of its own, without rpl_ros: it needs rclpy and rpl_msgs alone.

    rpl launch push base:=false               # in another terminal
    python docs/examples/own_node.py
"""

import rclpy
from rclpy.node import Node
from rpl_msgs.msg import BaseAction, State

DEPTH = 2000  # of both topics, which are reliable


class OwnNode(Node):
    """Moves the gripper of the task push to the goal."""

    def __init__(self) -> None:
        """Connect the topics."""
        super().__init__('own_node')
        self._answer: BaseAction | None = None
        self._actions = self.create_publisher(BaseAction, 'base_action', DEPTH)
        self.create_subscription(State, 'state', self._on_state, DEPTH)

    def _on_state(self, state: State) -> None:
        """Answer a state; one that comes again, with the same action."""
        key = state.run, state.episode, state.step
        last = self._answer
        if last is None or key != (last.run, last.episode, last.step):
            move = [10.0 * (goal - grip)
                    for goal, grip in zip(state.desired_goal, state.observation)]
            self._answer = BaseAction(
                header=state.header, run=state.run, episode=state.episode, step=state.step,
                controller='own_node', action=[*move, 0.0])
        self._actions.publish(self._answer)


if __name__ == '__main__':
    rclpy.init()
    rclpy.spin(OwnNode())
