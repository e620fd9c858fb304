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
ReactivePush: go behind the block, then push it straight to the goal.

The paper's controller for SlipperyPush (section V-B), with branches and figures of the authors'
code. All but perfect in Push; on a slippery table the block slides on.
"""

import numpy as np
from rpl_ros.controllers.function import for_observations
from rpl_ros.controllers.primitives import HOLD, is_near, move_towards, NEAR_SQUARED, stay

BEHIND = 0.075  # m, of the gripper from the block's centre before it pushes
HIGHER = np.array([0.0, 0.0, 0.005])  # m, of the gripper above the block's centre
ABOVE = np.array([0.0, 0.0, 0.1])  # m, over the point from which it pushes
PUSH_GAIN = 4.7  # action per metre; 5 in the authors' code, see docs/tasks.md
MOST_ANGLE = np.radians(45.0)  # between the directions from gripper and block to the goal


def push_point(block: np.ndarray, goal: np.ndarray, distance: float) -> np.ndarray:
    """Return the point (3,), m, from which to push: `distance` behind the block, slightly up."""
    direction = (goal - block)[:2]
    direction = direction / max(float(np.linalg.norm(direction)), 1e-9)
    return block + HIGHER - distance * np.append(direction, 0.0)


def _is_behind(grip: np.ndarray, block: np.ndarray, goal: np.ndarray) -> bool:
    """Return whether the block is between gripper and goal, as seen from above."""
    own, blocks = (goal - grip)[:2], (goal - block)[:2]
    far, near = np.linalg.norm(own), np.linalg.norm(blocks)
    return bool(near < far and own @ blocks > np.cos(MOST_ANGLE) * far * near)


@for_observations(25)
def reactive_push(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return the base action (4,), not clipped, for an observation (25,) and goal (3,), m."""
    grip, block = observation[0:3], observation[3:6]
    if is_near(block, desired_goal):
        return stay(HOLD)
    start = push_point(block, desired_goal, BEHIND)
    if (grip[2] - start[2]) ** 2 < NEAR_SQUARED and _is_behind(grip, block, desired_goal):
        return move_towards(grip, np.append(desired_goal[:2], grip[2]), HOLD, PUSH_GAIN)
    if is_near(grip[:2], start[:2]):
        return move_towards(grip, start, HOLD)
    return move_towards(grip, start + ABOVE, HOLD)
