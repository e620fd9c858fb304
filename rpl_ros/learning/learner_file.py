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

A Learner changes only after everything in the bytes has been checked.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from rpl_ros.learning.adam import check_adam
from rpl_ros.learning.ddpg import OPTIMIZERS
from rpl_ros.learning.learner import Learner
from rpl_ros.policy.checked import check_keys, check_value, LARGEST, MisfitError, WeightsError
from rpl_ros.policy.tensor_file import (check_finite, check_layout, digest, Head, load_tensors,
                                        read_head, save_with_header)
from rpl_ros.policy.weights import check_fit, HIGHEST_VERSION, read_shape
from rpl_ros.runs.layout import last_episodes, LEARNER_KINDS
from rpl_ros.settings.robots import robot_of

MOST = 2**53
"""Highest value of a counter."""
COUNTERS = {'episodes': (int, 0, MOST), 'transitions': (int, 0, MOST), 'updates': (int, 0, MOST),
            'version': (int, 0, HIGHEST_VERSION), 'owed_exactly': (float, 0.0, LARGEST)}
LISTS = ('burn_in/losses', 'burn_in/values', 'trial/recent')
"""Tensors (n,) of any length."""
RANDOM = {'bit_generator': str, 'state': dict, 'has_uint32': int, 'uinteger': int}
FIGURES = ('critic_loss', 'mean_q', 'mean_residual')
SIGNED = -LARGEST, LARGEST
STANDS: dict[str, list[tuple]] = {
    'burn_in': [(bool,), (float, *SIGNED)],
    'trial': [(bool,), (int, 0, MOST), (float, *SIGNED)]}
"""Type and range of what a header says of burn-in and trial."""


def seal(tensors: dict[str, np.ndarray], kind: str, header: dict[str, Any]) -> bytes:
    """Return {name: array} and a dict as safetensors bytes that carry their own digest."""
    return save_with_header(tensors, kind, {**header, 'digest': _digest(tensors, header)})


def _digest(tensors: dict[str, np.ndarray], header: dict[str, Any]) -> str:
    """Return the digest of {name: array}, whatever their order, and of a header."""
    return digest(save_with_header(dict(sorted(tensors.items())), 'digest', header))


def unseal(content: bytes, kinds: Iterable[str]) -> tuple[dict[str, np.ndarray], Head]:
    """Return ({name: array}, Head) of seal(); WeightsError for bytes damaged or of other kinds."""
    head = read_head(content, kinds)
    tensors, found = load_tensors(content), head.header.pop('digest', None)
    if found != _digest(tensors, head.header):
        raise WeightsError('its digest is wrong: the file is damaged')
    return tensors, head


def _critics(learner: Learner) -> list[Any]:
    """Return [number of critics, whether they normalise their layers] of a Learner."""
    return [learner.settings.critics, learner.settings.layer_norm]


def dump(learner: Learner, extra: dict[str, np.ndarray] | None = None) -> bytes:
    """Return a Learner without its replay as bytes; `extra` arrays are stored with it."""
    burn_in, trial = learner.burn_in.state_dict(), learner.trial.state_dict()
    tensors = {f'extra/{name}': value for name, value in (extra or {}).items()}
    tensors |= learner.ddpg.state_dict()
    for name, normalizer in learner.normalizers().items():
        tensors |= {f'{name}/{key}': value for key, value in normalizer.state_dict().items()}
    for name, values in zip(LISTS, (burn_in['losses'], burn_in['values'], trial['recent'])):
        tensors[name] = np.array(values, np.float64)
    return seal(tensors, LEARNER_KINDS[0], {
        'counters': {name: getattr(learner, name) for name in COUNTERS},
        'added': learner.replay.added, 'random': learner.rng.bit_generator.state,
        'burn_in': [burn_in['active'], burn_in['last_value']],
        'trial': [trial['passed'], trial['base_count'], trial['base_sum']],
        'figures': learner.figures, 'shape': vars(learner.shape), 'critics': _critics(learner),
        'bags': learner.bags, 'acts_in_burn_in': learner.acts_in_burn_in,
        'last_episodes': sorted(learner.last_episodes.values())})


def restore(learner: Learner, content: bytes) -> tuple[dict[str, np.ndarray], int]:
    """
    Set a Learner to what dump() returned; return (`extra`, episodes added to its replay).

    MisfitError if the bytes belong to networks of another task or shape, or to other bags (a
    checkpoint does not contain the bags; the learner has read them again before). WeightsError if
    they are damaged or contain values that no Learner has. Both leave the learner unchanged.
    """
    tensors, header = _read(learner, content)
    _set(learner, tensors, header)
    return ({name.removeprefix('extra/'): value for name, value in tensors.items()
             if name.startswith('extra/')}, header['added'])


def restore_networks(learner: Learner, content: bytes) -> None:
    """
    Give a new Learner the networks, statistics and burn-in of what dump() returned.

    Optimisers, counters and random numbers stay those of the new learner, and its trial begins
    with the verdict of the other. Errors are those of restore(), except that bags may differ.
    """
    tensors, header = _read(learner, content, bags=False)
    learner.ddpg.load_state_dict({name: value for name, value in tensors.items()
                                  if name.split('/')[0] not in OPTIMIZERS})
    _set_statistics(learner, tensors)
    _set_burn_in(learner, tensors, header)
    learner.trial.passed = header['trial'][0] or learner.trial.passed
    learner.set_moments()


def _read(learner: Learner, content: bytes,
          bags: bool = True) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return (tensors, header) of dump() after all checks; without `bags` any bags will do."""
    tensors, head = unseal(content, LEARNER_KINDS)
    if not bags:
        head.header['bags'] = learner.bags
    header = _read_header(learner, head)
    layout = _layout(learner, head.tensors)
    check_layout({name: found for name, found in head.tensors.items()
                  if not name.startswith('extra/')}, layout)
    _check_tensors(tensors, layout)
    return tensors, header


def _read_header(learner: Learner, head: Head) -> dict[str, Any]:
    """Return the header of a learner's file after checking all types and ranges."""
    header = {'critics': None, 'bags': '', 'acts_in_burn_in': False, **head.header,
              'last_episodes': last_episodes(head.header)}
    header.pop('last_episode', None)
    check_keys('its header', header, ('counters', 'added', 'random', 'burn_in', 'trial', 'figures',
                                      'shape', 'critics', 'bags', 'acts_in_burn_in',
                                      'last_episodes'))
    check_value('acts_in_burn_in', header['acts_in_burn_in'], bool)
    for number in check_value('last_episodes', header['last_episodes'], list):
        check_value('last_episodes', number, int, 0, MOST)
    if len(set(map(robot_of, header['last_episodes']))) < len(header['last_episodes']):
        raise WeightsError('last_episodes has two numbers of one robot')
    _check_fit(learner, header)
    check_keys('counters', header['counters'], COUNTERS)
    for name, kind in COUNTERS.items():
        check_value(name, header['counters'][name], *kind)
    check_value('added', header['added'], int, 0, header['counters']['episodes'])
    for name, kinds in STANDS.items():
        values = check_value(name, header[name], list)
        if len(values) != len(kinds):
            raise WeightsError(f'{name} has {len(values)} values, expected {len(kinds)}')
        for value, kind in zip(values, kinds):
            check_value(name, value, *kind)
    for name in check_keys('figures', header['figures'], FIGURES):
        check_value(name, header['figures'][name], float, *SIGNED)
    _check_random(dict(learner.rng.bit_generator.state), header['random'])
    return header


def _check_fit(learner: Learner, header: dict[str, Any]) -> None:
    """Raise MisfitError where a header is that of another learner; it names the difference."""
    check_fit(read_shape(header['shape']), vars(learner.shape))
    for (name, kind), found, wanted in zip(
            {'critics': int, 'layer_norm': bool}.items(),
            check_value('critics', header['critics'] or _critics(learner), list),
            _critics(learner)):
        if check_value(name, found, kind) != wanted:
            raise MisfitError(f'they are for {name} {found!r}, expected {wanted!r}')
    if check_value('bags', header['bags'], str) != learner.bags:
        raise MisfitError('it was made with other bags, or they have changed since')


def _check_random(own: dict[str, Any], state: dict[str, Any]) -> None:
    """Raise WeightsError where `state` is no state of the generator whose state is `own`."""
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


def _layout(learner: Learner, found: dict[str, tuple]) -> dict[str, tuple]:
    """Return {name: (dtype, shape)} of a Learner's file; lists have the lengths in `found`."""
    layout: dict[str, tuple] = {name: (np.float64, found.get(name, (None, (0,)))[1])
                                for name in LISTS}
    layout |= learner.ddpg.layout(found)
    for name, normalizer in learner.normalizers().items():
        layout |= {f'{name}/{key}': (value.dtype, value.shape)
                   for key, value in normalizer.state_dict().items()}
    return layout


def _check_tensors(tensors: dict[str, np.ndarray], layout: dict[str, tuple]) -> None:
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


def _set(learner: Learner, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Set a Learner to tensors and header that fit it."""
    learner.ddpg.load_state_dict(tensors)
    _set_statistics(learner, tensors)
    for name in COUNTERS:
        setattr(learner, name, header['counters'][name])
    learner.rng.bit_generator.state = header['random']
    learner.figures = header['figures']
    learner.last_episodes = {robot_of(number): number for number in header['last_episodes']}
    _set_burn_in(learner, tensors, header)
    learner.trial.load_state_dict({
        **dict(zip(('passed', 'base_count', 'base_sum'), header['trial'])),
        'recent': tensors['trial/recent'].tolist()})
    learner.set_moments()


def _set_statistics(learner: Learner, tensors: dict[str, np.ndarray]) -> None:
    for name, normalizer in learner.normalizers().items():
        normalizer.load_state_dict({key: tensors[f'{name}/{key}']
                                    for key in ('sum', 'squares', 'count')})


def _set_burn_in(learner: Learner, tensors: dict[str, np.ndarray],
                 header: dict[str, Any]) -> None:
    learner.acts_in_burn_in = header['acts_in_burn_in']
    learner.burn_in.load_state_dict({
        **dict(zip(('active', 'last_value'), header['burn_in'])),
        'losses': tensors['burn_in/losses'].tolist(),
        'values': tensors['burn_in/values'].tolist()})
