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

"""Learning curves of run folders, and their mean over seeds, from CSV and YAML alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import shlex
from typing import Any

import numpy as np
from rpl_ros.common.files import csv_rows, open_regular
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.layout import EVALUATION, REPORT, RUN, TRAIN_EVALUATION
from rpl_ros.runs.names import label_of
from rpl_ros.settings.recipes import DEFAULT
from rpl_ros.tasks.find import task_spec


@dataclass(frozen=True)
class Run:
    """The evaluations of one run: success or return (N,) at the env steps `steps` (N,)."""

    folder: Path
    task: str
    method: str
    recipe: str
    label: str
    seed: int
    steps: np.ndarray
    values: np.ndarray
    command: str

    @property
    def group(self) -> tuple[str, str, str, str]:
        """Return task, method, recipe and label: the same for all runs of one curve."""
        return self.task, self.method, self.recipe, self.label


@dataclass(frozen=True)
class Curve:
    """Mean and standard deviation over the runs of one group, `count` of them at each step."""

    runs: tuple[Run, ...]
    steps: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    count: np.ndarray

    @property
    def finals(self) -> np.ndarray:
        """Return the last value of each run."""
        return np.array([run.values[-1] for run in self.runs])


def shared_command(command: str) -> str:
    """Return a command without the paths and folders of the machine that it ran on."""
    words = shlex.split(command)
    for program in ('train', 'launch'):
        if program in words:
            words = ['rpl', *words[words.index(program):]]
            break
    if '--out' in words:
        start = words.index('--out')
        del words[start:start + 2]
    return shlex.join(word for word in words if not word.startswith(('out:=', '--out=')))


def evaluations_of(folder: Path) -> Path:
    """
    Return the path of the evaluations of `rpl train` or, without them, of `rpl report`.

    A report of version 0.1 lies where those of `rpl train` do. A newer report replaces it.
    """
    path, reported = folder / EVALUATION, folder / REPORT / EVALUATION
    if not path.is_file() or reported.is_file() and not _is_of_train(path):
        return reported
    return path


def _is_of_train(path: Path) -> bool:
    try:
        with open_regular(path, 'r', encoding='utf-8', errors='replace') as file:
            return TRAIN_EVALUATION[-2] in file.readline(1000)
    except OSError:
        return True  # reading it gives the same error


def read_run(folder: Path) -> Run:
    """Return the Run in a folder; ValueError or OSError where there is none to draw."""
    facts = _facts(folder)
    if facts.get('offline'):
        raise ValueError(f'{folder}: learned from bags alone: it has updates, not env steps')
    try:
        column, command = task_spec(facts['task']).measure.column, shared_command(facts['command'])
    except ValueError as error:
        raise ValueError(f'{folder / RUN}: {error}') from None
    path = evaluations_of(folder)
    try:
        points = np.array([(float(row['env_steps']), float(row[column]))
                           for row in csv_rows(path)])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f'{path}: expected numbers in the columns env_steps and {column}'
                         ) from None
    if not len(points) or not np.isfinite(points).all() or (np.diff(points[:, 0]) <= 0).any():
        raise ValueError(f'{path}: expected finite numbers at increasing env_steps')
    method, recipe = facts['method'], facts['recipe']
    return Run(folder, facts['task'], method, recipe, label_of(folder, method, recipe),
               facts['seed'], points[:, 0], points[:, 1], command)


def _facts(folder: Path) -> dict[str, Any]:
    """Return the facts in run.yaml, with defaults; ValueError where it cannot be used."""
    facts = read_facts(folder)
    if 'task' not in facts:
        raise ValueError(f'{folder / RUN}: names no task')
    # A run of `rpl launch` has neither method nor recipe: it learns a residual.
    return {'method': 'residual', 'recipe': DEFAULT, 'seed': 0, 'command': '', **facts}


def find_runs(folders: Iterable[str | Path]) -> tuple[list[Run], list[str]]:
    """
    Return ([Run] below `folders`, [why others are left out]), each run once.

    Of two runs with the same group and seed only the longer one is kept.
    """
    runs: list[Run] = []
    notes: list[str] = []
    kept: dict[tuple, Run] = {}
    places = {path.parent.resolve(): path.parent for folder in folders
              for path in sorted(Path(folder).rglob(RUN))}
    for folder in places.values():
        if not evaluations_of(folder).is_file():
            notes.append(f'{folder}: no evaluation yet')
            continue
        try:
            runs.append(read_run(folder))
        except (ValueError, OSError) as error:
            notes.append(str(error))
    for run in sorted(runs, key=lambda run: (-run.steps[-1], str(run.folder))):
        first = kept.setdefault((run.group, run.seed), run)
        if first is not run:
            notes.append(f'{run.folder}: the same task, method, recipe, label and seed as '
                         f'{first.folder}, which is longer or as long')
    return sorted(kept.values(), key=lambda run: (run.group, run.seed)), sorted(notes)


def mean_curve(runs: Sequence[Run], offset: int = 0) -> Curve:
    """
    Return the Curve of runs, at all env steps that any of them has, moved by `offset`.

    Between its evaluations a run is interpolated; after the last one it is left out. The standard
    deviation is that of a sample (n - 1), 0 for a single run.
    """
    grid = np.unique(np.concatenate([run.steps for run in runs]))
    table = np.array([np.interp(grid, run.steps, run.values, left=np.nan, right=np.nan)
                      for run in runs])
    there = ~np.isnan(table)
    count = there.sum(axis=0)
    mean = np.where(there, table, 0).sum(axis=0) / count
    squares = np.where(there, table - mean, 0) ** 2
    std = np.sqrt(squares.sum(axis=0) / np.maximum(count - 1, 1))
    return Curve(tuple(runs), grid + offset, mean, std, count)


def curves(runs: Iterable[Run], offsets: Mapping[str, int]) -> dict[tuple, Curve]:
    """Return {group: Curve}; `offsets` are env steps by task, for all methods but scratch."""
    groups: dict[tuple, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.group, []).append(run)
    return {group: mean_curve(members, 0 if group[1] == 'scratch' else offsets.get(group[0], 0))
            for group, members in groups.items()}


def base_level(runs: Sequence[Run]) -> float | None:
    """
    Return the mean value of the base controller in the runs of one task; None where unknown.

    It is that of runs that only evaluate it, else of residuals at step 0, where they are zero.
    """
    values = [value for run in runs if run.method == 'initial' for value in run.values]
    values = values or [run.values[0] for run in runs
                        if run.method == 'residual' and run.steps[0] == 0]
    return float(np.mean(values)) if values else None
