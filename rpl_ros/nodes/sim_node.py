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
sim_node: steps a task in MuJoCo; publishes states, takes commands.

In `lockstep` mode a step follows as soon as its command has come; in `realtime` mode there is one
every 40 ms, and a command that is not there by then is missed: the gripper holds still. In both,
stamps and the topic `clock` count the time of the simulation, 40 ms for each step.
"""

import time

from builtin_interfaces.msg import Time
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock as ClockMessage
from rpl_msgs.msg import State, Task
from rpl_ros.config import SettingsError, SimSettings
from rpl_ros.convert import fill, from_wire
from rpl_ros.nodes.managed import ManagedNode
from rpl_ros.nodes.qos import publisher, subscribe
from rpl_ros.nodes.running import run_node
from rpl_ros.nodes.waiting import Readers, Wait
from rpl_ros.tasks import make_task
from rpl_ros.tasks.described import task_fields
from rpl_ros.tasks.specs import CONTROL_PERIOD
from std_msgs.msg import Header


class SimNode(ManagedNode):
    """The simulated robot and its scene."""

    def __init__(self):
        """Declare the parameters."""
        super().__init__('sim_node', SimSettings)
        self._episode = self.settings.first_episode
        self._ticks = 0  # control steps in all: time never goes back, a cleanup included

    def configure(self):
        """Build the scene and wait for the nodes that listen."""
        settings = self.settings
        try:
            self._task = make_task(
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
        self._readers, self._begun = Readers(self, self._states), False
        self._clocks = self.create_publisher(ClockMessage, 'clock', QoSProfile(depth=10))
        self._owns_clock = False
        self._state = None  # the present state; None between episodes
        self._message = None
        self._command = None  # the command for the present state, realtime mode only
        self._sent_at = self._asked_at = time.monotonic()
        self._age = 0.0
        self._owed = 0
        self._learner_wait = Wait(self, settings.give_up_after)
        self._window = None
        if settings.window:
            from rpl_ros.tasks.window import open_window
            self._window = open_window(self._task)
        period = CONTROL_PERIOD if self._realtime else 0.05
        # Steady: the rhythm must not follow a clock that this node itself publishes.
        self.create_timer(period, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f'{settings.task} is ready in {settings.mode} mode')

    def _on_learner_status(self, message):
        if message.owed_updates != self._owed:
            self._learner_wait.over()
        self._owed = message.owed_updates
        if self.active and self._state is None and not self._realtime:
            self._begin()

    def activate(self):
        """Let time go on: the present state waits for its command from now on."""
        self._sent_at = self._asked_at = time.monotonic()
        self._learner_wait.over()
        self._readers.begin()
        self._tasks.publish(Task(header=self._header(), run=self.settings.run,
                                 **task_fields(self._task.spec, self.settings.max_ee_speed)))

    def _on_timer(self):
        if not self.active:
            return
        self._ticks += self._realtime
        if self._state is None:
            self._begin()
        elif self._realtime:
            self._tick()
        else:
            self._look_after_command()
        if self._realtime and self._owns_clock:
            self._clocks.publish(ClockMessage(clock=self._now()))

    def _begin(self):
        """Begin the next episode if everybody is there and the learner is not too far behind."""
        settings = self.settings
        if not self._everybody_is_there():
            return
        if not self._realtime and 0 < settings.max_owed_updates < self._owed:
            self._learner_wait.go_on(f'the learner owes {self._owed} updates')
            return
        self._learner_wait.over()
        if settings.episodes and self._episode >= settings.first_episode + settings.episodes:
            self.get_logger().info(f'all {settings.episodes} episodes are done')
            self.done = True
            return
        self._publish(self._task.reset(self._episode))

    def _everybody_is_there(self):
        """Return whether the first state may be sent; always true after that."""
        if self._begun:
            return True
        if not self._readers.are_there():
            return False
        if not self.settings.run and self.count_publishers('state') > 1:
            self.fail(f'another node publishes on {self._states.topic_name}, and this run has no '
                      'id: give the nodes of each run the same parameter run, or a namespace')
            return False
        self._begun = True
        # Time has one source: a graph that comes second leaves it to the first.
        self._owns_clock = self.count_publishers(self._clocks.topic_name) <= 1
        if not self._owns_clock:
            self.get_logger().warning(
                f'another node publishes {self._clocks.topic_name}: this graph does not. For a '
                'clock of its own, start it in a namespace')
        return True

    def _publish(self, state):
        """Send `state` and make it the present one."""
        self._state, self._command = state, None
        self._message = fill(State(task=self.settings.task), state, self._header(),
                             self.settings.run)
        if not self._realtime and self._owns_clock:
            self._clocks.publish(ClockMessage(clock=self._now()))
        self._sent_at = self._asked_at = time.monotonic()
        self._states.publish(self._message)
        if self._window:
            self._window.show()

    def _now(self):
        """Return simulated time: it counts control steps and never goes back."""
        nanoseconds = round(self._ticks * CONTROL_PERIOD * 1e9)
        return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)

    def _header(self):
        return Header(stamp=self._now(), frame_id='world')

    def _on_command(self, message):
        """Take the command for the present state; ignore any other."""
        if not self.active or self._state is None or message.episode != self._state.episode:
            return
        if message.step != self._state.step:
            if message.step > self._state.step:
                self.warn('order', f'command for step {message.step} of episode {message.episode} '
                          f'came at step {self._state.step}; ignored')
            return
        sent = from_wire(message.sent)
        if sent.shape != (self._task.spec.action_size,) or not np.isfinite(sent).all():
            self.warn('sent', f'command ({message.episode}, {message.step}): sent is '
                      f'{sent.tolist()}, expected {self._task.spec.action_size} finite numbers; '
                      'the gripper holds still')
            sent = None
        self._age = time.monotonic() - self._sent_at
        self._command = sent
        if not self._realtime:
            self._advance()

    def _advance(self):
        """Execute the command, or hold still where none came; publish what follows."""
        if self._state.last:
            self._episode += 1
            self._state = None
            self._begin()
            return
        applied = self._command is not None
        sent = self._command if applied else np.zeros(self._task.spec.action_size)
        state = self._task.step(sent, applied, self._age if applied else 0.0)
        self._ticks += not self._realtime
        if self._task.problem:
            self.get_logger().error(f'step {state.step} of episode {state.episode}: '
                                    f'{self._task.problem}')
        self._publish(state)

    def _tick(self):
        """Do a step in realtime mode."""
        if self._command is None and not self._state.last:
            self.warn('missed', f'no command for step {self._state.step} of episode '
                      f'{self._state.episode} within {CONTROL_PERIOD * 1e3:.0f} ms; the gripper '
                      'holds still')
        self._advance()

    def _look_after_command(self):
        """In lockstep mode, ask again for a command that does not come, and give up in the end."""
        now, settings = time.monotonic(), self.settings
        if now - self._sent_at > settings.give_up_after:
            self.fail(f'no command for step {self._state.step} of episode {self._state.episode} '
                      f'in {settings.give_up_after:.0f} s: is a node down? residual_node says '
                      'what it waits for')
        elif now - self._asked_at > settings.resend_after:
            self._asked_at = now
            self.get_logger().warning(
                f'no command for step {self._state.step} of episode {self._state.episode} in '
                f'{now - self._sent_at:.1f} s; sending the state again')
            self._states.publish(self._message)

    def release(self):
        """Close the window; the number of an episode that has begun is used up."""
        self._episode += self._state is not None
        if self._window:
            self._window.close()


def main(args=None):
    """Run sim_node; return its exit code."""
    return run_node(SimNode, args, ends=True)


if __name__ == '__main__':
    raise SystemExit(main())
