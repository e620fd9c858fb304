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
The Fetch arm in MuJoCo: model, Cartesian command, gripper, its part of the observation.

Figures are those of OpenAI Gym's Fetch environments, which the paper builds on: the command
displaces a body that is welded softly to the gripper, 1 = 0.05 m in a control step of 40 ms.
"""

from collections.abc import Mapping

import mujoco
import numpy as np
from rpl_ros.common.assets import fetch_assets, share
from rpl_ros.tasks.fetch_facts import FINGERS, in_model
from rpl_ros.tasks.fetch_observation import Motion, observe
from rpl_ros.tasks.model_pruning import remove_unneeded_parts
from rpl_ros.tasks.physics import Physics
from rpl_ros.tasks.poses import euler
from rpl_ros.tasks.specs import CONTROL_PERIOD

SITE = int(mujoco.mjtObj.mjOBJ_SITE)  # MuJoCo takes a number in half the time of its enum
MAX_DISPLACEMENT = 0.05  # m per control step for an action of 1
HELD_SPEED = 0.8275  # m/s, of the gripper under a held action of 1: the weld is soft
GRIPPER_DOWN = np.array([1.0, 0.0, 1.0, 0.0])  # not normalised, added to that of the gripper
DOWN = GRIPPER_DOWN / np.linalg.norm(GRIPPER_DOWN)  # w, x, y, z, world, in which it is held
START = {in_model(f'slide{axis}'): place for axis, place in enumerate((0.405, 0.48, 0.0))}  # m
SKY = ([0.78, 0.84, 0.9], [0.5, 0.57, 0.65])  # colours above and below the horizon
START_OFFSET = np.array([-0.498, 0.005, -0.431])  # m, from the model's default gripper position


def load_scene(scene: str, meshes: Mapping[str, bytes] | None = None) -> mujoco.MjSpec:
    """
    Return the MjSpec of `sim/<scene>.xml` with the Fetch in it.

    `meshes` are further {file name: bytes} that the scene may refer to.
    """
    source = fetch_assets()
    include = {name: (source / 'fetch' / name).read_bytes()
               for name in ('robot.xml', 'shared.xml')}
    include |= {path.name: path.read_bytes() for path in share('sim').glob('*_part.xml')}
    assets = {path.name: path.read_bytes() for path in (source / 'stls' / 'fetch').glob('*.stl')}
    assets['block.png'] = (source / 'textures' / 'block.png').read_bytes()
    text = (share('sim') / f'{scene}.xml').read_text(encoding='utf-8')
    mj_spec = mujoco.MjSpec.from_string(text, include=include,
                                        assets={**assets, **(meshes or {})})
    # The weld must hold the frames of mocap body and gripper together. Left unset, the compiler
    # (and each mj_setConst) writes their distance in the default pose. Layout: anchor, pose,
    # torque scale.
    weld, = (item for item in mj_spec.equalities if item.type == mujoco.mjtEq.mjEQ_WELD)
    weld.data[:11] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    # Looks only: shared.xml has a bright green sky.
    for sky in mj_spec.textures:
        if sky.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX:
            sky.rgb1, sky.rgb2 = SKY
    remove_unneeded_parts(mj_spec)
    return mj_spec


class Fetch(Physics):
    """
    A scene with the Fetch and a free body `object0`.

    The arrays are views of `data` and always up to date: position of the grip, m, of the fingers,
    m, and their speed, m/s, in the order right, left; position of the object, m.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        super().__init__(model)
        data = self.data
        mocap = int(model.body(in_model('mocap')).mocapid[0])
        self._mocap_pos, self._mocap_quat = data.mocap_pos[mocap], data.mocap_quat[mocap]
        gripper = model.body(in_model('gripper_link')).id
        self._gripper_pos, self.gripper_quat = data.xpos[gripper], data.xquat[gripper]
        self._grip_site = model.site(in_model('grip')).id
        self.grip = data.site_xpos[self._grip_site]
        right, left = (model.joint(in_model(name)) for name in FINGERS)
        place, dof = int(right.qposadr[0]), int(right.dofadr[0])
        if (place + 1, dof + 1) != (int(left.qposadr[0]), int(left.dofadr[0])):
            raise ValueError("the left finger's joint does not follow the right one's")
        self.fingers, self.finger_motion = data.qpos[place:place + 2], data.qvel[dof:dof + 2]
        self.object_site = model.site('object0').id
        self.object = data.site_xpos[self.object_site]
        place, dof = (int(getattr(model.joint('object0:joint'), name)[0])
                      for name in ('qposadr', 'dofadr'))
        self.object_pose, self.object_motion = data.qpos[place:place + 7], data.qvel[dof:dof + 6]
        self._goal = model.site('goal').pos
        self._displacement = MAX_DISPLACEMENT

    def set_speed(self, max_ee_speed: float) -> None:
        """
        Make a held action of 1 move the gripper with `max_ee_speed`, m/s.

        The weld lags in proportion, so that the displacement is scaled; measured from 0.05 to
        0.8275 m/s, the gripper is within 5 % of it where the arm reaches freely.
        """
        self._displacement = MAX_DISPLACEMENT * max_ee_speed / HELD_SPEED

    def place_object(self, pose: np.ndarray) -> None:
        """Put the object at `pose` (7,), m and quaternion w, x, y, z, without velocity."""
        self.object_pose[:] = pose
        self.object_motion[:] = 0

    def show_goal(self, goal: np.ndarray) -> None:
        """Move the mark of the goal to `goal` (3,), m."""
        self._goal[:] = goal

    def settle(self, pose: np.ndarray, height: float) -> np.ndarray:
        """
        Move the gripper to its start pose in 10 control steps; return the state, see save().

        `height`, m, is above that of Push. The object starts at `pose` (7,).
        """
        model, data = self.model, self.data
        self.place_object(pose)
        for name, value in START.items():
            data.joint(name).qpos[0] = value
        mujoco.mj_forward(model, data)
        self._mocap_pos[:] = self.grip + START_OFFSET + [0, 0, height]
        self._mocap_quat[:] = GRIPPER_DOWN
        for _ in range(10):
            mujoco.mj_step(model, data, nstep=round(CONTROL_PERIOD / model.opt.timestep))
        return self.save()

    def move(self, action: np.ndarray) -> None:
        """
        Execute `action` (4,), clipped to [-1, 1], for one control step of 40 ms.

        Elements 0 to 2 displace the gripper in the frame world; element 3 moves both fingers, +1
        open, -1 close, 0 hold. In a scene without actuators the gripper is blocked, shut, and
        element 3 has no effect. Positions and velocities in `data` belong to the new state.
        """
        model, data = self.model, self.data
        action = np.asarray(action).clip(-1.0, 1.0)  # np.clip takes twice as long
        if model.nu:
            data.ctrl[:] = self.fingers[::-1] + action[3]  # left, right
        np.add(self._gripper_pos, self._displacement * action[:3], out=self._mocap_pos)
        np.add(self.gripper_quat, GRIPPER_DOWN, out=self._mocap_quat)
        mujoco.mj_step(model, data, nstep=round(CONTROL_PERIOD / model.opt.timestep))
        if not model.nu:  # contacts move the fingers of a blocked gripper a little
            self.fingers[:] = 0.0
        self.refresh()

    def refresh(self) -> None:
        """
        Update poses and velocities in `data` to qpos and qvel.

        mj_step leaves those of the state before its last substep, 2 ms old.
        """
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_comVel(self.model, self.data)

    def site_motion(self, site: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (angular, linear) displacement of a site per control step, rad and m."""
        velocity = np.empty(6)
        mujoco.mj_objectVelocity(self.model, self.data, SITE, site, velocity, 0)
        velocity *= CONTROL_PERIOD
        return velocity[:3], velocity[3:]

    def body_motion(self, site: int) -> list[np.ndarray]:
        """Return the Motion of the body that a site is on."""
        data = self.data
        return [data.site_xpos[site], euler(data.site_xmat[site]), *self.site_motion(site)]

    def observe(self, thing: Motion, hook: Motion | None = None) -> np.ndarray:
        """Return the observation, (25,) or with a `hook` (40,)."""
        _, grip_motion = self.site_motion(self._grip_site)
        return observe(self.grip, grip_motion, self.fingers, self.finger_motion * CONTROL_PERIOD,
                       thing, hook)
