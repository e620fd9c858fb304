# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""MBRLPusher: an arm of seven joints pushes a cylinder to a target (paper, section V-A).

The pusher of PETS (K. Chua et al., 2018). The goal is always the same; the cylinder's start and
the joints' first velocities are drawn anew for each episode. Judged by return, not by success:
object and goal differ by 48 mm in height, so that "within 5 cm" would mean 14 mm on the table.
"""

import mujoco
import numpy as np

from rpl_ros.assets import share
from rpl_ros.data import State
from rpl_ros.rewards import is_success, pusher_reward
from rpl_ros.tasks.physics import restore_state, save_state
from rpl_ros.tasks.specs import spec

JOINTS = 7
SUBSTEPS = 4  # physics steps of 10 ms in a control step
MAX_TORQUE = 1.0  # N m for an action of 1: what the authors clip to; the motors would go to 2
OBJECT_START = np.array([-0.25, 0.15])  # m, mean of the slides (y, x), from the body's place
OBJECT_SPREAD = 0.025  # m, standard deviation of each
JOINT_VELOCITY = 0.005  # rad/s, largest first velocity


class PusherTask:
    """MBRLPusher in MuJoCo; see docs/observations.md for the 20 elements of its observation.

    Episode n with seed s is the same scene wherever it is played: it is drawn from (s, n) alone.
    """

    def __init__(self, name, seed, objects=''):
        """Build the scene; ValueError for `objects`: there is only the cylinder."""
        if objects:
            raise ValueError(f'task {name} has only one object, the cylinder: objects={objects!r} '
                             f'is of use for complex_hook only')
        self.spec = spec(name)
        self._seed = seed
        self.model = mujoco.MjModel.from_xml_path(str(share('sim') / 'mbrl_pusher.xml'))
        self.data = mujoco.MjData(self.model)
        self._tip, self._object = (self.model.body(body).id for body in ('tip', 'object'))
        self._goal = self.model.body('goal').pos.copy()
        self._episode = self._step = 0

    def warm_up(self):
        """Do nothing: the first reset is as fast as any."""

    def reset(self, episode):
        """Set up the scene of episode number `episode` and return its first State."""
        rng = np.random.default_rng([self._seed, episode])
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[JOINTS:] = OBJECT_START + OBJECT_SPREAD * rng.standard_normal(2)
        self.data.qvel[:JOINTS] = rng.uniform(-JOINT_VELOCITY, JOINT_VELOCITY, JOINTS)
        mujoco.mj_kinematics(self.model, self.data)
        self._episode, self._step = episode, 0
        return self._state(np.zeros(JOINTS), applied=False)

    def step(self, sent, applied=True, command_age=0.0):
        """Execute the command `sent` (7,) for one control step, 40 ms, and return the State.

        Clipped to [-1, 1]; 1 is a torque of 1 N m. `applied` is False where `sent` is not the
        commanded action (a missed command); `command_age`, s, is passed on.
        """
        torque = MAX_TORQUE * np.clip(sent, -1.0, 1.0)
        self.data.ctrl[:] = torque
        mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)
        # mj_step leaves the poses of the state before its last substep.
        mujoco.mj_kinematics(self.model, self.data)
        self._step += 1
        return self._state(torque, applied, command_age)

    def _state(self, torque, applied, command_age=0.0):
        """Return the State after the present step, in which `torque` (7,), N m, was executed."""
        data = self.data
        thing, tip = data.xpos[self._object].copy(), data.xpos[self._tip]
        observation = np.concatenate([data.qpos[:JOINTS], data.qvel[:JOINTS], tip, thing])
        reward = float(pusher_reward(thing, self._goal, tip, torque)) if self._step else 0.0
        return State(
            episode=self._episode, step=self._step, observation=observation, achieved_goal=thing,
            desired_goal=self._goal.copy(), reward=reward,
            success=bool(is_success(thing, self._goal, self.spec.reach)),
            last=self._step == self.spec.horizon, applied=applied, command_age=command_age)

    def save(self):
        """Return the full physics state, as an array."""
        return save_state(self.model, self.data)

    def restore(self, state):
        """Set the physics to what save() returned."""
        restore_state(self.model, self.data, state)
        mujoco.mj_kinematics(self.model, self.data)
