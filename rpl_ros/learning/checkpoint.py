# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The learner's networks, optimisers and counters as one safetensors file, and back.

The replay is not in it: a learner that starts again goes on with its networks and fills its
replay anew.
"""

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load
import torch

from rpl_ros.policy.weights import digest, read_header, save_with_header, WeightsError

FORMAT = 'rpl_learner_1'
NETWORKS = ('actor', 'critics', 'target_actor', 'target_critics')
OPTIMIZERS = ('actor_optimizer', 'critic_optimizer')
COUNTERS = ('episodes', 'transitions', 'updates', 'version')


def _adam(optimizer):
    """Return {index.name: tensor} of an Adam optimiser's state."""
    return {f'{index}.{name}': value for index, state in optimizer.state_dict()['state'].items()
            for name, value in state.items()}


def dump(learner):
    """Return a Learner as bytes."""
    ddpg = learner.ddpg
    tensors = {}
    for name in NETWORKS:
        for key, value in getattr(ddpg, name).state_dict().items():
            tensors[f'{name}/{key}'] = value.numpy()
    for name in OPTIMIZERS:
        for key, value in _adam(getattr(ddpg, name)).items():
            tensors[f'{name}/{key}'] = value.numpy()
    for name, moments in learner.normalizers().items():
        tensors[f'{name}/sum'], tensors[f'{name}/squares'] = moments.sum, moments.squares
        tensors[f'{name}/count'] = np.array([moments.count])
    header = {'counters': {name: getattr(learner, name) for name in COUNTERS},
              'burn_in': learner.burn_in.active, 'shape': vars(learner.shape),
              'digest': _digest(tensors)}
    return save_with_header(tensors, FORMAT, header)


def _digest(tensors):
    """Return the digest of {name: array}, whatever their order."""
    return digest(save_with_header(dict(sorted(tensors.items())), FORMAT, {}))


def restore(learner, data):
    """Set a Learner to what dump() returned.

    WeightsError if the bytes are damaged or belong to networks of another shape.
    """
    header = read_header(data, FORMAT)
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise WeightsError(f'the checkpoint cannot be read: {error}') from error
    if header['digest'] != _digest(tensors):
        raise WeightsError('the digest of the checkpoint is wrong: the file is damaged')
    if header['shape'] != vars(learner.shape):
        raise WeightsError(f'the checkpoint is for {header["shape"]}, expected '
                           f'{vars(learner.shape)}')
    parts = {}
    for name, value in tensors.items():
        owner, _, key = name.partition('/')
        parts.setdefault(owner, {})[key] = value
    for name in NETWORKS:
        getattr(learner.ddpg, name).load_state_dict(
            {key: torch.from_numpy(value) for key, value in parts[name].items()})
    for name in OPTIMIZERS:
        _restore_adam(getattr(learner.ddpg, name), parts.get(name, {}))
    for name, moments in learner.normalizers().items():
        moments.sum, moments.squares = parts[name]['sum'].copy(), parts[name]['squares'].copy()
        moments.count = float(parts[name]['count'][0])
    for name, value in header['counters'].items():
        setattr(learner, name, value)
    learner.burn_in.active = header['burn_in']
    learner.set_moments()


def _restore_adam(optimizer, tensors):
    state = {}
    for key, value in tensors.items():
        index, _, name = key.partition('.')
        state.setdefault(int(index), {})[name] = torch.from_numpy(value.copy())
    optimizer.load_state_dict({**optimizer.state_dict(), 'state': state})
