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

This module defines, from top to bottom: the specification, the scene, start and goal of an
episode, and the observation. Reward and success are those of all tasks with a sparse reward
(rewards.py).
Three tasks in one scene. Hook: a block on a plain table. NoisyHook: the same, with sensor noise.
ComplexHook: an object from a library on a table with bumps, drawn anew for each episode; neither
the object's shape nor the bumps are observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
from rpl_ros.data import State
from rpl_ros.streams import generator, Stream
from rpl_ros.tasks.fetch_observation import ACTION, HOOK_OBSERVATION
from rpl_ros.tasks.fetch_task import FetchTask
from rpl_ros.tasks.objects.bumps import draw_bumps
from rpl_ros.tasks.objects.library import CUBE, library_objects, unseen_objects
from rpl_ros.tasks.objects.parts import HookObject
from rpl_ros.tasks.specs import TaskSpec, UNSEEN

if TYPE_CHECKING:
    from rpl_ros.tasks.objects.scene import ObjectScene

START_HEIGHT = 0.2  # m, of the gripper above that of Push
GOAL = np.array([1.65, 0.75, 0.42])  # m
SETTLE_STEPS = 25  # control steps in which a dropped object stops moving
SETTLE_PLACE = np.array([1.25, 0.53])  # m, where objects are dropped: clear of hook and bumps
NOISE_STD = 0.025  # m and rad. The paper says variance .025: with it ReactiveHook never succeeds


class Hook(FetchTask):
    """A block is pulled to a goal with a hook; 40 elements are observed."""

    spec = TaskSpec(
        name='hook', text='Pull the block to the goal with the hook.', env_id='rpl/Hook-v0',
        observation=HOOK_OBSERVATION, action=ACTION, horizon=100, controller='reactive_hook',
        bodies=('object', 'hook', 'goal'), goals=((1.59, 0.69, 0.41), (1.71, 0.81, 0.43)),
        reach=0.05)  # m from the goal: a success, and a reward of 0; -1 farther away
    scene = 'hook'
    physics: ObjectScene
    # Range of the object's start in x and y, m. Hook and ComplexHook differ (authors' code).
    object_start = np.array([[1.75, 1.90], [0.70, 0.80]])

    def __init__(self, seed: int, objects: str = '') -> None:
        super().__init__(seed, objects)
        self._rest: dict[str, np.ndarray] = {}
        self._hook = self.model.site('hook').id
        self.physics.put_object(CUBE)
        self._start = self.physics.settle(np.r_[SETTLE_PLACE, 0.425, 1, 0, 0, 0], START_HEIGHT)

    def build(self, objects: str) -> ObjectScene:
        """Return the scene with the arm and room for any of the objects."""
        from rpl_ros.tasks.objects.scene import ObjectScene
        self.objects, meshes = self.choose_objects(objects)
        return ObjectScene(self.scene, (CUBE, *self.objects), meshes)

    def choose_objects(self, objects: str) -> tuple[tuple[HookObject, ...], dict[str, bytes]]:
        """Return the objects, and {file name: bytes} of their meshes."""
        return (CUBE,), {}

    def draw_bumps(self, rng: np.random.Generator) -> np.ndarray:
        """Return the bumps (n, 5) on the table: see bumps.py."""
        return np.empty((0, 5))

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Put the object out of reach, at rest; return the goal (3,), m."""
        self.thing = self.objects[rng.integers(len(self.objects))]
        bumps = self.draw_bumps(rng)
        place = rng.uniform(*self.object_start.T)
        goal = GOAL + np.array([1.0, 1.0, 0.0]) * rng.uniform(-0.05, 0.05)
        self.physics.put_object(self.thing)
        rest = self._rest_pose(self.thing)
        self.physics.put_bumps(bumps)
        self.restore(self._start)
        self.physics.place_object(np.r_[place, rest])
        return goal

    def _rest_pose(self, thing: HookObject) -> np.ndarray:
        """
        Return height, m, and orientation in which `thing` lies on a plain table, as (5,).

        The object is in the scene already. It is dropped from just above the table, once.
        """
        if thing.name not in self._rest:
            self.physics.put_bumps(())
            self.restore(self._start)
            self.physics.place_above_table(thing, SETTLE_PLACE)
            for _ in range(SETTLE_STEPS):
                self.physics.move(np.zeros(4))
            self._rest[thing.name] = self.physics.object_pose[2:].copy()
        return self._rest[thing.name]

    def warm_up(self) -> None:
        """Find the rest pose of each object before the first reset: 12 ms for each object."""
        for thing in self.objects:
            self.physics.put_object(thing)
            self._rest_pose(thing)

    def motions(self) -> list[list[np.ndarray]]:
        """Return the Motion of object and hook."""
        return [self.physics.body_motion(site) for site in (self.physics.object_site, self._hook)]

    def observe(self) -> np.ndarray:
        """Return the observation (40,): see docs/observations.md."""
        return self.physics.observe(*self.motions())


class NoisyHook(Hook):
    """Hook with sensor noise, drawn from (`seed`, episode) alone."""

    spec = replace(Hook.spec, name='noisy_hook', env_id='rpl/NoisyHook-v0',
                   text='Pull the block, seen with noise, to the goal with the hook.')
    noise_std = NOISE_STD

    def reset(self, episode: int, goal: np.ndarray | None = None) -> State:
        """Set up the scene of episode number `episode` and return its first State."""
        self._noise = generator(self.seed, Stream.SENSOR_NOISE, episode)
        return super().reset(episode, goal)

    def motions(self) -> list[list[np.ndarray]]:
        """
        Return the Motion of object and hook with noise on their poses, but the object's height.

        The authors' code puts the object's rotation noise into elements 12 to 14 instead of 11
        to 13, by a wrong index; here it is where the paper says.
        """
        thing, hook = super().motions()
        noise = self._noise.normal(0.0, self.noise_std, (4, 3))
        noise[0, 2] = 0.0
        thing[0], thing[1] = thing[0] + noise[0], thing[1] + noise[1]
        hook[0], hook[1] = hook[0] + noise[2], hook[1] + noise[3]
        return [thing, hook]

    def snapshot(self) -> dict[str, Any]:
        """Return all that determines the rest of the episode."""
        return {**super().snapshot(), 'noise': self._noise.bit_generator.state}

    def rewind(self, snapshot: Mapping[str, Any]) -> None:
        """Go back to what snapshot() returned, here or in another object of the same task."""
        super().rewind(snapshot)
        self._noise.bit_generator.state = snapshot['noise']


class ComplexHook(Hook):
    """Hook with another object and other bumps in each episode."""

    spec = replace(Hook.spec, name='complex_hook', env_id='rpl/ComplexHook-v0',
                   text='Pull the object over the bumps to the goal with the hook.')
    takes_objects = True
    object_start = np.array([[1.75, 1.85], [0.70, 0.80]])

    def choose_objects(self, objects: str) -> tuple[tuple[HookObject, ...], dict[str, bytes]]:
        """
        Return the library, its unseen objects, or those of a folder of meshes.

        ObjectError for a folder or mesh that cannot be used.
        """
        if objects == UNSEEN:
            return unseen_objects(), {}
        if objects:
            from rpl_ros.tasks.objects.mesh_folder import load_mesh_folder
            return load_mesh_folder(objects, generator(self.seed, Stream.MESHES))
        return library_objects(), {}

    def draw_bumps(self, rng: np.random.Generator) -> np.ndarray:
        """Return the bumps (n, 5) on the table: see bumps.py."""
        return draw_bumps(rng)
