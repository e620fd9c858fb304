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

"""What the nodes of all robots have in common: episodes, services, pairing, the last stop."""

from abc import abstractmethod
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rpl_msgs.msg import BaseAction, Command, LearnerStatus, Task
from rpl_ros.robot.adapter import Adapter
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.safety.modes import Output
from rpl_ros.robot.safety.reasons import moderates, Reason
from rpl_ros.ros.adapter_episodes import Episodes, read_clocks
from rpl_ros.ros.convert import from_wire, state_message
from rpl_ros.ros.diagnostics import status_message
from rpl_ros.ros.episode_file import first_episode
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.ros.robot_messages import from_time, to_time
from rpl_ros.tasks.description import task_fields
from std_msgs.msg import Bool, Header
from std_srvs.srv import SetBool, Trigger

DEPTH = 10
WATCH_PERIOD = 0.01
"""Time between two checks whether a decision is due, s."""
LAST_STOP_TIMEOUT = 0.5
"""Time for which the node waits at its end until the last stop is acknowledged, s."""


class AdapterNode(ManagedNode):
    """
    Converts messages for an Adapter, which decides, and publishes its decisions.

    Between configure() and release() it publishes stops, and its services answer. Episodes run
    only while it is active. A subclass reads the robot's topics and writes them.
    """

    _episodes: Any = None  # Episodes, after configure()
    _has_moved = False  # whether anything was sent to the robot

    @property
    @abstractmethod
    def frame(self) -> str:
        """Return the frame of the observation."""

    @abstractmethod
    def make_adapter(self) -> Adapter:
        """Return the Adapter of the robot; SettingsError for a bad contract."""

    @abstractmethod
    def connect(self) -> list[Publisher]:
        """Subscribe to what the robot publishes; return the publishers of what moves it."""

    @abstractmethod
    def send(self, command: Any) -> None:
        """Send a decision that moves the robot."""

    @abstractmethod
    def stop(self) -> None:
        """Send a stop."""

    @abstractmethod
    def diagnosis(self, now: Instant) -> dict[str, Any]:
        """Return {name: value} of this robot for people, beside what all robots have."""

    def configure(self) -> None:
        """Check the contract; nothing moves before an episode begins."""
        settings = self.settings
        self._adapter = self.make_adapter()
        self._version = self._newest = 0  # of the policy: in the last command, of the learner
        self._has_moved = False
        self._states, self._tasks = publisher(self, 'state'), publisher(self, 'task')
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', DEPTH)
        subscribe(self, 'base_action', self._on_base_action)
        subscribe(self, 'command', self._on_command)
        subscribe(self, 'learner_status', self._on_learner_status)
        self._outputs = self.connect()
        if self._adapter.run_stop_topic:
            self.create_subscription(Bool, self._adapter.run_stop_topic, self._on_run_stop, DEPTH)
        # After a cleanup the numbers continue: residual_node ignores states of earlier episodes.
        first = self._episodes.next if self._episodes else first_episode(settings)
        self._episodes = Episodes(self, self._adapter, self._states, self._outputs, first)
        for name, kind, answer in (('estop', Trigger, self._on_estop),
                                   ('reset', Trigger, self._on_reset),
                                   ('stop_episode', Trigger, self._on_stop_episode),
                                   ('residual', SetBool, self._on_residual)):
            self.create_service(kind, f'~/{name}', answer)
        self.accept_changes(self._adapter.tighten)
        self.create_steady_timer(self._adapter.period, self._on_period)
        self.create_steady_timer(WATCH_PERIOD, self.watch)
        self.create_steady_timer(1.0, self._on_second)
        self.get_logger().info(f'ready for {settings.task} with residuals of at most '
                               f'{settings.max_residual}')

    def activate(self) -> None:
        """Publish the description of the task."""
        self._tasks.publish(Task(
            header=Header(stamp=to_time(self.now().ros)), run=self.settings.run,
            **task_fields(self._adapter.spec, self.settings.max_ee_speed)))

    def deactivate(self) -> None:
        """End the episode with a stop; the timers send the other stops, then nothing more."""
        if self._adapter.episode is not None:
            self._abandon(self._adapter.episode)

    def _abandon(self, episode: int) -> None:
        """End the episode without a last state, with a stop."""
        self._episodes.next = episode + 1  # its number cannot be used again
        self._adapter.end()
        self._decide()

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Undo configure(), unless the arm is in a stop that only a person's reset may end."""
        if self._adapter.mode.needs_reset:
            self.get_logger().error(f'no cleanup while the arm is {self._adapter.mode.name}: '
                                    'call ~/reset first')
            return TransitionCallbackReturn.FAILURE
        return super().on_cleanup(state)

    def now(self) -> Instant:
        """Return the present time by both clocks."""
        return read_clocks(self)

    def _on_run_stop(self, message: Bool) -> None:
        self._adapter.on_run_stop(message.data, time.monotonic())
        self.watch()

    def _on_base_action(self, message: BaseAction) -> None:
        self._adapter.on_base_action(message.episode, message.step, from_wire(message.action),
                                     _received(message))
        self.watch()

    def _on_command(self, message: Command) -> None:
        self._version = message.policy_version
        self._adapter.counters.count('commands')
        self._adapter.on_command(message.episode, message.step, from_wire(message.sent),
                                 message.status, _received(message))
        self.watch()

    def _on_learner_status(self, message: LearnerStatus) -> None:
        self._newest = message.policy_version
        self._episodes.on_status(message.next_episodes)

    def watch(self) -> None:
        """Decide if a decision is due; call it when a fault may have been found."""
        if self._adapter.due(self.now()):
            self._decide()

    def _decide(self, **person: bool) -> None:
        """Decide and publish; `person` is estop=True or reset=True if a person requests it."""
        adapter = self._adapter
        command = adapter.decide(self.now(), **person)
        if command.output == Output.STOP:
            self._has_moved = True
            self.stop()
        elif command.output == Output.TWIST:
            self._has_moved = True
            self.send(command)
        if adapter.playing or person or command.output == Output.STOP:
            for reason in command.reasons:
                if not moderates(reason) and reason != Reason.STOP_ASKED:
                    self.warn(reason, f'{reason.name}: {command.texts.get(reason, reason.text)}')

    def _on_period(self) -> None:
        """End the last control period and begin the next one."""
        adapter = self._adapter
        if adapter.state is not None:
            self._decide()  # overloaded: neither a command nor _watch() was processed in time
        if adapter.episode is None:
            self._decide()
            if self.active and adapter.at_rest:
                self._episodes.begin_next()
            return
        state = adapter.next_state(self.now())
        if state is None and adapter.cutting:
            self.get_logger().warning(f'episode {adapter.episode} ends without a last state: '
                                      'nothing can be measured')
            self._abandon(adapter.episode)
            return
        if state is None:
            self._episodes.warn_of_missing_inputs()
            self._decide()
            return
        stamp = Header(stamp=to_time(self.now().ros), frame_id=self.frame)
        self._states.publish(state_message(state, self.settings.task, stamp, self.settings.run))
        adapter.counters.count('states')
        if state.last:
            self._episodes.next += 1
            self._decide()

    def _on_estop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._decide(estop=True)
        response.success = True
        response.message = 'stopped; ~/reset lets the arm move again'
        return response

    def _on_stop_episode(self, request: Trigger.Request,
                         response: Trigger.Response) -> Trigger.Response:
        episode = self._adapter.episode
        waits = self._episodes.forget_start()
        response.success = waits or episode is not None
        response.message = (f'episode {episode} ends' if episode is not None else
                            'no episode begins' if waits else 'no episode is running')
        if episode is not None and self._adapter.playing:
            self._adapter.cut()
            self._decide()
        elif episode is not None:
            self._abandon(episode)
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._adapter.mode.needs_reset:
            self._decide(reset=True)
        response.success = not self._adapter.mode.needs_reset
        response.message = ('the next command moves the arm' if response.success
                            else 'still stopped: release the run-stop first')
        return response

    def _on_residual(self, request: SetBool.Request, response: SetBool.Response,
                     ) -> SetBool.Response:
        self._adapter.residual_on = request.data
        response.success = True
        response.message = ('the arm executes commands' if request.data else
                            'the arm executes base actions only')
        self.get_logger().info(response.message)
        return response

    def _on_second(self) -> None:
        now = self.now()
        self._diagnostics.publish(status_message(self._adapter, now, to_time(now.ros),
                                                 self._version, self._newest, self.active,
                                                 self.get_name(), self.diagnosis(now)))

    def release(self) -> None:
        """Send a stop as the last message, whatever ended the node."""
        self.end_changes()
        if self._has_moved:
            for _ in range(self._adapter.stop_messages):
                self.stop()
            for stream in self._outputs:
                stream.wait_for_all_acked(Duration(seconds=LAST_STOP_TIMEOUT))
        counts = ', '.join(f'{count} {name}' for name, count
                           in sorted(self._adapter.counters.total.items()))
        print(f'sent and received: {counts or "nothing"}', flush=True)


def _received(message: BaseAction | Command) -> Instant:
    """Return the Instant of a message that has just arrived: steady time now, and its stamp."""
    return Instant(time.monotonic(), from_time(message.header.stamp))
