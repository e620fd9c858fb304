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
From an observation of a block task back to a state of the simulator.

A controller that plans gets observations only, over ROS 2 as in process. They lack the arm's
joints, but its gripper points down wherever the arm can reach like that, so that they follow from
the gripper's position.
"""

import mujoco
import numpy as np

from rpl_ros.tasks import fetch
from rpl_ros.tasks.specs import CONTROL_PERIOD

ARM = ('shoulder_pan', 'shoulder_lift', 'upperarm_roll', 'elbow_flex', 'forearm_roll',
       'wrist_flex', 'wrist_roll')
ITERATIONS = 20  # at most, of a damped Newton's method
ENOUGH = 1e-5  # m and rad, error of the gripper's pose
STRIDE = 0.1  # m and rad, by which the pose may change in one iteration
DAMPING = 3e-4  # m^2/rad^2: keeps the joints' way and speeds small where the arm is stretched out
TURN_WEIGHT = 0.02  # m/rad: far out, the gripper is where it was seen and tilts
TIMESTEP = 0.004  # s, of a simulator to plan in: half as many steps as in the task
# What may touch something in a simulator to plan in. Base and floor: their contact bears on where
# the gripper comes to hang.
TOUCHING = ('world', 'table0', 'object0', 'robot0:base_link', 'robot0:gripper_link',
            'robot0:r_gripper_finger_link', 'robot0:l_gripper_finger_link')


def hasten(model):
    """
    Make a Fetch's MjModel twice as fast; a control step of it then ends up to 0.5 mm elsewhere.

    Steps are longer, and collisions of the arm are left out.
    """
    model.opt.timestep = TIMESTEP
    touching = np.isin(model.geom_bodyid, [model.body(name).id for name in TOUCHING])
    model.geom_contype[~touching] = model.geom_conaffinity[~touching] = 0


class Reconstruction:
    """Sets the simulator of a BlockTask to observed states; see `put`."""

    def __init__(self, task):
        """Take a BlockTask of one's own; its episode is lost."""
        task.reset(0)
        self._task = task
        model = task.model
        self._site = model.site('robot0:grip').id
        joints = [model.joint(f'robot0:{name}_joint') for name in ARM]
        self._qpos = np.array([int(joint.qposadr[0]) for joint in joints])
        self._dofs = np.array([int(joint.dofadr[0]) for joint in joints])
        self._object = int(model.joint('object0:joint').qposadr[0])
        self._object_dof = int(model.joint('object0:joint').dofadr[0])
        self._fetch = fetch.find_fetch(model, task.data)
        self._home = task.save()
        self._down = fetch.GRIPPER_DOWN / np.linalg.norm(fetch.GRIPPER_DOWN)
        self._jacobian = np.zeros((6, model.nv))

    def put(self, observation):
        """
        Set physics to an observation (25,): equal but for the arm's joints, which are near.

        The arm takes the joints nearest to those at the start that bring the gripper there.
        """
        task, data = self._task, self._task.data
        task.restore(self._home)
        self._place_arm(observation[0:3])
        motion = np.zeros(6)
        motion[:3] = observation[20:23] / CONTROL_PERIOD
        data.qvel[self._dofs] = self._solve(motion)
        self._fetch.fingers[:] = observation[9:11]
        self._fetch.finger_motion[:] = observation[23:25] / CONTROL_PERIOD
        self._place_object(observation)
        fetch.refresh(task.model, data)

    def _place_arm(self, position):
        """Move the arm's joints until the gripper is at `position`, m, pointing down."""
        model, data = self._task.model, self._task.data
        found, turn = np.empty(4), np.empty(3)
        for _ in range(ITERATIONS):
            mujoco.mju_mat2Quat(found, data.site_xmat[self._site])
            mujoco.mju_subQuat(turn, self._down, found)  # in the frame of `found`
            turn = TURN_WEIGHT * data.site_xmat[self._site].reshape(3, 3) @ turn
            error = np.concatenate([position - data.site_xpos[self._site], turn])
            mujoco.mj_jacSite(model, data, self._jacobian[:3], self._jacobian[3:], self._site)
            self._jacobian[3:] *= TURN_WEIGHT
            if np.abs(error).max() < ENOUGH:
                return
            error *= min(1.0, STRIDE / np.linalg.norm(error))
            data.qpos[self._qpos] += self._solve(error)
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)

    def _solve(self, wanted):
        """Return the least joint motion (7,) that moves the gripper by `wanted` (6,), m, rad."""
        jacobian = self._jacobian[:, self._dofs]
        return jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + DAMPING * np.eye(6), wanted)

    def _place_object(self, observation):
        """Set pose and velocity of the block."""
        data = self._task.data
        quaternion, back, spin = np.empty(4), np.empty(4), np.empty(3)
        mujoco.mju_euler2Quat(quaternion, observation[11:14], 'xyz')
        mujoco.mju_negQuat(back, quaternion)
        mujoco.mju_rotVecQuat(spin, observation[17:20], back)  # a free joint spins in its frame
        pose, dof = self._object, self._object_dof
        data.qpos[pose:pose + 3], data.qpos[pose + 3:pose + 7] = observation[3:6], quaternion
        data.qvel[dof:dof + 3] = (observation[14:17] + observation[20:23]) / CONTROL_PERIOD
        data.qvel[dof + 3:dof + 6] = spin / CONTROL_PERIOD
