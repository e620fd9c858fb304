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

"""The adapter of a Fetch: the observation of its tasks, and twists of its wrist."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rpl_ros.robot.adapter import Adapter, ages_of, RunStop
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.contract import tightened
from rpl_ros.robot.kinematics import Grip, Kinematics
from rpl_ros.robot.robot_inputs import RobotInputs
from rpl_ros.robot.safety.limits import limits_of
from rpl_ros.robot.safety.modes import Mode, Output
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.robot.safety.stage import at_rest, safe_twist, Verdict
from rpl_ros.robot.twist import gripper_opening, twist_at_wrist
from rpl_ros.settings.robot import AdapterRunSettings
from rpl_ros.tasks.find import task_spec


@dataclass(frozen=True)
class RobotCommand:
    """
    What to send to the robot: a twist (6,) in its root frame, a stop, or nothing.

    `opening`, m, is the opening of the gripper if it has changed, or None. `texts` is {Reason:
    text} where there is a more detailed text than that of the Reason.
    """

    output: Output
    twist: np.ndarray | None
    opening: float | None
    reasons: tuple[Reason, ...]
    texts: dict[Reason, str]


class FetchAdapter(Adapter):
    """One Fetch and its episodes; `inputs` are its measurements."""

    def __init__(self, settings: AdapterRunSettings, kinematics: Kinematics | None) -> None:
        """Begin between episodes, with checked settings; see RobotInputs, also for ValueError."""
        super().__init__(task_spec(settings.task, settings.horizon), settings.residual,
                         RunStop(settings.run_stop_topic, settings.run_stop_timeout))
        self._contract = self.settings = settings
        self.limits = limits_of(settings)
        self.inputs = RobotInputs(settings, kinematics)
        self._memory = at_rest(self.limits)
        self._opening: float | None = None

    @property
    def stop_messages(self) -> int:
        """Return how often a stop is sent."""
        return self.settings.stop_messages

    @property
    def period(self) -> float:
        """Return the time of one control step, s."""
        return self.limits.period

    @property
    def mode(self) -> Mode:
        """Return the Mode."""
        return self._memory.machine.mode

    def tighten(self, changes: dict[str, Any]) -> None:
        """Change limits, {name: value}; SettingsError if one is looser than in the contract."""
        self.settings = tightened(self._contract, self.settings, changes)
        self.limits = limits_of(self.settings, self._contract)
        self._run_stop = replace(self._run_stop, timeout=self.settings.run_stop_timeout)

    def begin(self, episode: int, since: float, goal: np.ndarray | None = None) -> None:
        """Begin an episode: see Adapter. The goal is (3,), m, in the world."""
        super().begin(episode, since, goal)
        self._opening = None

    def forget(self, since: float) -> None:
        """Forget all measurements, and ignore those with a stamp before `since`, s."""
        self.inputs.forget(since)

    def check_clocks(self, now: Instant) -> None:
        """Forget all stamps if the clock of the messages has jumped since the last check."""
        self.inputs.check_clocks(now)

    def measured_faults(self, now: Instant) -> dict[Reason, str]:
        """Return {Reason: text} of all in the measurements that forbids motion."""
        return self.inputs.faults(now, self.limits)

    def measured(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return observation (O,), achieved goal (3,) and desired goal (3,), m."""
        view = self.inputs.view
        # A goal from outside needs no measured one.
        goal = self._goal if self._goal.size else view.position('goal')
        return view.observation(), view.position('object'), goal

    def decide(self, now: Instant, estop: bool = False, reset: bool = False) -> RobotCommand:
        """Return the RobotCommand for now; it answers the present state."""
        faults = self.faults(now) if self.playing else {}
        # With a fault, the grip may be unknown. It is not needed: the decision is a stop.
        grip = self.inputs.view.grip() if self.playing and not faults else None
        base, command = self._base, self._command
        verdict, self._memory = safe_twist(replace(
            self.inputs.measured(now, grip, self.settings),
            base_action=base.action if base else None, sent=command.action if command else None,
            base_ages=ages_of(now, base), command_ages=ages_of(now, command),
            faults=tuple(faults), residual_on=self.residual_on, stop=self.stop_is_asked(faults),
            run_stop=bool(self.run_stop), estop=estop, reset=reset), self._memory, self.limits)
        reasons = tuple(dict.fromkeys(verdict.reasons))  # each Reason once, in order
        if Reason.TOO_SOON not in reasons:
            self._record(verdict, reasons)
        return RobotCommand(verdict.output, self._wrist_twist(verdict, grip),
                            self._new_opening(verdict), reasons, faults)

    def _record(self, verdict: Verdict, reasons: tuple[Reason, ...]) -> None:
        action, motion = verdict.action, np.zeros(0)
        if action is not None and verdict.twist is not None:
            motion = np.append(verdict.twist[:3] / self.settings.max_ee_speed, action[3])
        self.record(verdict.output, reasons, action, motion)

    def _new_opening(self, verdict: Verdict) -> float | None:
        """Return the opening of the gripper, m, if it changes, or None."""
        if verdict.action is None:
            return None
        before = self._opening
        self._opening = gripper_opening(verdict.action, before, self.settings.gripper_width)
        return None if self._opening == before else self._opening

    def _wrist_twist(self, verdict: Verdict, grip: Grip | None) -> np.ndarray | None:
        """Return the twist (6,) of the wrist, in the root frame, for the twist of a Grip."""
        if verdict.twist is None or grip is None:
            return None
        return self.inputs.in_root(
            twist_at_wrist(verdict.twist[:3], verdict.twist[3:], grip.from_wrist))
