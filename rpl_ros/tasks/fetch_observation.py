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
The observation of the Fetch tasks: names and units of its elements, and how it is built.

The simulator and the adapter of the robot build it with the same function. Displacements are per
control step of 40 ms. See docs/observations.md.
"""

from collections.abc import Sequence

import numpy as np
from rpl_ros.tasks.specs import Element, vectors

BLOCK_OBSERVATION = (
    *vectors('m', 'gripper', 'object', 'object_minus_gripper'),
    Element('right_finger', 'm'), Element('left_finger', 'm'),
    *vectors('rad', 'object_rotation'),
    *vectors('m per step', 'object_minus_gripper_velocity'),
    *vectors('rad per step', 'object_angular_velocity'),
    *vectors('m per step', 'gripper_velocity'),
    Element('right_finger_velocity', 'm per step'), Element('left_finger_velocity', 'm per step'))
HOOK_OBSERVATION = (
    *BLOCK_OBSERVATION, *vectors('m', 'hook'), *vectors('rad', 'hook_rotation'),
    *vectors('m per step', 'hook_minus_gripper_velocity'),
    *vectors('rad per step', 'hook_angular_velocity'), *vectors('m', 'hook_minus_gripper'))
ACTION = (*(Element(f'gripper_d{axis}', '1 = 0.05 m') for axis in 'xyz'),
          Element('fingers', '1 = open'))

Motion = Sequence[np.ndarray]
"""Of a body: position, m, Euler angles, rad, angular and linear displacement, (3,) each."""


def observe(grip: np.ndarray, grip_motion: np.ndarray, fingers: np.ndarray,
            finger_motion: np.ndarray, thing: Motion, hook: Motion | None = None) -> np.ndarray:
    """
    Return the observation, (25,) or with a `hook` (40,).

    `grip`, m, and its displacement `grip_motion`, m per step, are (3,); `fingers`, m, and
    `finger_motion`, m per step, are (2,): right, left.
    """
    place, turn, spin, motion = thing
    parts = [grip, place, place - grip, fingers, turn, motion - grip_motion, spin, grip_motion,
             finger_motion]
    if hook is not None:
        place, turn, spin, motion = hook
        parts += [place, turn, motion - grip_motion, spin, place - grip]
    return np.concatenate(parts)
