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
Pose and velocity of the gripper, from the joints of a Fetch's arm.

MuJoCo computes them with the model of the simulated tasks, whose lengths are those of the robot's
URDF. Results are in the frame of the robot's `base_link`: x forward, z up, origin on the floor.
`into` converts them to another frame, such as world.
"""

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from rpl_ros.tasks.fetch import load_scene
from rpl_ros.tasks.fetch_facts import ARM, in_model, TORSO
from rpl_ros.tasks.poses import matrix

SIM_BASE = np.array([0.6919, 0.7441, 0.0, 1.0, 0.0, 0.0, 0.0])
"""The robot's base_link in the frame world of the simulated tasks: m, quaternion w, x, y, z."""


@dataclass(frozen=True)
class Grip:
    """
    The grip: the point between the finger tips, 2 cm beyond the origin of `gripper_link`.

    `position` (3,), m, and `quaternion` (4,), w, x, y, z: x points out of the hand, y from the
    left finger to the right one. `linear`, m/s, and `angular`, rad/s, are its velocities (3,).
    `from_wrist` (3,), m, leads to it from the origin of `wrist_roll_link`. All in one frame.
    """

    position: np.ndarray
    quaternion: np.ndarray
    linear: np.ndarray
    angular: np.ndarray
    from_wrist: np.ndarray


class Kinematics:
    """Forward kinematics of the torso and the arm joints, in the order of fetch_facts.ARM."""

    def __init__(self) -> None:
        """Build the model; FileNotFoundError if the files of the Fetch are missing."""
        self._model = model = load_scene('push').compile()
        self._data = data = mujoco.MjData(model)
        # The base of the model is elsewhere: move the robot's base_link to the origin.
        for axis, place in enumerate(model.body(in_model('base_link')).pos):
            data.joint(in_model(f'slide{axis}')).qpos[0] = -place
        joints = [model.joint(in_model(name)) for name in (TORSO, *ARM)]
        self._qpos = np.array([int(joint.qposadr[0]) for joint in joints])
        self._dofs = np.array([int(joint.dofadr[0]) for joint in joints[1:]])
        self._grip = model.site(in_model('grip')).id
        self._wrist = model.body(in_model('wrist_roll_link')).id
        self._jacobian = np.zeros((6, model.nv))

    def _put(self, positions: np.ndarray, torso: float) -> None:
        self._data.qpos[self._qpos[0]], self._data.qpos[self._qpos[1:]] = torso, positions
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)

    def grip(self, positions: np.ndarray, velocities: np.ndarray, torso: float) -> Grip:
        """
        Return the Grip in base_link for joint positions (7,), rad, and velocities (7,), rad/s.

        `torso` is the position of the torso, m; its velocity is 0.
        """
        motion = self.jacobian(positions, torso) @ velocities
        data, quaternion = self._data, np.empty(4)
        mujoco.mju_mat2Quat(quaternion, data.site_xmat[self._grip])
        position = data.site_xpos[self._grip].copy()
        return Grip(position, quaternion, motion[:3], motion[3:],
                    position - data.xpos[self._wrist])

    def jacobian(self, positions: np.ndarray, torso: float) -> np.ndarray:
        """Return the Jacobian (6, 7) of the grip in base_link: linear rows, then angular ones."""
        self._put(positions, torso)
        mujoco.mj_jacSite(self._model, self._data, self._jacobian[:3], self._jacobian[3:],
                          self._grip)
        return self._jacobian[:, self._dofs]


def into(frame: np.ndarray, grip: Grip) -> Grip:
    """
    Express a Grip in the parent frame; `frame` is the pose (7,) of its present frame there.

    The pose is m and quaternion w, x, y, z, such as SIM_BASE, and does not move.
    """
    turn, quaternion = matrix(frame[3:]).reshape(3, 3), np.empty(4)
    mujoco.mju_mulQuat(quaternion, frame[3:], grip.quaternion)
    return replace(grip, position=frame[:3] + turn @ grip.position, quaternion=quaternion,
                   linear=turn @ grip.linear, angular=turn @ grip.angular,
                   from_wrist=turn @ grip.from_wrist)
