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
Rotations and poses, by MuJoCo's functions.

Poses are (7,): position, m, and quaternion w, x, y, z, in the frame world.
"""

import math

import mujoco
import numpy as np
from rpl_ros.tasks.specs import CONTROL_PERIOD


def matrix(quaternion: np.ndarray) -> np.ndarray:
    """Return the rotation of a quaternion w, x, y, z as a flat array (9,), row by row."""
    flat = np.empty(9)
    mujoco.mju_quat2Mat(flat, quaternion)
    return flat


def euler(flat: np.ndarray) -> np.ndarray:
    """
    Return the Euler angles (3,), rad, of a flat rotation matrix (9,), in Gym's convention.

    Turning by them about the moving axes x, y, z, in this order, gives the rotation.
    """
    # math, not numpy: it is three times as fast on single numbers, in the hot loop.
    m00, m01, m02, m10, m11, m12, _, _, m22 = flat.tolist()
    cos_y = math.hypot(m22, m12)
    if cos_y > 1e-12:
        return np.array([-math.atan2(m12, m22), math.atan2(m02, cos_y), -math.atan2(m01, m00)])
    return np.array([0.0, math.atan2(m02, cos_y), math.atan2(m10, m11)])


def motion_between(before: np.ndarray, after: np.ndarray,
                   seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Return (angular, linear) displacement per control step, (3,) each, rad and m.

    The body is taken to move evenly between the two poses, which are `seconds` apart. Measured
    poses must be at least history.BASELINE apart.
    """
    turn, back = np.empty(3), np.empty(4)
    mujoco.mju_negQuat(back, before[3:])
    mujoco.mju_mulQuat(back, after[3:], back)  # from before to after, in the frame world
    mujoco.mju_quat2Vel(turn, back, seconds / CONTROL_PERIOD)
    return turn, (after[:3] - before[:3]) * (CONTROL_PERIOD / seconds)
