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
arm_node: the simulated arm behind topics like those of ros2_control. It knows nothing of rpl_ros.

It publishes joint_states, tool_pose, target_pose and run_stopped, and reads velocities from
forward_velocity_controller/commands. The service reset_scene sets up the next start pose and
target: the scenes follow from the parameter `seed`. The parameter `run_stopped` is the run-stop.
"""

from array import array
import time
from typing import Any

from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
import numpy as np
import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, Header
from std_srvs.srv import Trigger
from ur_reach.arm import Arm, draw_scene, JOINTS

PERIOD = 0.008
"""Time between two messages of joints and tool, s."""
TARGET_EVERY, RUN_STOP_EVERY = 5, 12
"""Number of these messages for one of the target, and of the run-stop."""
MOST_OWED = 25
"""Periods that the simulation catches up at once where the machine was busy; more are left out."""
COMMAND_TIMEOUT = 0.2
"""Time after the last command at which the arm stops by itself, s."""
ORDER = (2, 1, 0, 3, 4, 5)
"""The joints as a driver sends them: by name, which is another order than that of JOINTS."""
GRIPPER = 'gripper_joint'


class ArmNode(Node):
    """Steps the simulation in real time by the steady clock, and talks for it."""

    def __init__(self) -> None:
        """Set up the first scene."""
        super().__init__('arm_node')
        self._seed = int(self.declare_parameter('seed', 0).value)
        self.declare_parameter('run_stopped', False)  # it may change while the node runs
        self._arm, self._scene, self._count = Arm(), 0, 0
        self._begin_scene()
        self._joint_states = self.create_publisher(JointState, 'joint_states', 10)
        self._tool_pose = self.create_publisher(PoseStamped, 'tool_pose', 10)
        self._target_pose = self.create_publisher(PoseStamped, 'target_pose', 10)
        self._run_stop = self.create_publisher(Bool, 'run_stopped', 10)
        self.create_subscription(Float64MultiArray, 'forward_velocity_controller/commands',
                                 self._on_command, 10)
        self.create_service(Trigger, 'reset_scene', self._on_reset)
        self._simulated = self._commanded = time.monotonic()
        self.create_timer(PERIOD, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info('the arm is ready')

    @property
    def _run_stopped(self) -> bool:
        return bool(self.get_parameter('run_stopped').value)

    def _begin_scene(self) -> None:
        self._arm.reset(*draw_scene(np.random.default_rng([self._seed, self._scene])))

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Set up the next scene; the first call sets up the first one again."""
        self._begin_scene()
        response.success, response.message = True, f'scene {self._scene} is set up'
        self._scene += 1
        return response

    def _on_command(self, message: Float64MultiArray) -> None:
        velocities = np.array(message.data, np.float64)
        if velocities.shape != (len(JOINTS),) or not np.isfinite(velocities).all():
            self.get_logger().warning(f'a command with {velocities.size} values is ignored: '
                                      f'expected {len(JOINTS)} finite velocities')
            return
        self._commanded = time.monotonic()
        self._arm.command(velocities)

    def _on_timer(self) -> None:
        """Bring the simulation to the present time, and say what is measured."""
        now = time.monotonic()
        owed = int((now - self._simulated) / PERIOD)
        if owed > MOST_OWED:
            self._simulated += (owed - MOST_OWED) * PERIOD
            owed = MOST_OWED
        if self._run_stopped or now - self._commanded > COMMAND_TIMEOUT:
            self._arm.command(np.zeros(len(JOINTS)))
        if not owed:
            return
        self._arm.advance(owed * PERIOD)
        self._simulated += owed * PERIOD
        self._publish()

    def _publish(self) -> None:
        arm, header = self._arm, Header(stamp=self.get_clock().now().to_msg())
        positions, velocities = arm.positions, arm.velocities
        self._joint_states.publish(JointState(
            header=header, name=[*(JOINTS[place] for place in ORDER), GRIPPER],
            position=array('d', [*positions[list(ORDER)], 0.0]),
            velocity=array('d', [*velocities[list(ORDER)], 0.0])))
        header.frame_id = 'base_link'
        self._tool_pose.publish(_pose(header, arm.tool, arm.tool_turn))
        if self._count % TARGET_EVERY == 0:
            self._target_pose.publish(_pose(header, arm.target, np.array([1.0, 0.0, 0.0, 0.0])))
        if self._count % RUN_STOP_EVERY == 0:
            self._run_stop.publish(Bool(data=self._run_stopped))
        self._count += 1


def _pose(header: Header, place: np.ndarray, turn: np.ndarray) -> PoseStamped:
    """Return the message of a pose: position (3,), m, and quaternion (4,) w, x, y, z."""
    x, y, z, qw, qx, qy, qz = map(float, (*place, *turn))
    return PoseStamped(header=header, pose=Pose(
        position=Point(x=x, y=y, z=z), orientation=Quaternion(w=qw, x=qx, y=qy, z=qz)))


def main(args: Any = None) -> None:
    """Run the node until it is interrupted."""
    rclpy.init(args=args)
    try:
        node = ArmNode()
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
