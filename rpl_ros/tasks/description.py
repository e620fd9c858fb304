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

from dataclasses import dataclass, field
import hashlib
from typing import Any

from rpl_ros.common.brief import brief
from rpl_ros.common.yaml_file import parse_yaml, to_yaml
from rpl_ros.tasks.spec_file import KINDS, parse_spec, spec_tree
from rpl_ros.tasks.specs import TaskError, TASKS, TaskSpec

OF_BUILT_IN = ('horizon', 'control_period', 'max_ee_speed', 'reward', 'reach')
MOST_TEXT = 1_000_000
"""Greatest length of a description, characters."""


class DescriptionError(ValueError):
    """A description of a task that cannot be read: says what was found and expected."""


@dataclass(frozen=True)
class TaskDescription:
    """
    What a bag says about its task.

    `horizon` is in control steps, `control_period` in s, `max_ee_speed` in m/s for an action of 1;
    0 is the speed of the paper's simulation. `tree` is the whole text as a mapping.
    """

    name: str
    horizon: int
    control_period: float
    max_ee_speed: float
    tree: dict[str, Any] = field(repr=False)

    def spec(self) -> TaskSpec:
        """
        Return the TaskSpec of a task that is not built in; DescriptionError.

        The user's own reward is not imported: code that a message names is not run.
        """
        tree = {key: value for key, value in self.tree.items() if key != 'max_ee_speed'}
        try:
            return parse_spec(tree, f'task {self.name!r}', own_code=False)
        except TaskError as error:
            raise DescriptionError(str(error)) from error


def task_fields(spec: TaskSpec, max_ee_speed: float) -> dict[str, str]:
    """Return {name, spec, digest}, the fields of Task.msg, for a TaskSpec and a speed, m/s."""
    tree = {**spec_tree(spec), 'max_ee_speed': max_ee_speed}
    if spec.name in TASKS:  # as version 0.1 wrote it: its digest must not change
        tree = {**{key: tree[key] for key in OF_BUILT_IN},
                **{kind: [*tree[kind]] for kind in KINDS}}
    text = to_yaml(tree)
    return {'name': spec.name, 'spec': text, 'digest': digest_of(text)}


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def difference(robot: TaskDescription, here: TaskDescription) -> str:
    """Return in words how the task of a robot differs from that of a node."""
    found = {'name': (robot.name, here.name), **{
        key: (robot.tree.get(key), here.tree.get(key)) for key in {**here.tree, **robot.tree}}}
    return '; '.join(f'{key} is {brief(there)} on the robot, {brief(own)} here'
                     for key, (there, own) in found.items() if there != own)


def read_description(name: str, text: str, digest: str) -> TaskDescription:
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
    values: dict[str, Any] = {}
    for key, kind, low, high in (('horizon', int, 1, 10**6), ('control_period', float, 1e-4, 1e3),
                                 ('max_ee_speed', float, 0.0, 1e3)):
        value = found.get(key)
        if type(value) is not kind or not low <= value <= high:
            raise DescriptionError(f'task {name!r}: {key} is {brief(value)}, expected a number of '
                                   f'type {kind.__name__} from {low} to {high}')
        values[key] = value
    return TaskDescription(name, **values, tree=found)
