# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""An ensemble as one safetensors file, and back; with the optimiser where training shall go on."""

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load
import torch

from rpl_ros.pets.ensemble import Ensemble, Shape
from rpl_ros.policy.weights import read_header, save_with_header, WeightsError

MODEL, TRAINING = 'rpl_pets_model_1', 'rpl_pets_training_1'


def dump(ensemble, kind, header, arrays=None):
    """Return an Ensemble as bytes; `header` is a dict that says how it was made.

    Of kind TRAINING, the optimiser and further `arrays` {name: array} are in it, too.
    """
    tensors = {name: value.detach().numpy()
               for name, value in {**ensemble.parameters, **ensemble.scalers}.items()}
    if kind == TRAINING:
        for index, state in ensemble.optimizer.state_dict()['state'].items():
            tensors |= {f'adam/{index}/{name}': value.numpy() for name, value in state.items()}
        tensors |= {f'data/{name}': value for name, value in (arrays or {}).items()}
    return save_with_header(tensors, kind, {**header, 'shape': vars(ensemble.shape)})


def restore(content, kind, state_size, action_size):
    """Return (Ensemble, header, {name: array}) of what dump() returned.

    WeightsError if the bytes are damaged, of another kind, or for other sizes of state or action.
    """
    header = read_header(content, kind)
    try:
        shape, tensors = Shape(**header['shape']), load(content)
    except (SafetensorError, KeyError, TypeError) as error:
        raise WeightsError(f'the model cannot be read: {error}') from error
    if (shape.state_size, shape.action_size) != (state_size, action_size):
        raise WeightsError(f'a model of {shape.state_size} observations and {shape.action_size} '
                           f'actions, expected {state_size} and {action_size}')
    ensemble = Ensemble(shape, np.random.default_rng(0))
    for group in (ensemble.parameters, ensemble.scalers):
        for name, value in group.items():
            found = tensors.get(name)
            if found is None or found.shape != tuple(value.shape) or not np.isfinite(found).all():
                raise WeightsError(f'tensor {name!r} is missing, not finite or of a wrong shape: '
                                   f'expected {tuple(value.shape)}')
            value.data.copy_(torch.from_numpy(found))
    _restore_adam(ensemble.optimizer, tensors)
    return ensemble, header, {name.removeprefix('data/'): value
                              for name, value in tensors.items() if name.startswith('data/')}


def _restore_adam(optimizer, tensors):
    state = {}
    for key, value in tensors.items():
        owner, _, rest = key.partition('/')
        if owner == 'adam':
            index, _, name = rest.partition('/')
            state.setdefault(int(index), {})[name] = torch.from_numpy(value.copy())
    optimizer.load_state_dict({**optimizer.state_dict(), 'state': state})
