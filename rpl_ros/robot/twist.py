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
From an action to the twist and the gripper opening that a Fetch takes as commands.

Vectors are along the axes of a frame that does not turn with the gripper, root or world: m/s and
rad/s. Quaternions are w, x, y, z.
"""

from typing import TypeVar

import mujoco
import numpy as np

OPEN_ABOVE, CLOSE_BELOW = 0.5, -0.5  # of action element 3; between, nothing changes
Opening = TypeVar('Opening')


def grip_velocity(action: np.ndarray, max_ee_speed: float) -> np.ndarray:
    """
    Return the velocity (3,), m/s, of the grip for `action` (4,), clipped to [-1, 1].

    An element of 1 is a velocity of `max_ee_speed`, m/s, as in the simulation.
    """
    return max_ee_speed * np.clip(action[:3], -1.0, 1.0)


def hold_orientation(quaternion: np.ndarray, reference: np.ndarray, gain: float,
                     limit: float) -> np.ndarray:
    """
    Return the angular velocity (3,) that turns the gripper back to the orientation `reference`.

    A small error decays exponentially at rate `gain`, 1/s. Its length is at most `limit`, rad/s.
    """
    back, error = np.empty(4), np.empty(3)
    mujoco.mju_negQuat(back, quaternion)
    mujoco.mju_mulQuat(back, reference, back)
    mujoco.mju_quat2Vel(error, back, 1.0)
    error *= gain
    return error * min(1.0, limit / max(float(np.linalg.norm(error)), 1e-12))


def twist_at_wrist(linear: np.ndarray, angular: np.ndarray,
                   wrist_to_grip: np.ndarray) -> np.ndarray:
    """
    Return the twist (6,), linear then angular, of the wrist for a velocity (3,) each of the grip.

    The twist controller of a Fetch moves the last link of its chain, `wrist_roll_link`.
    `wrist_to_grip` (3,), m, leads from the origin of this link to the grip.
    """
    return np.concatenate([linear - np.cross(angular, wrist_to_grip), angular])


def gripper_opening(action: np.ndarray, opening: Opening, widest: float) -> Opening | float:
    """
    Return the opening, m, to command: `widest` to open, 0 to close, `opening` to stay.

    Element 3 of `action` (4,) opens at +1, closes at -1 and changes nothing at 0.
    """
    if action[3] > OPEN_ABOVE:
        return widest
    return 0.0 if action[3] < CLOSE_BELOW else opening
