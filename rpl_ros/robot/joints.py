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
Joint states that come in parts: the newest numbers of each needed joint, and their age.

A Fetch's arm driver and gripper driver publish separately, in an order of their own and with
joints that nobody here asks for. Everything goes by name.
"""

import math

import numpy as np

from rpl_ros.config import did_you_mean
from rpl_ros.robot.past import BASELINE, Past

ARM = tuple(f'{name}_joint' for name in (
    'shoulder_pan', 'shoulder_lift', 'upperarm_roll', 'elbow_flex', 'forearm_roll', 'wrist_flex',
    'wrist_roll'))
"""The arm's joints from the torso outwards, as a Fetch's driver calls them."""
FINGERS = ('r_gripper_finger_joint', 'l_gripper_finger_joint')
"""The fingers' joints in the order of the observation: right, left."""
TORSO = 'torso_lift_joint'
MOST = 1e6  # rad or m, and the same per s: larger numbers are no measurement


class JointStates:
    """
    The newest position and velocity of the joints `names`.

    `positions` and `velocities` are (n,), rad and rad/s, or m and m/s, NaN until they are known;
    views that update() changes.
    """

    def __init__(self, names):
        """Take the names of the needed joints."""
        self.names = tuple(names)
        self._place = {name: index for index, name in enumerate(self.names)}
        self.positions, self.velocities = np.full((2, len(self.names)), np.nan)
        self._times = np.full(len(self.names), -np.inf)
        self._past = [None] * len(self.names)  # of joints that come without a velocity
        self._others = set()  # seen, but not asked for
        self._bare = set()  # needed, and seen without a position

    def needed(self, names):
        """Return those of `names` that are needed; the others are remembered for problem()."""
        self._others.update(name for name in names if name not in self._place)
        return [name for name in names if name in self._place]

    def update(self, names, positions, velocities, time):
        """
        Take a message of `time`, s; a joint that is known from a later time is left as it is.

        `positions` and `velocities` may be empty, as in every JointState. Without positions
        nothing is taken. A velocity that is missing or NaN is worked out from two positions: see
        past.py. Only needed joints count. ValueError, and nothing is taken, where the lengths
        differ, a name comes twice or a number is no measurement.
        """
        needed = self.needed(names)
        if not needed:
            return
        taken = self._checked(names, positions, velocities, needed)
        if not len(positions):
            self._bare.update(needed)
            return
        for name, position, velocity in taken:
            place = self._place[name]
            if time >= self._times[place]:
                self._take(place, position, velocity, time)

    def _checked(self, names, positions, velocities, needed):
        """Return (name, position, velocity) of each needed joint; ValueError as update()."""
        if not (len(positions) in (0, len(names)) and len(velocities) in (0, len(names))):
            raise ValueError(f'joint state of {needed[0]} with {len(names)} names, '
                             f'{len(positions)} positions and {len(velocities)} velocities: '
                             'expected one of each for a joint, or none')
        if len(set(needed)) < len(needed):
            twice = next(name for name in needed if needed.count(name) > 1)
            raise ValueError(f'joint state names {twice} twice')
        if not len(velocities):
            velocities = [np.nan] * len(names)
        taken = [numbers for numbers in zip(names, positions, velocities)
                 if numbers[0] in self._place]
        for name, position, velocity in taken:
            if not abs(position) < MOST or not (math.isnan(velocity) or abs(velocity) < MOST):
                raise ValueError(f'joint state: {name} has position {position} and velocity '
                                 f'{velocity}, expected finite numbers below {MOST:g}')
        return taken

    def _take(self, place, position, velocity, time):
        """Take the numbers of a joint."""
        if math.isnan(velocity):
            velocity = self._worked_out(place, position, time)
        else:
            self._past[place] = None
        self.positions[place], self.velocities[place] = position, velocity
        self._times[place] = time

    def _worked_out(self, place, position, time):
        """Return the velocity of a joint by an earlier position, or NaN where there is none."""
        past = self._past[place]
        if past is None:  # a joint that had velocities until now has a position to begin with
            past = self._past[place] = Past()
            if np.isfinite(self.positions[place]):
                past.compare(self._times[place], self.positions[place])
        earlier = past.compare(time, position)
        if earlier is None:
            return self.velocities[place]
        seconds, before = earlier
        return (position - before) / seconds

    def ages(self, now):
        """Return how old each joint's numbers are at `now`, s; inf for one not known yet."""
        return np.where(np.isnan(self.velocities), np.inf, now - self._times)

    def problem(self, now, limit):
        """
        Return why the joints cannot be used at `now`, or an empty text.

        `limit` is the age, s, beyond which numbers are too old.
        """
        ages = self.ages(now)
        missing = [name for name, age in zip(self.names, ages) if age == np.inf]
        if missing:
            return self._why_unknown(missing)
        oldest = int(np.argmax(ages))
        if ages[oldest] > limit:
            return (f'the joint state of {self.names[oldest]} is {ages[oldest]:.3f} s old, '
                    f'allowed are {limit:g} s')
        return ''

    def _why_unknown(self, missing):
        """Return why the joints `missing` are not known."""
        half = [name for name in missing if np.isfinite(self.positions[self._place[name]])]
        if half:
            return (f'no velocity of {", ".join(half)} yet: its joint states have none, and two '
                    f'positions {1e3 * BASELINE:g} ms apart have not come')
        bare = [name for name in missing if name in self._bare]
        if bare:
            return f'the joint states of {", ".join(bare)} have no positions'
        hints = ''.join(did_you_mean(name, self._others) for name in missing[:1])
        seen = ', '.join(sorted(self._others)) or 'none'
        return f'no joint state of {", ".join(missing)}{hints}; other joints seen: {seen}'
