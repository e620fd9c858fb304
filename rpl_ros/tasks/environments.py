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
"""Any Gymnasium environment as a task: what it is, its spec, and how it is made."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import entry_points
import math
from typing import Any
import warnings

import gymnasium
from gymnasium import spaces
import numpy as np
from rpl_ros.common.brief import brief, did_you_mean, one_line
from rpl_ros.common.described import described
from rpl_ros.common.modules import load_own
from rpl_ros.streams import generator, Stream
from rpl_ros.tasks.remote_environment import RemoteEnvironment
from rpl_ros.tasks.score import RETURN, SUCCESS
from rpl_ros.tasks.spec_file import DENSE, read_spec
from rpl_ros.tasks.specs import (CONTROL_PERIOD, Element, Environment, FILE_ENDINGS, RECORDED,
                                 SPARSE, TaskError, TASKS, TaskSpec)

GROUP = 'rpl_ros.tasks'
"""Entry points of installed packages: name -> YAML file, or package.module:function."""
PARTS = ('observation', 'achieved_goal', 'desired_goal')
"""Keys of the observations of an environment with goals."""
MOST_ELEMENTS = 10_000
PROBES = 200
"""Pairs of goals for which a reward is compared."""
SUCCESS_KEYS = ('is_success', 'success')
"""Names of a success in the `info` of environments."""


def make_environment(make: str, options: Mapping[str, Any], python: str = '') -> gymnasium.Env:
    """
    Return the Gymnasium environment `make`, see Environment; TaskError.

    `options` are its keyword arguments, `python` is the interpreter that has it, if not this one.
    """
    if python:
        return RemoteEnvironment(python, make, options)
    try:
        found = load_own(make)(**options) if _is_own(make) else _registered(make, options)
    except ImportError as error:
        raise TaskError(f'task {brief(make)}: {error}') from error
    except gymnasium.error.Error as error:
        raise TaskError(
            f'unknown task {brief(make)}{did_you_mean(make, TASKS)}: expected one of '
            f'{", ".join(TASKS)}, a file that ends in '
            f'{FILE_ENDINGS[0]}, package.module:function of an environment, or an id of '
            f'Gymnasium, which says: {one_line(error)}') from error
    except Exception as error:  # a user's own environment may raise anything
        raise TaskError(f'task {brief(make)} cannot be made: {described(error)}') from error
    if not isinstance(found, gymnasium.Env):
        raise TaskError(f'task {brief(make)} is a {type(found).__name__}, expected a Gymnasium '
                        'environment')
    return found


def _registered(make: str, options: Mapping[str, Any]) -> gymnasium.Env:
    """Return the environment with an id, also of gymnasium-robotics without its prefix."""
    try:
        return gymnasium.make(make, disable_env_checker=True, **options)
    except gymnasium.error.UnregisteredEnv:
        if ':' in make:
            raise
        with suppress(ImportError), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # about environments that nobody asked for
            import gymnasium_robotics
            gymnasium.register_envs(gymnasium_robotics)
    return gymnasium.make(make, disable_env_checker=True, **options)


def _is_own(make: str) -> bool:
    """Return whether this is package.module:function, not an id as `module:Name-v0`."""
    module, colon, name = make.partition(':')
    return bool(colon) and name.isidentifier() and all(
        part.isidentifier() for part in module.split('.'))


@lru_cache
def describe(name: str, horizon: int = 0, repeat: int = 1, python: str = '') -> TaskSpec:
    """
    Return the TaskSpec of an environment: its id, package.module:function, or an entry point.

    `horizon`, control steps, is needed where the environment has no limit of its own. `repeat`:
    steps of the environment in a control step. `python`: see make_environment(). TaskError.
    """
    make = name
    for entry in entry_points(group=GROUP, name=name):
        make = entry.value
        if make.endswith(FILE_ENDINGS):
            return read_spec(make)
    env = make_environment(make, {}, python)
    try:
        found = _described(name, make, env, horizon, repeat)
        assert found.environment is not None
        return replace(found, environment=replace(found.environment, python=python))
    finally:
        env.close()


def _described(name: str, make: str, env: gymnasium.Env, horizon: int, repeat: int) -> TaskSpec:
    box = action_box(name, env)
    has_goals = goal_parts(env)
    sizes = {part: _size(name, part, space) for part, space in _parts(env, has_goals).items()}
    limit = (env.spec and env.spec.max_episode_steps) or 0
    if not horizon and not limit:
        raise TaskError(
            f'task {brief(name)} does not say how many steps an episode has '
            '(max_episode_steps): write '
            f'its file with `rpl task describe {name} --horizon N > my_task.yaml`')
    env.reset(seed=0)
    *_, info = env.step(from_unit(env, np.zeros(box.shape), box.low, box.high))
    succeeds = has_goals or any(key in info for key in SUCCESS_KEYS)
    reward, reach = _reward(name, env) if has_goals else (RECORDED, 0.0)
    return TaskSpec(
        name=name, text='', env_id='', robot='other', bodies=(), tool='', controller='',
        observation=_elements('observation', sizes['observation']),
        goal=_elements('goal', sizes['desired_goal']) if has_goals else (),
        action=_elements('action', box.shape[0]),
        horizon=horizon or math.ceil(limit / repeat),
        control_period=round(_period(env) * repeat, 9), reach=reach,
        measure=SUCCESS if succeeds else RETURN, dense_reward=DENSE.get(reward),
        recorded_reward=reward == RECORDED,
        environment=Environment(make, {}, repeat, tuple(box.low.tolist()),
                                tuple(box.high.tolist())))


def action_box(name: str, env: gymnasium.Env) -> spaces.Box:
    """Return the space of the flattened actions, float64 (A,); TaskError."""
    flat = _flat(name, 'its actions are', env.action_space)
    low, high = flat.low.astype(np.float64), flat.high.astype(np.float64)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise TaskError(
            f'task {brief(name)}: its actions have the bounds {low.tolist()} and '
            f'{high.tolist()}, '
            'expected finite ones: wrap it with gymnasium.wrappers.RescaleAction')
    return spaces.Box(low, high, dtype=np.float64)


def goal_parts(env: gymnasium.Env) -> bool:
    """Return whether an environment has goals: see PARTS."""
    space = env.observation_space
    return isinstance(space, spaces.Dict) and set(PARTS) <= set(space.spaces)


def _parts(env: gymnasium.Env, has_goals: bool) -> dict[str, spaces.Space]:
    """Return {part: space} of an observation."""
    space = env.observation_space
    if has_goals:
        assert isinstance(space, spaces.Dict)
        return {part: space[part] for part in PARTS}
    return {'observation': space}


def _flat(name: str, what: str, space: spaces.Space) -> spaces.Box:
    """Return the flattened space; TaskError where that is no Box of numbers."""
    leaves = _leaves(space)
    bad = next((one for one in leaves if not isinstance(one, spaces.Box)), None)
    if bad is not None:
        raise TaskError(f'task {brief(name)}: {what} {bad}, expected a Box, or a Dict or Tuple '
                        'of boxes: rpl_ros learns continuous corrections of numbers')
    flat = spaces.flatten_space(space)
    assert isinstance(flat, spaces.Box)
    return flat


def _leaves(space: spaces.Space) -> list[spaces.Space]:
    """Return the spaces inside of a Dict or Tuple, or the space itself."""
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        inner = space.spaces
        return [leaf for one in (inner.values() if isinstance(inner, dict) else inner)
                for leaf in _leaves(one)]
    return [space]


def _size(name: str, part: str, space: spaces.Space) -> int:
    """Return the number of elements of a part of the observation; TaskError."""
    size = int(np.prod(_flat(name, f'its {part} is', space).shape))
    if size > MOST_ELEMENTS:
        raise TaskError(f'task {brief(name)}: its {part} has {size:,} numbers, expected at '
                        f'most {MOST_ELEMENTS:,}: images cannot be learned from')
    return size


def _elements(name: str, size: int) -> tuple[Element, ...]:
    return tuple(Element(f'{name}_{index}', '1') for index in range(size))


def _period(env: gymnasium.Env) -> float:
    """Return the time of one step of an environment, s."""
    found = getattr(env.unwrapped, 'dt', None)
    if not isinstance(found, (int, float)) or not 0 < found < 1e3:
        rate = env.metadata.get('render_fps')
        found = 1.0 / rate if isinstance(rate, (int, float)) and rate > 0 else CONTROL_PERIOD
    return float(found)


def from_unit(env: gymnasium.Env, action: np.ndarray, low: np.ndarray, high: np.ndarray) -> Any:
    """Return the environment's own action for one (A,) within [-1, 1]."""
    scaled = low + (action + 1.0) * 0.5 * (high - low)
    return spaces.unflatten(env.action_space, np.clip(scaled, low, high))


def _reward(name: str, env: gymnasium.Env) -> tuple[str, float]:
    """
    Return (name, reach) of the reward of an environment with goals; TaskError.

    It is compared with the rewards that need no simulator, for random pairs of goals.
    """
    compute: Any = getattr(env.unwrapped, 'compute_reward', None)
    if compute is None:
        raise TaskError(f'task {brief(name)} has goals, but no compute_reward()')
    rng = generator(0, Stream.SCENE, 0)
    achieved = np.asarray(env.reset(seed=0)[0]['achieved_goal'], np.float64)
    steps = rng.normal(size=(PROBES, achieved.size))
    steps *= (10.0 ** rng.uniform(-4, 1, PROBES) / np.linalg.norm(steps, axis=1))[:, None]
    distances = np.linalg.norm(steps, axis=1)
    rewards = np.array([float(compute(achieved + step, achieved, {})) for step in steps])
    if np.allclose(rewards, -distances, rtol=1e-4, atol=1e-6):
        return 'distance', 0.05
    near, far = distances[rewards == 0.0], distances[rewards == -1.0]
    if near.size and far.size and near.size + far.size == PROBES and near.max() < far.min():
        low, high = near.max(), far.min()
        along = steps[0] / distances[0]
        for _ in range(60):
            middle = 0.5 * (low + high)
            inside = float(compute(achieved + middle * along, achieved, {})) == 0.0
            low, high = (middle, high) if inside else (low, middle)
        return SPARSE, float(f'{low:.5g}')
    raise TaskError(
        f'task {brief(name)}: its compute_reward() is neither 0 at the goal and -1 elsewhere nor '
        'minus '
        'the distance: write its file with `rpl task describe`, with reward: '
        'package.module:function')
