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

"""What all tasks of the Fetch arm share: how it moves, and the 25 elements that it observes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rpl_ros.tasks.simulated import SimulatedTask

if TYPE_CHECKING:
    from rpl_ros.tasks.fetch import Fetch


class FetchTask(SimulatedTask):
    """
    A task in a scene with the Fetch and a free body `object0`.

    Subclasses name the `scene`, a file in sim/, implement start(), and may add to the observation.
    """

    scene: str
    physics: Fetch
    noise_std = 0.0  # m and rad, of the poses that are observed

    def build(self, objects: str) -> Fetch:
        """Return the scene with the arm."""
        # Here, not above: a task is known on machines without MuJoCo, too.
        from rpl_ros.tasks.fetch import Fetch, load_scene
        return Fetch(load_scene(self.scene).compile())

    def set_speed(self, max_ee_speed: float) -> None:
        """Make a held action of 1 move the gripper with `max_ee_speed`, m/s."""
        self.physics.set_speed(max_ee_speed)

    def move(self, action: np.ndarray) -> None:
        """Execute `action` (4,): displacement of the gripper, and fingers."""
        self.physics.move(action)

    def advance(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Execute `action` (4,) outside of any episode: for planning, without building a State.

        Return the positions of gripper and object, (3,) each, m; the next call overwrites them.
        """
        self.physics.move(action)
        return self.physics.grip, self.physics.object

    def observe(self) -> np.ndarray:
        """Return the observation (25,) of the present state."""
        return self.physics.observe(self.physics.body_motion(self.physics.object_site))

    def achieved(self) -> np.ndarray:
        """Return the position of the object (3,), m."""
        return self.physics.object.copy()
