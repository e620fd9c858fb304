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

"""The file of a sweep: the runs of `rpl train` that it asks for, and their folders."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
import re
from typing import Any

from rpl_ros.common.brief import brief
from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.runs.names import variant
from rpl_ros.settings.fields import did_you_mean, make_settings, setting, SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, METHODS, recipe_file, recipes
from rpl_ros.tasks.find import task_spec
import yaml

KNOWN = {'method': tuple(METHODS), 'recipe': tuple(recipes())}
NAMES = ('task', *KNOWN)
LISTS = (*NAMES, 'seeds')
"""Keys that take one value or a list. The runs are the product of all lists."""
OPTIONS = ('evaluate_every', 'evaluate_episodes', 'actors', 'device')
"""Keys that become an option of `rpl train`."""
OWN = {'task': 'task', 'seed': 'seeds', 'out': 'out'}
"""Settings that have a key of their own in the file of a sweep."""


@dataclass(frozen=True)
class Entry:
    """A run of a sweep."""

    task: str = setting('', 'task to learn', check=task_spec)
    method: str = setting('residual', 'what learns')
    recipe: str = setting(DEFAULT, 'set of hyperparameters')
    seeds: int = setting(0, 'seed', low=0, high=2**31 - 1)
    steps: int = setting(0, 'environment steps', low=1, high=10**10)
    evaluate_every: int = setting(0, 'environment steps between evaluations', low=0,
                                  high=10**10)
    evaluate_episodes: int = setting(0, 'episodes of an evaluation', low=1, high=10**6)
    actors: int = setting(0, 'processes that run episodes for the one that learns', low=0,
                          high=1024)
    device: str = setting('auto', 'where gradients are computed', choices=('auto', 'cpu', 'cuda'))
    label: str = setting('', 'name of a variant, part of its folder')


@dataclass(frozen=True)
class Job:
    """One run: its place in the grid, its folder, and the rest of its command line."""

    out: Path
    task: str
    method: str
    recipe: str
    label: str
    seed: int
    steps: int
    settings: tuple[tuple[str, Any], ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Return the run's name, which is its folder below `out`."""
        kind = variant(self.method, self.recipe, self.label)
        return f'{task_spec(self.task).short_name}/{kind}/seed{self.seed}'

    @property
    def folder(self) -> Path:
        """Return the run's folder."""
        return self.out / self.name

    @property
    def cores(self) -> int:
        """Return the number of processors that the run keeps busy."""
        return 1 + dict(self.options).get('actors', 0)

    def words(self, folder: Path) -> list[str]:
        """Return the words after `rpl train` for a run in `folder`."""
        words = [self.task, *(f'{name}:={_text(value)}' for name, value in self.settings),
                 '--method', self.method, '--recipe', self.recipe, '--seed', str(self.seed),
                 '--steps', str(self.steps), '--out', str(folder)]
        for name, value in self.options:
            words += [f'--{name.replace("_", "-")}', str(value)]
        return words


def _text(value: object) -> str:
    """Return a setting's value as YAML in one line, which is what `rpl train` reads."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).splitlines()[0]


def _check_names(values: dict[str, Any], where: str) -> None:
    """Raise SettingsError where method or recipe is unknown."""
    for key, known in KNOWN.items():
        if key in values and values[key] not in known:
            raise SettingsError(f'{where}: unknown {key} {brief(values[key])}'
                                f'{did_you_mean(values[key], known)}: expected one of '
                                f'{", ".join(known)}')


def _check_settings(task: str, settings: object, where: str) -> None:
    """Raise SettingsError where `settings` is no mapping or does not fit the task."""
    if not isinstance(settings, dict):
        raise SettingsError(f'{where}: settings is {brief(settings)}, expected a mapping')
    for name, key in OWN.items():
        if name in settings:
            raise SettingsError(f'{where}: {name} does not belong in settings: give it as {key}')
    try:
        load_settings(recipe_file(task, DEFAULT), settings)
    except SettingsError as error:
        raise SettingsError(f'{where}: settings: {error}') from None


def _jobs(out: Path, values: dict[str, Any], where: str) -> Iterator[tuple[int, Job]]:
    """Yield (position of the seed, Job) of all runs of an entry, given with its defaults."""
    settings = values.pop('settings')
    for key in ('task', 'steps'):
        if key not in values:
            raise SettingsError(f'{where}: {key} is missing')
    lists = {}
    for key in LISTS:
        given = values.pop(key, getattr(Entry, key))
        lists[key] = given if isinstance(given, list) else [given]
        if not lists[key]:
            raise SettingsError(f'{where}: {key} is an empty list')
    for *names, (order, seed) in product(*(lists[key] for key in NAMES),
                                         enumerate(lists['seeds'])):
        point = {**values, **dict(zip(NAMES, names)), 'seeds': seed}
        _check_names(point, where)
        entry = make_settings(Entry, point, where)
        if not re.fullmatch(r'[\w.]*', entry.label):
            raise SettingsError(f'{where}: label is {brief(entry.label)}, expected letters, '
                                'digits, _ and . only')
        _check_settings(entry.task, settings, where)
        yield order, Job(out, entry.task, entry.method, entry.recipe, entry.label, entry.seeds,
                         entry.steps, tuple(settings.items()),
                         tuple((key, getattr(entry, key)) for key in OPTIONS
                               if key in values or key == 'actors'))


def _check_keys(values: object, allowed: Collection[str], where: str) -> None:
    """Raise SettingsError where `values` is no mapping or has a key that is not allowed."""
    if not isinstance(values, dict):
        raise SettingsError(f'{where}: expected a mapping, found {brief(values)}')
    for key in values:
        if key not in allowed:
            raise SettingsError(f'{where}: unknown key {brief(key)}'
                                f'{did_you_mean(key, allowed)}: expected one of '
                                f'{", ".join(allowed)}')


def read_sweep(path: Path | str) -> tuple[Path, list[Job]]:
    """
    Return (folder of the sweep, its jobs in the order in which they start).

    The first seeds of all entries come first, so that every curve has an early version.
    SettingsError for any mistake in the file.
    """
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f'{path}: cannot be read as a sweep: {error}') from None
    entry_keys = (*Entry.__dataclass_fields__, 'settings')
    _check_keys(content, ('out', 'runs', *entry_keys), str(path))
    common = {key: content[key] for key in content if key not in ('out', 'runs')}
    out, runs = content.get('out', f'runs/{Path(path).stem}'), content.get('runs')
    if not isinstance(out, str) or not out:
        raise SettingsError(f'{path}: out is {brief(out)}, expected the name of a folder')
    if not isinstance(runs, list) or not runs:
        raise SettingsError(f'{path}: runs is {"missing" if runs is None else brief(runs)}, '
                            'expected a list of mappings')
    found: list[tuple[int, Job]] = []
    places: dict[str, int] = {}
    for number, entry in enumerate(runs, start=1):
        where = f'{path}, entry {number} of runs'
        _check_keys(entry, entry_keys, where)
        settings = entry.get('settings', {})
        if isinstance(settings, dict) and isinstance(common.get('settings', {}), dict):
            settings = {**common.get('settings', {}), **settings}
        for order, job in _jobs(Path(out), {**common, **entry, 'settings': settings}, where):
            if job.name in places:
                raise SettingsError(f'{where}: {job.name} is also in entry '
                                    f'{places[job.name]}: give one of them a label')
            places[job.name] = number
            found.append((order, job))
    return Path(out), [job for _, job in sorted(found, key=lambda pair: pair[0])]
