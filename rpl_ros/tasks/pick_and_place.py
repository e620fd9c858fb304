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
PickAndPlace: pick up a block and bring it to a goal (paper, section V-A).

As Push (push.py tells it from top to bottom), but the gripper opens, starts higher, and half of
the goals are in the air.
"""

from dataclasses import replace

import numpy as np
from rpl_ros.tasks.push import Push

AIR = 0.45  # m, greatest height of a goal above the table


class PickAndPlace(Push):
    """A block is picked up and placed."""

    spec = replace(Push.spec, name='pick_and_place', env_id='rpl/PickAndPlace-v0',
                   text='Pick up the block and bring it to the goal.',
                   controller='miscalibrated_pick_and_place',
                   goals=((1.19, 0.59, 0.42), (1.50, 0.90, 0.88)))
    scene = 'pick_and_place'
    start_height = 0.2

    def draw_goal(self, rng: np.random.Generator) -> np.ndarray:
        """Return a goal (3,), m: one half on the table, one half above it."""
        goal = super().draw_goal(rng)
        if rng.random() < 0.5:
            goal[2] += rng.uniform(0.0, AIR)
        return goal
