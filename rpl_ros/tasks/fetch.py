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

from dataclasses import dataclass

import mujoco
import numpy as np

from rpl_ros.assets import fetch_assets, share
from rpl_ros.tasks.savings import lighten
from rpl_ros.tasks.specs import CONTROL_PERIOD

SITE = int(mujoco.mjtObj.mjOBJ_SITE)  # MuJoCo takes a number in half the time of its enum
MAX_DISPLACEMENT = 0.05  # m per control step for an action of 1
HELD_SPEED = 0.8275  # m/s, of the gripper under a held action of 1: the weld is soft
GRIPPER_DOWN = np.array([1.0, 0.0, 1.0, 0.0])  # not normalised, added to the gripper's own
START = {'robot0:slide0': 0.405, 'robot0:slide1': 0.48, 'robot0:slide2': 0.0}  # m
SKY = ([0.78, 0.84, 0.9], [0.5, 0.57, 0.65])  # colours above and below the horizon
START_OFFSET = np.array([-0.498, 0.005, -0.431])  # m, from the model's default gripper position


def load_spec(scene, meshes=None):
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
    spec = mujoco.MjSpec.from_string(text, include=include, assets={**assets, **(meshes or {})})
    # The weld must hold the frames of mocap body and gripper together. Left unset, the compiler
    # (and each mj_setConst) writes their distance in the default pose. Layout: anchor, pose,
    # torque scale.
    weld, = (equality for equality in spec.equalities if equality.type == mujoco.mjtEq.mjEQ_WELD)
    weld.data[:11] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    # Looks only: shared.xml has a bright green sky.
    for sky in (item for item in spec.textures if item.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX):
        sky.rgb1, sky.rgb2 = SKY
    lighten(spec)
    return spec


@dataclass(frozen=True)
class FetchViews:
    """
    The robot's numbers in an MjData, looked up once. Views: they are always the present ones.

    Fingers are in the order right, left.
    """

    grip_site: int
    grip: np.ndarray
    gripper_pos: np.ndarray
    gripper_quat: np.ndarray
    mocap_pos: np.ndarray
    mocap_quat: np.ndarray
    fingers: np.ndarray
    finger_motion: np.ndarray  # m/s


def find_fetch(model, data):
    """Return the FetchViews of `data`."""
    mocap = int(model.body('robot0:mocap').mocapid[0])
    gripper, grip = model.body('robot0:gripper_link').id, model.site('robot0:grip').id
    right, left = (model.joint(f'robot0:{side}_gripper_finger_joint') for side in 'rl')
    place, dof = int(right.qposadr[0]), int(right.dofadr[0])
    if (place + 1, dof + 1) != (int(left.qposadr[0]), int(left.dofadr[0])):
        raise ValueError("the left finger's joint does not follow the right one's")
    return FetchViews(
        grip_site=grip, grip=data.site_xpos[grip], gripper_pos=data.xpos[gripper],
        gripper_quat=data.xquat[gripper], mocap_pos=data.mocap_pos[mocap],
        mocap_quat=data.mocap_quat[mocap], fingers=data.qpos[place:place + 2],
        finger_motion=data.qvel[dof:dof + 2])


def move_to_start(model, data, views, height):
    """Drive the gripper to its start pose, `height` m above that of Push, in 10 control steps."""
    for name, value in START.items():
        data.joint(name).qpos[0] = value
    mujoco.mj_forward(model, data)
    views.mocap_pos[:] = views.grip + START_OFFSET + [0, 0, height]
    views.mocap_quat[:] = GRIPPER_DOWN
    for _ in range(10):
        mujoco.mj_step(model, data, nstep=round(CONTROL_PERIOD / model.opt.timestep))


def step_fetch(model, data, views, action, displacement=MAX_DISPLACEMENT):
    """
    Execute `action` (4,), clipped to [-1, 1], for one control step of 40 ms.

    Elements 0 to 2 displace the gripper in the world frame, 1 = `displacement`, m; element 3
    moves both fingers, +1 open, -1 close, 0 hold; in a scene without actuators the gripper is
    blocked, shut, and element 3 without effect. Positions and velocities in `data` belong to the
    new state.
    """
    action = np.asarray(action).clip(-1.0, 1.0)  # np.clip takes twice as long
    if model.nu:
        data.ctrl[:] = views.fingers[::-1] + action[3]  # left, right
    np.add(views.gripper_pos, displacement * action[:3], out=views.mocap_pos)
    np.add(views.gripper_quat, GRIPPER_DOWN, out=views.mocap_quat)
    mujoco.mj_step(model, data, nstep=round(CONTROL_PERIOD / model.opt.timestep))
    if not model.nu:  # contacts move the fingers of a blocked gripper a little
        views.fingers[:] = 0.0
    refresh(model, data)


def refresh(model, data):
    """
    Bring poses and velocities in `data` up to date with qpos and qvel.

    mj_step leaves those of the state before its last substep, 2 ms old.
    """
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_comVel(model, data)


def site_motion(model, data, site):
    """Return (angular, linear) displacement of a site per control step, rad and m, world axes."""
    velocity = np.empty(6)
    mujoco.mj_objectVelocity(model, data, SITE, site, velocity, 0)
    velocity *= CONTROL_PERIOD
    return velocity[:3], velocity[3:]
