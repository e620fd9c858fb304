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
sim_node: simulates a task in MuJoCo; publishes states, executes commands.

In `lockstep` mode a step follows as soon as its command arrives. In `realtime` mode there is a
step every 40 ms; if its command arrives later, the gripper holds still. In both modes,
stamps and the topic `clock` carry simulated time: 40 ms for each step. Services: sim_services.py.
"""

from dataclasses import replace
from functools import partial
import time
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock as ClockMessage
from rpl_msgs.msg import Command, LearnerStatus, State as StateMessage, Task
from rpl_ros.data import State
from rpl_ros.robot.simulated.make import make_simulated
from rpl_ros.ros.convert import from_wire, state_message
from rpl_ros.ros.episode_file import continue_above, first_episode, keep_episode, require_status
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.ros.qos import announce, publisher, subscribe
from rpl_ros.ros.running import run_node
from rpl_ros.ros.sim_services import SimServices, Wanted
from rpl_ros.ros.waiting import StartGate, Wait
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import SimSettings
from rpl_ros.tasks.description import task_fields
from std_msgs.msg import Header


CHECK_PERIOD = 0.05
"""Lockstep mode: time between two checks whether something is missing, s."""


class SimNode(ManagedNode):
    """The simulated robot and its scene."""

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('sim_node', SimSettings)
        self.number = first_episode(self.settings)  # of the present or next episode
        self._ticks = 0  # control steps in total: not reset by a cleanup, so time never goes back

    def configure(self) -> None:
        """Build the scene, and begin to wait for the nodes that read the states."""
        settings = self.settings
        try:
            self._task = make_simulated(
                settings.task, settings.seed, settings.objects, settings.horizon,
                settings.max_ee_speed, settings.arm)
        except ValueError as error:
            raise SettingsError(f'sim_node: {error}') from error
        self._realtime = settings.mode == 'realtime'
        if self._realtime:
            self._task.warm_up()
        self._states = publisher(self, 'state')
        subscribe(self, 'command', self._on_command)
        self._tasks = publisher(self, 'task')
        subscribe(self, 'learner_status', self._on_learner_status)
        self._gate = StartGate(
            self, self._states, () if settings.run else [self._states],
            'another node publishes states, and this run has no id (give the nodes of each run '
            'the same parameter run, or a namespace)')
        require_status(self, self._gate)
        self._begun = False
        self._clocks = self.create_publisher(ClockMessage, 'clock', QoSProfile(depth=10))
        self._owns_clock = False
        self.state: State | None = None  # the present state; None between episodes
        self._message: StateMessage | None = None  # of the present state
        self._command: np.ndarray | None = None  # (A,), for the present state
        self.answered = False  # whether a command for the present state has arrived
        self._sent_at = self._resent_at = time.monotonic()  # the present state, s
        self._age = 0.0  # of the command, s
        self._owed = 0  # gradient updates of the learner
        self._learner_wait = Wait(self, settings.give_up_after)
        self._window: Any = None
        if settings.window and self._task.spec.environment:
            self.get_logger().warning('window: environments of Gymnasium are not shown')
        elif settings.window:
            from rpl_ros.tasks.window import open_window
            self._window = open_window(self._task)
        self._requests = SimServices(self, self, self._task.spec)
        announce(self, alone=True)
        # The steady clock: the period must not depend on the clock that this node publishes.
        self._timer = self.create_steady_timer(CHECK_PERIOD, self._on_timer)
        if self._realtime:
            self.set_speed_factor(self.get_parameter('speed_factor').value)
        self.get_logger().info(f'{self._task.spec.name} is ready in {settings.mode} mode')

    def _on_learner_status(self, message: LearnerStatus) -> None:
        if message.owed_updates != self._owed:
            self._learner_wait.end()
        self._owed = message.owed_updates
        if not self._begun:
            self.number = continue_above(self.number, message.next_episodes, self._gate)
        if not self._realtime:
            self.begin()

    def set_speed_factor(self, factor: float) -> str:
        """Let real time pass `factor` times as fast; return why that is impossible, or ''."""
        if not self._realtime:
            return 'speed_factor is for the mode realtime: lockstep is as fast as its nodes'
        self._timer.timer_period_ns = round(self._task.spec.control_period * 1e9 / factor)
        return ''

    def activate(self) -> None:
        """Let time continue, and describe the task."""
        self._restart_waits()
        self._tasks.publish(Task(header=self._header(), run=self.settings.run,
                                 **task_fields(self._task.spec, self.settings.max_ee_speed)))

    def _restart_waits(self) -> None:
        """From now on, the present state waits for its command, and a start for other nodes."""
        self._sent_at = self._resent_at = time.monotonic()
        self._learner_wait.end()
        self._gate.restart()

    def go_on(self) -> None:
        """Continue after a pause."""
        self._restart_waits()
        if self.active and self.answered and not self._realtime:
            self.advance()

    def why_not_ready(self) -> str:
        """Return why no episode can begin, or ''."""
        return '' if self.active else 'the node is not active'

    def begin(self) -> None:
        """Begin the next episode, if none is running and nothing is missing."""
        if self.active and self.state is None:
            self._begin()

    def cut(self) -> None:
        """End the present episode: the gripper holds still for one step."""
        if self.active and self.state is not None and not self.state.last:
            self._command = None
            self._ticks += self._realtime  # the timer counts the other steps
            self._advance(self.state, cut=True)

    def advance(self) -> None:
        """Do one control step, or leave an episode that is over."""
        if self.state is None:
            self._begin()
            return
        self._ticks += self._realtime and not self.state.last
        self._advance(self.state)

    def _on_timer(self) -> None:
        if not self.active or self._requests.holds:
            return
        self._ticks += self._realtime and not self._requests.paused
        if self.state is None:
            self._begin()
        elif self._realtime:
            self._tick(self.state)
        elif not self._requests.paused:
            self._check_command(self.state)
        if self._realtime and self._owns_clock:
            self._clocks.publish(ClockMessage(clock=self._now()))

    def _begin(self) -> None:
        """Begin the next episode if all nodes are ready and the learner is not too far behind."""
        settings, requests = self.settings, self._requests
        if requests.paused and requests.wanted is None or not self._may_begin():
            return
        if not self._realtime and 0 < settings.max_owed_updates < self._owed:
            self._learner_wait.update(f'the learner owes {self._owed} updates')
            return
        self._learner_wait.end()
        if settings.episodes and self.number >= settings.first_episode + settings.episodes:
            self.get_logger().info(f'all {settings.episodes} episodes are done')
            self.done = True
        elif requests.may_begin:
            self._reset(requests.take())

    def _reset(self, wanted: Wanted) -> None:
        """Begin an episode."""
        keep_episode(self, self.number)
        scene = self.number if wanted.scene is None else wanted.scene
        self._publish(self._task.reset(scene, wanted.goal))

    def _may_begin(self) -> bool:
        """Return whether the first state may be sent; always true after that."""
        if self._begun or not self._gate.is_open():
            return self._begun
        self._begun = True
        # Only one node may publish the clock: that of the graph that was started first.
        self._owns_clock = self.count_publishers(self._clocks.topic_name) <= 1
        if not self._owns_clock:
            self.get_logger().warning(
                f'another node publishes {self._clocks.topic_name}, so this one does not. For its '
                'own clock, start this graph in a namespace')
        return True

    def _publish(self, state: State) -> None:
        """Publish `state` and make it the present state."""
        # The number of the scene may be another one.
        state = self.state = replace(state, episode=self.number)
        self._command, self.answered = None, False
        self._message = state_message(state, self._task.spec.name, self._header(),
                                      self.settings.run)
        if not self._realtime and self._owns_clock:
            self._clocks.publish(ClockMessage(clock=self._now()))
        self._sent_at = self._resent_at = time.monotonic()
        self._states.publish(self._message)
        if self._window:
            self._window.show()

    def _now(self) -> Time:
        """Return simulated time: the time of all control steps so far."""
        nanoseconds = round(self._ticks * self._task.spec.control_period * 1e9)
        return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)

    def _header(self) -> Header:
        return Header(stamp=self._now(), frame_id='world')

    def _on_command(self, message: Command) -> None:
        """Accept the command for the present state; ignore any other."""
        if not self.active or self.state is None or message.episode != self.state.episode:
            return
        if message.step != self.state.step:
            if message.step > self.state.step:
                self.warn('order', f'command for step {message.step} of episode {message.episode} '
                          f'arrived at step {self.state.step}; ignored')
            return
        sent = from_wire(message.sent)
        valid = sent.shape == (self._task.spec.action_size,) and np.isfinite(sent).all()
        if not valid:
            self.warn('sent', f'command ({message.episode}, {message.step}): sent is '
                      f'{sent.tolist()}, expected {self._task.spec.action_size} finite numbers; '
                      'the gripper holds still')
        self._age = time.monotonic() - self._sent_at
        self._command, self.answered = sent if valid else None, True
        if not self._realtime and not self._requests.holds:
            self._advance(self.state)

    def _advance(self, present: State, cut: bool = False) -> None:
        """
        Execute the command, or hold still without one; publish the next state.

        With `cut`, the episode ends with it.
        """
        if present.last:
            self.number += 1
            self.state = None
            self._begin()
            return
        applied = self._command is not None
        state = self._task.step(np.zeros(self._task.spec.action_size) if self._command is None
                                else self._command)
        state = replace(state, applied=applied and state.applied,
                        command_age=self._age if applied else 0.0,
                        truncated=state.truncated or cut and not state.terminated)
        self._ticks += not self._realtime
        if self._task.problem:
            self.get_logger().error(f'step {state.step} of episode {self.number}: '
                                    f'{self._task.problem}')
        self._publish(state)

    def _tick(self, present: State) -> None:
        """Do a step in realtime mode."""
        if self._command is None and not present.last:
            self.warn('missed', f'no command for step {present.step} of episode '
                      f'{present.episode} within {self._task.spec.control_period * 1e3:.0f} '
                      'ms; the gripper holds still')
        self._advance(present)

    def _check_command(self, present: State) -> None:
        """In lockstep mode, resend the state if no command arrives; fail after too long."""
        now, settings = time.monotonic(), self.settings
        missing = f'no command for step {present.step} of episode {present.episode} in'
        if now - self._sent_at > settings.give_up_after:
            self.fail(f'{missing} {settings.give_up_after:.0f} s: is a node down? See the log of '
                      'residual_node')
        elif now - self._resent_at > settings.resend_after:
            self._resent_at = now
            self.get_logger().warning(f'{missing} {now - self._sent_at:.1f} s; sending the state '
                                      'again')
            self._states.publish(self._message)

    def release(self) -> None:
        """Close the window; the number of an episode that has begun cannot be used again."""
        self._requests.close()
        self.number += self.state is not None
        if self._window:
            self._window.close()


main = partial(run_node, SimNode, ends=True)

if __name__ == '__main__':
    raise SystemExit(main())
