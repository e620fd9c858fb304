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
residual_node: adds the learned residual to the base action and commands the robot.

State and base action are paired by (episode, step). New weights are taken between episodes. Runs
without torch.
"""

import time

from rclpy.clock import Clock, ClockType
from rpl_msgs.msg import Command as CommandMessage
from rpl_msgs.msg import EpisodeResult

from rpl_ros import data
from rpl_ros.config import ResidualSettings
from rpl_ros.convert import fill, from_wire, read_state
from rpl_ros.nodes.managed import ManagedNode
from rpl_ros.nodes.qos import announce, publisher, subscribe
from rpl_ros.nodes.running import run_node
from rpl_ros.nodes.same_task import require_same_task
from rpl_ros.policy.actor import load_actor
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.policy.weights import expected_of, WeightsError
from rpl_ros.results import Tally
from rpl_ros.tasks.specs import spec

FALLBACKS = {
    data.BAD_RESIDUAL: 'the policy failed, or its residual was not finite: base action sent',
    data.STOP_BAD_BASE: 'the base action has a wrong length or is not finite: stop sent',
    data.STOP_NO_BASE: 'no base action came in time: stop sent',
    data.STOP_BAD_STATE: 'the state has a wrong length or is not finite: stop sent',
}


class ResidualNode(ManagedNode):
    """Pairs, composes, publishes."""

    def __init__(self):
        """Declare the parameters."""
        super().__init__('residual_node', ResidualSettings)

    def configure(self):
        """Start without a policy: until weights come, commands are the base actions."""
        self._spec = spec(self.settings.task, self.settings.horizon)
        self._policy = ResidualPolicy(self.settings, self._spec)
        self._expected = expected_of(
            self._spec, residual_scale=self.settings.residual_scale, horizon=self._spec.horizon,
            max_ee_speed=self.settings.max_ee_speed)
        self._state = self._header = None
        self._answer = None  # the command for the present state, once it is sent
        self._base = None  # the newest base action
        self._tally = None
        self._commands = publisher(self, 'command')
        self._results = publisher(self, 'episode_result')
        subscribe(self, 'policy_weights', self._on_weights)
        subscribe(self, 'base_action', self._on_base_action)
        subscribe(self, 'task', lambda message: require_same_task(self, self._spec, message))
        subscribe(self, 'state', self._on_state)
        self._deadline = None
        if self.settings.base_timeout:
            self._deadline = self.create_timer(
                self.settings.base_timeout, self._on_deadline, autostart=False,
                clock=Clock(clock_type=ClockType.STEADY_TIME))
        announce(self)
        self.get_logger().info('ready; base actions only until weights come')

    def _on_weights(self, message):
        version, digest = message.version, message.digest
        try:
            if self._policy.knows(version, digest):
                return  # it was latched, and came again
            actor = load_actor(message.data, self._expected, digest)
        except WeightsError as error:
            self.get_logger().error(f'weights version {version} are not used: {error}')
            return
        if actor.shape.unknown:
            self.warn('unknown', f'weights version {version} do not tell for which '
                      f'{" and ".join(actor.shape.unknown)} they were learned: they are used '
                      'as if for this one')
        self._policy.offer(actor, version, message.prefer_base, digest)
        self.get_logger().info(f'weights version {version} are used from the next episode on'
                               f'{" (burn-in or trial)" if message.prefer_base else ""}')

    def _on_state(self, message):
        state = read_state(message)
        key = (state.episode, state.step)
        newest = None
        if self._state is not None:
            newest = (self._state.episode, self._state.step)
            if key == newest and self._answer is not None:
                self._commands.publish(self._answer)  # the sim asks again: same answer
                return
            if key < newest:
                self.warn('order', f'state {key} came after {newest}; ignored')
                return
        if key == newest:
            self._say_what_came()
        self._state, self._header, self._answer = state, message.header, None
        if self._tally is None or self._tally.episode != state.episode:
            self._tally = Tally(state.episode, time.monotonic())
        if key != newest:  # a state that is sent again counts once
            self._tally.add_state(state)
        if self._deadline and self.active:
            self._deadline.reset()
        self._pair()

    def _on_base_action(self, message):
        self._base = message
        self._pair()

    def deactivate(self):
        """Fall silent; states are still counted, so that the result is of the whole episode."""
        if self._deadline:
            self._deadline.cancel()

    def _pair(self):
        """Send the command if the base action for the present state is there."""
        if not self.active or self._answer is not None:
            return
        if self._state is None or self._base is None:
            return
        if (self._base.episode, self._base.step) == (self._state.episode, self._state.step):
            self._send(from_wire(self._base.action))

    def _say_what_came(self):
        """Say for which step base actions come, where there is none for the present state."""
        if self._base is not None and self._state is not None and self._answer is None:
            came, expected = ((one.episode, one.step) for one in (self._base, self._state))
            self.warn('step', f'the newest base action is for (episode, step) {came}, expected '
                      f'{expected}: it must carry the numbers of the state that it answers')

    def _on_deadline(self):
        self._deadline.cancel()
        self._say_what_came()
        if self._state is not None and self._answer is None:
            self._send(None)

    def _send(self, base_action):
        """Compose and publish the command for the present state."""
        state = self._state
        command = self._policy.command(state, base_action)
        self._answer = fill(CommandMessage(), command, self._header, self.senders.run)
        self._commands.publish(self._answer)
        if self._deadline:
            self._deadline.cancel()
        if command.status in FALLBACKS:
            self._tally.fallbacks += 1
            why = f' ({self._policy.problem})' if command.status == data.BAD_RESIDUAL else ''
            self.warn(command.status, f'step {state.step} of episode {state.episode}: '
                      f'{FALLBACKS[command.status]}{why}')
        if state.last:
            self._results.publish(EpisodeResult(
                header=self._header, run=self.senders.run, task=self.settings.task,
                mode=self._policy.mode, policy_version=self._policy.version,
                **self._tally.result(time.monotonic())))


def main(args=None):
    """Run residual_node; return its exit code."""
    return run_node(ResidualNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
