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
Push and SlipperyPush: push a block across the table to a goal (paper, section V-A).

This module tells the tasks from top to bottom: what they are, scene, start and goal. Movement and
observation are those of every FetchTask (fetch_task.py); reward and success are those of every
task without a dense reward (rewards.py). The gripper is blocked, shut. Figures are those of Gym's
Fetch environments, which the authors use unchanged but for the friction of SlipperyPush.

For a task of your own, copy this file and add a line to TASKS in specs.py.
"""

from dataclasses import replace

import numpy as np
from rpl_ros.tasks.fetch_facts import TABLE_TOP
from rpl_ros.tasks.fetch_observation import ACTION, BLOCK_OBSERVATION
from rpl_ros.tasks.fetch_task import FetchTask
from rpl_ros.tasks.specs import TaskSpec

SETTLE_POSE = np.array([1.25, 0.53, TABLE_TOP + 0.025, 1, 0, 0, 0])  # of the block
RANGE = 0.15  # m, in x and y, of block and goal about the gripper's start
CLEAR = 0.1  # m, least distance in x and y of the block from the gripper's start
# Of all geoms, as in the authors' code. The paper says the object's alone; MuJoCo takes the larger
# one of two geoms, so that would change nothing: see docs/tasks.md.
SLIPPERY = np.array([0.18, 0.005, 0.0001])


class Push(FetchTask):
    """A block is pushed to a goal on the table."""

    spec = TaskSpec(
        name='push', text='Push the block to the goal.', env_id='rpl/Push-v0',
        observation=BLOCK_OBSERVATION, action=ACTION, horizon=50, controller='discrete_mpc_push',
        goals=((1.21, 0.59, 0.42), (1.52, 0.90, 0.43)),  # where its own goals are
        reach=0.05)  # m from the goal: a success, and a reward of 0; -1 farther away
    scene = 'push'
    start_height = 0.0  # m, of the gripper, above that of Gym's FetchPush

    def __init__(self, seed: int, objects: str = '') -> None:
        super().__init__(seed, objects)
        self._start = self.physics.settle(SETTLE_POSE, self.start_height)
        self.restore(self._start)
        self._home = self.physics.grip.copy()
        self._rest = self.physics.object_pose[2:].copy()  # height and orientation of the block

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Put the block somewhere near the gripper; return the goal (3,), m."""
        offset = np.zeros(2)
        while np.linalg.norm(offset) < CLEAR:
            offset = rng.uniform(-RANGE, RANGE, 2)
        goal = self.draw_goal(rng)
        self.restore(self._start)
        self.physics.place_object(np.r_[self._home[:2] + offset, self._rest])
        return goal

    def draw_goal(self, rng: np.random.Generator) -> np.ndarray:
        """Return a goal (3,), m, on the table."""
        return np.append(self._home[:2] + rng.uniform(-RANGE, RANGE, 2), self._rest[0])


class SlipperyPush(Push):
    """Push with little friction: the block slides on."""

    spec = replace(Push.spec, name='slippery_push', env_id='rpl/SlipperyPush-v0',
                   text='Push the block, which slips, to the goal.', controller='reactive_push')

    def __init__(self, seed: int, objects: str = '') -> None:
        super().__init__(seed, objects)
        self.model.geom_friction[:] = SLIPPERY
