# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""What all tasks of the Fetch arm share: steps, states, saving, 25 elements of the observation."""

import mujoco
import numpy as np

from rpl_ros.data import State
from rpl_ros.rewards import has_reached
from rpl_ros.tasks import fetch
from rpl_ros.tasks.physics import restore_state, save_state
from rpl_ros.tasks.specs import CONTROL_PERIOD, spec

TABLE_TOP = 0.4  # m


class FetchTask:
    """A task in a compiled scene with the Fetch and a free body `object0`.

    Subclasses add reset(episode), which draws the scene from (`seed`, episode) alone, and may add
    to the observation. See docs/observations.md for its elements.
    """

    def __init__(self, name, seed, model):
        """Take the compiled scene; ValueError for an unknown task."""
        self.spec = spec(name)
        self.seed = seed
        self.model = model
        self.data = mujoco.MjData(model)
        self._fetch = fetch.find_fetch(model, self.data)
        self._object = model.site('object0').id
        self._object_place = self.data.site_xpos[self._object]
        self._pose = model.joint('object0:joint').qposadr[0]
        self._velocity = model.joint('object0:joint').dofadr[0]
        self._episode, self._step = None, 0
        self._goal = np.zeros(3)

    def _settle(self, pose, height):
        """Return the state with the gripper at its start, `height` m above that of Push.

        The object lies at `pose` (7,) meanwhile: m and quaternion w, x, y, z.
        """
        self._place(pose)
        fetch.move_to_start(self.model, self.data, self._fetch, height)
        return self.save()

    def _place(self, pose):
        """Put the object at `pose` (7,): m and quaternion w, x, y, z; at rest."""
        self.data.qpos[self._pose:self._pose + 7] = pose
        self.data.qvel[self._velocity:self._velocity + 6] = 0

    def _begin(self, episode, goal):
        """Return the first State of an episode whose scene is set up."""
        self._goal = goal
        self.model.site('goal').pos[:] = goal
        fetch.refresh(self.model, self.data)
        self._episode, self._step = episode, 0
        return self._state(applied=False)

    def warm_up(self):
        """Do what would make a first reset slow; realtime control asks for it before it begins."""

    def step(self, sent, applied=True, command_age=0.0):
        """Execute the command `sent` (4,) for one control step, 40 ms, and return the State.

        `applied` is False where `sent` is not the commanded action (a missed command);
        `command_age`, s, is passed on.
        """
        fetch.step_fetch(self.model, self.data, self._fetch, sent)
        self._step += 1
        return self._state(applied, command_age)

    def advance(self, action):
        """Execute `action` (4,) outside of any episode: for planning, without building a State.

        Return the positions of gripper and object, (3,) each, m; the next call overwrites them.
        """
        fetch.step_fetch(self.model, self.data, self._fetch, action)
        return self._fetch.grip, self._object_place

    def _state(self, applied, command_age=0.0):
        """Return the State after the present step."""
        success = has_reached(self._object_place, self._goal, self.spec.reach)
        return State(
            episode=self._episode, step=self._step, observation=self._observation(),
            achieved_goal=self._object_place.copy(), desired_goal=self._goal.copy(),
            reward=success - 1.0 if self._step else 0.0, success=success,
            last=self._step == self.spec.horizon, applied=applied, command_age=command_age)

    def _observation(self):
        """Return the observation of the present state."""
        return np.concatenate(self._see_fetch_and_object(self._seen(self._object)))

    def _see_fetch_and_object(self, thing):
        """Return elements 0 to 24 of the observation as a list; `thing` is what _seen returns."""
        views = self._fetch
        _, grip_motion = fetch.site_motion(self.model, self.data, views.grip_site)
        place, turn, spin, motion = thing
        return [views.grip, place, place - views.grip, views.fingers, turn, motion - grip_motion,
                spin, grip_motion, views.finger_motion * CONTROL_PERIOD]

    def _seen(self, site):
        """Return position, Euler angles, angular and linear motion per control step of a site."""
        spin, motion = fetch.site_motion(self.model, self.data, site)
        data = self.data
        return [data.site_xpos[site], fetch.euler(data.site_xmat[site]), spin, motion]

    def save(self):
        """Return the full physics state, as an array."""
        return save_state(self.model, self.data)

    def restore(self, state):
        """Set the physics to what save() returned."""
        restore_state(self.model, self.data, state)
        fetch.refresh(self.model, self.data)

    def snapshot(self):
        """Return all that the rest of the episode follows from, as a dict."""
        return {'seed': self.seed, 'episode': self._episode, 'step': self._step,
                'physics': self.save()}

    def rewind(self, snapshot):
        """Go back to what snapshot() returned, also that of another object of the same task."""
        if (self.seed, self._episode) != (snapshot['seed'], snapshot['episode']):
            self.seed = snapshot['seed']
            self.reset(snapshot['episode'])
        self.restore(snapshot['physics'])
        self._step = snapshot['step']
