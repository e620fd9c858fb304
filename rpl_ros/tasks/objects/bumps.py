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
Bumps on the table of complex_hook: low boxes that hook and object must get over.

Their number, place and size follow the distributions measured in the authors' 1003 scenes; there
each scene kept its bumps, here they are drawn anew for each episode, as the paper says.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rpl_ros.tasks.fetch_facts import TABLE_TOP

MOST = 15
CENTRE = np.array([1.65, 0.75])  # m, of the table
HIDDEN = np.array([0.0, 0.0, -10.0])  # m, far below: a bump that is not used


def draw_bumps(rng: np.random.Generator) -> np.ndarray:
    """Return bumps (n, 5): x, y, half sizes in x, y, z; all m. n is 5 to 15, mostly 10."""
    count = int(np.clip(np.rint(rng.normal(10.0, 2.0)), 5, MOST))
    centre = CENTRE + rng.uniform(-0.3, 0.3, (count, 2))
    half = np.c_[rng.uniform(0.001, 0.05, (count, 2)), rng.uniform(1e-4, 0.005, count)]
    return np.c_[centre, half]


def add_bumps(mj_spec: Any) -> None:
    """Add the unused bumps to the table of an MjSpec."""
    import mujoco  # here: a task is known on machines without MuJoCo, too
    table = mj_spec.body('table0')
    for index in range(MOST):
        table.add_geom(name=f'bump{index}', type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.01] * 3,
                       pos=HIDDEN + 0.01 * index, rgba=[0.55, 0.45, 0.35, 1])


def put_bumps(model: Any, bumps: Sequence[Sequence[float]] | np.ndarray) -> None:
    """Write `bumps` (n, 5), as from draw_bumps, into an MjModel and hide the others."""
    first = model.geom('bump0').id  # the geoms of one body have consecutive numbers
    # The compiled tree of bounding boxes is the template's; without it MuJoCo tests all pairs.
    body = model.body('table0').id
    table = model.body_pos[body]
    model.body_bvhadr[body], model.body_bvhnum[body] = -1, 0
    for index in range(MOST):
        geom = first + index
        used = index < len(bumps)
        x, y, *half = bumps[index] if used else (0, 0, 0.01, 0.01, 0.01)
        model.geom_size[geom] = half
        model.geom_rbound[geom] = np.linalg.norm(half)
        model.geom_aabb[geom] = [0, 0, 0, *half]
        model.geom_pos[geom] = np.array([x, y, TABLE_TOP + half[2]]) - table if used else HIDDEN
        model.geom_contype[geom] = model.geom_conaffinity[geom] = used
