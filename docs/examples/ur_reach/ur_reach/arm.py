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

"""The simulated arm: velocities of six joints in, positions and velocities out."""

from pathlib import Path

import mujoco
import numpy as np

JOINTS = ('shoulder_pan_joint', 'shoulder_lift_joint', 'elbow_joint', 'wrist_1_joint',
          'wrist_2_joint', 'wrist_3_joint')
STEP = 0.002
"""Time of one step of the simulation, s, as in arm.xml."""
ELBOW_UP = np.array([0.0, -1.6, 1.6, -1.6, -1.57, 0.0])
"""The middle of all start poses (6,), rad: the tool points down, in front of the arm."""
START_SPREAD = np.array([0.3, 0.2, 0.2, 0.8, 0.8, 0.8])
"""How far each joint may start from ELBOW_UP (6,), rad."""
TARGET_LOW, TARGET_HIGH = np.array([0.35, -0.1, 0.15]), np.array([0.65, 0.35, 0.55])
"""The box of the targets (3,), m, base_link."""


def draw_scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a start pose (6,), rad, and a target (3,), m, base_link."""
    start = ELBOW_UP + rng.uniform(-START_SPREAD, START_SPREAD)
    return start, rng.uniform(TARGET_LOW, TARGET_HIGH)


class Arm:
    """
    An arm with the dimensions of a UR5e, in MuJoCo.

    Joints are in the order of JOINTS. Commands reach the joints with a lag, and are limited to
    what the joints can do: see arm.xml.
    """

    def __init__(self) -> None:
        """Load the model."""
        self.model = mujoco.MjModel.from_xml_path(str(Path(__file__).parent / 'arm.xml'))
        self.data = mujoco.MjData(self.model)
        self._tool = self.model.site('tool').id
        self.reset(ELBOW_UP, np.zeros(3))

    def reset(self, positions: np.ndarray, target: np.ndarray) -> None:
        """Rest at joint positions (6,), rad; show the target (3,), m, base_link."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.mocap_pos[0] = positions, target
        mujoco.mj_forward(self.model, self.data)

    def command(self, velocities: np.ndarray) -> None:
        """Set the wanted velocities of the joints (6,), rad/s, until the next command."""
        self.data.ctrl[:] = velocities

    def advance(self, seconds: float) -> None:
        """Let time pass: whole steps of STEP."""
        mujoco.mj_step(self.model, self.data, round(seconds / STEP))
        mujoco.mj_forward(self.model, self.data)  # the tool's position, for the new joints

    @property
    def positions(self) -> np.ndarray:
        """Return the positions of the joints (6,), rad."""
        return self.data.qpos.copy()

    @property
    def velocities(self) -> np.ndarray:
        """Return the velocities of the joints (6,), rad/s."""
        return self.data.qvel.copy()

    @property
    def target(self) -> np.ndarray:
        """Return where the target is (3,), m, base_link."""
        return self.data.mocap_pos[0].copy()

    @property
    def tool(self) -> np.ndarray:
        """Return the position of the tool's tip (3,), m, base_link."""
        return self.data.site_xpos[self._tool].copy()

    @property
    def tool_turn(self) -> np.ndarray:
        """Return the orientation of the tool (4,), a quaternion w, x, y, z, base_link."""
        turn = np.zeros(4)
        mujoco.mju_mat2Quat(turn, self.data.site_xmat[self._tool])
        return turn
