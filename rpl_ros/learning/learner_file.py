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
A learner without its replay as bytes, and back: to the last bit, or not at all.

Nothing of a Learner changes before all that is in the bytes is known to fit it.
"""

import numpy as np
from rpl_ros.learning.adam import adam_layout, check_adam, dump_adam, restore_adam
from rpl_ros.policy.checked import check_keys, check_value, LARGEST, MisfitError, WeightsError
from rpl_ros.policy.tensor_file import (check_finite, check_layout, digest, load_tensors,
                                        read_head, save_with_header)
from rpl_ros.policy.weights import check_fit, HIGHEST_VERSION, read_shape
import torch

FORMATS = 'rpl_learner_4', 'rpl_learner_3'
"""Kinds of files that are read; the first is written. The other does not name its critics."""
NETWORKS = ('actor', 'critics', 'target_actor', 'target_critics')
OPTIMIZERS = ('actor_optimizer', 'critic_optimizer')
MOST = 2**53
"""Of whatever is counted."""
COUNTERS = {'episodes': (int, 0, MOST), 'transitions': (int, 0, MOST), 'updates': (int, 0, MOST),
            'version': (int, 0, HIGHEST_VERSION), 'owed_exactly': (float, 0.0, LARGEST)}
LISTS = ('burn_in/losses', 'burn_in/values', 'trial/recent')
"""Tensors (n,) of any length."""
RANDOM = {'bit_generator': str, 'state': dict, 'has_uint32': int, 'uinteger': int}
FIGURES = ('critic_loss', 'mean_q', 'mean_residual')
SIGNED = -LARGEST, LARGEST


def seal(tensors, kind, header):
    """Return {name: array} and a dict as safetensors bytes that carry their own digest."""
    return save_with_header(tensors, kind, {**header, 'digest': _digest(tensors, header)})


def _digest(tensors, header):
    """Return the digest of {name: array}, whatever their order, and of a header."""
    return digest(save_with_header(dict(sorted(tensors.items())), 'digest', header))


def unseal(content, kinds):
    """Return ({name: array}, Head) of seal(); WeightsError if the bytes are damaged or foreign."""
    head = read_head(content, kinds)
    tensors, found = load_tensors(content), head.header.pop('digest', None)
    if found != _digest(tensors, head.header):
        raise WeightsError('its digest is wrong: the file is damaged')
    return tensors, head


def _critics(learner):
    """Return [number of critics, whether they normalise their layers] of a Learner."""
    return [learner.settings.critics, learner.settings.layer_norm]


def dump(learner, extra=None):
    """Return a Learner without its replay as bytes; `extra` is {name: array} to keep with it."""
    ddpg, burn_in, trial = learner.ddpg, learner.burn_in, learner.trial
    tensors = {f'extra/{name}': value for name, value in (extra or {}).items()}
    for name in NETWORKS:
        for key, value in getattr(ddpg, name).state_dict().items():
            tensors[f'{name}/{key}'] = value.cpu().numpy()
    for name in OPTIMIZERS:
        tensors |= dump_adam(getattr(ddpg, name), f'{name}/')
    for name, moments in learner.normalizers().items():
        tensors[f'{name}/sum'], tensors[f'{name}/squares'] = moments.sum, moments.squares
        tensors[f'{name}/count'] = np.array([moments.count], np.float64)
    for name, values in zip(LISTS, (burn_in.losses, burn_in.values, trial.recent)):
        tensors[name] = np.array(values, np.float64)
    return seal(tensors, FORMATS[0], {
        'counters': {name: getattr(learner, name) for name in COUNTERS},
        'added': learner.replay.added, 'random': learner.rng.bit_generator.state,
        'burn_in': [burn_in.active, float(burn_in.last_value)],
        'trial': [trial.passed, trial.base_count, trial.base_sum], 'figures': learner.figures,
        'shape': vars(learner.shape), 'critics': _critics(learner), 'bags': learner.bags})


def restore(learner, content):
    """
    Set a Learner to what dump() returned; return (`extra`, episodes added to its replay).

    MisfitError if the bytes belong to networks of another task or shape, or to other bags: those
    are not in a checkpoint, but have been read again before. WeightsError if they are damaged, or
    hold anything that no Learner has. The learner is as before in both cases.
    """
    tensors, head = unseal(content, FORMATS)
    header = _read_header(learner, head)
    layout = _layout(learner, head.tensors)
    check_layout({name: found for name, found in head.tensors.items()
                  if not name.startswith('extra/')}, layout)
    _check_tensors(tensors, layout)
    _set(learner, tensors, header)
    return ({name.removeprefix('extra/'): value for name, value in tensors.items()
             if name.startswith('extra/')}, header['added'])


def _read_header(learner, head):
    """Return the header of a learner's file, with values of the right types and ranges."""
    header = {'critics': None, 'bags': '', **head.header}
    check_keys('its header', header, ('counters', 'added', 'random', 'burn_in', 'trial', 'figures',
                                      'shape', 'critics', 'bags'))
    _check_fit(learner, header)
    check_keys('counters', header['counters'], COUNTERS)
    for name, kind in COUNTERS.items():
        check_value(name, header['counters'][name], *kind)
    check_value('added', header['added'], int, 0, header['counters']['episodes'])
    for name, kinds in {'burn_in': [(bool,), (float, *SIGNED)],
                        'trial': [(bool,), (int, 0, MOST), (float, *SIGNED)]}.items():
        values = check_value(name, header[name], list)
        if len(values) != len(kinds):
            raise WeightsError(f'{name} has {len(values)} values, expected {len(kinds)}')
        for value, kind in zip(values, kinds):
            check_value(name, value, *kind)
    for name in check_keys('figures', header['figures'], FIGURES):
        check_value(name, header['figures'][name], float, *SIGNED)
    _check_random(learner.rng.bit_generator.state, header['random'])
    return header


def _check_fit(learner, header):
    """Raise MisfitError where a header is that of another learner, naming the difference."""
    check_fit(read_shape(header['shape']), vars(learner.shape))
    for (name, kind), found, wanted in zip(
            {'critics': int, 'layer_norm': bool}.items(),
            check_value('critics', header['critics'] or _critics(learner), list),
            _critics(learner)):
        if check_value(name, found, kind) != wanted:
            raise MisfitError(f'they are for {name} {found!r}, expected {wanted!r}')
    if check_value('bags', header['bags'], str) != learner.bags:
        raise MisfitError('it was made with other bags, or they have changed since')


def _check_random(own, state):
    """Raise WeightsError where a state is none of the random numbers whose state is `own`."""
    check_keys('random', state, RANDOM)
    for name, kind in RANDOM.items():
        check_value(f'random {name}', state[name], kind)
    check_keys('random state', state['state'], own['state'])
    for name in own['state']:
        check_value(f'random {name}', state['state'][name], int, 0, 2**128 - 1)
    check_value('random has_uint32', state['has_uint32'], int, 0, 1)
    check_value('random uinteger', state['uinteger'], int, 0, 2**32 - 1)
    if state['bit_generator'] != own['bit_generator'] or not state['state']['inc'] % 2:
        raise WeightsError(f'random is no state of {own["bit_generator"]}')


def _layout(learner, found):
    """
    Return {name: (dtype, shape)} of the tensors that the file of a Learner has.

    An optimiser has none before its first update, and the lists have any length: as `found`.
    """
    layout = {name: (np.float64, found.get(name, (None, (0,)))[1]) for name in LISTS}
    for name in NETWORKS:
        for key, value in getattr(learner.ddpg, name).state_dict().items():
            layout[f'{name}/{key}'] = value.numpy(force=True).dtype, tuple(value.shape)
    for name in OPTIMIZERS:
        if any(key.startswith(f'{name}/') for key in found):
            layout |= adam_layout(getattr(learner.ddpg, name), f'{name}/')
    for name, moments in learner.normalizers().items():
        for key, shape in (('sum', moments.sum.shape), ('squares', moments.sum.shape),
                           ('count', (1,))):
            layout[f'{name}/{key}'] = np.float64, shape
    return layout


def _check_tensors(tensors, layout):
    """Raise WeightsError for tensors of the right shapes with values that no learner has."""
    check_finite(tensors, layout)
    for name in LISTS:
        if tensors[name].ndim != 1:
            raise WeightsError(f'tensor {name!r} has {tensors[name].ndim} dimensions, expected 1')
    if len(tensors['burn_in/losses']) != len(tensors['burn_in/values']):
        raise WeightsError('tensors burn_in/losses and burn_in/values are not equally long')
    for name in layout:
        if name.endswith(('/count', '/squares')) and (tensors[name] < 0).any():
            raise WeightsError(f'tensor {name!r} holds values below 0')
    check_adam(tensors, [name for name in layout if name.split('/')[0] in OPTIMIZERS])


def _set(learner, tensors, header):
    """Set a Learner to tensors and header that fit it."""
    for name in NETWORKS:
        network = getattr(learner.ddpg, name)
        network.load_state_dict({key: torch.from_numpy(tensors[f'{name}/{key}'])
                                 for key in network.state_dict()})
    for name in OPTIMIZERS:
        restore_adam(getattr(learner.ddpg, name), tensors, f'{name}/')
    for name, moments in learner.normalizers().items():
        moments.sum, moments.squares = (tensors[f'{name}/{key}'].copy()
                                        for key in ('sum', 'squares'))
        moments.count = float(tensors[f'{name}/count'][0])
    for name in COUNTERS:
        setattr(learner, name, header['counters'][name])
    learner.rng.bit_generator.state = header['random']
    learner.figures = header['figures']
    burn_in, trial = learner.burn_in, learner.trial
    burn_in.active, burn_in.last_value = header['burn_in']
    burn_in.losses, burn_in.values = (tensors[name].tolist() for name in LISTS[:2])
    trial.recent.clear()
    trial.recent.extend(tensors['trial/recent'].tolist())
    trial.passed, trial.base_count, trial.base_sum = header['trial']
    learner.set_moments()
