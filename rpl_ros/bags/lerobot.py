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
Episodes as a LeRobot data set, format v3.0: https://huggingface.co/docs/lerobot.

A frame is a whole transition. LeRobot's policies use the columns whose names begin with
`observation` or `action` as their inputs and outputs, so the other columns have other names.
"""

from collections.abc import Sequence
import json
from pathlib import Path
from typing import Any

import numpy as np
from rpl_ros.bags.parquet import column_type, Files, FILES_PER_CHUNK, list_type, write_indexed
from rpl_ros.data import Episode
from rpl_ros.tasks.rewards import is_success, task_reward
from rpl_ros.tasks.specs import Element, TaskSpec

Columns = dict[str, np.ndarray]
Statistics = dict[str, np.ndarray]  # name: one value for each element

VERSION = 'v3.0'
FILE_MB = 100
"""Size at which the next file starts: LeRobot's default."""
EPISODES_AT_ONCE = 100
"""Number of rows of the table of episodes that are written at once."""
COUNTERS = {'timestamp': 'float32', 'frame_index': 'int64', 'episode_index': 'int64',
            'index': 'int64', 'task_index': 'int64'}
STATISTICS = ('min', 'max', 'mean', 'std')


def names_of(elements: Sequence[Element]) -> list[str]:
    """Return the names of some elements."""
    return [element.name for element in elements]


def features(spec: TaskSpec) -> dict[str, dict[str, Any]]:
    """Return {column: {'dtype', 'shape', 'names'}} of a data set."""
    action, goal = names_of(spec.action), names_of(spec.goal)
    desired = [name.replace('object', 'goal') for name in goal]
    vectors = {'observation.state': names_of(spec.observation),
               'observation.environment_state': desired, 'action': action,
               'sent_action': action, 'base_action': action, 'residual': action,
               'achieved_goal': goal, 'next.achieved_goal': goal}
    scalars = {'next.reward': 'float32', 'next.done': 'bool', 'next.terminated': 'bool',
               'next.success': 'bool', **COUNTERS}
    return {**{key: {'dtype': 'float32', 'shape': [len(names)], 'names': names}
               for key, names in vectors.items() if names},
            **{key: {'dtype': kind, 'shape': [1], 'names': None}
               for key, kind in scalars.items()}}


def frames(spec: TaskSpec, episode: Episode) -> Columns:
    """
    Return {column: array (T, ...)} of all T transitions of an Episode, whole or not.

    Rewards and successes follow from the float32 numbers, as in the learner's replay.
    """
    observations, achieved, base_actions, residuals, sent, executed, goal = (
        np.asarray(values, np.float32) for values in (
            episode.observations, episode.achieved_goals, episode.base_actions,
            episode.residuals, episode.sent, episode.executed, episode.desired_goal))
    done, terminated = np.zeros((2, episode.steps), bool)
    done[-1], terminated[-1] = episode.ended, episode.terminated
    success = is_success(achieved[1:], goal, spec.reach)
    if not spec.goal_size:  # known for the last state alone
        success = np.zeros(episode.steps, bool)
        success[-1] = episode.success
    columns = {
        'observation.state': observations[:-1],
        'observation.environment_state': np.tile(goal, (episode.steps, 1)), 'action': executed,
        'sent_action': sent, 'base_action': base_actions[:-1], 'residual': residuals,
        'achieved_goal': achieved[:-1], 'next.achieved_goal': achieved[1:],
        'next.reward': (episode.rewards if spec.recorded_reward else task_reward(
            spec, achieved[1:], goal, observations[1:], executed)).astype(np.float32),
        'next.done': done, 'next.terminated': terminated,
        'next.success': success}
    return {name: value for name, value in columns.items() if value.shape[1:] != (0,)}


def pieces(valid: np.ndarray) -> list[tuple[int, int]]:
    """Return [(first, end)] of the runs of whole transitions in `valid` (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], valid, [False])).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def statistics(values: np.ndarray) -> Statistics:
    """Return {name: array (size,)} of values (n,) or (n, size); `count` is that of the rows."""
    values = values.reshape(len(values), -1).astype(np.float64)
    return {'min': values.min(axis=0), 'max': values.max(axis=0), 'mean': values.mean(axis=0),
            'std': values.std(axis=0), 'count': np.array([len(values)])}


def merged(one: Statistics, two: Statistics) -> Statistics:
    """Return the statistics() of all rows from those of two parts of them."""
    count = one['count'] + two['count']
    share, shift = two['count'] / count, two['mean'] - one['mean']
    variance = ((1 - share) * one['std']**2 + share * two['std']**2
                + share * (1 - share) * shift**2)
    return {'min': np.minimum(one['min'], two['min']), 'max': np.maximum(one['max'], two['max']),
            'mean': one['mean'] + share * shift, 'std': np.sqrt(variance), 'count': count}


class DataSet:
    """
    A data set that is being written; its memory does not grow with it.

    `recorded` is the number of Episodes that were added, `cut` of those that were split or
    shortened, `unfinished` of those whose end was not recorded. `episodes` and `frames` are the
    numbers in the data set, `left_out` that of the transitions that were not whole.
    """

    def __init__(self, folder: Path, spec: TaskSpec, file_mb: int = FILE_MB) -> None:
        """Write to the empty `folder`."""
        self._folder, self._spec, self._file_mb = folder, spec, file_mb
        self._fps = round(1 / spec.control_period)
        self._features = features(spec)
        self._data = Files(folder / 'data', {
            key: column_type(feature['dtype'], feature['shape'][0])
            for key, feature in self._features.items()}, file_mb * 2**20)
        numbers = ('episode_index', 'length', 'data/chunk_index', 'data/file_index',
                   'dataset_from_index', 'dataset_to_index', 'meta/episodes/chunk_index',
                   'meta/episodes/file_index', 'recorded/bag', 'recorded/episode',
                   'recorded/step')
        self._table = Files(folder / 'meta' / 'episodes', {
            **{name: column_type('int64', 1) for name in numbers}, 'tasks': list_type('string'),
            **{f'stats/{key}/{name}': list_type('float64')
               for key in self._features for name in STATISTICS},
            **{f'stats/{key}/count': list_type('int64') for key in self._features}},
            file_mb * 2**20)
        self._rows: list[dict[str, Any]] = []
        self._statistics: dict[str, Statistics] = {}
        self.recorded = self.episodes = self.frames = 0
        self.cut = self.unfinished = self.left_out = 0

    def add(self, episode: Episode, bag: int = 0) -> None:
        """
        Write the whole transitions of an Episode; `bag` is the number of its bag.

        Each run of them becomes an episode of its own: a gap would be a jump in time otherwise.
        """
        runs = pieces(episode.valid)
        kept = sum(end - first for first, end in runs)
        self.recorded += 1
        self.cut += runs != [(0, episode.steps)]
        self.unfinished += not episode.ended
        self.left_out += episode.steps - kept
        columns = frames(self._spec, episode) if runs else {}
        for first, end in runs:
            self._write({key: values[first:end] for key, values in columns.items()},
                        end - first, {'recorded/bag': bag, 'recorded/episode': episode.episode,
                                      'recorded/step': first})

    def _write(self, columns: Columns, length: int, source: dict[str, int]) -> None:
        """Write an episode of `length` frames."""
        step = np.arange(length)
        columns |= {'timestamp': (step / self._fps).astype(np.float32), 'frame_index': step,
                    'episode_index': np.full(length, self.episodes),
                    'index': self.frames + step, 'task_index': np.zeros(length, np.int64)}
        chunk, file = self._data.place()
        self._data.write(columns)
        found = {key: statistics(columns[key]) for key in self._features}
        self._statistics = {key: merged(self._statistics[key], found[key]) if self.episodes
                            else found[key] for key in found}
        self._rows.append({
            'episode_index': self.episodes, 'tasks': [self._spec.text], 'length': length,
            'data/chunk_index': chunk, 'data/file_index': file,
            'dataset_from_index': self.frames, 'dataset_to_index': self.frames + length, **source,
            **{f'stats/{key}/{name}': values for key, feature in found.items()
               for name, values in feature.items()}})
        self.episodes += 1
        self.frames += length
        if len(self._rows) == EPISODES_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        """Write the rows of the table of episodes."""
        chunk, file = self._table.place()
        place = {'meta/episodes/chunk_index': chunk, 'meta/episodes/file_index': file}
        rows = [{**row, **place} for row in self._rows]
        if rows:
            self._table.write({key: [row[key] for row in rows] for key in rows[0]})
        self._rows.clear()

    def finish(self) -> None:
        """Write the description of the data set, and close its files."""
        self._flush()
        self.close()
        meta = self._folder / 'meta'
        write_indexed(meta / 'tasks.parquet', 'task',
                      {'task_index': [0], 'task': [self._spec.text]})
        for name, content in (('info', self._info()), ('stats', {
                key: {name: values.tolist() for name, values in feature.items()}
                for key, feature in self._statistics.items()})):
            (meta / f'{name}.json').write_text(json.dumps(content, indent=4), encoding='utf-8')

    def close(self) -> None:
        """Close the files; without finish() before, they are no data set."""
        self._data.close()
        self._table.close()

    def _info(self) -> dict[str, Any]:
        return {
            'codebase_version': VERSION, 'robot_type': None, 'fps': self._fps,
            'total_episodes': self.episodes, 'total_frames': self.frames, 'total_tasks': 1,
            'chunks_size': FILES_PER_CHUNK, 'data_files_size_in_mb': self._file_mb,
            'splits': {'train': f'0:{self.episodes}'},
            'data_path': 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet',
            'video_path': None, 'features': self._features}
