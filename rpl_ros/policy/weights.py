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

import numpy as np

from rpl_ros.brief import brief
from rpl_ros.config import LearnerSettings
from rpl_ros.policy.checked import check_keys, check_value, MisfitError, WeightsError
from rpl_ros.policy.tensor_file import (check_finite, check_layout, digest, load_tensors,
                                        read_head, save_with_header)

FORMATS = 'rpl_policy_2', 'rpl_policy_1'
"""Kinds of files that are read; the first is written."""
MOST_HEAD = 1 << 16
"""Bytes of the head of a policy: ten layers have 3,000."""
HIGHEST_VERSION = 2**32 - 1


@dataclass(frozen=True)
class PolicyShape:
    """
    What a policy's tensors must look like, how its output counts, and for what it was learned.

    Travels in the safetensors header. `residual_scale` is the factor with which it was learned,
    `horizon`, control steps, and `max_ee_speed`, m/s for an action of 1, are the robot's: None
    where they are not known, 0 for the speed in the paper's simulation.
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

    @property
    def input_size(self):
        """Return the length of the vector that the first layer takes."""
        frames = self.observation_size * (1 if self.averaged else 1 + self.history)
        return frames + self.goal_size + self.action_size * self.sees_base

    def tensors(self):
        """Return {tensor name: shape}, as in docs/weights.md."""
        sizes = [self.input_size, *[self.hidden_size] * self.hidden_layers, self.action_size]
        shapes = {'observation_mean': (self.observation_size,),
                  'observation_std': (self.observation_size,),
                  'goal_mean': (self.goal_size,), 'goal_std': (self.goal_size,)}
        for layer, (size_in, size_out) in enumerate(zip(sizes, sizes[1:])):
            shapes[f'layer{layer}.weight'] = (size_out, size_in)
            shapes[f'layer{layer}.bias'] = (size_out,)
        return shapes

    @property
    def unknown(self):
        """Return the names of what is not known of the robot with which it was learned."""
        return [name for name in ('horizon', 'max_ee_speed') if getattr(self, name) is None]


def _as_settings(*names):
    """Return {name: (type, low, high)} of settings of the learner."""
    known = {field.name: field for field in fields(LearnerSettings)}
    return {name: (type(known[name].default), known[name].metadata['low'],
                   known[name].metadata['high']) for name in names}


SHAPE = {'task': (str, 1, 200), 'observation_size': (int, 1, 10_000),
         'goal_size': (int, 0, 10_000), 'action_size': (int, 1, 1_000),
         'sees_base': (bool,), 'averaged': (bool,), 'whole_action': (bool,),
         **_as_settings('hidden_layers', 'hidden_size', 'history', 'history_keep',
                        'residual_scale', 'horizon', 'max_ee_speed')}
"""Type and range of each field of a PolicyShape."""


def read_shape(values):
    """Return the PolicyShape in a header; WeightsError for a wrong type, range or name."""
    needed = [field.name for field in fields(PolicyShape) if field.default is MISSING]
    check_keys('shape', values, needed, SHAPE)
    return PolicyShape(**{
        name: None if value is None and name in ('horizon', 'max_ee_speed')
        else check_value(name, value, *SHAPE[name]) for name, value in values.items()})


def expected_of(spec, **more):
    """Return {field of a PolicyShape: value} of policies for a TaskSpec; `more` are others."""
    return {'task': spec.name, 'observation_size': spec.observation_size,
            'goal_size': spec.goal_size, 'action_size': spec.action_size, **more}


def check_fit(shape, expected):
    """
    Raise MisfitError where a PolicyShape differs from {field: value} expected, naming both.

    What is not known of it fits; the scale of a policy that gives the whole action is of no use.
    """
    for name, wanted in expected.items():
        found = getattr(shape, name)
        ignored = name == 'residual_scale' and shape.whole_action
        if found is not None and found != wanted and not ignored:
            raise MisfitError(f'they are for {name} {found!r}, expected {wanted!r}')


def pack(tensors, shape, version=0, prefer_base=False):
    """Return {name: float32 array} and their PolicyShape as the bytes of a safetensors file."""
    header = {'shape': vars(shape), 'version': version, 'prefer_base': prefer_base}
    return save_with_header({name: np.asarray(value, dtype=np.float32)
                             for name, value in tensors.items()}, FORMATS[0], header)


def _read_header(data):
    """Return (Head, PolicyShape, prefer_base) of a policy's bytes."""
    head = read_head(data, FORMATS, MOST_HEAD)
    old, header = head.kind != FORMATS[0], dict(head.header)
    if old:  # which had another name for it, at first none
        header['prefer_base'] = header.pop('burn_in', False)
    check_keys('its header', header, ('shape', 'version', 'prefer_base'))
    check_value('version', header['version'], int, 0, HIGHEST_VERSION)
    prefer_base = check_value('burn_in' if old else 'prefer_base', header['prefer_base'], bool)
    return head, read_shape(header['shape']), prefer_base


def on_trial(data):
    """Return whether the base controller is still to be preferred to the policy in bytes."""
    return _read_header(data)[2]


def unpack(data, expected_digest=None):
    """
    Return ({name: float32 array}, PolicyShape) from the bytes of pack().

    WeightsError for a wrong digest, a foreign file, a header with a value of a wrong type or
    range, or tensors that are missing, left over, of a wrong shape or not finite.
    """
    data = bytes(data)
    if expected_digest is not None and digest(data) != expected_digest:
        raise WeightsError(f'the digest of the weights is {digest(data)[:12]}..., expected '
                           f'{brief(expected_digest)}: they were damaged on their way')
    head, shape, _ = _read_header(data)
    check_layout(head.tensors, {name: (np.float32, size)
                                for name, size in shape.tensors().items()})
    tensors = load_tensors(data)
    check_finite(tensors, tensors)
    for name in ('observation_std', 'goal_std'):
        if (tensors[name] <= 0).any():
            raise WeightsError(f'tensor {name!r} holds values that are not above 0')
    return tensors, shape
