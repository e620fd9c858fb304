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

"""A scene in MuJoCo: its full state as an array, and whether the simulation is still valid."""

from pathlib import Path

import mujoco
import numpy as np

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""All that the next step depends on; poses and velocities of bodies follow from it."""
WARNINGS = [getattr(mujoco.mjtWarning, f'mjWARN_{name}') for name in (
    'INERTIA', 'CONTACTFULL', 'CNSTRFULL', 'BADQPOS', 'BADQVEL', 'BADQACC', 'BADCTRL')]
"""The warnings after which a simulation is not to be trusted: all but those about drawing."""


class Physics:
    """A compiled scene, `model`, and its state, `data`."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model = model
        self.data = mujoco.MjData(model)

    def initialise(self) -> None:
        """Set the initial state of the model."""
        mujoco.mj_resetData(self.model, self.data)

    def advance(self, substeps: int) -> None:
        """Do some steps of physics with the controls that are in `data`."""
        mujoco.mj_step(self.model, self.data, nstep=substeps)
        self.refresh()

    def refresh(self) -> None:
        """Update the poses in `data` to its joints; mj_step leaves those of its last substep."""
        mujoco.mj_kinematics(self.model, self.data)

    def show_goal(self, goal: np.ndarray) -> None:
        """Move the mark of the goal to `goal` (3,), m, in scenes that have one."""

    def save(self) -> np.ndarray:
        """Return the full physics state, as an array."""
        state = np.empty(mujoco.mj_stateSize(self.model, STATE))
        mujoco.mj_getState(self.model, self.data, state, STATE)
        return state

    def restore(self, state: np.ndarray) -> None:
        """Set the physics to what save() returned."""
        mujoco.mj_setState(self.model, self.data, state, STATE)
        self.refresh()

    def clear_warnings(self) -> None:
        """Delete MuJoCo's warnings: to be called before each new scene."""
        self.data.warning.number[:] = 0

    def why_unstable(self) -> str:
        """
        Return what MuJoCo has warned of since clear_warnings(), or an empty text.

        Where positions, velocities or accelerations are not finite or too large, mj_step sets all
        back to the initial state of the model, time included (MuJoCo: mjtWarning, autoreset), and
        continues. Where contacts or constraints do not fit into its memory, it leaves some out.
        """
        counts = self.data.warning.number
        if not counts.any():
            return ''
        names = [warning.name for warning in WARNINGS if counts[int(warning)]]
        return f'the simulation is unstable: MuJoCo warns of {", ".join(names)}' if names else ''


def load_physics(path: Path) -> Physics:
    """Return the scene in a MuJoCo file."""
    return Physics(mujoco.MjModel.from_xml_path(str(path)))
