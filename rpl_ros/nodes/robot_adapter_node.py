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
robot_adapter_node: makes any robot the robot of the graph, as its contract says.

What it measures becomes states at the rate of the task. Commands become numbers on its own
topics, after the last safety stage. docs/own_robot.md describes the contract.
"""

from array import array
from collections.abc import Callable
from functools import partial
from typing import Any

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import PoseStamped, TwistStamped, WrenchStamped
import numpy as np
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.joints import JointMessage
from rpl_ros.robot.own.adapter import OwnAdapter, OwnCommand
from rpl_ros.robot.own.contract import Sink, Source
from rpl_ros.robot.own.contract_file import PACKAGES, read_robot_contract
from rpl_ros.robot.own.measurements import Input
from rpl_ros.robot.safety.inputs import PoseMessage
from rpl_ros.ros.adapter_node import AdapterNode, DEPTH
from rpl_ros.ros.robot_messages import from_time, read_pose, to_time, twist_message
from rpl_ros.ros.running import run_node
from rpl_ros.ros.transforms import Transforms
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.robot import RobotAdapterSettings
from rpl_ros.tasks.find import task_spec
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64, Float64MultiArray, Header
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

INPUTS = {'JointState': JointState, 'PoseStamped': PoseStamped, 'WrenchStamped': WrenchStamped,
          'Float64MultiArray': Float64MultiArray, 'Bool': Bool}
OUTPUTS = {'Float64MultiArray': Float64MultiArray, 'JointTrajectory': JointTrajectory,
           'TwistStamped': TwistStamped, 'Float64': Float64}


class RobotAdapterNode(AdapterNode):
    """Converts the messages of a robot for the OwnAdapter, and its decisions to messages."""

    _adapter: OwnAdapter

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('robot_adapter_node', RobotAdapterSettings)

    @property
    def frame(self) -> str:
        """Return the frame of the observation."""
        return self._adapter.contract.frame

    def make_adapter(self) -> OwnAdapter:
        """Return the OwnAdapter; SettingsError for a bad contract."""
        settings = self.settings
        if not settings.contract:
            raise SettingsError('robot_adapter_node: contract is empty, expected the file of a '
                                'contract: see docs/own_robot.md')
        spec = task_spec(settings.task, settings.horizon)
        return OwnAdapter(settings, read_robot_contract(settings.contract, spec), spec)

    def connect(self) -> list[Publisher]:
        """Subscribe to the inputs; return the publishers of the outputs."""
        sources = self._adapter.contract.sources.values()
        for source in sources:
            if source.topic:
                self.create_subscription(INPUTS[source.kind], source.topic,
                                         partial(self._on_input, source), qos_profile_sensor_data)
        if any(not source.topic for source in sources):
            self._transforms = Transforms(self, self._on_transforms)
        self._sinks = [(sink, self.create_publisher(OUTPUTS[sink.kind], sink.topic, DEPTH))
                       for sink in self._adapter.contract.sinks]
        self.create_steady_timer(1.0, self._check_types)
        if self._adapter.contract.by_person:
            self.create_service(SetBool, '~/report_success', self._on_report)
        return [stream for _, stream in self._sinks]

    def _check_types(self) -> None:
        """Warn of inputs whose topics have another type: DDS does not connect them."""
        for source in self._adapter.contract.sources.values():
            types = {one.topic_type for one in self.get_publishers_info_by_topic(source.topic)
                     } if source.topic else set()
            expected = PACKAGES[source.kind] + source.kind
            if types and expected not in types:
                self.warn(source.name, f'input {source.name}: the topic {source.topic} has the '
                          f'type {", ".join(sorted(types))}, expected {expected}')

    def _on_input(self, source: Source, message: Any) -> None:
        now = self.now()
        stamp = from_time(message.header.stamp) if hasattr(message, 'header') else now.ros
        self._take(source.name, stamp, partial(_store, source, message, stamp, now))

    def _on_transforms(self) -> None:
        now = self.now()
        for source in self._adapter.contract.sources.values():
            found = None if source.topic else self._transforms.pose(source.frame, source.child)
            if found:
                message = PoseMessage(found[0], source.frame, min(found[1], now.ros))
                self._take(source.name, message.stamp, partial(_store_pose, message, now))

    def _take(self, name: str, stamp: float, store: Callable[[Input], None]) -> None:
        why = self._adapter.measurements.take(name, stamp, self.now(), store)
        if why:
            self.warn(name, why)
            self.watch()

    def send(self, command: OwnCommand) -> None:
        """Send the numbers of a decision to all outputs."""
        assert command.numbers is not None
        for sink, stream in self._sinks:
            stream.publish(self._message(sink, self._adapter.message_of(sink, command.numbers)))

    def stop(self) -> None:
        """Send a stop to all outputs."""
        for sink, stream in self._sinks:
            numbers = self._adapter.stop_of(sink, self.now())
            if numbers is not None:
                stream.publish(self._message(sink, numbers))

    def _message(self, sink: Sink, numbers: list[float]) -> Any:
        """Return the message of an output with these numbers."""
        now = self.now().ros
        if sink.kind == 'Float64MultiArray':
            return Float64MultiArray(data=array('d', numbers))
        if sink.kind == 'Float64':
            return Float64(data=numbers[0])
        if sink.kind == 'TwistStamped':
            return twist_message(np.array(numbers), sink.frame, now)
        period = Duration(sec=int(self._adapter.period),
                          nanosec=int(self._adapter.period % 1.0 * 1e9))
        return JointTrajectory(
            header=Header(stamp=to_time(now)), joint_names=list(sink.joints), points=[
                JointTrajectoryPoint(positions=array('d', numbers), time_from_start=period)])

    def _on_report(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._adapter.playing
        response.message = ('the episode ends here' if response.success
                            else 'no episode is running')
        if response.success:
            self._adapter.report(request.data)
        return response

    def diagnosis(self, now: Instant) -> dict[str, Any]:
        """Return {name: value} of the inputs for people."""
        return {f'age of the input {name} by arrival, s': f'{now.steady - one.received.steady:.3f}'
                for name, one in self._adapter.measurements.inputs.items()}


def _store_pose(message: PoseMessage, now: Instant, one: Input) -> None:
    """Put a pose into its Input; ValueError for a bad one."""
    one.on_pose(message, now)


def _store(source: Source, message: Any, stamp: float, now: Instant, one: Input) -> None:
    """Put a message into its Input; ValueError for a bad one."""
    if source.kind == 'JointState':
        one.on_joints(JointMessage(message.name, np.array(message.position),
                                   np.array(message.velocity), stamp), now)
    elif source.kind == 'PoseStamped':
        one.on_pose(PoseMessage(read_pose(message), message.header.frame_id, stamp), now)
    elif source.kind == 'WrenchStamped':
        force, torque = message.wrench.force, message.wrench.torque
        one.on_numbers(np.array([force.x, force.y, force.z, torque.x, torque.y, torque.z]), stamp,
                       now, message.header.frame_id)
    elif source.kind == 'Bool':
        one.on_numbers(np.array([float(message.data)]), stamp, now)
    else:
        one.on_numbers(np.array(message.data, np.float64), stamp, now)


main = partial(run_node, RobotAdapterNode, interruptible=False, ends=True)

if __name__ == '__main__':
    raise SystemExit(main())
