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
ReactivePickAndPlace: over the block, open, down, close, carry to the goal.

The paper's controller (section V-B) before it was miscalibrated, with the branches and numbers of
the authors' code.
"""

import numpy as np
from rpl_ros.controllers.function import for_observations
from rpl_ros.controllers.primitives import (CLOSE, GAIN, HOLD, is_near, is_open, move_towards,
                                            NEAR_SQUARED, OPEN, stay)

GRASP = np.array([0.0, 0.0, -0.02])  # m, of the gripper from the block's centre
ABOVE = np.array([0.0, 0.0, 0.08])  # m
CARRY = np.array([0.0, 0.0, 0.03])  # m, from the goal: the block would stop 5 cm above it
GRASPED = 0.024  # m, opening of a finger that is closed on the block


def pick_and_place(observation: np.ndarray, goal: np.ndarray, aligned: float, arrived: float,
                   carry_gain: float) -> np.ndarray:
    """
    Return the base action (4,), not clipped, for an observation (25,) and goal (3,), m.

    `aligned`, m^2: the gripper descends when its squared distance from the block, seen from above,
    is less; `arrived`, m^2: the block is at the goal when theirs is; `carry_gain`: action per m.
    """
    grip, block, finger = observation[0:3], observation[3:6], observation[9]
    inside = is_near(grip - block, GRASP)
    if inside and abs(finger - GRASPED) < 1e-3:
        if is_near(block, goal, arrived):
            return stay(CLOSE)
        return move_towards(grip, goal + CARRY, CLOSE, carry_gain)
    if inside:
        return stay(CLOSE)
    if is_near(grip[:2], block[:2], aligned):
        return move_towards(grip, block + GRASP, HOLD) if is_open(finger) else stay(OPEN)
    return move_towards(grip, block + ABOVE, HOLD)


@for_observations(25)
def reactive_pick_and_place(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return the base action (4,), not clipped, for an observation (25,) and goal (3,), m."""
    return pick_and_place(observation, desired_goal, NEAR_SQUARED, NEAR_SQUARED, GAIN)
