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
The newest position and velocity of each needed joint, from joint states that come in parts.

The drivers of a Fetch's arm and gripper publish separately, each in an order of its own and with
more joints than are needed here. Joints are found by name.
"""

from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np
from rpl_ros.robot.history import BASELINE, History
from rpl_ros.robot.safety.inputs import MAX_PLAUSIBLE
from rpl_ros.settings.fields import did_you_mean

Numbers = Sequence[float] | np.ndarray


class JointMessage(NamedTuple):
    """A joint state: rad and rad/s, or m and m/s; its stamp, s. Both lists may be empty."""

    names: Sequence[str]
    positions: Numbers
    velocities: Numbers
    stamp: float


class JointStates:
    """
    The newest position and velocity of the joints `names`.

    `positions` and `velocities` are (n,), rad and rad/s, or m and m/s. They are NaN until they
    are known, and change with each update().
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Begin with unknown positions and velocities."""
        self.names = tuple(names)
        self._index = {name: index for index, name in enumerate(self.names)}
        self.positions, self.velocities = np.full((2, len(self.names)), np.nan)
        self._times = np.full(len(self.names), -np.inf)
        # of joints whose messages have no velocity
        self._history: list[History[float] | None] = [None] * len(self.names)
        self._others: set[str] = set()  # received, but not needed
        self._bare: set[str] = set()  # needed, and received without a position

    def needed(self, names: Sequence[str]) -> list[str]:
        """Return those of `names` that are needed; remember the others for problem()."""
        self._others.update(name for name in names if name not in self._index)
        return [name for name in names if name in self._index]

    def update(self, names: Sequence[str], positions: Numbers, velocities: Numbers,
               time: float) -> None:
        """
        Store the needed joints of a message of `time`, s; a joint known from later is kept.

        Without positions the message has no effect. A velocity that is missing or NaN is computed
        from two positions: see history.py. ValueError, without any effect, if the lengths differ,
        a needed name appears twice, or a number is not plausible.
        """
        needed = self.needed(names)
        if not needed:
            return
        taken = self._checked(names, positions, velocities, needed)
        if not len(positions):
            self._bare.update(needed)
            return
        for name, position, velocity in taken:
            index = self._index[name]
            if time >= self._times[index]:
                self._store(index, position, velocity, time)

    def _checked(self, names: Sequence[str], positions: Numbers, velocities: Numbers,
                 needed: list[str]) -> list[tuple[str, float, float]]:
        """Return (name, position, velocity) of each needed joint; ValueError as update()."""
        if not (len(positions) in (0, len(names)) and len(velocities) in (0, len(names))):
            raise ValueError(f'joint state of {needed[0]} with {len(names)} names, '
                             f'{len(positions)} positions and {len(velocities)} velocities: '
                             'expected one of each per joint, or none')
        if len(set(needed)) < len(needed):
            twice = next(name for name in needed if needed.count(name) > 1)
            raise ValueError(f'joint state names {twice} twice')
        if not len(velocities):
            velocities = [math.nan] * len(names)
        taken = [numbers for numbers in zip(names, positions, velocities)
                 if numbers[0] in self._index]
        for name, position, velocity in taken:
            if not abs(position) < MAX_PLAUSIBLE or not (
                    math.isnan(velocity) or abs(velocity) < MAX_PLAUSIBLE):
                raise ValueError(f'joint state: {name} has position {position} and velocity '
                                 f'{velocity}, expected finite numbers below {MAX_PLAUSIBLE:g}')
        return taken

    def _store(self, index: int, position: float, velocity: float, time: float) -> None:
        if math.isnan(velocity):
            velocity = self._velocity(index, position, time)
        else:
            self._history[index] = None
        self.positions[index], self.velocities[index] = position, velocity
        self._times[index] = time

    def _velocity(self, index: int, position: float, time: float) -> float:
        """Return the velocity of a joint from an earlier position, NaN if there is none."""
        history = self._history[index]
        if history is None:
            history = self._history[index] = History()
            if np.isfinite(self.positions[index]):  # from a message that had a velocity
                history.compare(self._times[index], self.positions[index])
        earlier = history.compare(time, position)
        if earlier is None:
            return self.velocities[index]
        seconds, before = earlier
        return (position - before) / seconds

    def ages(self, now: float) -> np.ndarray:
        """Return the age (n,) of each joint at `now`, s; inf for a joint that is not known."""
        return np.where(np.isnan(self.velocities), np.inf, now - self._times)

    def problem(self, now: float, limit: float) -> str:
        """Return which joint is unknown at `now`, or older than `limit`, s; '' if none is."""
        ages = self.ages(now)
        missing = [name for name, age in zip(self.names, ages) if age == np.inf]
        if missing:
            return self._why_unknown(missing)
        oldest = int(np.argmax(ages))
        if ages[oldest] > limit:
            return (f'the joint state of {self.names[oldest]} is {ages[oldest]:.3f} s old, '
                    f'allowed are {limit:g} s')
        return ''

    def _why_unknown(self, missing: list[str]) -> str:
        """Return why the joints `missing` are not known."""
        half = [name for name in missing if np.isfinite(self.positions[self._index[name]])]
        if half:
            return (f'no velocity of {", ".join(half)} yet: its joint states have none, and two '
                    f'positions {1e3 * BASELINE:g} ms apart have not arrived')
        bare = [name for name in missing if name in self._bare]
        if bare:
            return f'the joint states of {", ".join(bare)} have no positions'
        hints = ''.join(did_you_mean(name, self._others) for name in missing[:1])
        seen = ', '.join(sorted(self._others)) or 'none'
        return f'no joint state of {", ".join(missing)}{hints}; other joints received: {seen}'
