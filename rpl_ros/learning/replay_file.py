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

"""Episodes of a replay as bytes, and back; all is checked: a wrong number would spoil training."""

import numpy as np
from rpl_ros.learning.learner_file import seal, unseal
from rpl_ros.learning.replay import Replay
from rpl_ros.policy.checked import check_value, MisfitError, WeightsError
from rpl_ros.policy.tensor_file import check_layout
from rpl_ros.tasks.specs import TaskSpec

FORMATS = 'rpl_replay_2', 'rpl_replay_1'
"""Kinds of files that are read; the first is written. The other takes `sent` for executed."""


def dump_rows(rows: dict[str, np.ndarray], spec: TaskSpec) -> bytes:
    """Return the result of Replay.rows() as bytes."""
    return seal(rows, FORMATS[0], {'task': spec.name})


def read_rows(content: bytes, replay: Replay, spec: TaskSpec, first: int) -> dict[str, np.ndarray]:
    """
    Return the rows in the bytes of dump_rows(); `first` is the number of their first episode.

    MisfitError for those of another task or horizon, WeightsError for bytes that are damaged or
    contain values that no episode has.
    """
    rows, head = unseal(content, FORMATS)
    task = check_value('task', head.header.get('task'), str)
    if task != spec.name:
        raise MisfitError(f'episodes of task {task!r}, expected {spec.name!r}')
    if head.kind != FORMATS[0] and 'sent' in rows and 'steps' in rows:
        rows['executed'] = rows.pop('sent')
        rows['terminated'] = np.zeros(rows['steps'].shape, bool)
    found = {name: (value.dtype, value.shape) for name, value in rows.items()}
    shape = found.get('residuals', (None, ()))[1]
    if len(shape) == 3 and shape[1] != spec.horizon:
        raise MisfitError(f'episodes of {shape[1]} steps, expected {spec.horizon}: the horizon is '
                          'another one')
    count = shape[0] if shape else 0
    check_layout(found, {'number': (np.int64, (count,)), **{
        name: (getattr(replay, name).dtype, (count, *getattr(replay, name).shape[1:]))
        for name in replay.arrays}})
    _check_rows(rows, spec.horizon, first)
    return rows


def _check_rows(rows: dict[str, np.ndarray], horizon: int, first: int) -> None:
    """Raise WeightsError for rows of the right shapes that no Replay has."""
    steps, valid = rows['steps'], rows['valid']
    if not np.array_equal(rows['number'], np.arange(first, first + len(steps))):
        raise WeightsError(f'its episodes are not numbered from {first} on')
    if ((steps < 1) | (steps > horizon)).any():
        raise WeightsError(f'tensor steps is not from 1 to {horizon}')
    if (valid & (np.arange(horizon) >= steps[:, None])).any() or not valid.any(axis=1).all():
        raise WeightsError('tensor valid is true beyond the end of an episode, or nowhere in one')
    used = {name: rows[name] for name in ('desired_goals', 'residuals', 'executed')}
    used.update((name, rows[name][..., None]) for name in ('rewards',) if name in rows)
    used['achieved_goals'] = rows['achieved_goals'][:, 1:]
    for name in ('observations', 'base_actions'):
        used[name] = np.concatenate([rows[name][:, :-1], rows[name][:, 1:]], axis=2)
    for name, values in used.items():
        if not np.isfinite(values[valid] if values.ndim == 3 else values).all():
            raise WeightsError(f'tensor {name!r} holds values that are not finite')
