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
fetch_adapter_node: makes a real Fetch, or what behaves like one, the robot of the graph.

Joint states and poses become states at 25 Hz; commands become twists and gripper openings, after
the last safety stage. docs/robot_contract.md explains names, frames and limits.
"""

from dataclasses import fields
from functools import partial
import math
import time
from typing import Any

from geometry_msgs.msg import PoseStamped, TwistStamped
import numpy as np
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.contract import check_contract, require_all
from rpl_ros.robot.fetch_adapter import FetchAdapter, RobotCommand
from rpl_ros.robot.joints import JointMessage
from rpl_ros.robot.kinematics import Kinematics
from rpl_ros.robot.safety.inputs import PoseMessage
from rpl_ros.ros.adapter_node import AdapterNode, DEPTH
from rpl_ros.ros.robot_messages import from_time, read_pose, twist_message
from rpl_ros.ros.running import run_node
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.robot import AdapterRunSettings
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64


class FetchAdapterNode(AdapterNode):
    """Converts the messages of a Fetch for the FetchAdapter, and publishes twists."""

    _adapter: FetchAdapter

    def __init__(self) -> None:
        """Declare the parameters; SettingsError where one of the contract was not given."""
        super().__init__('fetch_adapter_node', AdapterRunSettings)
        require_all(self._parameter_overrides, self.get_name())

    @property
    def frame(self) -> str:
        """Return the frame of the observation."""
        return self.settings.world_frame

    def make_adapter(self) -> FetchAdapter:
        """Return the FetchAdapter; SettingsError for a bad contract."""
        settings = check_contract(self.settings, 'fetch_adapter_node')
        try:
            adapter = FetchAdapter(settings, None if settings.grip_pose_topic else Kinematics())
        except (ValueError, FileNotFoundError) as error:
            raise SettingsError(f'fetch_adapter_node: {error}') from error
        # Limits that were tightened before a cleanup stay so.
        adapter.tighten({field.name: self.get_parameter(field.name).value
                         for field in fields(settings) if field.metadata['tighten']})
        return adapter

    def connect(self) -> list[Publisher]:
        """Subscribe to joint states and poses; return the publisher of twists."""
        settings = self.settings
        self._twists = self.create_publisher(TwistStamped, settings.twist_topic, DEPTH)
        self._gripper = self.create_publisher(Float64, settings.gripper_topic, DEPTH)
        self.create_subscription(JointState, settings.joint_states_topic, self._on_joints,
                                 qos_profile_sensor_data)
        for name in self._adapter.inputs.names:
            self.create_subscription(
                PoseStamped, getattr(settings, f'{name}_pose_topic'),
                partial(self._on_pose, name), qos_profile_sensor_data)
        return [self._twists]

    def _on_joints(self, message: JointState) -> None:
        why = self._adapter.inputs.on_joints(
            JointMessage(message.name, np.array(message.position), np.array(message.velocity),
                         from_time(message.header.stamp)), self.now(), self._adapter.limits)
        if why:
            self.warn('joints', why)
            self.watch()

    def _on_pose(self, name: str, message: PoseStamped) -> None:
        fault = self._adapter.inputs.on_pose(
            name, PoseMessage(read_pose(message), message.header.frame_id,
                              from_time(message.header.stamp)), self.now(), self._adapter.limits)
        if fault:
            text = self._adapter.inputs.pose_text(name, fault, time.monotonic(),
                                                  self._adapter.limits)
            self.warn(fault, f'{name} in the frame {message.header.frame_id!r}: {fault.name}: '
                      f'{text}')
            self.watch()

    def send(self, command: RobotCommand) -> None:
        """Send a twist and, if it changes, the opening of the gripper."""
        assert command.twist is not None
        self._send(command.twist, self.settings.root_frame)
        if command.opening is not None:
            self._gripper.publish(Float64(data=float(command.opening)))

    def _send(self, twist: np.ndarray, frame: str) -> None:
        self._twists.publish(twist_message(twist, frame, self.now().ros))

    def stop(self) -> None:
        """Send a zero twist."""
        self._send(np.zeros(6), '' if self.settings.stop_empty_frame else self.settings.root_frame)

    def diagnosis(self, now: Instant) -> dict[str, Any]:
        """Return {name: value} of a Fetch for people."""
        arrival, age = self._adapter.inputs.state_ages(now)
        grip = self._adapter.inputs.view.grip().position if math.isfinite(age) else ()
        return {'grip in the world: x, y, z, m': ', '.join(f'{value:.3f}' for value in grip),
                'age of the joint state by arrival, s': f'{arrival:.3f}',
                'age of the joint state by stamp, s': f'{age:.3f}',
                'age of the oldest pose by stamp, s': f'{self._adapter.inputs.pose_age(now):.3f}'}


main = partial(run_node, FetchAdapterNode, interruptible=False, ends=True)

if __name__ == '__main__':
    raise SystemExit(main())
