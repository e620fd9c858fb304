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

"""What all simulated tasks share: states, saving and going back."""

import mujoco
import numpy as np

from rpl_ros.data import State
from rpl_ros.rewards import has_reached, task_reward
from rpl_ros.tasks.physics import forget_warnings, restore_state, save_state, why_unsound
from rpl_ros.tasks.specs import spec


class SimulatedTask:
    """
    A task in a compiled MuJoCo model.

    Subclasses add reset(episode), which draws the scene from (`seed`, episode) alone, and
    _move(action), _refresh(), _observation() and achieved(); see there.
    """

    def __init__(self, name, seed, model):
        """Take the compiled scene; ValueError for an unknown task."""
        self.spec = spec(name)
        self.seed = seed
        self.model = model
        self.data = mujoco.MjData(model)
        self._episode, self._step = None, 0
        self._goal = np.zeros(3)
        self.problem = ''  # why the present episode had to end early

    def warm_up(self):
        """Do what would make a first reset slow; realtime control asks for it before it begins."""

    def _begin(self, episode, goal):
        """Return the first State of an episode whose scene is set up; `goal` is (3,), m."""
        self._goal, self.problem = goal, ''
        forget_warnings(self.data)
        self._refresh()
        self._episode, self._step = episode, 0
        return self._state(np.zeros(self.spec.action_size), applied=False)

    def step(self, sent, applied=True, command_age=0.0):
        """
        Execute the command `sent` (A,), clipped to [-1, 1], for one control step of 40 ms.

        Return the State after it. `applied` is False where `sent` is not the commanded action (a
        missed command); `command_age`, s, is passed on. Where MuJoCo was unstable and has reset
        itself, the episode is truncated, the step counts as not applied, and `problem` says so.
        """
        action = np.clip(sent, -1.0, 1.0)
        self._move(action)
        self._step += 1
        self.problem = why_unsound(self.data)
        return self._state(action, applied and not self.problem, command_age)

    def _move(self, action):
        """Do a control step of physics with `action` (A,), and _refresh()."""
        raise NotImplementedError

    def _refresh(self):
        """Bring the poses in `data` up to date with its joints; mj_step leaves older ones."""
        raise NotImplementedError

    def _observation(self):
        """Return the observation (O,) of the present state: see docs/observations.md."""
        raise NotImplementedError

    def achieved(self):
        """Return where the object is (3,), m."""
        raise NotImplementedError

    def _state(self, action, applied, command_age=0.0):
        """Return the State after the present step, in which `action` (A,) was executed."""
        observation, achieved = self._observation(), self.achieved()
        success = not self.problem and has_reached(achieved, self._goal, self.spec.reach)
        if self.spec.reward == 'sparse':
            reward = success - 1.0  # as task_reward says, in less time
        else:
            reward = float(task_reward(self.spec, achieved, self._goal, observation, action))
        return State(
            episode=self._episode, step=self._step, observation=observation,
            achieved_goal=achieved, desired_goal=self._goal.copy(),
            reward=reward if self._step else 0.0, success=success,
            truncated=self._step == self.spec.horizon or bool(self.problem), applied=applied,
            command_age=command_age)

    def save(self):
        """Return the full physics state, as an array."""
        return save_state(self.model, self.data)

    def restore(self, state):
        """Set the physics to what save() returned."""
        restore_state(self.model, self.data, state)
        self._refresh()

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
