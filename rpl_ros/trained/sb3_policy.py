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

"""`sb3:FILE.zip`: a policy that Stable-Baselines3 trained, without noise; needs that library."""

from io import BytesIO
import json
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from rpl_ros.common.brief import brief
from rpl_ros.common.described import described
from rpl_ros.common.files import read_bytes
from rpl_ros.controllers.function import ControllerError
from rpl_ros.tasks.specs import TaskSpec
from rpl_ros.trained.library import bounds, library, require_bounds, to_unit

BY_MODULE = {'stable_baselines3.sac.policies': 'SAC', 'stable_baselines3.td3.policies': 'TD3',
             'sb3_contrib.tqc.policies': 'TQC', 'sb3_contrib.crossq.policies': 'CrossQ'}
"""Module of a policy's class -> its algorithm; DDPG has the policies of TD3, and acts alike."""
CONTRIB = ('TQC', 'CrossQ', 'TRPO', 'RecurrentPPO', 'ARS')
"""Algorithms of sb3-contrib."""
ACTOR_CRITIC = 'stable_baselines3.common.policies'
"""Module of the policies of PPO, A2C and TRPO."""
GOAL_PARTS = {'observation', 'achieved_goal', 'desired_goal'}

NOT_USED: dict[str, Any] = {
    'buffer_size': 1, 'replay_buffer_class': None, 'replay_buffer_kwargs': {},
    'optimize_memory_usage': False, 'action_noise': None, 'learning_rate': 0.0,
    'lr_schedule': None, 'clip_range': 0.1, 'clip_range_vf': None, 'ep_info_buffer': None,
    'ep_success_buffer': None, '_last_obs': None, '_last_original_obs': None,
    '_last_episode_starts': None, '_episode_storage': None, '_vec_normalize_env': None}
"""What only training uses, and what stands in its place: it takes memory, or fails elsewhere."""


def _facts(content: bytes) -> dict[str, Any]:
    """Return the part of a file that is JSON; ControllerError where it is not of the library."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            found = json.loads(archive.read('data'))
    except (BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise ControllerError('not a policy of Stable-Baselines3, expected a zip file as '
                              f'model.save() writes it: {error}') from error
    if not isinstance(found, dict):
        raise ControllerError(f'data is {brief(found)}, expected a mapping')
    return found


def algorithm_of(facts: dict[str, Any]) -> str:
    """Return the algorithm that a file is of; ControllerError where it does not tell."""
    of = facts.get('policy_class')
    module = of.get('__module__') if isinstance(of, dict) else None
    if module == ACTOR_CRITIC:
        return 'PPO' if 'clip_range' in facts else 'TRPO' if 'cg_max_steps' in facts else 'A2C'
    if module not in BY_MODULE:
        raise ControllerError(f'its policy is of {brief(module)}, which does not tell its '
                              'algorithm: name it, as in algo=SAC')
    return BY_MODULE[module]


def _algorithm(name: str) -> Any:
    """Return the class of an algorithm; ControllerError where no library has it."""
    where = ('sb3_contrib', 'sb3-contrib') if name in CONTRIB else (
        'stable_baselines3', 'stable-baselines3')
    found = getattr(library(*where), name, None)
    if not hasattr(found, 'load'):
        raise ControllerError(f'algo is {name!r}, expected an algorithm of Stable-Baselines3, '
                              'such as SAC')
    return found


def _load(path: str, algo: str) -> Any:
    """Return the policy in a file; ControllerError, OSError where it cannot be read."""
    content = read_bytes(path)
    cls = _algorithm(algo or algorithm_of(_facts(content)))
    try:
        return cls.load(BytesIO(content), device='cpu', custom_objects=NOT_USED).policy
    except Exception as error:  # the file may hold anything
        raise ControllerError(f'cannot be loaded as {cls.__name__}: {described(error)}'
                              ) from error


class Sb3Policy:
    """The Controller of such a policy. A file can run code when it is loaded: trust it first."""

    name = 'sb3'

    def __init__(self, path: str, algo: str = '') -> None:
        """Load a file; `algo` is needed where the file does not tell its algorithm."""
        self._policy = _load(path, str(algo))
        self._space = self._policy.observation_space
        self.sees_achieved_goal = set(getattr(self._space, 'spaces', ())) == GOAL_PARTS
        self.reset(0)

    def for_task(self, spec: TaskSpec) -> None:
        """Raise ControllerError where sizes or bounds are not those of the task."""
        from gymnasium import spaces
        own = self._policy.action_space
        if not isinstance(own, spaces.Box):
            raise ControllerError(f'its actions are {own}, expected a Box')
        require_bounds(own.low.ravel().astype(np.float64), own.high.ravel().astype(np.float64),
                       spec)
        sizes = {'observation': spec.observation_size}
        parts: dict[str, Any] = {'observation': self._space}
        if self.sees_achieved_goal:
            sizes |= dict.fromkeys(('achieved_goal', 'desired_goal'), spec.goal_size)
            parts = self._space.spaces
        for name, size in sizes.items():
            if (found := spaces.flatdim(parts[name])) != size:
                raise ControllerError(f'its {name} has {found} numbers, that of the task {size}')
        self._low, self._high = bounds(spec)

    def prepare(self) -> None:
        """Tune this process for torch, so that each process computes the same actions."""
        from rpl_ros.learning.process import tune_process
        tune_process()

    def reset(self, episode: int) -> None:
        """Begin an episode: forget the memory of a recurrent policy."""
        self._memory: Any = None
        self._begins = True

    def __call__(self, *seen: np.ndarray) -> np.ndarray:
        """Return the base action (A,) for an observation (O,) and, if it sees them, goals (G,)."""
        action, self._memory = self._policy.predict(
            self._input(*seen), state=self._memory, episode_start=np.array([self._begins]),
            deterministic=True)
        self._begins = False
        return to_unit(action.ravel(), self._low, self._high)

    def _input(self, observation: np.ndarray, desired_goal: np.ndarray,
               achieved_goal: Any = None) -> Any:
        """Return the observation as the environment gives it: a Dict for one with goals."""
        from gymnasium.spaces import unflatten
        if not self.sees_achieved_goal:
            return unflatten(self._space, observation)
        found: dict[str, Any] = {'observation': observation, 'desired_goal': desired_goal,
                                 'achieved_goal': achieved_goal}
        return {name: unflatten(space, found[name]) for name, space in self._space.spaces.items()}
