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
The miscalibrated ReactivePickAndPlace that the paper improves on (section V-B): it oscillates.

The paper blames high gains. Measured, it is the tolerance for the alignment over the block:
descending disturbs it, so the gripper goes up again, and never grasps.
"""

import numpy as np
from rpl_ros.controllers.function import for_observations
from rpl_ros.controllers.reactive_pick_and_place import pick_and_place

# m^2. The authors' 5e-8 belongs to their simulator; this one makes the controller succeed
# as often, about half of the time, in ours: see docs/tasks.md.
ALIGNED_SQUARED = 1.05e-8
ARRIVED_SQUARED = 1e-6  # m^2, (1 mm)^2
CARRY_GAIN = 50.0  # action per metre


@for_observations(25)
def miscalibrated_pick_and_place(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return the base action (4,), not clipped, for an observation (25,) and goal (3,), m."""
    return pick_and_place(observation, desired_goal, ALIGNED_SQUARED, ARRIVED_SQUARED, CARRY_GAIN)
