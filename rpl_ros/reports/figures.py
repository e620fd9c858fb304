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
`rpl plot`: the paper's figures 3 and 4 from run folders, compared with the paper's results.

It reads CSV and YAML alone, and so needs neither torch nor MuJoCo.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

from rich.console import Console
from rpl_ros.common.exits import BAD_SETTINGS, run_command
from rpl_ros.common.files import csv_text, write_file
from rpl_ros.common.plotting import image_of, new_figure, tidy
from rpl_ros.reports.curves import base_level, Curve, curves, find_runs, Run
from rpl_ros.reports.paper_values import MODEL_STEPS, PAPER, REFERENCES
from rpl_ros.reports.plot import RESIDUAL
from rpl_ros.runs.layout import EVALUATION, RUN
from rpl_ros.settings.recipes import METHODS
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.specs import TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, which the colour-blind can distinguish.
COLOURS = {'residual': RESIDUAL, 'scratch': '#009e73', 'expert_explore': '#cc79a7',
           'initial': '#7f7f7f'}
OTHER = '#e69f00'
STYLES = ('-', (0, (3, 1, 1, 1)), (0, (1, 1)))
"""Line styles of the variants (recipes and labels) of one method."""
DASHED = (0, (6, 3))
COLUMNS, PANEL = 3, (4.4, 3.9)
"""Panels in a row, and width and height of a panel, inches."""
NAME = 'learning_curves'


def panel_order(tasks: Iterable[str]) -> list[str]:
    """Return tasks in the order of the paper, then the others."""
    order = [*PAPER, *TASKS]
    return sorted(tasks, key=order.index)


def by_method(group: tuple) -> tuple:
    """Return a key that sorts the groups of one task: the residual first, then the baselines."""
    _, method, *rest = group
    return (list(METHODS).index(method) if method in METHODS else len(METHODS), method, *rest)


def title_of(group: tuple, recipes: set[str]) -> str:
    """Return the name of a curve; with its recipe where there are several recipes."""
    _, method, recipe, label = group
    parts = [method, recipe if len(recipes) > 1 else '', label]
    return ', '.join(part for part in parts if part)


def _draw_curve(axes: Axes, curve: Curve, name: str, colour: str, style: Any,
                log: bool) -> None:
    """Draw mean and standard deviation; thinner at steps that not all runs have reached."""
    shown = slice(1 if log and curve.steps[0] <= 0 else 0, None)
    steps, mean, std = curve.steps[shown], curve.mean[shown], curve.std[shown]
    complete = curve.count[shown] == len(curve.runs)
    axes.fill_between(steps, mean - std, mean + std, color=colour, alpha=0.18, lw=0)
    axes.plot(steps, mean, color=colour, lw=0.8, ls=style)
    mean = mean.copy()
    mean[~complete] = float('nan')
    axes.plot(steps, mean, color=colour, lw=1.8, ls=style, label=f'{name} (n = {len(curve.runs)})')


def _draw_levels(axes: Axes, task: str, base: float | None) -> None:
    """Draw the level of the base controller, and the results of the paper, as dashed lines."""
    if base is not None:
        axes.axhline(base, color=COLOURS['initial'], lw=1.8, ls='--',
                     label=f'base controller: {base:.3g}')
    levels: dict[float, list[str]] = {}
    for method, (value, _) in PAPER.get(task, {}).items():
        if value is not None:
            levels.setdefault(value, []).append(method)
    for value, methods in levels.items():
        colour = COLOURS[methods[0]] if len(methods) == 1 else '#000000'
        axes.axhline(value, color=colour, lw=0.9, ls=DASHED,
                     label=f'paper: {", ".join(methods)} {value}')
    if task in REFERENCES:
        value, name = REFERENCES[task]
        axes.axhline(value, color='#000000', lw=0.9, ls=DASHED, label=f'paper: {name} {value}')


def short(steps: float) -> str:
    """Return a number of env steps as text, such as 20k or 1.5M."""
    for unit, name in ((1e6, 'M'), (1e3, 'k')):
        if steps >= unit:
            return f'{steps / unit:g}{name}'
    return f'{steps:g}'


def _draw_panel(axes: Axes, task: str, found: dict[tuple, Curve], runs: Sequence[Run],
                log: bool) -> None:
    """Draw the curves and levels of one task."""
    recipes = {group[2] for group in found}
    variants: dict[str, Iterator[int]] = {}
    for group, curve in sorted(found.items(), key=lambda item: by_method(item[0])):
        method = group[1]
        if method == 'initial':
            continue  # a level, not a curve
        number = next(variants.setdefault(method, count()))
        _draw_curve(axes, curve, title_of(group, recipes), COLOURS.get(method, OTHER),
                    STYLES[number % len(STYLES)], log)
    _draw_levels(axes, task, base_level(runs))
    offset = MODEL_STEPS.get(task)
    steps = 'environment steps' + (f' (with {offset:,} for the model)' if offset else '')
    measure = task_spec(task).measure
    axes.set(title=task, xlabel=steps, ylabel=measure.name)
    if measure.rate:
        axes.set_ylim(-0.03, 1.05)
    if log:
        axes.set_xscale('log')
    else:
        axes.set_xlim(left=0)
        axes.locator_params(axis='x', nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: short(value))
    tidy(axes)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.2), fontsize=7, frameon=False,
                ncols=2)


def draw(runs: Sequence[Run], log: bool = False) -> dict[str, bytes]:
    """Return the figure of all runs as {'png': bytes, 'svg': bytes}, equal for equal runs."""
    found = curves(runs, MODEL_STEPS)
    tasks = panel_order({run.task for run in runs})
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = new_figure(PANEL[0] * columns, PANEL[1] * rows)
    # Inches between a legend and the next title.
    figure.set_layout_engine('constrained', h_pad=0.12)
    from matplotlib import rc_context
    with rc_context({'svg.hashsalt': NAME}):
        panels = figure.subplots(rows, columns, squeeze=False).flat
        for task, axes in zip(tasks, panels):  # tasks first: zip takes no panel beyond the last
            _draw_panel(axes, task, {group: curve for group, curve in found.items()
                                     if group[0] == task},
                        [run for run in runs if run.task == task], log)
        for axes in panels:  # the rest of the last row
            axes.set_visible(False)
        return {kind: image_of(figure, kind) for kind in ('png', 'svg')}


def table(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return a row for each curve, with its final value and the result of the paper."""
    rows = []
    for group, curve in sorted(curves(runs, MODEL_STEPS).items(),
                               key=lambda item: by_method(item[0])):
        task, method, recipe, label = group
        base = base_level([run for run in runs if run.task == task])
        value, words = PAPER.get(task, {}).get(method, (None, ''))
        ends = [run.steps[-1] for run in curve.runs]
        rows.append({
            'task': task, 'measure': task_spec(task).measure.column, 'method': method,
            'recipe': recipe,
            'label': label, 'runs': len(curve.runs),
            'seeds': ' '.join(str(run.seed) for run in curve.runs),
            'env_steps_least': int(min(ends)), 'env_steps_most': int(max(ends)),
            'final_mean': round(float(curve.finals.mean()), 4),
            'final_std': round(float(curve.finals.std(ddof=1)), 4) if len(ends) > 1 else '',
            'base': '' if base is None else round(base, 4),
            'paper': '' if value is None else value, 'paper_says': words,
            'command': curve.runs[0].command})
    order = panel_order({row['task'] for row in rows})
    return sorted(rows, key=lambda row: order.index(row['task']))


def in_words(row: dict[str, Any]) -> str:
    """Return a row of the table as a line of text."""
    name = ' '.join(row[key] for key in ('task', 'method', 'recipe', 'label') if row[key])
    spread = '' if row['final_std'] == '' else f' ± {row["final_std"]}'
    least, most = row['env_steps_least'], row['env_steps_most']
    steps = f'{least:,}' if least == most else f'{least:,} to {most:,}'
    paper = f'; paper: {row["paper_says"]}' if row['paper_says'] else ''
    measure = row['measure'].replace('_', ' ')
    return (f'{name}: {measure} {row["final_mean"]}{spread} after {steps} steps, '
            f'n = {row["runs"]}{paper}')


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl plot`."""
    parser = argparse.ArgumentParser(
        prog='rpl plot', description="The paper's figures from run folders: mean and standard "
        "deviation over seeds against environment steps, and a table with the paper's results.",
        epilog='example: rpl plot runs/sweep --out runs/figures')
    parser.add_argument('runs', metavar='RUNS', nargs='+', help='folders that contain run folders '
                        '(with run.yaml and evaluation.csv), at any depth')
    parser.add_argument('--out', metavar='DIR', help=f'folder for {NAME}.png, .svg and .csv '
                        '(default: the first of RUNS)')
    parser.add_argument('--log-x', action='store_true', help='logarithmic axis of env steps')
    return parser


def plot(options: argparse.Namespace) -> int:
    """Write figures and table of the runs that the options name; return the exit code."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    runs, notes = find_runs(options.runs)
    for note in notes:
        console.print(f'left out: {note}', style='yellow')
    if not runs:
        print(f'rpl plot: no run with {RUN} and {EVALUATION} in {", ".join(options.runs)}',
              file=sys.stderr)
        return BAD_SETTINGS
    rows, folder = table(runs), Path(options.out or options.runs[0])
    contents: dict[str, bytes | str] = {**draw(runs, options.log_x), 'csv': csv_text(rows)}
    for kind, content in contents.items():
        write_file(folder / f'{NAME}.{kind}', content)
    for row in rows:
        console.print(in_words(row))
    console.print(f'{len(runs)} runs; written to {folder}: '
                  + ', '.join(f'{NAME}.{kind}' for kind in contents))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run `rpl plot`; return the exit code."""
    options = make_parser().parse_args(argv)
    return run_command('plot', lambda: plot(options), (OSError,))
