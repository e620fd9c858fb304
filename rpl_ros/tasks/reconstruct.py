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

A controller that plans receives observations only, over ROS 2 as in process. They do not tell the
arm's joints. But the gripper points down wherever the arm can reach like that, so that the joints
follow from the gripper's position.
"""

import mujoco
import numpy as np
from rpl_ros.tasks.fetch import DOWN
from rpl_ros.tasks.fetch_facts import in_model
from rpl_ros.tasks.kinematics import arm_joints, least_squares, reach_pose
from rpl_ros.tasks.push import Push
from rpl_ros.tasks.specs import CONTROL_PERIOD

DAMPING = 3e-4  # m^2/rad^2: keeps the joints' motion small where the arm is stretched out
TURN_WEIGHT = 0.02  # m/rad: far out, the gripper is where it was observed, and tilts
TIMESTEP = 0.004  # s, of a simulator to plan in: half as many steps as in the task
# What may touch something in a simulator to plan in. Base and floor: their contact decides where
# the gripper hangs in the end.
TOUCHING = ('world', 'table0', 'object0', *map(in_model, (
    'base_link', 'gripper_link', 'r_gripper_finger_link', 'l_gripper_finger_link')))


def use_coarse_physics(model: mujoco.MjModel) -> None:
    """
    Make a Fetch's MjModel twice as fast; a control step of it then ends up to 0.5 mm elsewhere.

    Steps are longer, and collisions of the arm are left out.
    """
    model.opt.timestep = TIMESTEP
    touching = np.isin(model.geom_bodyid, [model.body(name).id for name in TOUCHING])
    model.geom_contype[~touching] = model.geom_conaffinity[~touching] = 0


class Reconstruction:
    """Sets the simulator of `task`, which must have no other user, to observed states."""

    def __init__(self, task: Push) -> None:
        task.reset(0)
        self._task, self._scene = task, task.physics
        _, self._dofs = arm_joints(task.model)
        self._home = task.save()

    def put(self, observation: np.ndarray) -> None:
        """
        Set physics to an observation (25,): equal except for the arm's joints, which are near.

        The arm takes the joints nearest to those at the start that bring the gripper there.
        """
        task, scene = self._task, self._scene
        task.restore(self._home)
        jacobian = reach_pose(
            task.model, task.data, observation[0:3], DOWN, damping=DAMPING, iterations=20,
            turn_weight=TURN_WEIGHT, stride=0.1, tolerance=1e-5)
        motion = np.zeros(6)
        motion[:3] = observation[20:23] / CONTROL_PERIOD
        task.data.qvel[self._dofs] = least_squares(jacobian, motion, DAMPING)
        scene.fingers[:] = observation[9:11]
        scene.finger_motion[:] = observation[23:25] / CONTROL_PERIOD
        self._place_object(observation)
        scene.refresh()

    def _place_object(self, observation: np.ndarray) -> None:
        """Set pose and velocity of the block."""
        pose, motion = self._scene.object_pose, self._scene.object_motion
        back, spin = np.empty(4), np.empty(3)
        mujoco.mju_euler2Quat(pose[3:], observation[11:14], 'xyz')
        mujoco.mju_negQuat(back, pose[3:])
        mujoco.mju_rotVecQuat(spin, observation[17:20], back)  # a free joint spins in its frame
        pose[:3] = observation[3:6]
        motion[:3] = (observation[14:17] + observation[20:23]) / CONTROL_PERIOD
        motion[3:] = spin / CONTROL_PERIOD
