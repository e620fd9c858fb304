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
`rpl plot`: the paper's figures 3 and 4 from run folders, beside what the paper says.

Reads CSV and YAML alone: it runs where neither torch nor MuJoCo is.
"""

import argparse
import io
from itertools import count
from pathlib import Path
import sys

from rpl_ros.experiments.curves import base_level, curves, find_runs
from rpl_ros.experiments.methods import METHODS
from rpl_ros.experiments.paper_values import MODEL_STEPS, PAPER, REFERENCES
from rpl_ros.experiments.plot import new_figure, RESIDUAL
from rpl_ros.files import csv_text, write_file
from rpl_ros.measures import measure_of
from rpl_ros.tasks.specs import SPECS

# Okabe and Ito's palette: told apart by the colour-blind, too.
COLOURS = {'residual': RESIDUAL, 'scratch': '#009e73', 'expert_explore': '#cc79a7',
           'initial': '#7f7f7f'}
OTHER = '#e69f00'
STYLES = ('-', (0, (3, 1, 1, 1)), (0, (1, 1)))
"""Lines of the variants of one method: recipes and labels."""
DASHED = (0, (6, 3))
COLUMNS, PANEL = 3, (4.4, 3.9)
"""Panels side by side, and the size of one, inches."""
NAME = 'learning_curves'


def panel_order(tasks):
    """Return tasks in the paper's order, others after them."""
    order = [*PAPER, *SPECS]
    return sorted(tasks, key=order.index)


def by_method(group):
    """Return what groups of one task are sorted by: ours first, then what it is compared with."""
    task, method, *rest = group
    return (list(METHODS).index(method) if method in METHODS else len(METHODS), method, *rest)


def title_of(group, recipes):
    """Return how a curve is called; the recipe only where there are several."""
    _, method, recipe, label = group
    parts = [method, recipe if len(recipes) > 1 else '', label]
    return ', '.join(part for part in parts if part)


def _draw_curve(axes, curve, name, colour, style, log):
    """Draw mean and standard deviation; thinner where not all runs are that long."""
    shown = slice(1 if log and curve.steps[0] <= 0 else 0, None)
    steps, mean, std = curve.steps[shown], curve.mean[shown], curve.std[shown]
    complete = curve.count[shown] == len(curve.runs)
    axes.fill_between(steps, mean - std, mean + std, color=colour, alpha=0.18, lw=0)
    axes.plot(steps, mean, color=colour, lw=0.8, ls=style)
    mean = mean.copy()
    mean[~complete] = float('nan')
    axes.plot(steps, mean, color=colour, lw=1.8, ls=style, label=f'{name} (n = {len(curve.runs)})')


def _draw_levels(axes, task, base):
    """Draw the base controller, and what the paper says, as dashed lines."""
    if base is not None:
        axes.axhline(base, color=COLOURS['initial'], lw=1.8, ls='--',
                     label=f'base controller: {base:.3g}')
    levels = {}
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


def short(steps):
    """Return a number of env steps as text, with k or M."""
    for unit, name in ((1e6, 'M'), (1e3, 'k')):
        if steps >= unit:
            return f'{steps / unit:g}{name}'
    return f'{steps:g}'


def _draw_panel(axes, task, found, runs, log):
    """Draw all that is known about one task."""
    recipes = {group[2] for group in found}
    variants = {}
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
    measure = measure_of(task)
    axes.set(title=task, xlabel=steps, ylabel=measure.name)
    if measure.rate:
        axes.set_ylim(-0.03, 1.05)
    if log:
        axes.set_xscale('log')
    else:
        axes.set_xlim(left=0)
        axes.locator_params(axis='x', nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: short(value))
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.2), fontsize=7, frameon=False,
                ncols=2)


def draw(runs, log=False):
    """Return the figure of all runs as {'png': bytes, 'svg': bytes}, equal for equal runs."""
    found = curves(runs, MODEL_STEPS)
    tasks = panel_order({run.task for run in runs})
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = new_figure(PANEL[0] * columns, PANEL[1] * rows)
    figure.get_layout_engine().set(h_pad=0.12)  # inches: between a legend and the next title
    from matplotlib import rc_context
    with rc_context({'svg.hashsalt': NAME}):
        panels = figure.subplots(rows, columns, squeeze=False).flat
        for task, axes in zip(tasks, panels):  # tasks first: zip takes no panel beyond the last
            _draw_panel(axes, task, {group: curve for group, curve in found.items()
                                     if group[0] == task},
                        [run for run in runs if run.task == task], log)
        for axes in panels:  # those that are left over
            axes.set_visible(False)
        contents = {}
        for kind, metadata in (('png', {'Software': None}), ('svg', {'Date': None})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, metadata=metadata)
            contents[kind] = content.getvalue()
    return contents


def table(runs):
    """Return rows (dicts) of the final values beside the paper's, one for each curve."""
    rows = []
    for group, curve in sorted(curves(runs, MODEL_STEPS).items(),
                               key=lambda item: by_method(item[0])):
        task, method, recipe, label = group
        base = base_level([run for run in runs if run.task == task])
        value, words = PAPER.get(task, {}).get(method, (None, ''))
        ends = [run.steps[-1] for run in curve.runs]
        rows.append({
            'task': task, 'measure': measure_of(task).column, 'method': method, 'recipe': recipe,
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


def in_words(row):
    """Return a row of the table as a line of text."""
    name = ' '.join(row[key] for key in ('task', 'method', 'recipe', 'label') if row[key])
    spread = '' if row['final_std'] == '' else f' ± {row["final_std"]}'
    least, most = row['env_steps_least'], row['env_steps_most']
    steps = f'{least:,}' if least == most else f'{least:,} to {most:,}'
    paper = f'; paper: {row["paper_says"]}' if row['paper_says'] else ''
    measure = row['measure'].replace('_', ' ')
    return (f'{name}: {measure} {row["final_mean"]}{spread} after {steps} steps, '
            f'n = {row["runs"]}{paper}')


def make_parser():
    """Return the parser of `rpl plot`."""
    parser = argparse.ArgumentParser(
        prog='rpl plot', description="The paper's figures from run folders: mean and standard "
        'deviation over seeds against environment steps, and a table beside what the paper says.',
        epilog='example: rpl plot runs/sweep --out runs/figures')
    parser.add_argument('runs', metavar='RUNS', nargs='+', help='folders in which run folders lie '
                        '(with run.yaml and evaluation.csv), at any depth')
    parser.add_argument('--out', metavar='DIR', help=f'folder for {NAME}.png, .svg and .csv '
                        '(default: the first of RUNS)')
    parser.add_argument('--log-x', action='store_true', help='logarithmic axis of env steps')
    return parser


def main(argv=None):
    """Run `rpl plot`; return the exit code."""
    from rich.console import Console
    options = make_parser().parse_args(argv)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    runs, notes = find_runs(options.runs)
    for note in notes:
        console.print(f'left out: {note}', style='yellow')
    if not runs:
        print(f'rpl plot: no run with run.yaml and evaluation.csv in {", ".join(options.runs)}',
              file=sys.stderr)
        return 2
    rows, folder = table(runs), Path(options.out or options.runs[0])
    contents = {**draw(runs, options.log_x), 'csv': csv_text(rows)}
    try:
        for kind, content in contents.items():
            write_file(folder / f'{NAME}.{kind}', content)
    except OSError as error:
        print(f'rpl plot: {error}', file=sys.stderr)
        return 2
    for row in rows:
        console.print(in_words(row))
    console.print(f'{len(runs)} runs; written to {folder}: '
                  + ', '.join(f'{NAME}.{kind}' for kind in contents))
    return 0
