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
From a command of the graph to a twist and a gripper position, as a Fetch takes them.

Vectors are in one frame that does not turn with the gripper, root or world; units are m/s and
rad/s. Quaternions are w, x, y, z.
"""

import mujoco
import numpy as np

OPEN_ABOVE, CLOSE_BELOW = 0.5, -0.5  # of action element 3; in between the gripper is left alone


def grip_velocity(action, max_ee_speed):
    """
    Return the velocity (3,), m/s, that `action` (4,), clipped to [-1, 1], asks the grip for.

    Each of elements 0 to 2 is worth `max_ee_speed`, m/s, as in the simulation.
    """
    return max_ee_speed * np.clip(action[:3], -1.0, 1.0)


def hold_orientation(quaternion, reference, gain, limit):
    """
    Return the angular velocity (3,) that turns the gripper back to its `reference`.

    `gain` is in 1/s: what remains of a small error falls by it. `limit` is the most, rad/s, about
    any axis.
    """
    back, error = np.empty(4), np.empty(3)
    mujoco.mju_negQuat(back, quaternion)
    mujoco.mju_mulQuat(back, reference, back)
    mujoco.mju_quat2Vel(error, back, 1.0)
    error *= gain
    return error * min(1.0, limit / max(np.linalg.norm(error), 1e-12))


def twist_at_wrist(linear, angular, wrist_to_grip):
    """
    Return the twist (6,), linear and angular, of the wrist that moves the grip as given.

    A twist controller moves the last link of its chain, which on a Fetch is `wrist_roll_link`;
    `wrist_to_grip` (3,), m, leads from that link's origin to the grip.
    """
    return np.concatenate([linear - np.cross(angular, wrist_to_grip), angular])


def gripper_opening(action, opening, widest):
    """
    Return the opening, m, to ask the gripper for: `widest`, 0, or `opening` as it was.

    `action` (4,) is the command; its element 3 opens at +1, closes at -1 and holds at 0.
    """
    if action[3] > OPEN_ABOVE:
        return widest
    return 0.0 if action[3] < CLOSE_BELOW else opening
