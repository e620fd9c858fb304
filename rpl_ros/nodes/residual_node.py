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

State and base action are paired by (episode, step). New weights are used from the next episode on.
The service ~/use_residual switches the residual off and on. This node runs without torch.
"""

from functools import partial
import time
from typing import Any

import numpy as np
from rclpy.timer import Timer
from rpl_msgs.msg import BaseAction, Command, EpisodeResult, PolicyWeights, State as StateMessage
from rpl_ros.common.files import read_bytes
from rpl_ros.data import State, Status
from rpl_ros.policy.actor import load_actor
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.policy.weights import expected_of, WeightsError
from rpl_ros.ros.convert import command_message, from_wire, read_state
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.ros.running import run_node
from rpl_ros.ros.tally import Tally
from rpl_ros.ros.task_check import require_same_task
from rpl_ros.ros.waiting import announce_when_read
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import ResidualSettings
from rpl_ros.tasks.find import task_spec
from std_msgs.msg import Header
from std_srvs.srv import SetBool

FALLBACKS: dict[int, str] = {
    Status.BAD_RESIDUAL: 'the policy failed, or its residual was not finite: base action sent',
    Status.STOP_BAD_BASE: 'the base action has a wrong length or is not finite: stop sent',
    Status.STOP_NO_BASE: 'no base action arrived in time: stop sent',
    Status.STOP_BAD_STATE: 'the state has a wrong length or is not finite: stop sent',
}

FROM_FILE = 1
"""Version of a policy from a file: commands name it."""


class ResidualNode(ManagedNode):
    """Pairs states with base actions, and publishes the command for each state."""

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('residual_node', ResidualSettings)

    def configure(self) -> None:
        """Begin without a policy: until weights arrive, commands are the base actions."""
        self._spec = task_spec(self.settings.task, self.settings.horizon)
        self._policy = ResidualPolicy(self.settings, self._spec)
        self._expected = expected_of(
            self._spec, residual_scale=self.settings.residual_scale, horizon=self._spec.horizon,
            max_ee_speed=self.settings.max_ee_speed)
        if self.settings.policy:
            self._load(self.settings.policy)
        self._state: State | None = None  # the present state
        self._header = Header()  # of the present state
        self._answer: Command | None = None  # the command for the present state, once it is sent
        self._base: BaseAction | None = None  # the newest base action
        self._tally = Tally(-1, 0.0)  # of the present episode
        self._commands = publisher(self, 'command')
        self._results = publisher(self, 'episode_result')
        subscribe(self, 'policy_weights', self._on_weights)
        subscribe(self, 'base_action', self._on_base_action)
        subscribe(self, 'task', lambda message: require_same_task(self, self._spec, message))
        subscribe(self, 'state', self._on_state)
        self._deadline: Timer | None = None
        if self.settings.base_timeout:
            self._deadline = self.create_steady_timer(
                self.settings.base_timeout, self._on_deadline, autostart=False)
        self.create_service(SetBool, '~/use_residual', self._on_use_residual)
        self._policy.share = self._checked_share(self.get_parameter('residual_share').value)
        self.accept_changes(self._on_parameters)
        announce_when_read(self, self._commands)
        self.get_logger().info('ready; ' + (
            f'uses {self.settings.policy}' if self.settings.policy
            else 'only base actions until weights arrive'))

    def release(self) -> None:
        """Accept no more changes of parameters."""
        self.end_changes()

    def _load(self, path: str) -> None:
        """Use the policy in a file; SettingsError where it cannot be used."""
        try:
            actor = load_actor(read_bytes(path), self._expected)
        except OSError as error:
            raise SettingsError(f'policy {path}: cannot be read: {error.strerror}') from None
        except WeightsError as error:
            raise SettingsError(f'policy {path}: {error}') from None
        self._policy.offer(actor, FROM_FILE, False)

    def _checked_share(self, share: float) -> float:
        """Return residual_share; SettingsError where the policy gives the whole action."""
        if share != 1.0 and self._policy.whole_action:
            raise SettingsError(f'residual_share is {share}, expected 1: this policy gives the '
                                'whole action')
        return share

    def _on_parameters(self, changes: dict[str, Any]) -> None:
        if 'residual_share' in changes:
            self._policy.share = self._checked_share(changes['residual_share'])
            self.get_logger().info(f'residual_share is {self._policy.share} from the next step on')

    def _on_use_residual(self, request: SetBool.Request,
                         response: SetBool.Response) -> SetBool.Response:
        self._policy.use_residual = request.data
        response.success = True
        response.message = ('the residual is used from the next episode on' if request.data else
                            'base actions alone from the next step on')
        self.get_logger().info(response.message)
        return response

    def _on_weights(self, message: PolicyWeights) -> None:
        version, digest = message.version, message.digest
        if self.settings.policy:
            self.warn('file', f'weights version {version} are not used: the parameter policy '
                      f'names {self.settings.policy}')
            return
        try:
            if self._policy.knows(version, digest):
                return  # a latched message that was received again
            actor = load_actor(message.data, self._expected, digest)
            if actor.shape.whole_action and self._policy.share != 1.0:
                raise WeightsError('they give the whole action, which needs residual_share 1'
                                   f', not {self._policy.share}')
        except WeightsError as error:
            self.get_logger().error(f'weights version {version} are not used: {error}')
            return
        if actor.shape.unknown:
            self.warn('unknown', f'weights version {version} do not tell for which '
                      f'{" and ".join(actor.shape.unknown)} they were learned: the value of this '
                      'node is assumed')
        self._policy.offer(actor, version, message.prefer_base, digest)
        self.get_logger().info(f'weights version {version} will be used from the next episode on'
                               f'{" (burn-in or trial)" if message.prefer_base else ""}')

    def _on_state(self, message: StateMessage) -> None:
        state = read_state(message)
        key = (state.episode, state.step)
        newest = None
        if self._state is not None:
            newest = (self._state.episode, self._state.step)
            if key == newest and self._answer is not None:
                self._commands.publish(self._answer)  # the state was sent again: same answer
                return
            if key < newest:
                self.warn('order', f'state {key} arrived after {newest}; ignored')
                return
        if key == newest:
            self._warn_of_wrong_step()
        self._state, self._header, self._answer = state, message.header, None
        if self._tally.episode != state.episode:
            self._tally = Tally(state.episode, time.monotonic())
        if key != newest:  # count a state that is sent again only once
            self._tally.add_state(state)
        if self._deadline and self.active:
            self._deadline.reset()
        self._pair()

    def _on_base_action(self, message: BaseAction) -> None:
        self._base = message
        self._pair()

    def deactivate(self) -> None:
        """Publish nothing more; states are still counted, for the result of the whole episode."""
        if self._deadline:
            self._deadline.cancel()

    def _pair(self) -> None:
        """Send the command if the base action for the present state has arrived."""
        if not self.active or self._answer is not None:
            return
        if self._state is None or self._base is None:
            return
        if (self._base.episode, self._base.step) == (self._state.episode, self._state.step):
            self._send(self._state, from_wire(self._base.action))

    def _warn_of_wrong_step(self) -> None:
        """Warn if the newest base action is not for the present state."""
        if self._base is not None and self._state is not None and self._answer is None:
            found = self._base.episode, self._base.step
            expected = self._state.episode, self._state.step
            self.warn('step', f'the newest base action is for (episode, step) {found}, expected '
                      f'{expected}: it must have the numbers of the state that it answers')

    def _on_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._warn_of_wrong_step()
        if self._state is not None and self._answer is None:
            self._send(self._state, None)

    def _send(self, state: State, base_action: np.ndarray | None) -> None:
        """Compose and publish the command for the present state."""
        command = self._policy.command(state, base_action)
        self._answer = command_message(command, self._header, self.senders.run)
        self._commands.publish(self._answer)
        if self._deadline:
            self._deadline.cancel()
        if command.status in FALLBACKS:
            self._tally.fallbacks += 1
            why = f' ({self._policy.problem})' if command.status == Status.BAD_RESIDUAL else ''
            self.warn(command.status, f'step {state.step} of episode {state.episode}: '
                      f'{FALLBACKS[command.status]}{why}')
        if state.last:
            self._results.publish(EpisodeResult(
                header=self._header, run=self.senders.run, task=self._spec.name,
                mode=self._policy.mode, policy_version=self._policy.version,
                **self._tally.result(time.monotonic())))


main = partial(run_node, ResidualNode)

if __name__ == '__main__':
    raise SystemExit(main())
