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

A decision is one call of a safety stage. There is one for each state, as soon as its base action
and command have arrived or are late; one at once if a fault is found while the robot moves; and
one per period without a state. `now` is an Instant, and stamps are by the clock of the messages,
s.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
import math
from typing import Any

import numpy as np
from rpl_ros import data
from rpl_ros.data import Status
from rpl_ros.robot.clocks import Ages, ages, Instant, NOT_RECEIVED
from rpl_ros.robot.counters import Counters
from rpl_ros.robot.safety.modes import Mode, Output
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.tasks.rewards import next_state
from rpl_ros.tasks.specs import TaskSpec

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
class RunStop:
    """The topic that tells whether the run-stop is pressed, '' for none, and its timeout, s."""

    topic: str
    timeout: float


class Adapter(ABC):
    """
    One robot and its episodes.

    `state` is the State that waits for its command, or None. `episode` is the number of the
    running episode, or None. `run_stop` tells whether the run-stop is pressed, None until known.
    `residual_on` tells whether commands are executed; if not, base actions are. `latency` is the
    time from the newest state with a command to this command, s.
    """

    def __init__(self, spec: TaskSpec, residual_on: bool, run_stop: RunStop) -> None:
        """Begin between episodes."""
        self.spec, self.residual_on = spec, residual_on
        self.counters = Counters()
        self.run_stop: bool | None = None
        self._run_stop, self._run_stop_at = run_stop, -math.inf
        self.episode: int | None = None
        self.state: data.State | None = None
        self._before: data.State | None = None
        self._goal = data.NOTHING  # of the episode; empty until its first state
        self._cut = False  # whether the next state is the last one
        self._applied, self.latency = False, 0.0
        self._executed = self._motion = data.NOTHING
        self._base: StampedAction | None = None
        self._command: StampedAction | None = None
        self._since = -math.inf  # when `state` was made, s by the steady clock

    @property
    def run_stop_topic(self) -> str:
        """Return the topic of the run-stop, '' for none."""
        return self._run_stop.topic

    @property
    @abstractmethod
    def stop_messages(self) -> int:
        """Return how often a stop is sent."""

    @abstractmethod
    def tighten(self, changes: dict[str, Any]) -> None:
        """Change limits, {name: value}; SettingsError if one is looser than in the contract."""

    @property
    @abstractmethod
    def period(self) -> float:
        """Return the time of one control step, s."""

    @property
    @abstractmethod
    def mode(self) -> Mode:
        """Return the Mode."""

    @abstractmethod
    def forget(self, since: float) -> None:
        """Forget all measurements, and ignore those with a stamp before `since`, s."""

    @abstractmethod
    def check_clocks(self, now: Instant) -> None:
        """Forget all stamps if the clock of the messages has jumped since the last check."""

    @abstractmethod
    def measured_faults(self, now: Instant) -> dict[Reason, str]:
        """Return {Reason: text} of all in the measurements that forbids motion."""

    @abstractmethod
    def measured(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return observation (O,), achieved goal (G,) and desired goal (G,), without faults."""

    def outcome(self, state: data.State) -> data.State:
        """Return `state` with what the robot itself says about its reward, success and end."""
        return state

    @abstractmethod
    def decide(self, now: Instant, estop: bool = False, reset: bool = False) -> Any:
        """Return what to send to the robot now; it answers the present state."""

    @property
    def at_rest(self) -> bool:
        """Return whether all stops have been sent: the next episode may begin."""
        return self.mode == Mode.SILENT

    def begin(self, episode: int, since: float, goal: np.ndarray | None = None) -> None:
        """
        Begin an episode; ignore measurements with a stamp before `since`, s.

        Without a `goal` (G,), its goal is the measured one.
        """
        self.forget(since)
        self._goal, self._cut = data.NOTHING if goal is None else goal, False
        self.episode, self._before = episode, None
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
        (observation, achieved, goal), before = self.measured(), self._before
        if before is None:
            if not self._goal.size:
                self._goal = goal
            state = data.State(self.episode, 0, observation, achieved, self._goal)
        else:
            state = self.outcome(replace(
                next_state(self.spec, before, observation, achieved, self._executed),
                applied=self._applied, command_age=self.latency if answered else 0.0,
                executed=self._executed, motion=self._motion))
            state = replace(state, truncated=(state.truncated or self._cut)
                            and not state.terminated)
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
        found, topic = self.measured_faults(now), self._run_stop.topic
        silent = now.steady - self._run_stop_at
        if self.run_stop is None and topic:
            found[Reason.RUN_STOP] = f'no message on {topic} yet'
        elif topic and silent > self._run_stop.timeout:
            found[Reason.RUN_STOP_STALE] = (
                f'no message on {topic} for {silent:.2f} s, allowed are '
                f'{self._run_stop.timeout:g} s: stop until one arrives')
        return found

    def due(self, now: Instant) -> bool:
        """Return whether to decide at once; call it often, since it also checks the clocks."""
        self.check_clocks(now)
        if self.mode == Mode.MOVING and (self.run_stop or self.faults(now)):
            return True
        if self.state is None:
            return False
        if now.steady - self._since >= COMMAND_DEADLINE * self.period:
            return True
        command = self._command
        if command is not None and command.status in STOPS:
            return True
        return self._base is not None and (command is not None or not self.residual_on)

    def stop_is_asked(self, faults: dict[Reason, str]) -> bool:
        """Return whether the decision for the present state is a stop although no input fails."""
        command = self._command
        return (self.state is None and not faults
                or command is not None and command.status in STOPS)

    def record(self, output: Output, reasons: Iterable[Reason], action: np.ndarray | None,
               motion: np.ndarray) -> None:
        """
        Keep what the next State says about a decision.

        `action` (A,) was executed within the limits of the residual, or is None; `motion` (A,) is
        what is left of it within the limits of motion. The learner learns from the first: to it,
        the limits of motion are a part of the robot, and those of the residual are not.
        """
        reasons = tuple(reasons)
        self._applied = action is not None
        if action is not None:
            self._executed, self._motion = action, motion
        if self.episode is not None or output != Output.NOTHING:
            self.counters.count_decision(output, reasons)
        self.state = None


def ages_of(now: Instant, action: StampedAction | None) -> Ages:
    """Return the Ages of an action, infinite for None."""
    return ages(now, action.received if action else NOT_RECEIVED)
