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
The newest measurements of any robot: usable messages update them, others become faults.

`now` is an Instant: messages arrive by the steady clock, and a stamp is by the clock of the
messages, s.
"""

from collections.abc import Callable, Iterable, Mapping
import math

import numpy as np
from rpl_ros.robot.clocks import Clocks, Instant, NOT_RECEIVED
from rpl_ros.robot.joints import JointMessage, JointStates
from rpl_ros.robot.own.contract import Channel, Source
from rpl_ros.robot.own.contract_file import MOTION, POSE
from rpl_ros.robot.safety.inputs import MAX_PLAUSIBLE, PoseMessage, usable
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.robot.view import Track
from rpl_ros.tasks.specs import CONTROL_PERIOD

QUATERNION_TOLERANCE = 0.01
"""Largest difference between the length of a quaternion and 1."""


class Input:
    """
    One input: its newest message, and what is wrong with it.

    `received` is when the newest usable message came, and its stamp. `bad` is what is wrong with a
    message that came after it, or ''.
    """

    def __init__(self, source: Source) -> None:
        """Begin without a message."""
        self.source = source
        self.received, self.bad = NOT_RECEIVED, ''
        self.joints = JointStates(source.joints)
        self._arrivals = dict.fromkeys(source.joints, -math.inf)
        self._track, self._steady_from = Track(), -math.inf
        self._numbers = np.full(len(source.channels), np.nan)

    def on_joints(self, message: JointMessage, now: Instant) -> None:
        """Store the joints of a message, which may have some of them; ValueError for a bad one."""
        needed = self.joints.needed(message.names)
        self.joints.update(*message)
        if needed and len(message.positions):
            self._arrivals.update(dict.fromkeys(needed, now.steady))
            self.received = Instant(min(self._arrivals.values()), message.stamp)

    def on_pose(self, message: PoseMessage, now: Instant) -> None:
        """Store a pose, with a quaternion w, x, y, z; ValueError for a bad one."""
        pose = message.pose
        self._require_frame(message.frame)
        length = float(np.linalg.norm(pose[3:]))
        if not usable(pose, 7) or (np.abs(pose[:3]) > MAX_PLAUSIBLE).any() or not abs(
                length - 1.0) <= QUATERNION_TOLERANCE:
            raise ValueError(f'the pose is {pose.tolist()}, expected finite numbers and a '
                             'quaternion of length 1')
        pose = np.concatenate([pose[:3], pose[3:] / length])
        before = self._track.pose
        if before is not None and math.dist(before[:3], pose[:3]) > self.source.jump:
            self._steady_from = now.steady + self.source.settle
        self._track.update(pose, message.stamp)
        self.received = Instant(now.steady, message.stamp)

    def on_numbers(self, values: np.ndarray, stamp: float, now: Instant, frame: str = '') -> None:
        """Store numbers, one for each channel; ValueError for bad ones."""
        self._require_frame(frame)
        if not usable(values, len(self._numbers)) or (np.abs(values) > MAX_PLAUSIBLE).any():
            raise ValueError(f'it has {values.size} values, expected {len(self._numbers)} finite '
                             'numbers')
        self._numbers, self.received = values.copy(), Instant(now.steady, stamp)

    def _require_frame(self, frame: str) -> None:
        if frame != self.source.frame:
            raise ValueError(f'its frame is {frame!r}, expected {self.source.frame!r}')

    def value(self, name: str) -> float:
        """Return the newest number of a channel, NaN if it is unknown."""
        if self.source.joints:
            if name in self.source.joints:
                return float(self.joints.positions[self.source.joints.index(name)])
            place = self.source.joints.index(name.removesuffix('.velocity'))
            return float(self.joints.velocities[place])
        if self.source.channels != POSE + MOTION:
            return float(self._numbers[self.source.channels.index(name)])
        if self._track.pose is None:
            return math.nan
        if name in POSE:
            x, y, z, qw, qx, qy, qz = self._track.pose
            return float((x, y, z, qx, qy, qz, qw)[POSE.index(name)])
        angular, linear = self._track.motion  # in one control step of the Fetch
        return float(np.concatenate([linear, angular])[MOTION.index(name)] / CONTROL_PERIOD)

    def age(self, name: str, now: Instant) -> float:
        """Return the time since a channel was measured, by its stamp, s."""
        if not self.source.joints:
            return now.ros - self.received.ros
        place = self.source.joints.index(name.removesuffix('.velocity'))
        return float(self.joints.ages(now.ros)[place])

    def fault(self, now: Instant) -> tuple[Reason, str] | None:
        """Return why the input cannot be used now, or None."""
        source, limit = self.source, self.source.max_age
        if self.bad:
            return Reason.INPUT_BAD, self.bad
        if self.received is NOT_RECEIVED or source.joints and not np.isfinite(
                self.joints.ages(0.0)).all():
            why = self.joints.problem(now.ros, limit) if source.joints else (
                f'no message on {source.topic}' if source.topic else
                f'no transform from {source.frame} to {source.child}')
            return Reason.INPUT_MISSING, why
        arrival = now.steady - self.received.steady
        if not 0.0 <= arrival <= limit:
            return Reason.INPUT_STALE, (f'no message for {arrival:.3f} s, allowed are '
                                        f'{limit:g} s')
        age = now.ros - self.received.ros
        if source.joints:
            age = float(self.joints.ages(now.ros).max())
        if not abs(age) <= limit:
            return Reason.INPUT_OLD, f'its stamp is {age:.3f} s old, allowed are {limit:g} s'
        if now.steady < self._steady_from:
            return Reason.INPUT_JUMP, f'the pose jumped by more than {source.jump:g} m'
        return None


class Measurements:
    """The inputs of a robot, by name."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        """Begin without a message."""
        self._sources, self._clocks = sources, Clocks()
        self.forget(-math.inf)

    def forget(self, since: float, jump: float = 0.0) -> None:
        """
        Forget all measurements, and ignore messages with a stamp before `since`, s.

        `jump`, s, is how far the clock of the messages jumped, if that is the reason.
        """
        self._since, self._jump = since, jump
        self.inputs = {name: Input(source) for name, source in self._sources.items()}

    def check_clocks(self, now: Instant) -> None:
        """Forget all if the clock of the messages has jumped since the last check."""
        jump = self._clocks.jump(now)
        if jump:  # the stamps before the jump would hide, or be older than, all that follow
            self.forget(now.ros, jump)

    def take(self, name: str, stamp: float, now: Instant,
             store: Callable[[Input], None]) -> str:
        """
        Process a message of the input `name`; return what is wrong with it, or ''.

        `store` puts it into the Input, or raises ValueError.
        """
        self.check_clocks(now)
        own = self.inputs[name]
        wrong = self._clocks.check_stamp(name, 'its message', stamp, now, own.source.max_age)
        if stamp < self._since and not wrong:
            return ''  # of the time before the episode
        try:
            if wrong:  # stored, it would hide all that follow
                raise ValueError(wrong)
            store(own)
        except ValueError as error:
            own.bad = str(error)
            return f'input {name}: {error}'
        own.bad = ''
        return ''

    def faults(self, now: Instant) -> dict[Reason, str]:
        """Return {Reason: text} of all that forbids motion."""
        self.check_clocks(now)
        found: dict[Reason, str] = {}
        for name, one in self.inputs.items():
            fault = one.fault(now)
            if fault:
                reason, text = fault
                text = f'input {name}: {text}'
                found[reason] = f'{found[reason]}; {text}' if reason in found else text
        if self._jump and Reason.INPUT_MISSING in found:
            found[Reason.CLOCK_JUMPED] = (
                f'the clock of the messages jumped by {self._jump:+.3f} s: stop until all inputs '
                'have arrived with the new time')
        return found

    def value(self, channel: Channel) -> float:
        """Return the newest number of a channel, NaN if it is unknown."""
        return self.inputs[channel.source].value(channel.name)

    def values(self, channels: Iterable[Channel]) -> np.ndarray:
        """Return the newest numbers (n,) of channels, NaN where they are unknown."""
        return np.array([self.value(one) for one in channels])

    def age(self, channel: Channel | None, now: Instant) -> float:
        """Return the time since a channel was measured, by its stamp, s; 0 for None."""
        return 0.0 if channel is None else self.inputs[channel.source].age(channel.name, now)
