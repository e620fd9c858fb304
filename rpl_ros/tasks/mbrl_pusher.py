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
MBRLPusher: an arm of seven joints pushes a cylinder to a target (paper, section V-A).

The pusher of PETS (K. Chua et al., 2018). The goal is always the same; the cylinder's start and
the joints' first velocities are drawn anew for each episode. Judged by return, not by success:
object and goal differ by 48 mm in height, so that "within 5 cm" would mean 14 mm on the table.
"""

import mujoco
import numpy as np

from rpl_ros.assets import share
from rpl_ros.tasks.simulated import SimulatedTask

JOINTS = 7
SUBSTEPS = 4  # physics steps of 10 ms in a control step
MAX_TORQUE = 1.0  # N m for an action of 1: what the authors clip to; the motors would go to 2
OBJECT_START = np.array([-0.25, 0.15])  # m, mean of the slides (y, x), from the body's place
OBJECT_SPREAD = 0.025  # m, standard deviation of each
JOINT_VELOCITY = 0.005  # rad/s, largest first velocity


class PusherTask(SimulatedTask):
    """
    MBRLPusher in MuJoCo; see docs/observations.md for the 20 elements of its observation.

    Episode n with seed s is the same scene wherever it is played: it is drawn from (s, n) alone.
    """

    def __init__(self, name, seed, objects=''):
        """Build the scene; ValueError for `objects`: there is only the cylinder."""
        if objects:
            raise ValueError(f'task {name} has only one object, the cylinder: objects={objects!r} '
                             f'is of use for complex_hook only')
        super().__init__(name, seed, mujoco.MjModel.from_xml_path(
            str(share('sim') / 'mbrl_pusher.xml')))
        self._tip, self._object = (self.model.body(body).id for body in ('tip', 'object'))

    def reset(self, episode):
        """Set up the scene of episode number `episode` and return its first State."""
        rng = np.random.default_rng([self.seed, episode])
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[JOINTS:] = OBJECT_START + OBJECT_SPREAD * rng.standard_normal(2)
        self.data.qvel[:JOINTS] = rng.uniform(-JOINT_VELOCITY, JOINT_VELOCITY, JOINTS)
        return self._begin(episode, self.model.body('goal').pos.copy())

    def _move(self, action):
        """Do a control step of physics with the torques `action` (7,)."""
        self.data.ctrl[:] = MAX_TORQUE * action
        mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)
        self._refresh()

    def _refresh(self):
        """Bring the poses in `data` up to date."""
        mujoco.mj_kinematics(self.model, self.data)

    def _observation(self):
        """Return the observation (20,): see docs/observations.md."""
        data = self.data
        return np.concatenate([data.qpos[:JOINTS], data.qvel[:JOINTS], data.xpos[self._tip],
                               data.xpos[self._object]])

    def achieved(self):
        """Return where the cylinder is (3,), m."""
        return self.data.xpos[self._object].copy()
