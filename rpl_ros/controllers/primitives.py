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
Movements of the Fetch's gripper that several controllers use.

Actions are (4,), not clipped: see docs/observations.md. Positions are in the frame world, m.
"""

import numpy as np

GAIN = 10.0  # action per metre: half of the distance in each control step
NEAR_SQUARED = 1e-3  # m^2, (3.2 cm)^2
OPEN, HOLD, CLOSE = 1.0, 0.0, -1.0  # of the fingers
OPENED = 0.05  # m, opening of a finger that is open


def is_near(one: np.ndarray, other: np.ndarray, squared: float = NEAR_SQUARED) -> bool:
    """Return whether the squared distance of two points is below `squared`, m^2."""
    return bool(np.sum((one - other) ** 2) < squared)


def is_open(finger: float) -> bool:
    """Return whether a finger at `finger`, m, is open."""
    return abs(finger - OPENED) <= 1e-3


def move_towards(grip: np.ndarray, target: np.ndarray, finger: float,
                 gain: float = GAIN) -> np.ndarray:
    """Return the action that moves the gripper from `grip` towards `target`."""
    return np.append(gain * (target - grip), finger)


def stay(finger: float) -> np.ndarray:
    """Return the action that only moves the fingers: OPEN, HOLD or CLOSE."""
    return np.array([0.0, 0.0, 0.0, finger])
