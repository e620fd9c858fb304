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
The observation of the Fetch tasks from poses and velocities: see docs/observations.md.

The simulator and the robot's adapter build it with the same functions. Poses are (7,): position,
m, and quaternion w, x, y, z, in the frame world. Displacements are per control step of 40 ms.
"""

import math

import mujoco
import numpy as np

from rpl_ros.tasks.specs import CONTROL_PERIOD


def observe(grip, grip_motion, fingers, finger_motion, thing, hook=None):
    """
    Return the observation, (25,) or with a `hook` (40,).

    `grip` and its displacement `grip_motion` are (3,); `fingers`, m, and `finger_motion`, m per
    step, are (2,): right, left. `thing` and `hook` are what see() returns.
    """
    place, turn, spin, motion = thing
    parts = [grip, place, place - grip, fingers, turn, motion - grip_motion, spin, grip_motion,
             finger_motion]
    if hook is not None:
        place, turn, spin, motion = hook
        parts += [place, turn, motion - grip_motion, spin, place - grip]
    return np.concatenate(parts)


def see(pose, motion):
    """
    Return (position, Euler angles, angular, linear displacement) of a body, (3,) each.

    `motion` is what motion_between() returns.
    """
    return (pose[:3], euler(matrix(pose[3:])), *motion)


def motion_between(before, after, seconds):
    """
    Return (angular, linear) displacement per control step, (3,) each, rad and m.

    It is that of a body which turned and moved evenly between two poses, `seconds` apart: for
    measured ones at least past.BASELINE.
    """
    turn, back = np.empty(3), np.empty(4)
    mujoco.mju_negQuat(back, before[3:])
    mujoco.mju_mulQuat(back, after[3:], back)  # from before to after, in the frame world
    mujoco.mju_quat2Vel(turn, back, seconds / CONTROL_PERIOD)
    return turn, (after[:3] - before[:3]) * (CONTROL_PERIOD / seconds)


def matrix(quaternion):
    """Return the rotation of a quaternion w, x, y, z as a flat array (9,), row by row."""
    flat = np.empty(9)
    mujoco.mju_quat2Mat(flat, quaternion)
    return flat


def euler(flat):
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
