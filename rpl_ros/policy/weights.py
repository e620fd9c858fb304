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

"""Policy weights as bytes and back, and whether they fit: see docs/weights.md."""

from dataclasses import dataclass, fields, MISSING
from typing import Any

import numpy as np
from rpl_ros.common.brief import brief
from rpl_ros.policy.about import read_about
from rpl_ros.policy.checked import check_keys, check_value, MisfitError, WeightsError
from rpl_ros.policy.tensor_file import (check_finite, check_layout, digest, Head, load_tensors,
                                        read_head, save_with_header)
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.spec_file import digest_of_own
from rpl_ros.tasks.specs import TaskSpec

FORMATS = 'rpl_policy_2', 'rpl_policy_1'
"""Kinds of files that are read; the first is written."""
MOST_HEAD = 1 << 16
"""Largest head of a policy, bytes. Ten layers need 3,000."""
HIGHEST_VERSION = 2**32 - 1


@dataclass(frozen=True)
class PolicyShape:
    """
    Shapes of a policy's tensors, meaning of its output, and the robot that it was learned with.

    Part of the safetensors header. `residual_scale` is the factor with which the policy was
    learned. `horizon`, control steps, and `max_ee_speed`, m/s for an action of 1, are those of the
    robot: None where unknown; a speed of 0 is that of the paper's simulation. `task_digest` is
    that of a task that is not built in: see spec_file.digest_of_own(). The residual is held for
    `residual_hold` control steps.
    """

    task: str
    observation_size: int
    goal_size: int
    action_size: int
    hidden_layers: int
    hidden_size: int
    history: int = 0
    history_keep: float = 0.0
    sees_base: bool = False
    averaged: bool = False
    whole_action: bool = False
    residual_scale: float = 1.0
    horizon: int | None = None
    max_ee_speed: float | None = None
    task_digest: str | None = None
    residual_hold: int = 1

    @property
    def input_size(self) -> int:
        """Return the length of the first layer's input."""
        frames = self.observation_size * (1 if self.averaged else 1 + self.history)
        return frames + self.goal_size + self.action_size * self.sees_base

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return {tensor name: shape}, as in docs/weights.md."""
        sizes = [self.input_size, *[self.hidden_size] * self.hidden_layers, self.action_size]
        shapes: dict[str, tuple[int, ...]] = {
            'observation_mean': (self.observation_size,),
            'observation_std': (self.observation_size,),
            'goal_mean': (self.goal_size,), 'goal_std': (self.goal_size,)}
        for layer, (size_in, size_out) in enumerate(zip(sizes, sizes[1:])):
            shapes[f'layer{layer}.weight'] = (size_out, size_in)
            shapes[f'layer{layer}.bias'] = (size_out,)
        return shapes

    @property
    def unknown(self) -> list[str]:
        """Return the names of the robot's properties that are None."""
        return [name for name in ('horizon', 'max_ee_speed') if getattr(self, name) is None]


def _as_settings(*names: str) -> dict[str, tuple]:
    """Return {name: (type, low, high)} of settings of the learner."""
    known = {field.name: field for field in fields(LearnerSettings)}
    return {name: (type(known[name].default), known[name].metadata['low'],
                   known[name].metadata['high']) for name in names}


SHAPE = {'task': (str, 1, 200), 'observation_size': (int, 1, 10_000),
         'goal_size': (int, 0, 10_000), 'action_size': (int, 1, 1_000),
         'task_digest': (str, 64, 64), 'sees_base': (bool,), 'averaged': (bool,),
         'whole_action': (bool,),
         **_as_settings('hidden_layers', 'hidden_size', 'history', 'history_keep',
                        'residual_scale', 'residual_hold', 'horizon', 'max_ee_speed')}
"""Type and range of each field of a PolicyShape."""


def read_shape(values: dict[str, Any]) -> PolicyShape:
    """Return the PolicyShape in a header; WeightsError for a wrong type, range or name."""
    needed = [field.name for field in fields(PolicyShape) if field.default is MISSING]
    check_keys('shape', values, needed, SHAPE)
    checked: dict[str, Any] = {
        name: None if value is None and name in ('horizon', 'max_ee_speed', 'task_digest')
        else check_value(name, value, *SHAPE[name]) for name, value in values.items()}
    return PolicyShape(**checked)


def expected_of(spec: TaskSpec, **more: object) -> dict[str, Any]:
    """Return {field of PolicyShape: value} of policies for a task; `more` are further fields."""
    return {'task': spec.name, 'observation_size': spec.observation_size,
            'goal_size': spec.goal_size, 'action_size': spec.action_size,
            'task_digest': digest_of_own(spec), **more}


def check_fit(shape: PolicyShape, expected: dict[str, Any]) -> None:
    """
    Raise MisfitError where a field of a PolicyShape differs from `expected`; it names both.

    A None fits any value, and so does the scale of a policy that gives the whole action.
    """
    for name, wanted in expected.items():
        found = getattr(shape, name)
        if name == 'task_digest' and (found or wanted) and found != wanted:
            raise MisfitError('they are for another description of the task: its elements, '
                              'reward, environment or control period differ')
        ignored = name == 'residual_scale' and shape.whole_action
        if found is not None and found != wanted and not ignored:
            raise MisfitError(f'they are for {name} {found!r}, expected {wanted!r}')


def pack(tensors: dict[str, np.ndarray], shape: PolicyShape, version: int = 0,
         prefer_base: bool = False, about: dict[str, Any] | None = None) -> bytes:
    """
    Return a policy as the bytes of a safetensors file; see docs/weights.md.

    `about` has facts of its training, as about.ABOUT lists them.
    """
    header: dict[str, Any] = {'shape': vars(shape), 'version': version,
                              'prefer_base': prefer_base}
    if about:
        header['about'] = read_about(about)
    return save_with_header({name: np.asarray(value, dtype=np.float32)
                             for name, value in tensors.items()}, FORMATS[0], header)


@dataclass(frozen=True)
class PolicyHeader:
    """What a policy file says beside its tensors; `about` is {fact of about.ABOUT: value}."""

    shape: PolicyShape
    version: int
    prefer_base: bool
    about: dict[str, Any]


def _read_header(data: bytes) -> tuple[Head, PolicyHeader]:
    """Return (Head, PolicyHeader) of a policy's bytes."""
    head = read_head(data, FORMATS, MOST_HEAD)
    old, header = head.kind != FORMATS[0], dict(head.header)
    if old:  # the old name of prefer_base; the first files did not have it
        header['prefer_base'] = header.pop('burn_in', False)
    check_keys('its header', header, ('shape', 'version', 'prefer_base'), ('about',))
    version = check_value('version', header['version'], int, 0, HIGHEST_VERSION)
    prefer_base = check_value('burn_in' if old else 'prefer_base', header['prefer_base'], bool)
    return head, PolicyHeader(read_shape(header['shape']), version, prefer_base,
                              read_about(header.get('about', {})))


def read_header(data: bytes) -> PolicyHeader:
    """Return the PolicyHeader in the bytes of pack(); WeightsError as unpack() for the header."""
    return _read_header(data)[1]


def prefers_base(data: bytes) -> bool:
    """Return whether the base controller should drive in place of the policy in these bytes."""
    return read_header(data).prefer_base


def unpack(data: bytes,
           expected_digest: str | None = None) -> tuple[dict[str, np.ndarray], PolicyShape]:
    """
    Return ({name: float32 array}, PolicyShape) from the bytes of pack().

    WeightsError for a wrong digest, a file of another kind, a header with a value of a wrong type
    or range, or tensors that are missing, unknown, of a wrong shape or not finite.
    """
    data = bytes(data)
    if expected_digest is not None and digest(data) != expected_digest:
        raise WeightsError(f'the digest of the weights is {digest(data)[:12]}..., expected '
                           f'{brief(expected_digest)}: they were damaged in transit')
    head, header = _read_header(data)
    shape = header.shape
    check_layout(head.tensors, {name: (np.float32, size)
                                for name, size in shape.tensors().items()})
    tensors = load_tensors(data)
    check_finite(tensors, tensors)
    for name in ('observation_std', 'goal_std'):
        if (tensors[name] <= 0).any():
            raise WeightsError(f'tensor {name!r} holds values that are not above 0')
    return tensors, shape
