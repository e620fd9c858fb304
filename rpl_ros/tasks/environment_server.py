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
Plays a Gymnasium environment for another process: see remote_environment.py.

This file is run by its path, by an interpreter that has the environment with its own MuJoCo,
Gymnasium and numpy, and not rpl_ros: it imports nothing else, and works with Python 3.9 and later.
Requests come as lines of JSON on the standard input, answers go to the standard output. What the
environment prints goes to the standard error. JSON carries each float64 to the last bit. When
the process that started it ends, this one does too, also during a step.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from pathlib import Path
import sys
import threading
import time
from typing import Any

import gymnasium
from gymnasium import spaces
import numpy as np

PARTS = ('observation', 'achieved_goal', 'desired_goal')


def make(name: str, options: dict[str, Any]) -> Any:
    """Return the environment: an id, also of gymnasium-robotics, or package.module:function."""
    module, colon, attribute = name.partition(':')
    if colon and attribute.isidentifier() and all(
            part.isidentifier() for part in module.split('.')):
        return getattr(importlib.import_module(module), attribute)(**options)
    try:
        return gymnasium.make(name, disable_env_checker=True, **options)
    except gymnasium.error.UnregisteredEnv:
        if colon or not importlib.util.find_spec('gymnasium_robotics'):
            raise
    return gymnasium.make(f'gymnasium_robotics:{name}', disable_env_checker=True, **options)


class Server:
    """One environment, and what each request does with it."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        """Make the environment."""
        self.env: Any = make(name, options)
        space = self.env.observation_space
        self.goals = isinstance(space, spaces.Dict) and set(PARTS) <= set(space.spaces)

    def describe(self) -> dict[str, Any]:
        """Return the sizes of its spaces, the bounds of its actions, and its times."""
        box: Any = spaces.flatten_space(self.env.action_space)
        space: Any = self.env.observation_space
        parts: dict[str, Any] = {part: space[part] for part in PARTS} if self.goals else {
            'observation': space}
        for what, one in [('its actions are', self.env.action_space), *(
                (f'its {part} is', one) for part, one in parts.items())]:
            if not all(isinstance(leaf, spaces.Box) for leaf in leaves(one)):
                raise TypeError(f'{what} {one}, expected a Box, or a Dict or Tuple of boxes')
        spec = self.env.spec
        return {
            'sizes': {part: flat_size(one) for part, one in parts.items()},
            'low': numbers(box.low), 'high': numbers(box.high),
            'dt': single(getattr(self.env.unwrapped, 'dt', None)),
            'render_fps': single(self.env.metadata.get('render_fps')),
            'steps': (spec and spec.max_episode_steps) or 0,
            'compute_reward': hasattr(self.env.unwrapped, 'compute_reward')}

    def reset(self, seed: int) -> dict[str, Any]:
        """Begin an episode; return the observation."""
        return {'observation': self.flat(self.env.reset(seed=seed)[0])}

    def step(self, action: list[float]) -> dict[str, Any]:
        """Do one step with an action (A,), in the environment's own units."""
        own = spaces.unflatten(self.env.action_space, np.array(action))
        observation, reward, terminated, truncated, info = self.env.step(own)
        return {'observation': self.flat(observation), 'reward': float(reward),
                'terminated': bool(terminated), 'truncated': bool(truncated),
                'info': {key: float(info[key]) for key in ('is_success', 'success')
                         if key in info}}

    def reward(self, achieved: list[float], desired: list[float]) -> dict[str, float]:
        """Return the reward for one pair of goals (G,)."""
        compute = self.env.unwrapped.compute_reward
        return {'reward': float(compute(np.array(achieved), np.array(desired), {}))}

    def flat(self, found: Any) -> dict[str, list[float]]:
        """Return {part: numbers} of an observation."""
        space = self.env.observation_space
        if self.goals:
            return {part: numbers(spaces.flatten(space[part], found[part])) for part in PARTS}
        return {'observation': numbers(spaces.flatten(space, found))}


def leaves(space: Any) -> list[Any]:
    """Return the spaces inside of a Dict or Tuple, or the space itself."""
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        inner = space.spaces
        return [leaf for one in (inner.values() if isinstance(inner, dict) else inner)
                for leaf in leaves(one)]
    return [space]


def flat_size(space: Any) -> int:
    """Return the number of elements of a flattened space."""
    flat: Any = spaces.flatten_space(space)
    return int(np.prod(flat.shape))


def numbers(values: Any) -> list[float]:
    """Return an array as a list of floats."""
    return np.asarray(values, np.float64).ravel().tolist()


def single(value: Any) -> float | None:
    """Return a number as a float, None for anything else."""
    return float(value) if isinstance(value, (int, float)) else None


def end_with(parent: int) -> None:
    """End this process within a second after its parent."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def main() -> None:
    """Answer requests until the other process closes the pipe."""
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # what the environment prints must not be taken for an answer
    here = str(Path(__file__).parent)  # its files must not hide modules of the same name
    sys.path[:] = [os.getcwd(), *(path for path in sys.path if path != here)]
    server = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if server is None:
                server = Server(request['make'], request['options'])
                answer = server.describe()
            else:
                answer = getattr(server, request.pop('do'))(**request)
        except Exception as error:  # an environment may raise anything
            answer = {'error': f'{type(error).__name__}: {error}'}
        answers.write(json.dumps(answer) + '\n')
        answers.flush()


if __name__ == '__main__':
    main()
