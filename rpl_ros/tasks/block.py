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
Tasks with a block on the table: Push, SlipperyPush, PickAndPlace (paper, section V-A).

In `push` and `slippery_push` the gripper is blocked, shut, and the goal lies on the table; in
`pick_and_place` the gripper opens and half of the goals are in the air. Figures are those of Gym's
Fetch environments, which the authors use unchanged but for the friction of `slippery_push`.
"""

import numpy as np

from rpl_ros.tasks import fetch
from rpl_ros.tasks.fetch_task import FetchTask, TABLE_TOP

START_HEIGHT = {'push': 0.0, 'slippery_push': 0.0, 'pick_and_place': 0.2}  # m, of the gripper
SETTLE_POSE = np.array([1.25, 0.53, TABLE_TOP + 0.025, 1, 0, 0, 0])  # of the block
RANGE = 0.15  # m, in x and y, of block and goal about the gripper's start
CLEAR = 0.1  # m, least distance in x and y of the block from the gripper's start
AIR = 0.45  # m, most height of a goal above the table
# Of all geoms, as in the authors' code. The paper says the object's alone; MuJoCo takes the larger
# one of two geoms, so that would change nothing: see docs/tasks.md.
SLIPPERY = np.array([0.18, 0.005, 0.0001])


class BlockTask(FetchTask):
    """
    A task with a block in MuJoCo; see docs/observations.md for its 25 observed elements.

    Episode n with seed s is the same scene wherever it is played: start and goal are drawn from
    (s, n) alone.
    """

    def __init__(self, name, seed, objects=''):
        """Build the scene of task `name`; ValueError for `objects`: there is only the block."""
        if objects:
            raise ValueError(f'task {name} has one object, the block: objects={objects!r} is of '
                             f'use for complex_hook only')
        scene = 'pick_and_place' if name == 'pick_and_place' else 'push'
        super().__init__(name, seed, fetch.load_spec(scene).compile())
        self._start = self._settle(SETTLE_POSE, START_HEIGHT[name])
        self.restore(self._start)
        self._home = self._fetch.grip.copy()
        self._rest = self.data.qpos[self._pose + 2:self._pose + 7].copy()
        if name == 'slippery_push':
            self.model.geom_friction[:] = SLIPPERY

    def reset(self, episode):
        """Set up the scene of episode number `episode` and return its first State."""
        rng = np.random.default_rng([self.seed, episode])
        offset = np.zeros(2)
        while np.linalg.norm(offset) < CLEAR:
            offset = rng.uniform(-RANGE, RANGE, 2)
        goal = np.append(self._home[:2] + rng.uniform(-RANGE, RANGE, 2), self._rest[0])
        if self.spec.name == 'pick_and_place' and rng.random() < 0.5:
            goal[2] += rng.uniform(0.0, AIR)
        self.restore(self._start)
        self._place(np.r_[self._home[:2] + offset, self._rest])
        return self._begin(episode, goal)
