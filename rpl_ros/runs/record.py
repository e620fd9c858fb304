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

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rpl_ros.common.files import csv_rows
from rpl_ros.controllers import controller_for
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.layout import ADDED, BAG_METRICS, CHECKPOINTS, CONFIG, METRICS, numbered, POLICY
from rpl_ros.scene import EvaluationError, read_policy, Scene
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.score import Measure

T = TypeVar('T')


@dataclass(frozen=True)
class Record:
    """
    A run: the scene of its episodes, {node name: settings} and its launch arguments.

    An `offline` run learned from bags alone: its checkpoints are numbered by updates.
    """

    folder: Path
    scene: Scene
    settings: dict[str, Any]
    arguments: dict[str, Any]
    offline: bool = False

    @property
    def own_controller_node(self) -> bool:
        """Return whether the base actions came from a node of the user."""
        return self.arguments.get('base') == 'false'


def read_record(folder: str | Path) -> Record:
    """Return the Record of a run folder; EvaluationError where it is not one."""
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise EvaluationError(f'{folder}: not a run folder: it has no {CONFIG}')
    try:
        settings = load_settings(folder / CONFIG)
        facts = read_facts(folder)
        record = Record(folder, Scene.of(settings), settings, facts.get('arguments', {}),
                        facts.get('offline', False))
        if not record.own_controller_node:
            controller_for(task_spec(record.scene.task), record.scene.controller)
    except (SettingsError, ValueError) as error:
        raise EvaluationError(str(error)) from None
    return record


def read_metrics(folder: Path, measure: Measure) -> tuple[list[dict[str, Any]], str]:
    """
    Return ([dict for each row of metrics.csv], problem).

    A dict has episode, robot, mode, value, burn_in, env_steps, seconds since the run began, and
    problem; `value` is the success, 0 or 1, or the return, as `measure` says. The second `problem`
    is '', or says why the rows end before the file does.
    """
    rows: list[dict[str, Any]] = []
    path = folder / METRICS
    try:
        for row in csv_rows(path, torn=False):  # the run may go on
            if list(row) == list(BAG_METRICS):
                return rows, f'{path}: no episodes of training: it learned from bags alone'
            rows.append({'episode': int(row['episode']), 'mode': row['mode'],
                         'value': float(row[measure.name]),
                         'burn_in': int(row['burn_in']), 'env_steps': int(row['total_steps']),
                         'seconds': float(row['wall_time_s']),
                         'problem': row.get('problem', ''),
                         'robot': int(row.get('robot') or ADDED['robot'])})
    except OSError as error:
        return rows, f'{path}: {error.strerror}: no curves of the training episodes'
    except (KeyError, ValueError, TypeError) as error:
        return rows, f'{path}: row {len(rows) + 1} and all after it are not used: {error!r}'
    return rows, ''


def read_checkpoints(folder: Path,
                     scene: Scene) -> tuple[list[tuple[int, Path, bytes]], list[str]]:
    """
    Return ([(env steps, path, policy)] in order, [problem of each unusable policy]).

    A usable policy was learned in the Scene. The policy with which a run began has 0 steps.
    """
    expected = scene.expected(task_spec(scene.task, scene.horizon))
    found = numbered(folder / CHECKPOINTS, 'policy')
    others = {*folder.glob(f'{CHECKPOINTS}/policy_*.safetensors')} - {path for _, path in found}
    good, problems = [], [f'{path}: no number of transitions in its name' for path in others]
    for steps, path in (*((0, path) for path in folder.glob(POLICY)), *found):
        try:
            good.append((steps, path, read_policy(path, expected)[0]))
        except EvaluationError as error:
            problems.append(str(error))
    return sorted(good), sorted(problems)


def thin(items: Sequence[T], most: int) -> list[T]:
    """Return at most `most` of `items`, evenly spaced, always with the last one."""
    chosen = np.linspace(len(items) - 1, 0, min(most, len(items))).round().astype(int)
    return [items[index] for index in sorted(set(chosen.tolist()))]


def why_no_checkpoint(record: Record, rows: list[dict[str, Any]]) -> str:
    """Return why a run with these rows of read_metrics() has no checkpoint."""
    if record.arguments.get('learn') == 'false':
        return 'it ran without a learner (learn:=false)'
    every = record.settings['learner_node'].checkpoint_every
    steps = rows[-1]['env_steps'] if rows else 0
    return (f'it ended after {steps} environment steps; the learner writes one every {every} and '
            'when it is closed after its first update')
