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
The hook tasks: pull an object that is out of reach to a goal, with a hook (paper, section V-A).

Three settings of one scene. `hook`: a block on a plain table. `noisy_hook`: the same, seen through
sensor noise. `complex_hook`: an object from a library on a table with bumps, drawn anew for each
episode; neither the object's shape nor the bumps are observed.
"""

import numpy as np

from rpl_ros.tasks import fetch
from rpl_ros.tasks.bumps import add_bumps, draw_bumps, put_bumps
from rpl_ros.tasks.fetch_task import FetchTask, TABLE_TOP
from rpl_ros.tasks.object_library import CUBE, make_library, unseen_objects
from rpl_ros.tasks.object_parts import bounding_box
from rpl_ros.tasks.object_slot import add_slot, find_slot, put_object
from rpl_ros.tasks.specs import UNSEEN

START_HEIGHT = 0.2  # m, of the gripper above that of Push
GOAL = np.array([1.65, 0.75, 0.42])  # m
SETTLE_STEPS = 25  # control steps in which a dropped object comes to rest
SETTLE_PLACE = np.array([1.25, 0.53])  # m, where objects are dropped: clear of hook and bumps
NOISE_STD = 0.025  # m and rad. The paper says variance .025: with it ReactiveHook never succeeds
# Range of the object's start in x and y, m. Noiseless and complex scenes differ (authors' code).
BLOCK_START = np.array([[1.75, 1.90], [0.70, 0.80]])
OBJECT_START = np.array([[1.75, 1.85], [0.70, 0.80]])


class HookTask(FetchTask):
    """
    A hook task in MuJoCo; see docs/observations.md for the 40 elements of its observation.

    Episode n with seed s is the same scene wherever it is played: object, bumps, start, goal and
    sensor noise are drawn from (s, n) alone.
    """

    def __init__(self, name, seed, objects=''):
        """
        Build the scene of task `name`; `objects` is a folder of meshes to use instead.

        Or 'unseen', for objects of the library's kinds that no training meets.
        ObjectError for a folder or mesh that cannot be used, ValueError for `objects` where the
        task has only the block.
        """
        self._noisy = name == 'noisy_hook'
        self._complex = name == 'complex_hook'
        meshes = {}
        if objects and not self._complex:
            raise ValueError(f'task {name} has one object, the block: objects={objects!r} is of '
                             f'use for complex_hook only')
        if objects == UNSEEN:
            self.objects = unseen_objects()
        elif objects:
            from rpl_ros.tasks.mesh_folder import load_mesh_folder
            self.objects, meshes = load_mesh_folder(objects, np.random.default_rng(seed))
        else:
            self.objects = make_library() if self._complex else (CUBE,)
        model_spec = fetch.load_spec('hook', meshes)
        add_slot(model_spec, (CUBE, *self.objects))
        add_bumps(model_spec)
        super().__init__(name, seed, model_spec.compile())
        self._slot = find_slot(self.model)
        self._hook = self.model.site('hook').id
        self._rest = {}
        self._noise = None
        put_object(self.model, self.data, CUBE, self._slot)
        self._start = self._settle(np.r_[SETTLE_PLACE, 0.425, 1, 0, 0, 0], START_HEIGHT)

    def _rest_pose(self, thing):
        """
        Return height, m, and orientation in which `thing` lies on a plain table, as (5,).

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
        rng = np.random.default_rng([self.seed, episode])
        self._noise = np.random.default_rng([self.seed, episode, 1])
        thing = self.objects[rng.integers(len(self.objects))]
        bumps = draw_bumps(rng) if self._complex else ()
        low, high = (OBJECT_START if self._complex else BLOCK_START).T
        place = rng.uniform(low, high)
        goal = GOAL + np.array([1.0, 1.0, 0.0]) * rng.uniform(-0.05, 0.05)
        put_object(self.model, self.data, thing, self._slot)
        rest = self._rest_pose(thing)
        put_bumps(self.model, bumps)
        self.restore(self._start)
        self._place(np.r_[place, rest])
        self.thing = thing
        return self._begin(episode, goal)

    def _observation(self):
        """Return the observation (40,): see docs/observations.md."""
        parts = [self._seen(site) for site in (self._object, self._hook)]
        if self._noisy:
            self._add_noise(parts)
        return self._observed(*parts)

    def _add_noise(self, parts):
        """
        Add sensor noise to the poses of object and hook; the object's height stays exact.

        The authors' code puts the object's rotation noise into elements 12 to 14 instead of 11
        to 13, by an index slip; here it goes where the paper says.
        """
        noise = self._noise.normal(0.0, NOISE_STD, (4, 3))
        noise[0, 2] = 0.0
        (thing, hook) = parts
        thing[0], thing[1] = thing[0] + noise[0], thing[1] + noise[1]
        hook[0], hook[1] = hook[0] + noise[2], hook[1] + noise[3]

    def snapshot(self):
        """Return all that the rest of the episode follows from, as a dict."""
        return {**super().snapshot(), 'noise': self._noise.bit_generator.state}

    def rewind(self, snapshot):
        """Go back to what snapshot() returned, also that of another object of the same task."""
        super().rewind(snapshot)
        self._noise.bit_generator.state = snapshot['noise']
