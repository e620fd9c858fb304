# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The hook tasks: pull an object that is out of reach to a goal, with a hook (paper, section V-A).

Three settings of one scene. `hook`: a block on a plain table. `noisy_hook`: the same, seen through
sensor noise. `complex_hook`: an object from a library on a table with bumps, drawn anew for each
episode; neither the object's shape nor the bumps are observed.
"""

import mujoco
import numpy as np

from rpl_ros.data import State
from rpl_ros.rewards import is_success, sparse_reward
from rpl_ros.tasks import fetch
from rpl_ros.tasks.bumps import add_bumps, draw_bumps, put_bumps
from rpl_ros.tasks.object_library import CUBE, make_library
from rpl_ros.tasks.object_parts import bounding_box
from rpl_ros.tasks.object_slot import add_slot, find_slot, put_object
from rpl_ros.tasks.specs import CONTROL_PERIOD, spec

START_HEIGHT = 0.2  # m, of the gripper above that of Push
GOAL = np.array([1.65, 0.75, 0.42])  # m
SETTLE_STEPS = 25  # control steps in which a dropped object comes to rest
SETTLE_PLACE = np.array([1.25, 0.53])  # m, where objects are dropped: clear of hook and bumps
TABLE_TOP = 0.4  # m
NOISE_STD = 0.025  # m and rad. The paper says variance .025, with which ReactiveHook never succeeds
# Range of the object's start in x and y, m. Noiseless and complex scenes differ (authors' code).
BLOCK_START = np.array([[1.75, 1.90], [0.70, 0.80]])
OBJECT_START = np.array([[1.75, 1.85], [0.70, 0.80]])


class HookTask:
    """A hook task in MuJoCo; see docs/observations.md for the 40 elements of its observation.

    Episode n with seed s is the same scene wherever it is played: object, bumps, start, goal and
    sensor noise are drawn from (s, n) alone.
    """

    def __init__(self, name, seed, objects=''):
        """Build the scene of task `name`; `objects` is a folder of meshes to use instead.

        ObjectError for a folder or mesh that cannot be used, ValueError for `objects` where the
        task has only the block.
        """
        self.spec = spec(name)
        self._seed = seed
        self._noisy = name == 'noisy_hook'
        self._complex = name == 'complex_hook'
        meshes = {}
        if objects and not self._complex:
            raise ValueError(f'task {name} has one object, the block: objects={objects!r} is of '
                             f'use for complex_hook only')
        if objects:
            from rpl_ros.tasks.mesh_folder import load_mesh_folder
            self.objects, meshes = load_mesh_folder(objects, np.random.default_rng(seed))
        else:
            self.objects = make_library() if self._complex else (CUBE,)
        model_spec = fetch.load_spec('hook', meshes)
        add_slot(model_spec, (CUBE, *self.objects))
        add_bumps(model_spec)
        self.model = model_spec.compile()
        self.data = mujoco.MjData(self.model)
        self._fetch = fetch.find_fetch(self.model)
        self._slot = find_slot(self.model)
        self._hook = self.model.site('hook').id
        self._object = self.model.site('object0').id
        self._pose = self.model.joint('object0:joint').qposadr[0]
        self._velocity = self.model.joint('object0:joint').dofadr[0]
        self._rest = {}
        self._start = self._settle_robot()
        self._episode = self._step = 0
        self._noise = None
        self._goal = GOAL

    def _settle_robot(self):
        """Return the state with the gripper at its start and the hook lying on the table."""
        mujoco.mj_resetData(self.model, self.data)
        put_object(self.model, self.data, CUBE, self._slot)
        self._place(np.r_[SETTLE_PLACE, 0.425, 1, 0, 0, 0])
        fetch.move_to_start(self.model, self.data, self._fetch, START_HEIGHT)
        return self.save()

    def _place(self, pose):
        """Put the object at `pose` (7,): m and quaternion w, x, y, z; at rest."""
        self.data.qpos[self._pose:self._pose + 7] = pose
        self.data.qvel[self._velocity:self._velocity + 6] = 0

    def _rest_pose(self, thing):
        """Return height, m, and orientation in which `thing` lies on a plain table, as (5,).

        The object is in the slot already; it is dropped from just above the table, once.
        """
        if thing.name not in self._rest:
            put_bumps(self.model, ())
            self.restore(self._start)
            height = TABLE_TOP + 0.002 - bounding_box(thing.parts)[0][2]
            self._place(np.r_[SETTLE_PLACE, height, 1, 0, 0, 0])
            for _ in range(SETTLE_STEPS):
                fetch.step_fetch(self.model, self.data, self._fetch, np.zeros(4))
            self._rest[thing.name] = self.data.qpos[self._pose + 2:self._pose + 7].copy()
        return self._rest[thing.name]

    def warm_up(self):
        """Find out how each object rests, so that no reset has to: it takes 12 ms an object."""
        for thing in self.objects:
            put_object(self.model, self.data, thing, self._slot)
            self._rest_pose(thing)

    def reset(self, episode):
        """Set up the scene of episode number `episode` and return its first State."""
        rng = np.random.default_rng([self._seed, episode])
        self._noise = np.random.default_rng([self._seed, episode, 1])
        thing = self.objects[rng.integers(len(self.objects))]
        bumps = draw_bumps(rng) if self._complex else ()
        low, high = (OBJECT_START if self._complex else BLOCK_START).T
        place = rng.uniform(low, high)
        self._goal = GOAL + np.array([1.0, 1.0, 0.0]) * rng.uniform(-0.05, 0.05)
        put_object(self.model, self.data, thing, self._slot)
        rest = self._rest_pose(thing)
        put_bumps(self.model, bumps)
        self.restore(self._start)
        self._place(np.r_[place, rest])
        self.model.site('goal').pos[:] = self._goal
        fetch.refresh(self.model, self.data)
        self._episode, self._step = episode, 0
        self.thing = thing
        return self._state(applied=False)

    def step(self, sent, applied=True, command_age=0.0):
        """Execute the command `sent` (4,) for one control step, 40 ms, and return the State.

        `applied` is False where `sent` is not the commanded action (a missed command);
        `command_age`, s, is passed on.
        """
        fetch.step_fetch(self.model, self.data, self._fetch, sent)
        self._step += 1
        return self._state(applied, command_age)

    def _state(self, applied, command_age=0.0):
        """Return the State after the present step."""
        achieved = self.data.site_xpos[self._object].copy()
        return State(
            episode=self._episode, step=self._step, observation=self._observation(),
            achieved_goal=achieved, desired_goal=self._goal.copy(),
            reward=float(sparse_reward(achieved, self._goal, self.spec.reach)) if self._step else 0.,
            success=bool(is_success(achieved, self._goal, self.spec.reach)),
            last=self._step == self.spec.horizon, applied=applied, command_age=command_age)

    def _observation(self):
        """Return the observation (40,): see docs/observations.md."""
        model, data, ids = self.model, self.data, self._fetch
        grip = data.site_xpos[ids.grip_site]
        _, grip_motion = fetch.site_motion(model, data, ids.grip_site)
        fingers, finger_motion = data.qpos[ids.finger_qpos], data.qvel[ids.finger_dof]
        parts = [self._seen(site) for site in (self._object, self._hook)]
        if self._noisy:
            self._add_noise(parts)
        (thing, thing_turn, thing_spin, thing_motion), (hook, turn, spin, motion) = parts
        return np.concatenate([
            grip, thing, thing - grip, fingers[::-1], thing_turn, thing_motion - grip_motion,
            thing_spin, grip_motion, finger_motion[::-1] * CONTROL_PERIOD,
            hook, turn, motion - grip_motion, spin, hook - grip])

    def _seen(self, site):
        """Return position, Euler angles, angular and linear motion per control step of a site."""
        spin, motion = fetch.site_motion(self.model, self.data, site)
        data = self.data
        return [data.site_xpos[site].copy(), fetch.euler(data.site_xmat[site]), spin, motion]

    def _add_noise(self, parts):
        """Add sensor noise to the poses of object and hook; the object's height stays exact.

        The authors' code puts the object's rotation noise into elements 12 to 14 instead of 11
        to 13, by an index slip; here it goes where the paper says.
        """
        noise = self._noise.normal(0.0, NOISE_STD, (4, 3))
        noise[0, 2] = 0.0
        (thing, hook) = parts
        thing[0], thing[1] = thing[0] + noise[0], thing[1] + noise[1]
        hook[0], hook[1] = hook[0] + noise[2], hook[1] + noise[3]

    def save(self):
        """Return the full physics state, as an array."""
        state = np.empty(mujoco.mj_stateSize(self.model, mujoco.mjtState.mjSTATE_INTEGRATION))
        mujoco.mj_getState(self.model, self.data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        return state

    def restore(self, state):
        """Set the physics to what save() returned."""
        mujoco.mj_setState(self.model, self.data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        fetch.refresh(self.model, self.data)
