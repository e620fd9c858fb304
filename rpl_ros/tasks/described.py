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

"""A task in words, as it travels with a run and stays in its bags: see Task.msg."""

from dataclasses import dataclass
import hashlib
import math

from rpl_ros.brief import brief
from rpl_ros.tasks.specs import CONTROL_PERIOD
from rpl_ros.tasks.wording import ACHIEVED_GOAL, action_names, observation_names
from rpl_ros.yaml_file import parse_yaml
import yaml

MOST_TEXT = 100_000
"""Bytes of a description that are looked at."""


class DescriptionError(ValueError):
    """A description of a task that cannot be read: says what was found and expected."""


@dataclass(frozen=True)
class TaskDescription:
    """
    What a bag tells of its task: control steps of an episode, s, and m/s for an action of 1.

    A `max_ee_speed` of 0 is that of the paper's simulation.
    """

    name: str
    horizon: int
    control_period: float
    max_ee_speed: float


def task_fields(spec, max_ee_speed):
    """Return {name, spec, digest}, the fields of Task.msg, for a TaskSpec and a speed, m/s."""
    text = yaml.safe_dump({
        'horizon': spec.horizon, 'control_period': CONTROL_PERIOD, 'max_ee_speed': max_ee_speed,
        'reward': spec.reward, 'reach': spec.reach, 'observation': observation_names(spec),
        'goal': ACHIEVED_GOAL, 'action': action_names(spec)}, sort_keys=False)
    return {'name': spec.name, 'spec': text, 'digest': digest_of(text)}


def digest_of(text):
    """Return the SHA-256 of a text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_description(name, text, digest):
    """Return the TaskDescription in the fields of a Task message; DescriptionError if bad."""
    if digest_of(text) != digest or len(text) > MOST_TEXT:
        raise DescriptionError(f'task {name!r}: the digest of its description is '
                               f'{digest_of(text)[:12]}..., expected {digest[:12]}...')
    try:
        found = parse_yaml(text)
    except ValueError as error:
        raise DescriptionError(f'task {name!r}: its description is no YAML: {error}') from error
    if not isinstance(found, dict):
        raise DescriptionError(f'task {name!r}: its description is {type(found).__name__}, '
                               'expected a mapping')
    values = {}
    for key, kind, low, high in (('horizon', int, 1, 10**6), ('control_period', float, 1e-4, 1e3),
                                 ('max_ee_speed', float, 0.0, 1e3)):
        value = found.get(key)
        if type(value) is not kind or not math.isfinite(value) or not low <= value <= high:
            raise DescriptionError(f'task {name!r}: {key} is {brief(value)}, expected a number of '
                                   f'type {kind.__name__} from {low} to {high}')
        values[key] = value
    return TaskDescription(name, **values)
