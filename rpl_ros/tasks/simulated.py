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

"""What all simulated tasks share: reset, step, saved states. No MuJoCo: see Physics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
from rpl_ros.data import State
from rpl_ros.streams import generator, Stream
from rpl_ros.tasks.rewards import has_reached, next_state
from rpl_ros.tasks.specs import TaskSpec

if TYPE_CHECKING:
    from rpl_ros.tasks.physics import Physics


class SimulatedTask:
    """
    A task in a MuJoCo scene.

    Subclasses say what the task is, `spec`, and implement build(), start(), move(), observe() and
    achieved(). `problem` is the reason why the episode had to end early, or empty.
    """

    spec: TaskSpec
    physics: Physics
    takes_objects = False  # whether `objects` may name a folder of meshes

    def __init__(self, seed: int, objects: str = '') -> None:
        """
        Build the scene; `objects` is a folder of meshes, 'unseen', or empty.

        ValueError for `objects` where the task has only one object.
        """
        if objects and not self.takes_objects:
            raise ValueError(f'task {self.spec.name} has only one object: objects={objects!r} is '
                             'for complex_hook only')
        self.seed = seed
        self.physics = self.build(objects)
        self.model, self.data = self.physics.model, self.physics.data
        self.problem = ''
        self._state: State | None = None

    def build(self, objects: str) -> Physics:
        """Return the Physics of the scene."""
        raise NotImplementedError

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Set up a scene that is drawn from `rng` alone; return the goal (3,), m."""
        raise NotImplementedError

    def move(self, action: np.ndarray) -> None:
        """Execute `action` (A,), within [-1, 1], for one control step; refresh `data`."""
        raise NotImplementedError

    def observe(self) -> np.ndarray:
        """Return the observation (O,) of the present state: see docs/observations.md."""
        raise NotImplementedError

    def achieved(self) -> np.ndarray:
        """Return the position of the object (3,), m."""
        raise NotImplementedError

    def set_speed(self, max_ee_speed: float) -> None:
        """Make a held action of 1 move the gripper with `max_ee_speed`, m/s; or ValueError."""
        raise ValueError(f'task {self.spec.name} has another arm, driven by torques: max_ee_speed '
                         'is for the tasks of the Fetch')

    def warm_up(self) -> None:
        """Do what would make a first reset slow; for control in real time."""

    def reset(self, episode: int, goal: np.ndarray | None = None) -> State:
        """
        Set up the scene of episode number `episode` and return its first State.

        It follows from (`seed`, `episode`) alone, but for a `goal` (3,), m, from outside: see
        TaskSpec.checked_goal().
        """
        self.physics.clear_warnings()
        own = self.start(generator(self.seed, Stream.SCENE, episode))
        goal = own if goal is None else goal
        self.physics.show_goal(goal)
        self.physics.refresh()
        self.problem = ''
        observation, achieved = self.observe(), self.achieved()
        self._state = State(episode, 0, observation, achieved, goal,
                            success=has_reached(achieved, goal, self.spec.reach))
        return self._state

    def step(self, sent: np.ndarray) -> State:
        """
        Execute the command `sent` (A,), clipped to [-1, 1], for one control step of 40 ms.

        Return the State after it. Where MuJoCo has warned since the start of the episode, the
        episode is truncated, the step was not applied, and `problem` gives the reason.
        """
        assert self._state is not None, 'reset() comes before step()'
        action = np.clip(sent, -1.0, 1.0)
        self.move(action)
        self.problem = self.physics.why_unstable()
        self._state = next_state(self.spec, self._state, self.observe(), self.achieved(), action,
                                 self.problem)
        return self._state

    def save(self) -> np.ndarray:
        """Return the full physics state, as an array."""
        return self.physics.save()

    def restore(self, state: np.ndarray) -> None:
        """Set the physics to what save() returned."""
        self.physics.restore(state)

    def snapshot(self) -> dict[str, Any]:
        """Return all that determines the rest of the episode."""
        assert self._state is not None, 'reset() comes before snapshot()'
        return {'seed': self.seed, 'episode': self._state.episode, 'step': self._state.step,
                'goal': self._state.desired_goal, 'physics': self.save()}

    def rewind(self, snapshot: Mapping[str, Any]) -> None:
        """Go back to what snapshot() returned, here or in another object of the same task."""
        state = self._state
        if state is None or (self.seed, state.episode) != (snapshot['seed'], snapshot['episode']):
            self.seed = snapshot['seed']
            state = self.reset(snapshot['episode'])
        self.restore(snapshot['physics'])
        self._state = replace(state, step=snapshot['step'], desired_goal=snapshot['goal'])
