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

"""An ensemble as one safetensors file, and back; with the optimiser if training is to continue."""

from typing import Any

import numpy as np
from rpl_ros.learning.adam import adam_layout, check_adam, dump_adam, restore_adam
from rpl_ros.pets.ensemble import Ensemble, NETWORKS, Shape
from rpl_ros.policy.checked import check_keys, check_value, MisfitError, WeightsError
from rpl_ros.policy.tensor_file import (check_finite, check_layout, load_tensors, read_head,
                                        save_with_header)
from rpl_ros.streams import fixed
import torch

MODEL, TRAINING = 'rpl_pets_model_1', 'rpl_pets_training_1'
MOST_UNITS = 4096
"""In each hidden layer."""


def dump(ensemble: Ensemble, kind: str, header: dict[str, Any],
         arrays: dict[str, np.ndarray] | None = None) -> bytes:
    """
    Return an Ensemble as bytes; `header` tells how it was made.

    Of kind TRAINING, the optimiser and further `arrays` {name: array} are included.
    """
    tensors = {name: value.detach().numpy()
               for name, value in {**ensemble.parameters, **ensemble.scalers}.items()}
    if kind == TRAINING:
        tensors |= dump_adam(ensemble.optimizer, 'adam/', '/')
        tensors |= {f'data/{name}': value for name, value in (arrays or {}).items()}
    return save_with_header(tensors, kind, {**header, 'shape': vars(ensemble.shape)})


def restore(content: bytes, kind: str, state_size: int, action_size: int
            ) -> tuple[Ensemble, dict[str, Any], dict[str, np.ndarray]]:
    """
    Return (Ensemble, header, {name: array}) of what dump() returned.

    WeightsError if the bytes are damaged, of another kind, or for other sizes of state or action.
    The caller checks the arrays, and what it put into the header.
    """
    head = read_head(content, (kind,))
    shape = _read_shape(head.header.get('shape'), state_size, action_size)
    # Before the networks are made: a small file must not make large ones.
    middle = {'weight1': (np.float32, (NETWORKS, shape.hidden_size, shape.hidden_size))}
    check_layout({name: found for name, found in head.tensors.items() if name in middle}, middle)
    ensemble = Ensemble(shape, fixed())
    parts = {**ensemble.parameters, **ensemble.scalers}
    layout = {name: (np.float32, tuple(value.shape)) for name, value in parts.items()}
    moments = {}
    if any(name.startswith('adam/') for name in head.tensors):
        moments = adam_layout(ensemble.optimizer, 'adam/', '/')
    data = {name: found for name, found in head.tensors.items() if name.startswith('data/')}
    check_layout(head.tensors, {**layout, **moments, **data})
    tensors = load_tensors(content)
    check_finite(tensors, [*layout, *data])
    check_adam(tensors, moments)
    if (tensors['input_std'] <= 0).any() or (tensors['change_std'] < 0).any():
        raise WeightsError('tensors input_std or change_std hold values below 0')
    for name, value in parts.items():
        value.data.copy_(torch.from_numpy(tensors[name]))
    restore_adam(ensemble.optimizer, tensors, 'adam/', '/')
    return ensemble, head.header, {name.removeprefix('data/'): tensors[name] for name in data}


def _read_shape(values: Any, state_size: int, action_size: int) -> Shape:
    """Return the Shape in a header; MisfitError for other sizes than expected."""
    check_keys('shape', values, Shape.__dataclass_fields__)
    shape = Shape(**{name: check_value(name, value, int, 1, MOST_UNITS)
                     for name, value in values.items()})
    if (shape.state_size, shape.action_size) != (state_size, action_size):
        raise MisfitError(f'a model of {shape.state_size} observations and {shape.action_size} '
                          f'actions, expected {state_size} and {action_size}')
    return shape
