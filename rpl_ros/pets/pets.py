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
`rpl pets`: learn the pusher's model, make the table of CachedPETS from it, and choose its size.

After training, PETS plays further episodes of the same seed, from which the table is taken (paper:
500 more steps); the curve is measured on fresh episodes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
import io
import math
from pathlib import Path
from typing import Any, TYPE_CHECKING

import numpy as np
from rpl_ros.common.arguments import count
from rpl_ros.common.exits import run_command
from rpl_ros.common.files import csv_text, InUseError, lock_folder, read_bytes, write_file
from rpl_ros.common.intervals import mean_interval
from rpl_ros.contracts import Controller, Task
from rpl_ros.controllers.function import Act
from rpl_ros.evaluation.episodes import FRESH
from rpl_ros.pets.cached_pets import nearest, save_table
from rpl_ros.pets.planner import PlanSettings
from rpl_ros.policy.weights import digest
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec

if TYPE_CHECKING:
    from rich.console import Console

TASK = 'mbrl_pusher'
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 350, 500, 750, 1000)
TRIALS = 25  # episodes for each size (paper, figure 6)
FIRST_OF_TABLE = 100  # episodes before this number are those of training
Bar = Callable[..., Any]  # progress_bar() of rpl_ros.common.progress


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl pets`."""
    parser = argparse.ArgumentParser(
        prog='rpl pets', description='PETS for mbrl_pusher: it learns a model from few steps and '
        'plans with it, slowly. CachedPETS is a table of planned actions, which is fast.')
    commands = parser.add_subparsers(dest='command', required=True)
    train = commands.add_parser('train', help='learn the model, or continue to learn it')
    train.add_argument('--steps', type=count, default=15000,
                       help='environment steps (default 15000)')
    train.add_argument('--seed', type=int, default=0,
                       help='seed of scenes, networks and planning (default 0)')
    train.add_argument('--out', default='runs/pets', metavar='DIR',
                       help='folder for the model (default runs/pets)')
    train.add_argument('--hidden-size', type=count, default=200, metavar='H',
                       help='units in each of three hidden layers (default 200, as in PETS)')
    for field in fields(PlanSettings):
        train.add_argument(f'--{field.name.replace("_", "-")}', type=type(field.default),
                           default=field.default, metavar='X',
                           help=f'{field.metadata["doc"]} (default {field.default})')
    for name, out, text in (
            ('cache', 'runs/pets/cache.npz', 'make the table of CachedPETS'),
            ('cache-curve', 'runs/pets', 'return against the size of the table: CSV and PNG')):
        command = commands.add_parser(name, help=text)
        command.add_argument('--model', metavar='FILE', help='model.safetensors of a training '
                             '(default: the shipped one)')
        command.add_argument('--seed', type=int, default=0, help='seed of the scenes (default 0)')
        command.add_argument('--out', default=out, metavar='PATH',
                             help=f'where to write (default {out})')
        if name == 'cache':
            command.add_argument('--states', type=count, default=500, metavar='N',
                                 help='number of states in the table (default 500)')
    return parser


def train(options: argparse.Namespace, console: Console, bar: Bar) -> None:
    """Learn the model."""
    from rpl_ros.pets.training import MODEL_FILE, Training
    settings = PlanSettings(**{field.name: getattr(options, field.name)
                               for field in fields(PlanSettings)})
    horizon = task_spec(TASK).horizon
    episodes = math.ceil(options.steps / horizon)
    with lock_folder(options.out), bar(
            console, 'PETS, env steps', episodes * horizon) as advance:
        training = Training(make_task(TASK, options.seed), options.seed, options.out, settings,
                            options.hidden_size)
        for note in training.notes:
            console.print(f'warning: {note}')
        advance(training.episodes * horizon)
        while training.episodes < episodes:
            number, total = training.episodes, training.advance()
            advance(horizon)
            console.print(f'episode {number}: return {total:.1f}')
    console.print(f'the model is {Path(options.out) / MODEL_FILE}')


def _collect(options: argparse.Namespace, states: int, console: Console,
             bar: Bar) -> tuple[np.ndarray, np.ndarray]:
    """Return (states, actions) of PETS."""
    from rpl_ros.pets.cache import collect
    from rpl_ros.pets.controller import make_pets
    horizon = task_spec(TASK).horizon
    with bar(console, 'states of PETS', math.ceil(states / horizon) * horizon) as advance:
        return collect(make_task(TASK, options.seed), make_pets(options.model or ''), states,
                       FIRST_OF_TABLE, advance)


def cache(options: argparse.Namespace, console: Console, bar: Bar) -> None:
    """Make the table."""
    from rpl_ros.pets.controller import shipped_model
    table = _collect(options, options.states, console, bar)
    model = read_bytes(options.model or shipped_model())
    content = io.BytesIO()
    save_table(content, *table, {
        'command': f'rpl pets cache --states {options.states} --seed {options.seed}',
        'model_sha256': digest(model), 'seed': options.seed, 'first_episode': FIRST_OF_TABLE})
    write_file(options.out, content.getvalue())
    console.print(f'the table is {options.out}: rpl evaluate {TASK} --controller '
                  f'cached_pets:{options.out}')


def returns_of(task: Task, controller: Controller | Act, episodes: int,
               advance: Callable[[], None] = lambda: None) -> np.ndarray:
    """Return the returns (n,) of fresh episodes."""
    from rpl_ros.pets.training import play
    returns = []
    for number in range(FRESH, FRESH + episodes):
        returns.append(play(task, controller, number)[2])
        advance()
    return np.array(returns)


def cache_curve(options: argparse.Namespace, console: Console, bar: Bar) -> None:
    """Measure the return for each size of the table; each is the beginning of the largest."""
    states, actions = _collect(options, max(SIZES), console, bar)
    task, rows = make_task(TASK, options.seed), []
    with bar(console, 'episodes of CachedPETS', len(SIZES) * TRIALS) as advance:
        for size in SIZES:
            returns = returns_of(task, nearest(states[:size], actions[:size]), TRIALS, advance)
            mean, low, high = mean_interval(returns)
            rows.append({'states': size, 'episodes': TRIALS, 'mean_return': round(mean, 3),
                         'std': round(float(returns.std(ddof=1)), 3), 'low': round(low, 3),
                         'high': round(high, 3)})
    folder = Path(options.out)
    write_file(folder / 'pets_cache_curve.csv', csv_text(rows))
    write_file(folder / 'pets_cache_curve.png', draw_curve(rows))
    console.print(f'the curve is {folder}/pets_cache_curve.csv and .png')


def draw_curve(rows: list[dict[str, float]]) -> bytes:
    """Return the PNG of return against size, for dicts with states, mean_return and std."""
    from rpl_ros.common.plotting import image_of, new_figure, RESIDUAL, tidy
    figure = new_figure()
    axes = figure.add_subplot()
    axes.errorbar([row['states'] for row in rows], [row['mean_return'] for row in rows],
                  [row['std'] for row in rows], fmt='o-', color=RESIDUAL, capsize=3)
    axes.set(xscale='log', xlabel='states in the table', ylabel='return',
             title=f'CachedPETS in {TASK}: mean and standard deviation of {TRIALS} episodes')
    ticks = [row['states'] for row in rows if row['states'] not in (350, 750)]  # no room for these
    axes.set_xticks(ticks, [str(size) for size in ticks])
    axes.minorticks_off()
    tidy(axes)
    return image_of(figure)


def main(argv: list[str] | None = None) -> int:
    """Run `rpl pets`; return the exit code."""
    from rich.console import Console
    from rpl_ros.common.progress import progress_bar
    from rpl_ros.learning.process import tune_process
    options = make_parser().parse_args(argv)
    tune_process()
    commands = {'train': train, 'cache': cache, 'cache-curve': cache_curve}
    return run_command('pets', lambda: commands[options.command](
        options, Console(highlight=False, soft_wrap=True), progress_bar),
        (ValueError, OSError, InUseError))
