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

"""The adapter of any robot: what its contract says is measured and sent."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rpl_ros import data
from rpl_ros.robot.adapter import Adapter, ages_of, RunStop
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.own import stage
from rpl_ros.robot.own.contract import RobotContract, Sink, velocities
from rpl_ros.robot.own.measurements import Measurements
from rpl_ros.robot.safety.inputs import ActionRules, choose_action
from rpl_ros.robot.safety.modes import Mode, Output
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.robot import RobotAdapterSettings
from rpl_ros.tasks.specs import TaskSpec


@dataclass(frozen=True)
class OwnCommand:
    """
    What to send to the robot: `numbers` (A,) for its outputs, a stop, or nothing.

    `texts` is {Reason: text} where there is a more detailed text than that of the Reason.
    """

    output: Output
    numbers: np.ndarray | None
    reasons: tuple[Reason, ...]
    texts: dict[Reason, str]


class OwnAdapter(Adapter):
    """One robot and its episodes; `measurements` are its inputs."""

    def __init__(self, settings: RobotAdapterSettings, contract: RobotContract,
                 spec: TaskSpec) -> None:
        """Begin between episodes."""
        super().__init__(spec, settings.residual,
                         RunStop(contract.run_stop_topic, contract.run_stop_timeout))
        self.contract, self._most, self._residual = (
            contract, settings.max_residual, settings.max_residual)
        names = [one.name for one in spec.action]
        velocity = velocities(contract.sinks)
        self._place = {name: place for place, name in enumerate(names)}
        self._limits = stage.limits_of(contract.limits, [velocity[name] for name in names],
                                       spec.control_period)
        self._memory = stage.Memory()
        self._reported: bool | None = None  # success or failure, as a person says
        self.measurements = Measurements(contract.sources)

    @property
    def stop_messages(self) -> int:
        """Return how often a stop is sent."""
        return self.contract.stop_messages

    @property
    def period(self) -> float:
        """Return the time of one control step, s."""
        return self.spec.control_period

    @property
    def mode(self) -> Mode:
        """Return the Mode."""
        return self._memory.machine.mode

    def tighten(self, changes: dict[str, Any]) -> None:
        """Change max_residual; SettingsError for another setting or a looser limit."""
        for name, value in changes.items():
            if name != 'max_residual':
                raise SettingsError(f'{name} is no limit that can change while the robot runs')
            if not 0.0 <= value <= self._most:
                raise SettingsError(f'max_residual {value} is looser than at the start, '
                                    f'{self._most}: limits can only be tightened')
            self._residual = value

    def begin(self, episode: int, since: float, goal: np.ndarray | None = None) -> None:
        """Begin an episode: see Adapter."""
        super().begin(episode, since, goal)
        self._reported = None

    def forget(self, since: float) -> None:
        """Forget all measurements, and ignore those with a stamp before `since`, s."""
        self.measurements.forget(since)

    def check_clocks(self, now: Instant) -> None:
        """Forget all measurements if the clock of the messages has jumped."""
        self.measurements.check_clocks(now)

    def measured_faults(self, now: Instant) -> dict[Reason, str]:
        """Return {Reason: text} of all in the measurements that forbids motion."""
        return self.measurements.faults(now)

    def measured(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return observation (O,), achieved goal (G,) and desired goal (G,)."""
        observation, achieved, desired = (self.measurements.values(channels) for channels in (
            self.contract.observation, self.contract.achieved_goal, self.contract.desired_goal))
        return observation, achieved, desired

    def report(self, success: bool) -> None:
        """Let the next state be the last one of the episode, a success or a failure."""
        self._reported = success

    def outcome(self, state: data.State) -> data.State:
        """Return `state` with the reward, success and end that the robot or a person tells."""
        contract, ended = self.contract, state.terminated
        success, reward = state.success, state.reward
        if contract.success:
            success = ended = self.measurements.value(contract.success) > 0.5
        if contract.by_person:
            success, ended = bool(self._reported), self._reported is not None
        if contract.reward:
            reward = self.measurements.value(contract.reward)
        elif self.spec.recorded_reward:
            reward = float(success)
        return replace(state, success=success, reward=reward, terminated=ended)

    def decide(self, now: Instant, estop: bool = False, reset: bool = False) -> OwnCommand:
        """Return the OwnCommand for now; it answers the present state."""
        faults = self.faults(now) if self.playing else {}
        base, command, reasons = self._base, self._command, list(faults)
        action = None
        if self.stop_is_asked(faults):
            reasons.append(Reason.STOP_ASKED)
        elif not faults:
            action, found = choose_action(
                base.action if base else None, command.action if command else None,
                ages_of(now, base), ages_of(now, command), self.residual_on, ActionRules(
                    np.full(self.spec.action_size, self._residual),
                    self.contract.base_action_timeout, self.contract.command_timeout))
            reasons += found
        decision, self._memory = stage.decide(
            action, reasons, *self._moved(now), now.steady, self._memory, self._limits,
            self.stop_messages, self.contract.robot_timeout,
            stage.Person(bool(self.run_stop), estop, reset))
        reasons = [*dict.fromkeys(decision.reasons)]  # each Reason once, in order
        if Reason.TOO_SOON not in reasons:
            numbers, limits = decision.numbers, self._limits
            motion = np.zeros(0) if numbers is None else (
                2 * (numbers - limits.low) / (limits.high - limits.low) - 1)
            self.record(decision.output, reasons, None if numbers is None else action, motion)
        return OwnCommand(decision.output, decision.numbers, tuple(reasons), faults)

    def _moved(self, now: Instant) -> tuple[np.ndarray, np.ndarray]:
        """Return what each element of the action moves (A,), NaN if unknown, and its age, s."""
        channels = [one.moves for one in self.contract.limits]
        return (np.array([np.nan if one is None else self.measurements.value(one)
                          for one in channels]),
                np.array([self.measurements.age(one, now) for one in channels]))

    def message_of(self, sink: Sink, numbers: np.ndarray) -> list[float]:
        """Return the numbers of the message of an output, for the numbers (A,) of all."""
        return [float(numbers[self._place[name]]) if name else 0.0 for name in sink.elements]

    def stop_of(self, sink: Sink, now: Instant) -> list[float] | None:
        """
        Return the numbers of the message that stops an output: zero velocities, or where it is.

        None if a position is not known, or only from long ago, when the robot may have been
        elsewhere: then the last message holds it.
        """
        if sink.velocity:
            return [0.0] * len(sink.elements)
        channels = [self.contract.limits[self._place[name]].moves for name in sink.elements]
        found = self.measurements.values(one for one in channels if one)
        recent = all(self.measurements.age(one, now) <= self.contract.sources[one.source].max_age
                     for one in channels if one)
        return found.tolist() if recent and np.isfinite(found).all() else None
