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

from dataclasses import dataclass
from pathlib import Path
import shlex

import numpy as np
from rpl_ros.brief import brief
from rpl_ros.experiments.grid import label_of
from rpl_ros.experiments.methods import DEFAULT
from rpl_ros.files import csv_rows, open_regular
from rpl_ros.measures import measure_of
from rpl_ros.yaml_file import read_yaml


@dataclass(frozen=True)
class Run:
    """The evaluations of one run: `values` (N,), success or return, at `steps` (N,) env steps."""

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
    def group(self):
        """Return what all runs of one curve have in common."""
        return self.task, self.method, self.recipe, self.label


@dataclass(frozen=True)
class Curve:
    """Mean and standard deviation over the runs of one group, `count` of them at each step."""

    runs: tuple
    steps: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    count: np.ndarray

    @property
    def finals(self):
        """Return the last value of each run."""
        return np.array([run.values[-1] for run in self.runs])


def shared_command(command):
    """Return a command as anybody can type it: without this machine's paths and folders."""
    words = shlex.split(command)
    for program in ('train', 'launch'):
        if program in words:
            words = ['rpl', *words[words.index(program):]]
            break
    if '--out' in words:
        start = words.index('--out')
        del words[start:start + 2]
    return shlex.join(word for word in words if not word.startswith(('out:=', '--out=')))


def evaluations_of(folder):
    """
    Return the path of a run's evaluations: those of `rpl train`, else those of `rpl report`.

    A report of version 0.1 lies where those of `rpl train` do, and is older than any other.
    """
    path, reported = folder / 'evaluation.csv', folder / 'report' / 'evaluation.csv'
    if not path.is_file() or reported.is_file() and not _is_of_train(path):
        return reported
    return path


def _is_of_train(path):
    try:
        with open_regular(path, 'r', encoding='utf-8', errors='replace') as file:
            return 'updates' in file.readline(1000)
    except OSError:
        return True  # whoever reads it says why not


def read_run(folder):
    """Return the Run in a folder; ValueError or OSError says why there is none to draw."""
    folder = Path(folder)
    facts = _facts(folder / 'run.yaml')
    if facts.get('offline'):
        raise ValueError(f'{folder}: learned from bags alone: it is counted in updates, not in '
                         'env steps')
    try:
        column, command = measure_of(facts['task']).column, shared_command(facts['command'])
    except ValueError as error:
        raise ValueError(f'{folder / "run.yaml"}: {error}') from None
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


def _facts(path):
    """Return what a run.yaml says, with what is left out; ValueError for a value of no use."""
    try:
        facts = read_yaml(path)
    except ValueError as error:
        raise ValueError(f'{path}: not YAML: {error}') from None
    if not isinstance(facts, dict) or 'task' not in facts:
        raise ValueError(f'{path}: names no task')
    # A run of `rpl launch` has neither method nor recipe: it learns a residual.
    facts = {'method': 'residual', 'recipe': DEFAULT, 'seed': 0, 'command': '', **facts}
    for name, kind in (('task', str), ('method', str), ('recipe', str), ('seed', int),
                       ('command', str)):
        if type(facts[name]) is not kind or kind is int and not 0 <= facts[name] < 2**63:
            raise ValueError(f'{path}: {name} is {brief(facts[name])}, expected a value of type '
                             f'{kind.__name__}')
    return facts


def find_runs(folders):
    """
    Return ([Run] below `folders`, [why others are left out]), each run once.

    Of two runs with the same group and seed the longer one is kept: they are no two seeds.
    """
    runs, notes, kept = [], [], {}
    places = {path.parent.resolve(): path.parent for folder in folders
              for path in sorted(Path(folder).rglob('run.yaml'))}
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


def mean_curve(runs, offset=0):
    """
    Return the Curve of runs, on all env steps that any of them has, moved by `offset`.

    Between its evaluations a run is interpolated, beyond its last one it has no say. The standard
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


def curves(runs, offsets):
    """Return {group: Curve}; `offsets` are env steps by task, for all methods but scratch."""
    groups = {}
    for run in runs:
        groups.setdefault(run.group, []).append(run)
    return {group: mean_curve(members, 0 if group[1] == 'scratch' else offsets.get(group[0], 0))
            for group, members in groups.items()}


def base_level(runs):
    """
    Return the base controller's value, from the runs of one task; None where none tells.

    Runs that only evaluate it say so best; else the first evaluation of a residual, which is 0.
    """
    values = [value for run in runs if run.method == 'initial' for value in run.values]
    values = values or [run.values[0] for run in runs
                        if run.method == 'residual' and run.steps[0] == 0]
    return float(np.mean(values)) if values else None
