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
ReactiveHook: grasp the hook, bring its head behind the object, sweep it to the goal.

The paper's controller for the hook tasks (section V-B), with the branches and numbers of the
authors' code. It looks at the present observation only and never at shapes or bumps.
"""

import numpy as np
from rpl_ros.controllers.function import for_observations
from rpl_ros.controllers.primitives import CLOSE, HOLD, is_near, is_open, move_towards, OPEN, stay

HELD_SQUARED = 1e-2  # m^2, (10 cm)^2
GRASP = np.array([0.0, 0.0, -0.05])  # m, from the hook's site
ABOVE = np.array([0.0, 0.0, 0.05])  # m


def _pick(grip: np.ndarray, hook: np.ndarray, finger: float) -> np.ndarray:
    """Return the action that brings the gripper to the hook and closes it there."""
    if is_near(grip - hook, GRASP):
        return stay(CLOSE)
    if is_near(grip[:2], hook[:2]):
        return move_towards(grip, hook + GRASP, HOLD) if is_open(finger) else stay(OPEN)
    return move_towards(grip, hook + ABOVE, HOLD)


@for_observations(40)
def reactive_hook(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return the base action (4,), not clipped, for a hook observation (40,) and goal (3,), m."""
    grip, thing, hook = observation[0:3], observation[3:6], observation[25:28]
    finger = observation[9]
    if np.sum(np.abs(desired_goal - thing)[:2]) <= 0.01:
        return stay(CLOSE)
    held = is_near(grip - hook, GRASP, HELD_SQUARED) and finger <= 0.034
    if not held:
        return _pick(grip, hook, finger)
    behind = thing[0] - 0.5, thing[1] - 0.05
    if hook[0] >= thing[0] - 0.4 or hook[1] <= thing[1] - 0.15:
        return move_towards(grip, np.array([behind[0], behind[1], 0.45]), CLOSE)
    pull = (desired_goal - thing)[:2]
    pull = 0.4 * pull / max(np.linalg.norm(pull), 1e-9)
    return np.array([pull[0], pull[1], 0.0, CLOSE])
