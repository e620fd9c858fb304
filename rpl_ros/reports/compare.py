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

"""`rpl compare`: policies and the base controller on the same fresh episodes, pair by pair."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
import json
from pathlib import Path
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table
from rpl_ros.common.exits import run_command
from rpl_ros.common.files import write_file
from rpl_ros.common.progress import progress_bar
from rpl_ros.evaluation.comparison import COMPARE, Comparison
from rpl_ros.evaluation.episodes import count_failures, Outcome, summarise, trouble
from rpl_ros.evaluation.evaluate import add_scene_options, read_scene
from rpl_ros.evaluation.pool import evaluate_policies
from rpl_ros.policy.tensor_file import digest
from rpl_ros.reports.plot import means_with_intervals
from rpl_ros.runs.policies import READY, task_of
from rpl_ros.scene import EvaluationError, Scene
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, recipe_file
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.option import add_task
from rpl_ros.tasks.score import Measure

BASE = 'base'
"""Text for the base controller alone."""
SAME = ('task', 'horizon', 'max_ee_speed', 'arm')
"""Settings of a Scene in which all must agree: with others, success means something else."""
OWN = ('controller', 'residual_scale')
"""Settings that belong to a policy: each is played with its own."""
PICTURES = ('.png', '.svg')
EXAMPLES = """examples:
  rpl compare base ready --task complex_hook
  rpl compare base runs/monday runs/tuesday --episodes 500 --out compared.png
  rpl compare ready mine.safetensors
"""


@dataclass(frozen=True)
class Player:
    """What the user called `name`: a Scene, a policy file or None for the base, and notes."""

    name: str
    scene: Scene
    policy: bytes | None
    notes: list[str]

    @property
    def what(self) -> str:
        """Return name and controller, for people."""
        return f'{self.name}: {self.scene.controller}' if self.policy is None else self.name


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl compare`."""
    parser = argparse.ArgumentParser(
        prog='rpl compare', epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Play policies and the base controller on the same fresh episodes; show each '
        'success, and each difference of two with its interval.')
    parser.add_argument('policies', nargs='+', metavar='POLICY', help='at least two: policy '
                        'files, run folders (their newest policy), ready (the policy that comes '
                        'with the package), or base (the base controller alone)')
    add_task(parser, '--task', ' (default: that of the policies)')
    add_scene_options(parser)
    parser.add_argument('--out', metavar='FILE', help='draw the means and their intervals into '
                        'this file, .png or .svg')
    return parser


def find_task(options: argparse.Namespace) -> str:
    """Return the task of all policies; EvaluationError names two that differ."""
    tasks = {name: task_of(name) for name in options.policies if name not in (BASE, READY)}
    tasks = {**({'--task': options.task} if options.task else {}), **tasks}
    if not tasks:
        raise EvaluationError('the task is not known: give --task')
    (first, task), *others = tasks.items()
    for name, other in others:
        if other != task:
            raise EvaluationError(f'{first} is for task {task}, {name} for {other}')
    return task


def read_players(options: argparse.Namespace) -> list[Player]:
    """
    Return what the command line names; all play the same episodes with the same robot.

    The base alone has controller and robot of the first policy. EvaluationError names two that
    cannot be compared.
    """
    names = options.policies
    if len(names) < 2 or len(set(names)) < len(names):
        raise EvaluationError('give at least two policies, each once')
    options.task = find_task(options)
    default = Scene.of(load_settings(recipe_file(options.task, DEFAULT),
                                     {'task': options.task}))
    for name in ('seed', 'objects'):
        if getattr(options, name) is None:
            setattr(options, name, getattr(default, name))
    players = {name: _player(options, name) for name in names if name != BASE}
    if BASE in names:
        first = next(iter(players.values())).scene
        players[BASE] = _player(options, BASE, controller=first.controller, policy=None,
                                **{name: getattr(first, name) for name in SAME})
    result = [players[name] for name in names]
    _require_same(result)
    return result


def _player(options: argparse.Namespace, name: str, **changes: Any) -> Player:
    return Player(name, *read_scene(argparse.Namespace(**{
        **vars(options), 'controller': None, 'residual_scale': None, 'policy': name, **changes})))


def _require_same(players: Sequence[Player]) -> None:
    """Raise EvaluationError where two players have different robots or tasks."""
    first, *others = players
    for other in others:
        for name in SAME:
            one, two = getattr(first.scene, name), getattr(other.scene, name)
            if one != two:
                raise EvaluationError(
                    f'{first.name} has {name} {one!r}, {other.name} has {two!r}: on different '
                    f'robots, they cannot be compared. Give --{name.replace("_", "-")} to play '
                    'both with the same')


def own_values(players: Sequence[Player]) -> list[str]:
    """Return a line for each setting in which players differ and each has its own."""
    lines = []
    for setting in OWN:
        values = {player.name: getattr(player.scene, setting) for player in players
                  if player.policy or setting == 'controller'}
        if len(set(values.values())) > 1:
            lines.append(f'each is played with its own {setting}: ' + ', '.join(
                f'{name} {value}' for name, value in values.items()))
    return lines


def compare_all(measure: Measure, players: Sequence[Player],
                outcomes: Sequence[list[Outcome]]) -> list[tuple[str, str, Comparison]]:
    """Return (name of the first, name of the second, Comparison) of each pair."""
    values = [[measure.of(outcome) for outcome in those] for those in outcomes]
    return [(players[one].name, players[two].name,
             COMPARE[measure.name](values[one], values[two], ('first', 'second')))
            for one, two in combinations(range(len(players)), 2)]


def show(console: Console, players: Sequence[Player], figures: Sequence[dict[str, Any]],
         pairs: Sequence[tuple[str, str, Comparison]], episodes: int) -> None:
    """Print the tables of players and of pairs."""
    scene = players[0].scene
    measure = task_spec(scene.task).measure
    more = ('mean_return',) if measure.rate else ()
    table = Table('', '', measure.label, '95 % interval', *('mean return' for _ in more),
                  title=f'{scene.task}: {episodes} fresh episodes, seed {scene.seed}, the same '
                  'for all', title_justify='left')
    for number, (player, those) in enumerate(zip(players, figures), 1):
        mean, low, high = (measure.exact(those[key]) for key in measure.figures)
        table.add_row(str(number), player.what, mean, f'{low} to {high}',
                      *(f'{those[key]:.1f}' for key in more))
    console.print(table)
    table = Table('difference', pairs[0][2].unit, '95 % interval', '')
    numbers = {player.name: number for number, player in enumerate(players, 1)}
    for first, second, paired in pairs:
        mean, low, high = map(measure.change, (paired.difference, *paired.interval))
        table.add_row(f'{numbers[second]} - {numbers[first]}', mean, f'{low} to {high}',
                      f'{numbers[second]} is {paired.verdict}')
    console.print(table)
    each = ' Each interval is for its pair alone.' if len(pairs) > 1 else ''
    console.print(f'intervals: {measure.method}; for differences: {pairs[0][2].method}.{each}')


def as_json(player: Player, measure: Measure, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what --json tells of a player."""
    return {'name': player.name, 'digest': digest(player.policy) if player.policy else None,
            **{name: getattr(player.scene, name) for name in OWN}, **summarise(outcomes),
            'failures': count_failures(outcomes),
            'values': [measure.of(outcome) for outcome in outcomes]}


def compare(options: argparse.Namespace) -> None:
    """Compare what the options of the command line name, and print the result."""
    console = Console(stderr=options.json, highlight=False, markup=False, soft_wrap=True)
    start = time.monotonic()
    if options.out and (Path(options.out).suffix not in PICTURES
                        or not Path(options.out).absolute().parent.is_dir()):
        raise EvaluationError(f'--out {options.out}: expected a file {" or ".join(PICTURES)} in '
                              'an existing folder')
    players = read_players(options)
    for player in players:
        for note in player.notes:
            console.print(f'{player.name}: {note}')
    for line in own_values(players):
        console.print(line)
    text, outcomes = f'{options.task}: {len(players)} policies', []
    with progress_bar(console, text, len(players) * options.episodes) as advance:
        for player in players:
            outcomes += evaluate_policies(player.scene, [player.policy], options.episodes,
                                          options.workers, progress=advance)
    measure = task_spec(options.task).measure
    told = [as_json(*item) for item in zip(players, [measure] * len(players), outcomes)]
    pairs = compare_all(measure, players, outcomes)
    show(console, players, told, pairs, options.episodes)
    for player, those in zip(players, outcomes):
        if trouble(those):
            print(f'rpl compare: warning: {player.name}: {trouble(those)}', file=sys.stderr)
    if options.out:
        names = [player.what for player in players]
        write_file(options.out, means_with_intervals(
            f'{options.task}: {options.episodes} fresh episodes', names, told, measure,
            Path(options.out).suffix[1:]))
    if options.json:
        scene = players[0].scene
        print(json.dumps({
            **{name: getattr(scene, name) for name in (*SAME, 'seed', 'objects')},
            'episodes': options.episodes, 'players': told, 'differences': [{
                'first': first, 'second': second, 'value': paired.difference,
                'low': paired.interval[0], 'high': paired.interval[1], 'method': paired.method,
                **paired.counts, 'verdict': paired.verdict} for first, second, paired in pairs],
            'seconds': round(time.monotonic() - start, 1)}))


def main(argv: list[str] | None = None) -> int:
    """Run `rpl compare`; return the exit code."""
    options = make_parser().parse_args(argv)
    return run_command('compare', lambda: compare(options),
                       (EvaluationError, SettingsError, OSError))
