# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Joint states that come in parts: the newest numbers of each needed joint, and their age.

A Fetch's arm driver and gripper driver publish separately, in an order of their own and with
joints that nobody here asks for. Everything goes by name.
"""

import numpy as np

from rpl_ros.config import did_you_mean

ARM = tuple(f'{name}_joint' for name in (
    'shoulder_pan', 'shoulder_lift', 'upperarm_roll', 'elbow_flex', 'forearm_roll', 'wrist_flex',
    'wrist_roll'))
"""The arm's joints from the torso outwards, as a Fetch's driver calls them."""
FINGERS = ('r_gripper_finger_joint', 'l_gripper_finger_joint')
"""The fingers' joints in the order of the observation: right, left."""
TORSO = 'torso_lift_joint'


class JointStates:
    """The newest position and velocity of the joints `names`.

    `positions` and `velocities` are (n,), rad and rad/s, or m and m/s, NaN until they are known;
    views that update() changes.
    """

    def __init__(self, names):
        """Take the names of the needed joints."""
        self.names = tuple(names)
        self._place = {name: index for index, name in enumerate(self.names)}
        self.positions, self.velocities = np.full((2, len(self.names)), np.nan)
        self._times = np.full(len(self.names), -np.inf)
        self._others = set()  # seen, but not asked for

    def update(self, names, positions, velocities, time):
        """Take a message of `time`, s; a joint that is known from a later time is left as it is.

        ValueError, and nothing is taken, where the lengths differ, a name comes twice or a needed
        joint's number is not finite.
        """
        if not len(names) == len(positions) == len(velocities):
            raise ValueError(f'joint state with {len(names)} names, {len(positions)} positions '
                             f'and {len(velocities)} velocities: expected one of each for a joint')
        if len(set(names)) < len(names):
            twice = next(name for name in names if list(names).count(name) > 1)
            raise ValueError(f'joint state names {twice} twice')
        taken = []
        for name, position, velocity in zip(names, positions, velocities):
            place = self._place.get(name)
            if place is None:
                self._others.add(name)
            elif not np.isfinite(position + velocity):
                raise ValueError(f'joint state: {name} has position {position} and velocity '
                                 f'{velocity}, expected finite numbers')
            elif time >= self._times[place]:
                taken.append((place, position, velocity))
        for place, position, velocity in taken:
            self.positions[place], self.velocities[place] = position, velocity
            self._times[place] = time

    def ages(self, now):
        """Return how old each joint's numbers are at `now`, s; inf for one never seen."""
        return now - self._times

    def problem(self, now, limit):
        """Return why the joints cannot be used at `now`, or an empty text.

        `limit` is the age, s, beyond which numbers are too old.
        """
        ages = self.ages(now)
        missing = [name for name, age in zip(self.names, ages) if age == np.inf]
        if missing:
            hints = ''.join(did_you_mean(name, self._others) for name in missing[:1])
            seen = ', '.join(sorted(self._others)) or 'none'
            return (f'no joint state of {", ".join(missing)}{hints}; other joints seen: {seen}')
        oldest = int(np.argmax(ages))
        if ages[oldest] > limit:
            return (f'the joint state of {self.names[oldest]} is {ages[oldest]:.3f} s old, '
                    f'allowed are {limit:g} s')
        return ''
