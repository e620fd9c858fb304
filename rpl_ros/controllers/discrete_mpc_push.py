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
DiscreteMPCPush: search for a few moves that bring the block nearer to the goal, do the first.

The paper's controller for Push (section V-B): best-first search with six moves in a simulator of
its own, which is set to what was observed. Its horizon is too short to push round corners.
"""

from functools import lru_cache
import heapq
from typing import Any

import numpy as np
from rpl_ros.controllers.function import for_observations
from rpl_ros.controllers.primitives import HOLD, stay
from rpl_ros.controllers.reactive_push import push_point
from rpl_ros.streams import fixed

EXPANSIONS = 10
MOVES = np.array([[-1., 0, 0, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 1, 0, 0], [0, 0, -1, 0],
                  [0, 0, 1, 0]])
BEHIND = 0.05  # m, from which point to push: that of ReactivePush is further away
RESOLUTION = 3e-4  # m, in which distances are compared; measured: see docs/tasks.md


@lru_cache(maxsize=1)
def _simulator() -> tuple[Any, Any]:
    """Return (task, Reconstruction) to plan in; they are built once, in half a second."""
    # Imported here: the other controllers run on machines that have no simulator.
    from rpl_ros.tasks import make_task
    from rpl_ros.tasks.reconstruct import Reconstruction, use_coarse_physics
    task: Any = make_task('push', 0)
    reconstruction = Reconstruction(task)
    use_coarse_physics(task.model)
    return task, reconstruction


def _cost(grip: np.ndarray, block: np.ndarray, goal: np.ndarray, depth: int,
          rng: np.random.Generator) -> tuple[int, int, float]:
    """
    Return the cost: distance of block and goal, then of gripper and push point, in RESOLUTION.

    A random number decides between equal costs.
    """
    far = np.linalg.norm((block - goal)[:2])
    reach = np.linalg.norm(grip - push_point(block, goal, BEHIND))
    return int(far / RESOLUTION), depth + int(reach / RESOLUTION), rng.random()


def plan(task: Any, observation: np.ndarray, goal: np.ndarray,
         rng: np.random.Generator) -> np.ndarray:
    """
    Return the first move (4,) of the best plan from the current state of `task`, or zeros.

    `observation` is that of the current state. The state of `task` is lost.
    """
    root = _cost(observation[0:3], observation[3:6], goal, 0, rng)
    queue: list[tuple] = [(root, task.save(), (0, 0, 0), ())]
    best, best_moves = root, tuple[int, ...]()
    visited = set()
    for _ in range(EXPANSIONS):
        _, physics, place, moves = heapq.heappop(queue)
        for index, move in enumerate(MOVES):
            # Moves in another order lead to almost the same state: only the first is tried.
            there = tuple(place + move[:3].astype(int))
            if there in visited:
                continue
            visited.add(there)
            task.restore(physics)
            grip, block = task.advance(move)
            cost = _cost(grip, block, goal, len(moves) + 1, rng)
            if cost[:2] <= best[:2]:
                best, best_moves = cost, (*moves, index)
            heapq.heappush(queue, (cost, task.save(), there, (*moves, index)))
    return MOVES[best_moves[0]].copy() if best_moves else stay(HOLD)


@for_observations(25)
def discrete_mpc_push(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return the base action (4,) for an observation (25,) and goal (3,), m: a unit vector."""
    task, reconstruction = _simulator()
    reconstruction.put(observation)
    # Equal observations must give equal actions, so the tie-breaks are the same in each step.
    return plan(task, observation, desired_goal, fixed())


discrete_mpc_push.prepare = _simulator
