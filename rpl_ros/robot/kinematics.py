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
Where the gripper is and how it moves, from the joints of a Fetch's arm.

Computed by MuJoCo with the model that the simulated tasks use, whose lengths are those of the
robot's URDF. Results are in the frame of the robot's `base_link`: x forward, z up, origin on the
floor. `into` brings them to another frame, such as world.
"""

from dataclasses import dataclass, replace

import mujoco
import numpy as np

from rpl_ros.robot.joints import ARM, TORSO
from rpl_ros.robot.observe import matrix
from rpl_ros.tasks.fetch import load_spec

SIM_BASE = np.array([0.6919, 0.7441, 0.0, 1.0, 0.0, 0.0, 0.0])
"""The robot's base_link in the frame world of the simulated tasks: m, quaternion w, x, y, z."""


@dataclass(frozen=True)
class Grip:
    """
    The grip: the point between the finger tips, 2 cm beyond the origin of `gripper_link`.

    `position` (3,), m, and `quaternion` (4,), w, x, y, z: x points out of the hand, y from the
    left finger to the right one. `linear`, m/s, and `angular`, rad/s, are its velocities;
    `from_wrist` (3,), m, leads to it from the origin of `wrist_roll_link`. All in one frame.
    """

    position: np.ndarray
    quaternion: np.ndarray
    linear: np.ndarray
    angular: np.ndarray
    from_wrist: np.ndarray


class Kinematics:
    """The arm on its torso."""

    def __init__(self):
        """Build the model; FileNotFoundError where the Fetch's files are missing."""
        self._model = model = load_spec('push').compile()
        self._data = data = mujoco.MjData(model)
        # The model's own base is elsewhere: the robot's base_link comes to the origin.
        for axis in range(3):
            data.joint(f'robot0:slide{axis}').qpos[0] = -model.body('robot0:base_link').pos[axis]
        joints = [model.joint(f'robot0:{name}') for name in (TORSO, *ARM)]
        self._qpos = np.array([int(joint.qposadr[0]) for joint in joints])
        self._dofs = np.array([int(joint.dofadr[0]) for joint in joints[1:]])
        self._grip = model.site('robot0:grip').id
        self._wrist = model.body('robot0:wrist_roll_link').id
        self._jacobian = np.zeros((6, model.nv))

    def _put(self, positions, torso):
        self._data.qpos[self._qpos[0]], self._data.qpos[self._qpos[1:]] = torso, positions
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)

    def grip(self, positions, velocities, torso):
        """
        Return the Grip in base_link for the arm's joints, (7,) rad and rad/s each.

        They are in the order of joints.ARM; `torso`, m, stands still.
        """
        motion = self.jacobian(positions, torso) @ velocities
        data, quaternion = self._data, np.empty(4)
        mujoco.mju_mat2Quat(quaternion, data.site_xmat[self._grip])
        position = data.site_xpos[self._grip].copy()
        return Grip(position, quaternion, motion[:3], motion[3:],
                    position - data.xpos[self._wrist])

    def jacobian(self, positions, torso):
        """Return the Jacobian (6, 7) of the grip in base_link: linear rows, then angular ones."""
        self._put(positions, torso)
        mujoco.mj_jacSite(self._model, self._data, self._jacobian[:3], self._jacobian[3:],
                          self._grip)
        return self._jacobian[:, self._dofs]

    def wrist_jacobian(self, positions, torso):
        """Return the Jacobian (6, 7) of the origin of wrist_roll_link, as jacobian() does."""
        self._put(positions, torso)
        mujoco.mj_jacBody(self._model, self._data, self._jacobian[:3], self._jacobian[3:],
                          self._wrist)
        return self._jacobian[:, self._dofs]


def into(frame, grip):
    """
    Return a Grip in another frame, in which its present one stands still at pose `frame` (7,).

    A pose is m and quaternion w, x, y, z, such as SIM_BASE.
    """
    turn, quaternion = matrix(frame[3:]).reshape(3, 3), np.empty(4)
    mujoco.mju_mulQuat(quaternion, frame[3:], grip.quaternion)
    return replace(grip, position=frame[:3] + turn @ grip.position, quaternion=quaternion,
                   linear=turn @ grip.linear, angular=turn @ grip.angular,
                   from_wrist=turn @ grip.from_wrist)
