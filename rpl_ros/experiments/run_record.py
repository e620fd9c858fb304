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

"""What a report needs from a run folder: settings, metrics, checkpoints."""

from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np
from rpl_ros.config import load_settings, SettingsError
from rpl_ros.controllers import controller_for
from rpl_ros.experiments.evaluate import EvaluationError, read_policy
from rpl_ros.experiments.pool import Scene
from rpl_ros.experiments.train_folder import OFFLINE_METRICS
from rpl_ros.files import csv_rows
from rpl_ros.tasks.specs import spec
from rpl_ros.yaml_file import read_yaml


STRETCH = 100
"""Training episodes in a row over which what a run cost on the way is averaged."""


@dataclass(frozen=True)
class Record:
    """
    A run: what its episodes are played in, its settings and its launch arguments.

    One that is `offline` learned from bags alone: its checkpoints are numbered by updates.
    """

    folder: Path
    scene: Scene
    settings: dict
    arguments: dict
    offline: bool = False

    @property
    def own_controller_node(self):
        """Return whether the base actions came from a node of the user's own."""
        return self.arguments.get('base') == 'false'


def read_run(folder):
    """Return the Record of a run folder; EvaluationError where it is none."""
    folder = Path(folder)
    if not (folder / 'config.yaml').is_file():
        raise EvaluationError(f'{folder}: not a run folder: it has no config.yaml')
    try:
        settings = load_settings(folder / 'config.yaml')
        scene = Scene.of(settings)
        facts = _facts(folder / 'run.yaml')
        arguments = _arguments(facts)
        if arguments.get('base') != 'false':
            controller_for(spec(scene.task), scene.controller)
    except (SettingsError, ValueError) as error:
        raise EvaluationError(str(error)) from None
    return Record(folder, scene, settings, arguments, facts.get('offline') is True)


def _facts(path):
    """Return what run.yaml tells, or {} where it tells nothing."""
    try:
        return dict(read_yaml(path))
    except (OSError, TypeError, ValueError):
        return {}


def _arguments(facts):
    arguments = facts.get('arguments')
    return arguments if isinstance(arguments, dict) else {}


def launch_arguments(path):
    """Return the launch arguments in run.yaml, or {} where there are none."""
    return _arguments(_facts(path))


def read_metrics(folder, measure):
    """
    Return ([dict of each row of metrics.csv], problem).

    A dict has episode, mode, value, burn_in, env_steps and seconds since the run began; `value` is
    the success, 0 or 1, or the return, as `measure` says. `problem` is an empty text, or says
    what is wrong; what was read before it is kept.
    """
    rows, path = [], Path(folder) / 'metrics.csv'
    try:
        for row in csv_rows(path):
            if list(row) == list(OFFLINE_METRICS):
                return rows, f'{path}: no episodes of training: it learned from bags alone'
            rows.append({'episode': int(row['episode']), 'mode': row['mode'],
                         'value': float(row[measure.name]),
                         'burn_in': int(row['burn_in']), 'env_steps': int(row['total_steps']),
                         'seconds': float(row['wall_time_s'])})
    except OSError as error:
        return rows, f'{path}: {error.strerror}: no curves of the training episodes'
    except (KeyError, ValueError, TypeError) as error:
        return rows, f'{path}: row {len(rows) + 1} is not used, nor what follows: {error!r}'
    return rows, ''


def lowest_stretch(values):
    """
    Return what a run cost on the way: the STRETCH values in a row with the lowest mean.

    As a dict with that mean, and the numbers of the first and the last of them, from 0 on; None
    where there are fewer. `values` are those of the training episodes in order, however driven.
    """
    if len(values) < STRETCH:
        return None
    means = np.convolve(values, np.full(STRETCH, 1.0 / STRETCH), 'valid')
    first = int(means.argmin())
    return {'mean': round(float(means[first]), 6), 'first': first, 'last': first + STRETCH - 1}


def stretch_in_words(stretch, measure):
    """Return what lowest_stretch() found in words."""
    return (f'training episodes, however driven: lowest {measure.label} of {STRETCH} in a row '
            f'{measure.exact(stretch["mean"])}, episodes {stretch["first"]} to {stretch["last"]}')


def read_checkpoints(folder, scene):
    """
    Return ([(env steps, path, bytes)] in order, [problem of each unusable checkpoint]).

    They must have been learned in the Scene.
    """
    expected = scene.expected(spec(scene.task, scene.horizon))
    good, problems = [], []
    for path in Path(folder).glob('checkpoints/policy_*.safetensors'):
        found = re.fullmatch(r'policy_(\d+)', path.stem)
        try:
            if not found:
                raise EvaluationError(f'{path}: no number of transitions in its name')
            good.append((int(found[1]), path, read_policy(path, expected)[0]))
        except EvaluationError as error:
            problems.append(str(error))
    return sorted(good), sorted(problems)


def thin(items, most):
    """Return at most `most` of `items`, evenly spaced, the last one always among them."""
    chosen = np.linspace(len(items) - 1, 0, min(most, len(items))).round().astype(int)
    return [items[index] for index in sorted(set(chosen.tolist()))]


def why_no_checkpoint(record, rows):
    """Return why a run has no checkpoint, in words."""
    if record.arguments.get('learn') == 'false':
        return 'it ran without a learner (learn:=false)'
    every = record.settings['learner_node'].checkpoint_every
    steps = rows[-1]['env_steps'] if rows else 0
    return (f'it ended after {steps} environment steps; the learner writes one every {every} and '
            'when it is closed after its first update')
