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
The adapter between graph and robot, without ROS: episodes, pairing of messages, decisions.

A decision is one call of safe_twist(). There is one for each state, as soon as its base action
and command have arrived or are late; one at once if a fault is found while the arm moves; and one
per period without a state. `now` is an Instant, and stamps are by the clock of the messages, s.
"""

from dataclasses import dataclass, replace
import math
from typing import Any

import numpy as np
from rpl_ros import data
from rpl_ros.data import Status
from rpl_ros.robot.clocks import Ages, ages, Instant, NOT_RECEIVED
from rpl_ros.robot.contract import tightened
from rpl_ros.robot.counters import Counters
from rpl_ros.robot.kinematics import Grip, Kinematics
from rpl_ros.robot.robot_inputs import RobotInputs
from rpl_ros.robot.safety.limits import limits_of
from rpl_ros.robot.safety.modes import Mode, Output
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.robot.safety.stage import at_rest, safe_twist, Verdict
from rpl_ros.robot.twist import gripper_opening, twist_at_wrist
from rpl_ros.settings.robot import AdapterRunSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.rewards import next_state

COMMAND_DEADLINE = 0.75
"""Share of a period after which a command is treated as missing."""
STOPS = (Status.STOP_BAD_BASE, Status.STOP_NO_BASE, Status.STOP_BAD_STATE)


@dataclass(frozen=True)
class StampedAction:
    """An action (A,) for the present state: its arrival and stamp, and a command's status."""

    action: np.ndarray
    received: Instant
    status: int = Status.RESIDUAL


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


class Adapter:
    """
    One robot and its episodes.

    `state` is the State that waits for its command, or None. `episode` is the number of the
    running episode, or None. `run_stop` tells whether the run-stop is pressed, None until known.
    `residual_on` tells whether commands are executed; if not, base actions are. `latency` is the
    time from the newest state with a command to this command, s.
    """

    def __init__(self, settings: AdapterRunSettings, kinematics: Kinematics | None) -> None:
        """Begin between episodes, with checked settings; see RobotInputs, also for ValueError."""
        self._contract = self.settings = settings
        self.limits = limits_of(settings)
        self.spec = task_spec(settings.task, settings.horizon)
        self.inputs = RobotInputs(settings, kinematics)
        self.counters = Counters()
        self.run_stop: bool | None = None
        self._run_stop_at = -math.inf
        self.residual_on = settings.residual
        self.episode: int | None = None
        self.state: data.State | None = None
        self._memory = at_rest(self.limits)
        self._before: data.State | None = None
        self._opening: float | None = None
        self._goal = data.NOTHING  # of the episode; empty until its first state
        self._cut = False  # whether the next state is the last one
        self._applied, self.latency = False, 0.0
        self._executed = self._motion = data.NOTHING
        self._base: StampedAction | None = None
        self._command: StampedAction | None = None
        self._since = -math.inf  # when `state` was made, s by the steady clock

    @property
    def mode(self) -> Mode:
        """Return the Mode."""
        return self._memory.machine.mode

    @property
    def at_rest(self) -> bool:
        """Return whether all stops have been sent: the next episode may begin."""
        return self.mode == Mode.SILENT

    def tighten(self, changes: dict[str, Any]) -> None:
        """Change limits, {name: value}; SettingsError if one is looser than in the contract."""
        self.settings = tightened(self._contract, self.settings, changes)
        self.limits = limits_of(self.settings, self._contract)

    def begin(self, episode: int, since: float, goal: np.ndarray | None = None) -> None:
        """
        Begin an episode; ignore measurements with a stamp before `since`, s.

        Without a `goal` (3,), m, in the world, its goal is the measured one.
        """
        self.inputs.forget(since)
        self._goal, self._cut = data.NOTHING if goal is None else goal, False
        self.episode, self._before, self._opening = episode, None, None
        self._applied, self.latency = False, 0.0

    def end(self) -> None:
        """End the episode before its last state: the next decision is a stop."""
        self.episode = self.state = self._before = None

    def cut(self) -> None:
        """Stop the arm: the next decision is a stop, and the next state the episode's last."""
        self.state, self._cut = None, True

    @property
    def cutting(self) -> bool:
        """Return whether cut() waits for the last state."""
        return self._cut and self.episode is not None

    @property
    def playing(self) -> bool:
        """Return whether the episode has had its first state: from then on, gaps are faults."""
        return self._before is not None

    def next_state(self, now: Instant) -> data.State | None:
        """
        Return the next State of the episode, or None if an input that it needs is missing.

        After the `last` one the episode is over.
        """
        answered = self._command is not None
        self.state = self._base = self._command = None
        if self.episode is None or self.faults(now):
            return None
        view, before = self.inputs.view, self._before
        achieved = view.position('object')
        if before is None:
            if not self._goal.size:
                self._goal = view.position('goal')
            state = data.State(self.episode, 0, view.observation(), achieved, self._goal)
        else:
            state = replace(
                next_state(self.spec, before, view.observation(), achieved, self._executed),
                applied=self._applied, command_age=self.latency if answered else 0.0,
                executed=self._executed, motion=self._motion)
            state = replace(state, truncated=state.truncated or self._cut)
        self._before, self._applied, self._since = state, False, now.steady
        self._executed = self._motion = data.NOTHING
        if state.last:
            self.episode = self._before = None
        else:
            self.state = state
        return state

    def on_base_action(self, episode: int, step: int, action: np.ndarray,
                       received: Instant) -> None:
        """Store a base action; ignore one for another state."""
        if self._is_for_present_state(episode, step):
            self._base = StampedAction(action, received)

    def on_command(self, episode: int, step: int, sent: np.ndarray, status: int,
                   received: Instant) -> None:
        """Store a command; ignore one for another state."""
        if self._is_for_present_state(episode, step):
            self._command = StampedAction(sent, received, status)
            self.latency = received.steady - self._since

    def on_run_stop(self, pressed: bool, now: float) -> None:
        """Store whether the run-stop is pressed; `now` is by the steady clock, s."""
        self.run_stop, self._run_stop_at = pressed, now

    def _is_for_present_state(self, episode: int, step: int) -> bool:
        return self.state is not None and (episode, step) == (self.state.episode, self.state.step)

    def faults(self, now: Instant) -> dict[Reason, str]:
        """Return {Reason: text} of all that forbids motion now, except for what commands say."""
        found, settings = self.inputs.faults(now, self.limits), self.settings
        silent = now.steady - self._run_stop_at
        if self.run_stop is None and settings.run_stop_topic:
            found[Reason.RUN_STOP] = f'no message on {settings.run_stop_topic} yet'
        elif settings.run_stop_topic and silent > settings.run_stop_timeout:
            found[Reason.RUN_STOP_STALE] = (
                f'no message on {settings.run_stop_topic} for {silent:.2f} s, allowed are '
                f'{settings.run_stop_timeout:g} s: stop until one arrives')
        return found

    def due(self, now: Instant) -> bool:
        """Return whether to decide at once; call it often, since it also checks the clocks."""
        self.inputs.check_clocks(now)
        if self.mode == Mode.MOVING and (self.run_stop or self.faults(now)):
            return True
        if self.state is None:
            return False
        if now.steady - self._since >= COMMAND_DEADLINE * self.limits.period:
            return True
        command = self._command
        if command is not None and command.status in STOPS:
            return True
        return self._base is not None and (command is not None or not self.residual_on)

    def decide(self, now: Instant, estop: bool = False, reset: bool = False) -> RobotCommand:
        """Return the RobotCommand for now; it answers the present state."""
        faults = self.faults(now) if self.playing else {}
        # With a fault, the grip may be unknown. It is not needed: the decision is a stop.
        grip = self.inputs.view.grip() if self.playing and not faults else None
        base, command = self._base, self._command
        verdict, self._memory = safe_twist(replace(
            self.inputs.measured(now, grip, self.settings),
            base_action=base.action if base else None, sent=command.action if command else None,
            base_ages=_ages(now, base), command_ages=_ages(now, command),
            faults=tuple(faults), residual_on=self.residual_on,
            stop=(self.state is None and not faults
                  or command is not None and command.status in STOPS),
            run_stop=bool(self.run_stop), estop=estop, reset=reset), self._memory, self.limits)
        reasons = tuple(dict.fromkeys(verdict.reasons))  # each Reason once, in order
        if Reason.TOO_SOON not in reasons:
            self._record(verdict, reasons)
        return RobotCommand(verdict.output, self._wrist_twist(verdict, grip),
                            self._new_opening(verdict), reasons, faults)

    def _record(self, verdict: Verdict, reasons: tuple[Reason, ...]) -> None:
        """Keep what the next State says about a decision."""
        # The learner learns from the action that was executed: to it, the limits of motion are a
        # part of the robot, and those of the residual are not.
        self._applied = verdict.action is not None
        if verdict.action is not None and verdict.twist is not None:
            self._executed = verdict.action
            self._motion = np.append(verdict.twist[:3] / self.settings.max_ee_speed,
                                     verdict.action[3])
        if self.episode is not None or verdict.output != Output.NOTHING:
            self.counters.count_decision(verdict.output, reasons)
        self.state = None

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


def _ages(now: Instant, action: StampedAction | None) -> Ages:
    return ages(now, action.received if action else NOT_RECEIVED)
