# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""A learner as files, and back: it goes on to the last bit as if it had not been interrupted.

`learner.safetensors` holds networks, optimisers, counters and random numbers, and is written last.
`replay_<number>.safetensors` hold the episodes that were added since the checkpoint before, so
that a checkpoint costs no more after a million transitions than after the first.
"""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load
import torch

from rpl_ros.files import write_file
from rpl_ros.policy.weights import digest, read_header, save_with_header, WeightsError

FORMAT, REPLAY_FORMAT = 'rpl_learner_3', 'rpl_replay_1'
FILE = 'learner.safetensors'
NETWORKS = ('actor', 'critics', 'target_actor', 'target_critics')
OPTIMIZERS = ('actor_optimizer', 'critic_optimizer')
COUNTERS = ('episodes', 'transitions', 'updates', 'version', 'owed_exactly')


def seal(tensors, kind, header):
    """Return {name: array} and a dict as safetensors bytes that carry their own digest."""
    return save_with_header(tensors, kind, {**header, 'digest': _digest(tensors, header)})


def _digest(tensors, header):
    """Return the digest of {name: array}, whatever their order, and of a header."""
    return digest(save_with_header(dict(sorted(tensors.items())), 'digest', header))


def unseal(content, kind):
    """Return ({name: array}, dict) of seal(); WeightsError if the bytes are damaged or foreign."""
    header = read_header(content, kind)
    found = header.pop('digest', None)
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise WeightsError(f'it cannot be read: {error}') from error
    if found != _digest(tensors, header):
        raise WeightsError('its digest is wrong: the file is damaged')
    return tensors, header


def _adam(optimizer):
    """Return {index.name: tensor} of an Adam optimiser's state."""
    return {f'{index}.{name}': value for index, state in optimizer.state_dict()['state'].items()
            for name, value in state.items()}


def dump(learner, extra=None):
    """Return a Learner without its replay as bytes; `extra` is {name: array} to keep with it."""
    ddpg, burn_in = learner.ddpg, learner.burn_in
    tensors = {f'extra/{name}': value for name, value in (extra or {}).items()}
    for name in NETWORKS:
        for key, value in getattr(ddpg, name).state_dict().items():
            tensors[f'{name}/{key}'] = value.cpu().numpy()
    for name in OPTIMIZERS:
        for key, value in _adam(getattr(ddpg, name)).items():
            tensors[f'{name}/{key}'] = value.cpu().numpy()
    for name, moments in learner.normalizers().items():
        tensors[f'{name}/sum'], tensors[f'{name}/squares'] = moments.sum, moments.squares
        tensors[f'{name}/count'] = np.array([moments.count])
    tensors['burn_in/losses'] = np.array(burn_in.losses)
    tensors['burn_in/values'] = np.array(burn_in.values)
    trial = learner.trial
    tensors['trial/recent'] = np.array(trial.recent, dtype=np.float64)
    return seal(tensors, FORMAT, {
        'counters': {name: getattr(learner, name) for name in COUNTERS},
        'added': learner.replay.added, 'random': learner.rng.bit_generator.state,
        'burn_in': [burn_in.active, float(burn_in.last_value)],
        'trial': [trial.passed, trial.base_count, trial.base_sum], 'figures': learner.figures,
        'shape': vars(learner.shape), 'bags': learner.bags})


def restore(learner, content):
    """Set a Learner to what dump() returned; return (`extra`, episodes added to its replay).

    WeightsError if the bytes are damaged or belong to networks of another task or shape, or to
    other bags: those are not in a checkpoint, but have been read again before.
    """
    tensors, header = unseal(content, FORMAT)
    if header['shape'] != vars(learner.shape):
        raise WeightsError(f'it is for {header["shape"]}, expected {vars(learner.shape)}')
    if header.get('bags', '') != learner.bags:
        raise WeightsError('it was made with other bags, or they have changed since')
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
    learner.rng.bit_generator.state = header['random']
    learner.figures = header['figures']
    burn_in = learner.burn_in
    burn_in.active, burn_in.last_value = header['burn_in']
    burn_in.losses = parts['burn_in']['losses'].tolist()
    burn_in.values = parts['burn_in']['values'].tolist()
    learner.trial.recent.extend(parts['trial']['recent'].tolist())
    learner.trial.passed, learner.trial.base_count, learner.trial.base_sum = header['trial']
    learner.set_moments()
    return parts.get('extra', {}), header['added']


def _restore_adam(optimizer, tensors):
    state = {}
    for key, value in tensors.items():
        index, _, name = key.partition('.')
        state.setdefault(int(index), {})[name] = torch.from_numpy(value.copy())
    optimizer.load_state_dict({**optimizer.state_dict(), 'state': state})


def _pieces(folder):
    """Return [(number of the first episode, path)] of the replay's files, in order."""
    return sorted((int(path.stem.removeprefix('replay_')), path)
                  for path in Path(folder).glob('replay_*.safetensors'))


def save(folder, learner, extra=None):
    """Write a checkpoint of `learner` into `folder`; the one before counts until it is whole.

    OSError where a file cannot be written.
    """
    folder, replay = Path(folder), learner.replay
    first, last = learner.saved_episodes, replay.added
    if last > first:
        rows = replay.rows(first, last)
        write_file(folder / f'replay_{rows["number"][0]:08d}.safetensors',
                   seal(rows, REPLAY_FORMAT, {'task': learner.spec.name}))
    write_file(folder / FILE, dump(learner, extra))
    learner.saved_episodes = last
    pieces = _pieces(folder)
    for (_, path), (following, _) in zip(pieces, pieces[1:]):
        if following <= last - len(replay.steps):  # all of its episodes are forgotten
            path.unlink()


def resume(folder, learner):
    """Set `learner` to the checkpoint in `folder`; return its `extra`, None where there is none.

    WeightsError, OSError for a checkpoint that cannot be used: it names the file.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    try:
        extra, added = restore(learner, path.read_bytes())
        count = 0
        for first, path in _pieces(folder):
            if first < added:
                count += learner.replay.put(_read_piece(path, learner.spec), added)
    except WeightsError as error:
        raise WeightsError(f'{path}: {error}') from error
    learner.replay.added = learner.saved_episodes = added
    if count != learner.replay.size:
        raise WeightsError(f'{folder}: of the {learner.replay.size} episodes that belong to '
                           f'{FILE}, the files replay_*.safetensors hold {count}')
    return extra


def _read_piece(path, spec):
    """Return the rows in a file of the replay of a task."""
    rows, header = unseal(path.read_bytes(), REPLAY_FORMAT)
    if header['task'] != spec.name:
        raise WeightsError(f'episodes of task {header["task"]!r}, expected {spec.name!r}')
    if rows['residuals'].shape[1] != spec.horizon:
        raise WeightsError(f'episodes of {rows["residuals"].shape[1]} steps, expected '
                           f'{spec.horizon}: the horizon is another one')
    return rows
