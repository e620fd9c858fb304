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
the last safety stage. What names, frames and limits mean: docs/real_robot.md.
"""

from dataclasses import fields
import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TwistStamped
import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import qos_profile_sensor_data
from rpl_msgs.msg import State, Task
from rpl_ros.config import SettingsError
from rpl_ros.config_robot import AdapterRunSettings
from rpl_ros.convert import fill, from_wire
from rpl_ros.nodes.adapter_episodes import Episodes
from rpl_ros.nodes.diagnostics import status_message
from rpl_ros.nodes.managed import ManagedNode
from rpl_ros.nodes.qos import publisher, subscribe
from rpl_ros.nodes.robot_messages import from_time, read_pose, to_time, twist_message
from rpl_ros.nodes.running import run_node
from rpl_ros.robot.adapter import Adapter, LATCHED
from rpl_ros.robot.contract import check_contract, require_all
from rpl_ros.robot.kinematics import Kinematics
from rpl_ros.robot.safety_modes import Output
from rpl_ros.robot.safety_reasons import moderates, Reason, TEXTS
from rpl_ros.tasks.described import task_fields
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64, Header
from std_srvs.srv import SetBool, Trigger

DEPTH = 10
WATCH_PERIOD = 0.01  # s
MOMENT, TRIES = 0.005, 5  # s, and how often two clocks are read until they are read in one
ACKNOWLEDGED_WITHIN = 0.5  # s, the last stop at the end


class FetchAdapterNode(ManagedNode):
    """
    Converts, asks the Adapter, publishes.

    Between configure() and release() stops go out, and the services answer; episodes run while it
    is active.
    """

    def __init__(self):
        """Declare the parameters; SettingsError where one of the contract was not given."""
        super().__init__('fetch_adapter_node', AdapterRunSettings)
        require_all(self._parameter_overrides, self.get_name())
        self._episodes = None

    def configure(self):
        """Check the contract; nothing moves before an episode begins."""
        settings = check_contract(self.settings, 'fetch_adapter_node')
        try:
            self._adapter = Adapter(settings, None if settings.grip_pose_topic else Kinematics())
        except (ValueError, FileNotFoundError) as error:
            raise SettingsError(f'fetch_adapter_node: {error}') from error
        # Limits that were tightened before a cleanup stay so.
        self._adapter.tighten({spec.name: self.get_parameter(spec.name).value
                               for spec in fields(settings) if spec.metadata['tighten']})
        self._version = self._newest = 0
        self._twisted = False   # whether anything was ever sent to the arm
        self._states, self._tasks = publisher(self, 'state'), publisher(self, 'task')
        self._twists = self.create_publisher(TwistStamped, settings.twist_topic, DEPTH)
        self._gripper = self.create_publisher(Float64, settings.gripper_topic, DEPTH)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', DEPTH)
        subscribe(self, 'base_action', self._on_base_action)
        subscribe(self, 'command', self._on_command)
        subscribe(self, 'learner_status', self._on_learner_status)
        self.create_subscription(JointState, settings.joint_states_topic, self._on_joints,
                                 qos_profile_sensor_data)
        for name in self._adapter.senses.names:
            self.create_subscription(
                PoseStamped, getattr(settings, f'{name}_pose_topic'),
                lambda message, name=name: self._on_pose(name, message), qos_profile_sensor_data)
        if settings.run_stop_topic:
            self.create_subscription(Bool, settings.run_stop_topic, self._on_run_stop, DEPTH)
        # After a cleanup the numbers go on: residual_node ignores states that go back.
        following = self._episodes.next if self._episodes else settings.first_episode
        self._episodes = Episodes(self, self._adapter, self._states, self._twists, following)
        for name, kind, answer in (('estop', Trigger, self._on_estop),
                                   ('reset', Trigger, self._on_reset),
                                   ('residual', SetBool, self._on_residual)):
            self.create_service(kind, f'~/{name}', answer)
        self.add_on_set_parameters_callback(self._on_parameters)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(self._adapter.limits.period, self._on_period, clock=steady)
        self.create_timer(WATCH_PERIOD, self._watch, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)
        self.get_logger().info(f'ready for {settings.task} with residuals of at most '
                               f'{settings.max_residual}')

    def activate(self):
        """Say which task it is."""
        self._tasks.publish(Task(
            header=Header(stamp=to_time(self.times()[1])), run=self.settings.run,
            **task_fields(self._adapter.spec, self.settings.max_ee_speed)))

    def deactivate(self):
        """End the episode with a stop; the timers send the others, then silence follows."""
        if self._adapter.episode is not None:
            self._episodes.next = self._adapter.episode + 1  # its number is used up
            self._adapter.end()
            self._decide()

    def on_cleanup(self, state):
        """Take back what configure() did, but no stop that only a person's reset ends."""
        if self._adapter.mode in LATCHED:
            self.get_logger().error(f'no cleanup while the arm is {self._adapter.mode.name}: '
                                    'call ~/reset first')
            return TransitionCallbackReturn.FAILURE
        return super().on_cleanup(state)

    def times(self):
        """Return (steady clock, clock of the messages), s, of one moment."""
        for _ in range(TRIES):
            now, ros_now = time.monotonic(), self.get_clock().now().nanoseconds * 1e-9
            if time.monotonic() - now < MOMENT:
                break  # otherwise the process was held in between: that would look like a jump
        return now, ros_now

    def _on_joints(self, message):
        why = self._adapter.senses.hear_joints(
            message.name, np.array(message.position), np.array(message.velocity),
            from_time(message.header.stamp), *self.times(), self._adapter.limits)
        if why:
            self.warn('joints', why)
            self._watch()

    def _on_pose(self, name, message):
        fault = self._adapter.senses.hear_pose(
            name, read_pose(message), message.header.frame_id, from_time(message.header.stamp),
            *self.times(), self._adapter.limits)
        if fault:
            text = self._adapter.senses.pose_text(name, fault, time.monotonic(),
                                                  self._adapter.limits)
            self.warn(fault, f'{name} in the frame {message.header.frame_id!r}: {fault.name}: '
                      f'{text}')
            self._watch()

    def _on_run_stop(self, message):
        self._adapter.hear_run_stop(message.data, time.monotonic())
        self._watch()

    def _on_base_action(self, message):
        self._adapter.hear_base_action(message.episode, message.step, from_wire(message.action),
                                       from_time(message.header.stamp), time.monotonic())
        self._watch()

    def _on_command(self, message):
        self._version = message.policy_version
        self._adapter.account.count('commands')
        self._adapter.hear_command(message.episode, message.step, from_wire(message.sent),
                                   message.status, from_time(message.header.stamp),
                                   time.monotonic())
        self._watch()

    def _on_learner_status(self, message):
        self._newest = message.policy_version

    def _watch(self):
        """Decide if it is time to."""
        if self._adapter.due(*self.times()):
            self._decide()

    def _decide(self, **person):
        """Send what is decided now; `person` is estop or reset, where somebody asked for it."""
        adapter = self._adapter
        order = adapter.decide(*self.times(), **person)
        if order.output == Output.TWIST:
            self._send(order.twist, self.settings.root_frame)
        elif order.output == Output.STOP:
            self._stop()
        if order.opening is not None:
            self._gripper.publish(Float64(data=float(order.opening)))
        if adapter.playing or person or order.output == Output.STOP:
            for reason in order.reasons:
                if not moderates(reason) and reason != Reason.STOP_ASKED:
                    self.warn(reason, f'{reason.name}: {order.texts.get(reason, TEXTS[reason])}')

    def _send(self, twist, frame):
        self._twisted = True
        self._twists.publish(twist_message(twist, frame, self.times()[1]))

    def _stop(self):
        self._send(np.zeros(6), '' if self.settings.stop_empty_frame else self.settings.root_frame)

    def _on_period(self):
        """Close the last period and open the next one."""
        adapter = self._adapter
        if adapter.state is not None:
            self._decide()  # overloaded: neither command nor watchdog came to it
        if adapter.episode is None:
            self._decide()
            if self.active and adapter.at_rest:
                self._episodes.between()
            return
        state = adapter.next_state(*self.times())
        if state is None:
            self._episodes.say_what_is_missing()
            self._decide()
            return
        stamp = Header(stamp=to_time(self.times()[1]), frame_id=self.settings.world_frame)
        self._states.publish(fill(State(task=self.settings.task), state, stamp,
                                  self.settings.run))
        adapter.account.count('states')
        if state.last:
            self._episodes.next += 1
            self._decide()

    def _on_estop(self, request, response):
        self._decide(estop=True)
        response.success = True
        response.message = 'stopped; ~/reset lets the arm move again'
        return response

    def _on_reset(self, request, response):
        if self._adapter.mode in LATCHED:
            self._decide(reset=True)
        response.success = self._adapter.mode not in LATCHED
        response.message = ('the next command moves the arm' if response.success
                            else 'still stopped: release the run-stop first')
        return response

    def _on_residual(self, request, response):
        self._adapter.residual_on = request.data
        response.success = True
        response.message = 'commands count' if request.data else 'base actions alone'
        self.get_logger().info(response.message)
        return response

    def _on_parameters(self, parameters):
        changes = {one.name: one.value for one in parameters if one.name != 'use_sim_time'}
        try:
            self._adapter.tighten(changes)
        except SettingsError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_second(self):
        stamp = to_time(self.times()[1])
        self._diagnostics.publish(status_message(self._adapter, self.times(), stamp, self._version,
                                                 self._newest, self.active))

    def release(self):
        """Leave a stop as the last message on the wire, whatever ended the node."""
        self.remove_on_set_parameters_callback(self._on_parameters)
        if self._twisted:
            for _ in range(self.settings.stop_messages):
                self._stop()
            self._twists.wait_for_all_acked(Duration(seconds=ACKNOWLEDGED_WITHIN))
        counts = ', '.join(f'{count} {name}' for name, count
                           in sorted(self._adapter.account.total.items()))
        print(f'sent and seen: {counts or "nothing"}', flush=True)


def main(args=None):
    """Run fetch_adapter_node; return its exit code."""
    return run_node(FetchAdapterNode, args, keep_context=True, ends=True)


if __name__ == '__main__':
    raise SystemExit(main())
