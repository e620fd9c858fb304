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
"""A task as a YAML file, and back: see docs/own_task.md. Task.msg carries the same text."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from rpl_ros.common.brief import brief
from rpl_ros.common.checked_mapping import CheckedMapping
from rpl_ros.common.modules import load_own
from rpl_ros.common.yaml_file import read_yaml, to_yaml
from rpl_ros.tasks.score import MEASURES, SUCCESS
from rpl_ros.tasks.specs import (DenseReward, Element, Environment, RECORDED, SPARSE, TaskError,
                                 TASKS, TaskSpec)

KINDS = ('observation', 'goal', 'action')
NEEDED = ('name', 'control_period', 'horizon', 'observation', 'action', 'reward')
OPTIONAL = ('text', 'goal', 'reach', 'measure', 'controller', 'environment')
LONGEST_NAME = 200
LARGEST = 1e300
"""Largest bound of an action, in its own unit."""
LONGEST = 1_000_000
"""Most control steps of an episode."""
NOT_IN_DIGEST = ('name', 'text', 'horizon', 'measure', 'controller')
"""Keys that may change without a change of what the numbers of a state or action mean."""


class TaskMapping(CheckedMapping):
    """A mapping in the file of a task."""

    error = TaskError


def distance_reward(achieved_goal: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return minus the distance of goals (..., G)."""
    return -np.linalg.norm(np.asarray(achieved_goal) - np.asarray(desired_goal), axis=-1)


DENSE = {'distance': DenseReward('distance', distance_reward)}
"""Dense rewards that a file can name."""


def spec_tree(spec: TaskSpec) -> dict[str, Any]:
    """Return a TaskSpec as {key: value} of its YAML file."""
    environment = spec.environment
    return {
        'name': spec.name, 'text': spec.text,
        **({'environment': {
            'make': environment.make, 'options': dict(environment.options),
            'repeat': environment.repeat, 'low': [*environment.low],
            'high': [*environment.high],
            **({'python': environment.python} if environment.python else {})}}
            if environment else {}),
        'control_period': spec.control_period, 'horizon': spec.horizon,
        'reward': spec.reward, 'reach': spec.reach, 'measure': spec.measure.name,
        'controller': spec.controller,
        **{kind: {element.name: element.unit for element in getattr(spec, kind)}
           for kind in KINDS}}


def spec_digest(spec: TaskSpec) -> str:
    """Return the SHA-256 of what the numbers of a task mean, 64 hexadecimal digits."""
    if spec.environment:  # where its simulator is installed changes nothing
        spec = replace(spec, environment=replace(spec.environment, python=''))
    tree = {key: value for key, value in spec_tree(spec).items() if key not in NOT_IN_DIGEST}
    return hashlib.sha256(to_yaml(tree).encode()).hexdigest()


def digest_of_own(spec: TaskSpec) -> str | None:
    """Return the spec_digest() of a task that is not built in, None for a built-in one."""
    return None if spec.name in TASKS else spec_digest(spec)


def read_spec(path: Path | str) -> TaskSpec:
    """Return the TaskSpec in a YAML file; TaskError."""
    try:
        tree = read_yaml(path)
    except (OSError, ValueError) as error:
        raise TaskError(f'task {path}: cannot be read: {error}') from error
    return parse_spec(tree, f'task {path}')


def parse_spec(tree: Any, where: str, own_code: bool = True) -> TaskSpec:
    """
    Return the TaskSpec of the content of a YAML file; TaskError, which begins with `where`.

    Without `own_code`, a reward package.module:function is not imported, and fails when it is
    used.
    """
    file = TaskMapping(tree, where, NEEDED, OPTIONAL)
    elements = {kind: _elements(file, kind) for kind in KINDS}
    if not elements['observation'] or not elements['action']:
        raise TaskError(f'{where}: observation and action need one element at least')
    name = file.text('name')
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise TaskError(f'{where}: name is {brief(name)}, expected 1 to {LONGEST_NAME} letters')
    if name in TASKS:
        raise TaskError(f'{where}: name is {name!r}, which is a built-in task: choose another one')
    measure = file.choice('measure', MEASURES, SUCCESS.name)
    reward = file.text('reward')
    goal = bool(elements['goal'])
    if not goal and reward != RECORDED:
        raise TaskError(f'{where}: reward is {brief(reward)}, expected {RECORDED!r}: the task '
                        'has no goal')
    dense = None if reward in (SPARSE, RECORDED) else DENSE.get(reward) or (
        _own(reward, where) if own_code else DenseReward(reward, partial(_unknown, reward)))
    return TaskSpec(
        name=name, text=file.text('text', ''), env_id='', robot='other',
        horizon=file.whole('horizon', 1, LONGEST),
        control_period=file.number('control_period', 1e-4, 1e3),
        reach=file.number('reach', 0.0, 1e6, 0.05), measure=MEASURES[measure], bodies=(), tool='',
        controller=file.text('controller', ''), dense_reward=dense,
        recorded_reward=reward == RECORDED, environment=_environment(file, elements['action']),
        observation=elements['observation'], goal=elements['goal'], action=elements['action'])


def _elements(file: TaskMapping, kind: str) -> tuple[Element, ...]:
    """Return the elements {name: unit} of an observation, goal or action."""
    found = file.value(kind, dict, 'a mapping of names to units', {})
    for name, unit in found.items():
        if not isinstance(name, str) or not isinstance(unit, str):
            raise TaskError(f'{file.where}: {kind} has {brief(name)}: {brief(unit)}, expected '
                            "the name of an element and its unit, both as text ('1' for no unit)")
    return tuple(Element(name, unit) for name, unit in found.items())


def _unknown(path: str, *_: object) -> np.ndarray:
    """Raise TaskError: the reward of a task is not known here."""
    raise TaskError(f'the reward {path} is code of the user, which is not run from here: name the '
                    'file of the task')


def _own(path: str, where: str) -> DenseReward:
    """Return the reward package.module:function; TaskError where it cannot be used."""
    if ':' not in path:
        raise TaskError(f'{where}: reward is {brief(path)}, expected {SPARSE}, {RECORDED}, '
                        f'{", ".join(DENSE)} or package.module:function')
    try:
        function = load_own(path)
    except ImportError as error:
        raise TaskError(f'{where}: reward: {error}') from error
    if not callable(function):
        raise TaskError(f'{where}: reward: {brief(path)} is a {type(function).__name__}, expected '
                        'a function (achieved_goal, desired_goal)')
    code = getattr(function, '__code__', None)
    names = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount] if code else ()
    inputs = tuple(name for name in ('observation', 'action') if name in names)
    return DenseReward(path, function, inputs, math.inf)


def _environment(file: TaskMapping, action: tuple[Element, ...]) -> Environment | None:
    """Return the Environment of a task, None where it has none; TaskError."""
    if 'environment' not in file.tree:
        return None
    inner = TaskMapping(file.tree['environment'], f'{file.where}: environment',
                        ('make', 'low', 'high'), ('options', 'repeat', 'python'))
    options: Mapping = inner.value('options', dict, 'a mapping of keyword arguments', {})
    bounds = []
    for key in ('low', 'high'):
        found = inner.value(key, list, f'a list of {len(action)} numbers')
        if len(found) != len(action) or not all(
                isinstance(one, (int, float)) and -LARGEST <= one <= LARGEST for one in found):
            raise TaskError(f'{inner.where}: {key} is {brief(found)}, expected {len(action)} '
                            'finite numbers, one for each element of the action')
        bounds.append(tuple(map(float, found)))
    if any(low >= high for low, high in zip(*bounds)):
        raise TaskError(f'{inner.where}: low is {list(bounds[0])}, expected less than high, '
                        f'{list(bounds[1])}, in each element')
    return Environment(inner.text('make'), options, inner.whole('repeat', 1, 1000, 1), bounds[0],
                       bounds[1], inner.text('python', ''))
