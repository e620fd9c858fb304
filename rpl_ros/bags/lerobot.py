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

A frame is a whole transition. Names that begin with `observation` or `action` are taken by
LeRobot's policies for their inputs and outputs, so what they must not see is called otherwise.
"""

import json

import numpy as np

from rpl_ros.bags.parquet import column_type, Files, FILES_PER_CHUNK, list_type, write_indexed
from rpl_ros.rewards import is_success, task_reward
from rpl_ros.tasks.specs import CONTROL_PERIOD
from rpl_ros.tasks.wording import (ACHIEVED_GOAL, action_names, DESIRED_GOAL, observation_names,
                                   TEXTS)

VERSION = 'v3.0'
FPS = round(1 / CONTROL_PERIOD)
FILE_MB = 100
"""Size at which the next file begins: LeRobot's own choice."""
EPISODES_AT_ONCE = 100
"""Rows of the table of episodes that are kept until they are written."""
COUNTERS = {'timestamp': 'float32', 'frame_index': 'int64', 'episode_index': 'int64',
            'index': 'int64', 'task_index': 'int64'}
STATISTICS = ('min', 'max', 'mean', 'std')


def features(spec):
    """Return {column: {'dtype', 'shape', 'names'}} of a data set of the TaskSpec `spec`."""
    action = action_names(spec)
    vectors = {'observation.state': observation_names(spec),
               'observation.environment_state': DESIRED_GOAL, 'action': action,
               'sent_action': action, 'base_action': action, 'residual': action,
               'achieved_goal': ACHIEVED_GOAL, 'next.achieved_goal': ACHIEVED_GOAL}
    scalars = {'next.reward': 'float32', 'next.done': 'bool', 'next.terminated': 'bool',
               'next.success': 'bool', **COUNTERS}
    return {**{key: {'dtype': 'float32', 'shape': [len(names)], 'names': names}
               for key, names in vectors.items()},
            **{key: {'dtype': kind, 'shape': [1], 'names': None}
               for key, kind in scalars.items()}}


def frames(spec, episode):
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
    return {
        'observation.state': observations[:-1],
        'observation.environment_state': np.tile(goal, (episode.steps, 1)), 'action': executed,
        'sent_action': sent, 'base_action': base_actions[:-1], 'residual': residuals,
        'achieved_goal': achieved[:-1], 'next.achieved_goal': achieved[1:],
        'next.reward': task_reward(spec, achieved[1:], goal, observations[1:],
                                   executed).astype(np.float32),
        'next.done': done, 'next.terminated': terminated,
        'next.success': is_success(achieved[1:], goal, spec.reach)}


def pieces(valid):
    """Return [(first, end)] of the runs of whole transitions in `valid` (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], valid, [False])).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def statistics(values):
    """Return {name: array (size,)} of values (n,) or (n, size); `count` is that of the rows."""
    values = values.reshape(len(values), -1).astype(np.float64)
    return {'min': values.min(axis=0), 'max': values.max(axis=0), 'mean': values.mean(axis=0),
            'std': values.std(axis=0), 'count': np.array([len(values)])}


def merged(one, two):
    """Return the statistics() of all rows from those of two parts of them."""
    count = one['count'] + two['count']
    share, shift = two['count'] / count, two['mean'] - one['mean']
    variance = ((1 - share) * one['std']**2 + share * two['std']**2
                + share * (1 - share) * shift**2)
    return {'min': np.minimum(one['min'], two['min']), 'max': np.maximum(one['max'], two['max']),
            'mean': one['mean'] + share * shift, 'std': np.sqrt(variance), 'count': count}


class DataSet:
    """
    A data set that is being written; nothing of what was added is kept in memory.

    `recorded` counts the Episodes that were added, `episodes` those of the data set, `cut` the
    Episodes of which not all transitions came into one of them, `unfinished` those whose end was
    not recorded, and `left_out` the transitions that were not whole.
    """

    def __init__(self, folder, spec, file_mb=FILE_MB):
        """Write to the empty `folder`."""
        self._folder, self._spec, self._file_mb = folder, spec, file_mb
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
        self._rows, self._statistics = [], {}
        self.recorded = self.episodes = self.frames = 0
        self.cut = self.unfinished = self.left_out = 0

    def add(self, episode, bag=0):
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

    def _write(self, columns, length, source):
        """Write an episode of `length` frames."""
        step = np.arange(length)
        columns |= {'timestamp': (step / FPS).astype(np.float32), 'frame_index': step,
                    'episode_index': np.full(length, self.episodes),
                    'index': self.frames + step, 'task_index': np.zeros(length, np.int64)}
        chunk, file = self._data.place()
        self._data.write(columns)
        found = {key: statistics(columns[key]) for key in self._features}
        self._statistics = {key: merged(self._statistics[key], found[key]) if self.episodes
                            else found[key] for key in found}
        self._rows.append({
            'episode_index': self.episodes, 'tasks': [TEXTS[self._spec.name]], 'length': length,
            'data/chunk_index': chunk, 'data/file_index': file,
            'dataset_from_index': self.frames, 'dataset_to_index': self.frames + length, **source,
            **{f'stats/{key}/{name}': values for key, feature in found.items()
               for name, values in feature.items()}})
        self.episodes += 1
        self.frames += length
        if len(self._rows) == EPISODES_AT_ONCE:
            self._flush()

    def _flush(self):
        """Write the rows of the table of episodes that are waiting."""
        chunk, file = self._table.place()
        place = {'meta/episodes/chunk_index': chunk, 'meta/episodes/file_index': file}
        rows = [{**row, **place} for row in self._rows]
        if rows:
            self._table.write({key: [row[key] for row in rows] for key in rows[0]})
        self._rows.clear()

    def finish(self):
        """Write what describes the data set, and end its files."""
        self._flush()
        self.close()
        meta = self._folder / 'meta'
        write_indexed(meta / 'tasks.parquet', 'task',
                      {'task_index': [0], 'task': [TEXTS[self._spec.name]]})
        for name, content in (('info', self._info()), ('stats', {
                key: {name: values.tolist() for name, values in feature.items()}
                for key, feature in self._statistics.items()})):
            (meta / f'{name}.json').write_text(json.dumps(content, indent=4), encoding='utf-8')

    def close(self):
        """End the files; without finish() before, they are no data set."""
        self._data.close()
        self._table.close()

    def _info(self):
        return {
            'codebase_version': VERSION, 'robot_type': None, 'fps': FPS,
            'total_episodes': self.episodes, 'total_frames': self.frames, 'total_tasks': 1,
            'chunks_size': FILES_PER_CHUNK, 'data_files_size_in_mb': self._file_mb,
            'splits': {'train': f'0:{self.episodes}'},
            'data_path': 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet',
            'video_path': None, 'features': self._features}
