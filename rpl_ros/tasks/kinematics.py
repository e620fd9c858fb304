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

"""Inverse kinematics of the Fetch's arm by damped least squares."""

import math

import mujoco
import numpy as np
from rpl_ros.tasks.fetch_facts import ARM, in_model


def arm_joints(model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
    """Return the places (7,) of the arm's joints in qpos and in qvel."""
    joints = [model.joint(in_model(name)) for name in ARM]
    return (np.array([int(joint.qposadr[0]) for joint in joints]),
            np.array([int(joint.dofadr[0]) for joint in joints]))


def least_squares(jacobian: np.ndarray, motion: np.ndarray, damping: float) -> np.ndarray:
    """
    Return the least joint motion (7,) that gives `motion` (6,) of the tip: linear, angular.

    `jacobian` is (6, 7). The `damping`, squared, keeps the joints slow near singularities.
    """
    return jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + damping * np.eye(6), motion)


def reach_pose(model: mujoco.MjModel, data: mujoco.MjData, position: np.ndarray,
               quaternion: np.ndarray, *, damping: float, iterations: int,
               turn_weight: float = 1.0, stride: float = math.inf,
               tolerance: float = 0.0) -> np.ndarray:
    """
    Move the arm's joints in `data` until the grip has a pose, by a damped Newton's method.

    The pose is a position (3,), m, and a quaternion w, x, y, z, in the frame world. `turn_weight`,
    m/rad, weighs the rotation against the position. An iteration changes the pose by at most
    `stride`; it ends where no element of the error is larger than `tolerance`, or after
    `iterations`. Return the last Jacobian (6, 7), its rotational rows weighted.
    """
    site = model.site(in_model('grip')).id
    joints, dofs = arm_joints(model)
    jacobian, found, turn = np.zeros((6, model.nv)), np.empty(4), np.empty(3)
    for _ in range(iterations):
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mju_mat2Quat(found, data.site_xmat[site])
        mujoco.mju_subQuat(turn, quaternion, found)  # in the frame of `found`
        turned = turn_weight * data.site_xmat[site].reshape(3, 3) @ turn
        error = np.concatenate([position - data.site_xpos[site], turned])
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], site)
        jacobian[3:] *= turn_weight
        if np.abs(error).max() < tolerance:
            break
        error *= min(1.0, stride / max(float(np.linalg.norm(error)), 1e-12))
        data.qpos[joints] += least_squares(jacobian[:, dofs], error, damping)
    return jacobian[:, dofs]
