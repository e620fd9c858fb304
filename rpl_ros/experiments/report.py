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
`rpl report`: what a run has learned: table, learning curve, summary and video in RUN/report.

Nothing else in the run folder is written: `rpl train` goes on in it afterwards.

Base controller and checkpoints play the same fresh episodes, so that they can be compared episode
by episode. The comparison is with the last checkpoint, not with the best one: to choose by the
result would flatter it.
"""

import argparse
import csv
import io
import math
import sys
import time

from rpl_ros.experiments.evaluate import cores, count, EvaluationError, FRESH, summarise, trouble
from rpl_ros.experiments.lost_rows import lost_rows
from rpl_ros.experiments.paired import COMPARE, in_words
from rpl_ros.experiments.pool import evaluate_policies
from rpl_ros.experiments.progress import progress_bar
from rpl_ros.experiments.proportion import choose, DRAWING, nothing_to_compare, run_seconds
from rpl_ros.experiments.run_record import (lowest_stretch, read_checkpoints, read_metrics,
                                            read_run, stretch_in_words, why_no_checkpoint)
from rpl_ros.experiments.train_folder import who
from rpl_ros.files import write_file
from rpl_ros.measures import measure_of
from rpl_ros.policy.weights import on_trial
import yaml

COLUMNS = {'env_steps': 'env_steps', 'success': 'success_rate', 'low': 'low', 'high': 'high',
           'mean_return': 'mean_return', 'return_low': 'return_low', 'return_high': 'return_high',
           'policy': 'policy', 'on_trial': 'on_trial'}
"""Columns of evaluation.csv, and the figures that stand there."""
FOLDER = 'report'
"""Folder within a run folder. The tables of `rpl train` beside it have the same names."""
WINDOW = 50
"""Episodes of one mode over which success or return in training is averaged."""


def evaluate_run(record, checkpoints, options, console):
    """Return [(dict of figures, Outcomes)]: of the base, then of each checkpoint."""
    policies = [None, *(content for _, _, content in checkpoints)]
    text = f'{record.scene.task}: base and {len(checkpoints)} checkpoints'
    with progress_bar(console, text, len(policies) * options.episodes) as advance:
        outcomes = evaluate_policies(record.scene, policies, options.episodes, options.workers,
                                     progress=advance)
    names = [(0, 'base', 0), *((steps, path.name, int(on_trial(content)))
                               for steps, path, content in checkpoints)]
    return [({'env_steps': steps, 'policy': name, 'on_trial': trial, **summarise(those)}, those)
            for (steps, name, trial), those in zip(names, outcomes)]


def write_evaluation(record, points):
    """Write evaluation.csv: one row for the base and one for each checkpoint."""
    text = io.StringIO()
    writer = csv.writer(text)
    first, *others = COLUMNS
    writer.writerow(['updates' if record.offline else first, *others])
    for point in points:
        values = [point[name] for name in COLUMNS.values()]
        writer.writerow([round(x, 6) if isinstance(x, float) else x for x in values])
    write_file(record.folder / FOLDER / 'evaluation.csv', text.getvalue())


def values_of(measure, points):
    """Return the success or return of each episode: of the base, and of the last checkpoint."""
    return [[measure.of(outcome) for outcome in points[index][1]] for index in (0, -1)]


def comparison(measure, points):
    """Return (Comparison of base and last checkpoint, dict about it for summary.yaml)."""
    paired = COMPARE[measure.name](*values_of(measure, points))
    low, high = paired.interval
    return paired, {'policy': points[-1][0]['policy'], 'value': paired.difference, 'low': low,
                    'high': high, 'method': paired.method, **paired.counts,
                    'verdict': paired.verdict}


def write_summary(record, points, options, notes, difference, lowest, seconds):
    """Write summary.yaml."""
    tree = {**vars(record.scene), 'measure': measure_of(record.scene.task).name,
            'episodes': options.episodes, 'first_episode': FRESH,
            'base': points[0][0] if points else None,
            'residual': points[-1][0] if len(points) > 1 else None,
            'difference': difference, 'lowest_in_training': lowest, 'notes': notes,
            'seconds': round(seconds, 1)}
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=99)
    write_file(record.folder / FOLDER / 'summary.yaml', text)


def show(console, record, points, paired):
    """Print the table that compares base and residual, and what it says in words."""
    from rich.table import Table
    title = f'{record.scene.task}: {len(points[0][1])} fresh episodes, the same for all'
    measure = measure_of(record.scene.task)
    # Beside a success rate the mean return is worth a column of its own.
    more = ('mean_return',) if measure.rate else ()
    table = Table('', measure.label, '95 % interval', *('mean return' for _ in more), title=title,
                  title_justify='left')
    shown = [(f'base: {record.scene.controller}', points[0][0])]
    if paired:
        unit = 'updates' if record.offline else 'steps'
        shown.append((f'{who(points[-1][0])} at {points[-1][0]["env_steps"]:,} {unit}',
                      points[-1][0]))
    for name, point in shown:
        mean, low, high = (measure.exact(point[key]) for key in measure.figures)
        table.add_row(name, mean, f'{low} to {high}', *(f'{point[key]:.1f}' for key in more))
    if paired:
        mean, low, high = map(measure.change, (paired.difference, *paired.interval))
        table.add_row('difference', f'{mean} {paired.unit}', f'{low} to {high}', *(
            f'{points[-1][0][key] - points[0][0][key]:+.1f}' for key in more))
    console.print(table)
    if paired:
        console.print(', '.join(f'{what.replace("_", " ")}: {number}'
                                for what, number in paired.counts.items()))
        console.print(f'intervals: {measure.method}; for the difference: {paired.method}',
                      style='dim')
        console.print('The residual does not count yet: both are the base controller.'
                      if points[-1][0]['on_trial'] else in_words(paired), style='bold')


def notes_on(record, checkpoints, rows, options):
    """Return what a reader of the report must know about the run."""
    notes = []
    if not checkpoints:
        notes.append(f'this run has no usable checkpoint, so there is no residual to compare: '
                     f'{why_no_checkpoint(record, rows)}')
    elif on_trial(checkpoints[-1][2]):
        notes.append('at the last checkpoint the policy was in burn-in or on trial: what was '
                     'saved, and is evaluated, is the base controller (docs/learning.md)')
    if nothing_to_compare(checkpoints, options) and not record.own_controller_node:
        notes.append('nothing was evaluated: there is only the base controller. For its success '
                     f'on fresh episodes: rpl report {record.folder}')
    if record.own_controller_node:
        notes.append('the base actions came from a node of your own (base:=false), which a report '
                     'cannot play: only the curves of the training episodes are drawn')
    return notes


def report(record, options, console):
    """Evaluate a run and write its files; returns nothing, prints as it goes."""
    start = time.monotonic()
    measure = measure_of(record.scene.task)
    rows, problem = read_metrics(record.folder, measure)
    readable, unusable = read_checkpoints(record.folder, record.scene)
    notes = [*filter(None, (problem, lost_rows(record, rows))),
             *(f'left out: {note}' for note in unusable),
             *notes_on(record, readable, rows, options)]
    for note in notes:
        console.print(f'note: {note}', style='yellow')
    checkpoints, options.episodes = choose(record, readable, rows, options, console)
    points, paired, difference = [], None, None
    if options.episodes:
        points = evaluate_run(record, checkpoints, options, console)
        write_evaluation(record, [figures for figures, _ in points])
        notes += _show_trouble(console, points)
        if checkpoints:
            paired, difference = comparison(measure, points)
    _draw(record, points, rows, measure)
    lowest = lowest_stretch([row['value'] for row in rows])
    write_summary(record, points, options, notes, difference, lowest, time.monotonic() - start)
    if paired and options.video:
        most = DRAWING * run_seconds(rows) if options.in_proportion else math.inf
        _video(record, values_of(measure, points), checkpoints[-1], console, most)
    if points:
        show(console, record, points, paired)
    if lowest:
        console.print(stretch_in_words(lowest, measure))
    folder = record.folder / FOLDER
    console.print(f'written to {folder}: ' + ', '.join(
        name for name in ('evaluation.csv', 'learning_curve.png', 'summary.yaml',
                          'before_after.mp4', 'before_after.png')
        if (folder / name).exists()))


def _show_trouble(console, points):
    """Print and return the notes about episodes without usable base actions."""
    notes = [f'{figures["policy"]}: {trouble(those)}' for figures, those in points
             if trouble(those)]
    for note in notes:
        console.print(f'note: {note}', style='yellow')
    return notes


def _draw(record, points, rows, measure):
    from rpl_ros.experiments.plot import learning_curve
    title = f'{record.scene.task}: {record.scene.controller} with a learned residual'
    write_file(record.folder / FOLDER / 'learning_curve.png', learning_curve(
        title, [figures for figures, _ in points], rows, WINDOW, measure,
        'gradient updates' if record.offline else 'environment steps'))


def _video(record, values, checkpoint, console, most):
    """Make video and still of the most telling of the evaluated episodes."""
    from rpl_ros.experiments.video import make_video, PATIENCE, TELLING
    number = FRESH + TELLING[measure_of(record.scene.task).name](*values)
    problem = make_video(record.scene, checkpoint[2], number, record.folder / FOLDER,
                         console, min(PATIENCE, most))
    if problem:
        console.print(f'warning: no video: {problem}', style='yellow')


def make_parser():
    """Return the parser of `rpl report`."""
    parser = argparse.ArgumentParser(
        prog='rpl report', description='Compare base controller and learned residual of a run on '
        'fresh episodes; write learning curve, table, summary and video into RUN/report.',
        epilog='example: rpl report runs/complex_hook_20260101_120000 --episodes 200')
    parser.add_argument('run', metavar='RUN', help='run folder, as `rpl launch` or `rpl train` '
                        'makes it')
    parser.add_argument('--episodes', type=count, default=100, metavar='N',
                        help='fresh episodes for the base and each checkpoint (default 100)')
    parser.add_argument('--checkpoints', type=count, default=12, metavar='N',
                        help='checkpoints to evaluate, the last among them (default 12)')
    parser.add_argument('--in-proportion', action='store_true', help='take no longer than the run '
                        'itself did: fewer checkpoints, then fewer episodes; none without a '
                        'checkpoint (so after `rpl launch`)')
    parser.add_argument('--no-video', dest='video', action='store_false', help='make no video')
    parser.add_argument('--workers', type=count, default=cores(), metavar='W',
                        help='processes to use (default: one for each processor)')
    return parser


def main(argv=None):
    """Run `rpl report`; return the exit code."""
    from rich.console import Console
    options = make_parser().parse_args(argv)
    try:
        report(read_run(options.run), options, Console(highlight=False, markup=False))
    except (EvaluationError, OSError) as error:
        print(f'rpl report: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('rpl report: interrupted; what was written stays', file=sys.stderr)
        return 130
    return 0
