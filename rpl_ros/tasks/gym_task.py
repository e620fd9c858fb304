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
"""The task that a Gymnasium environment simulates: see Task in rpl_ros/contracts.py."""

from typing import Any

from gymnasium import spaces
import numpy as np
from rpl_ros.data import State
from rpl_ros.streams import generator, Stream
from rpl_ros.tasks.environments import (action_box, from_unit, goal_parts, make_environment,
                                        SUCCESS_KEYS)
from rpl_ros.tasks.rewards import is_success, task_reward
from rpl_ros.tasks.specs import TaskError, TaskSpec

TOLERANCE = 1e-5
"""Greatest difference between a reward of an environment and the same one computed here."""


class GymTask:
    """
    An environment, one control step at a time.

    Episode n with seed s is always the same: the environment is reset with a seed drawn from both.
    """

    def __init__(self, spec: TaskSpec, seed: int) -> None:
        """Make the environment of a TaskSpec; ValueError where the two contradict each other."""
        assert spec.environment is not None
        self.spec, self.seed, self.problem = spec, seed, ''
        self._about = spec.environment
        self._env = make_environment(self._about.make, self._about.options, self._about.python)
        self._has_goals = goal_parts(self._env)
        self._low, self._high = np.array(self._about.low), np.array(self._about.high)
        self._state: State | None = None
        self._require_fit()

    def _require_fit(self) -> None:
        """Raise TaskError where the environment is not as the spec says."""
        spec, box = self.spec, action_box(self.spec.name, self._env)
        if box.shape != (spec.action_size,):
            raise TaskError(f'task {spec.name}: action has {spec.action_size} elements, '
                            f'but those of {self._about.make} have {box.shape[0]}')
        if (self._low < box.low - TOLERANCE).any() or (self._high > box.high + TOLERANCE).any():
            raise TaskError(
                f'task {spec.name}: the bounds of its action are {self._low.tolist()} and '
                f'{self._high.tolist()}, but {self._about.make} takes {box.low.tolist()} to '
                f'{box.high.tolist()}')
        if bool(spec.goal_size) != self._has_goals:
            raise TaskError(f'task {spec.name}: it has {spec.goal_size} elements of a '
                            f'goal, but {self._about.make} has '
                            f'{"goals" if self._has_goals else "none"}')
        observation, achieved, goal = self._read(self._env.reset(seed=0)[0])
        again = self._read(self._env.reset(seed=0)[0])
        if not all(np.array_equal(one, two, equal_nan=True)
                   for one, two in zip((observation, achieved, goal), again)):
            raise TaskError(f'task {spec.name}: two calls of reset(seed=0) of {self._about.make} '
                            'give two scenes, expected the same: it must draw all that is random '
                            'from self.np_random after super().reset(seed=seed)')
        for name, found, size in (('observation', observation, spec.observation_size),
                                  ('goal', achieved, spec.goal_size)):
            if found.shape != (size,):
                raise TaskError(f'task {spec.name}: {name} has {size} elements, but that '
                                f'of {self._about.make} has {found.size}')

    def _read(self, found: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return observation (O,), achieved and desired goal (G,) of an observation."""
        space = self._env.observation_space
        if self._has_goals:
            parts = (spaces.flatten(space[part], found[part])  # type: ignore[index]
                     for part in ('observation', 'achieved_goal', 'desired_goal'))
            observation, achieved, desired = (np.array(part, np.float64) for part in parts)
            return observation, achieved, desired
        return np.array(spaces.flatten(space, found), np.float64), np.empty(0), np.empty(0)

    def warm_up(self) -> None:
        """Do nothing: the environment is ready."""

    def set_speed(self, max_ee_speed: float) -> None:
        """Raise ValueError: the environment has its own speed."""
        raise ValueError(f'max_ee_speed is {max_ee_speed}, expected 0: task {self.spec.name} is '
                         'no task of the Fetch')

    def reset(self, episode: int, goal: np.ndarray | None = None) -> State:
        """Set up the scene of an episode and return its State at step 0."""
        if goal is not None:
            raise ValueError(f'task {self.spec.name} takes no goal from outside')
        seed = int(generator(self.seed, Stream.SCENE, episode).integers(2**31))
        found, _ = self._env.reset(seed=seed)
        observation, achieved, desired = self._read(found)
        self.problem = ''
        self._state = State(episode, 0, observation, achieved, desired, success=self._reached(
            achieved, desired, {}))
        return self._state

    def step(self, sent: np.ndarray) -> State:
        """
        Execute `sent` (A,), clipped to [-1, 1], for one control step; return the next State.

        The rewards of repeated steps are added. The episode ends with the environment's own, or
        with the horizon.
        """
        assert self._state is not None, 'reset() comes before step()'
        before, action, total = self._state, np.clip(sent, -1.0, 1.0), 0.0
        own = from_unit(self._env, action, self._low, self._high)
        for _ in range(self._about.repeat):
            found, reward, terminated, truncated, info = self._env.step(own)
            total += float(reward)
            if terminated or truncated:
                break
        observation, achieved, _ = self._read(found)
        step, goal = before.step + 1, before.desired_goal
        self._require_finite(observation, achieved, total, step)
        if not self.spec.recorded_reward:
            total = self._computed(achieved, goal, observation, action, float(reward))
        self._state = State(
            before.episode, step, observation, achieved, goal, total,
            self._reached(achieved, goal, info), bool(terminated),
            (bool(truncated) or step == self.spec.horizon) and not terminated, applied=True)
        return self._state

    def _require_finite(self, observation: np.ndarray, achieved: np.ndarray, reward: float,
                        step: int) -> None:
        """Raise TaskError for numbers that cannot be learned from."""
        for name, value in (('observation', observation), ('achieved_goal', achieved),
                            ('reward', reward)):
            if not np.isfinite(value).all():
                raise TaskError(f'task {self.spec.name}, step {step}: the {name} of its '
                                'environment is not finite')

    def _computed(self, achieved: np.ndarray, goal: np.ndarray, observation: np.ndarray,
                  action: np.ndarray, reward: float) -> float:
        """Return the reward; TaskError where the environment's own is another one."""
        found = np.asarray(task_reward(self.spec, achieved, goal, observation, action))
        if found.shape or not np.isfinite(found):
            raise TaskError(f'task {self.spec.name}: its reward {self.spec.reward} gives '
                            f'{found.tolist()}, expected one finite number')
        if abs(float(found) - reward) > TOLERANCE * max(1.0, abs(reward)):
            raise TaskError(
                f'task {self.spec.name}: its environment gives the reward {reward:g} where '
                f'{self.spec.reward} is {float(found):g}: goals cannot be relabelled with it. '
                'Set reward to a function that computes the same, or to recorded')
        return float(found)

    def _reached(self, achieved: np.ndarray, goal: np.ndarray, info: dict[str, Any]) -> bool:
        """Return whether the present state is a success."""
        for key in SUCCESS_KEYS:
            if key in info:
                return bool(info[key])
        return self._has_goals and bool(is_success(achieved, goal, self.spec.reach))

    def close(self) -> None:
        """Close the environment."""
        self._env.close()
