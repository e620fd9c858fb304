# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""`rpl report`: what a run has learned: table, learning curve, summary and video in its folder.

Base controller and checkpoints play the same fresh episodes, so that they can be compared episode
by episode. The comparison is with the last checkpoint, not with the best one: to choose by the
result would flatter it.
"""

import argparse
import csv
import io
import sys
import time

import yaml

from rpl_ros.experiments.evaluate import cores, count, EvaluationError, FRESH, summarise, trouble
from rpl_ros.experiments.paired import compare, in_words, METHOD
from rpl_ros.experiments.pool import evaluate_policies
from rpl_ros.experiments.progress import progress_bar
from rpl_ros.experiments.run_record import (read_checkpoints, read_metrics, read_run, thin,
                                            why_no_checkpoint)
from rpl_ros.files import write_file

COLUMNS = ('env_steps', 'success', 'low', 'high', 'mean_return', 'policy')
WINDOW = 50
"""Episodes of one mode over which success in training is averaged."""


def evaluate_run(record, checkpoints, options, console):
    """Return [(dict of figures, Outcomes)]: of the base, then of each checkpoint."""
    policies = [None, *(content for _, _, content in checkpoints)]
    text = f'{record.scene.task}: base and {len(checkpoints)} checkpoints'
    with progress_bar(console, text, len(policies) * options.episodes) as advance:
        outcomes = evaluate_policies(record.scene, policies, options.episodes, options.workers,
                                     progress=advance)
    names = [(0, 'base'), *((steps, path.name) for steps, path, _ in checkpoints)]
    return [({'env_steps': steps, 'policy': name, **summarise(those)}, those)
            for (steps, name), those in zip(names, outcomes)]


def write_evaluation(folder, points):
    """Write evaluation.csv: one row for the base and one for each checkpoint."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for point in points:
        figures = (point['success_rate'], point['low'], point['high'], point['mean_return'])
        writer.writerow([point['env_steps'], *(round(x, 6) for x in figures), point['policy']])
    write_file(folder / 'evaluation.csv', text.getvalue())


def comparison(points):
    """Return (Paired of base and last checkpoint, dict about it for summary.yaml)."""
    (_, base), (last, residual) = points[0], points[-1]
    paired = compare([outcome.success for outcome in base],
                     [outcome.success for outcome in residual])
    low, high = paired.interval
    return paired, {'policy': last['policy'], 'value': paired.difference, 'low': low, 'high': high,
                    'method': METHOD, 'solved_by_both': paired.both,
                    'solved_by_base_only': paired.only_first,
                    'solved_by_residual_only': paired.only_second,
                    'solved_by_neither': paired.neither, 'verdict': paired.verdict}


def write_summary(record, points, options, notes, difference, seconds):
    """Write summary.yaml."""
    tree = {**vars(record.scene), 'episodes': options.episodes, 'first_episode': FRESH,
            'base': points[0][0] if points else None,
            'residual': points[-1][0] if len(points) > 1 else None,
            'difference': difference, 'notes': notes, 'seconds': round(seconds, 1)}
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=99)
    write_file(record.folder / 'summary.yaml', text)


def show(console, record, points, paired):
    """Print the table that compares base and residual, and what it says in words."""
    from rich.table import Table
    title = f'{record.scene.task}: {len(points[0][1])} fresh episodes, the same for all'
    table = Table('', 'success', '95 % interval', 'mean return', title=title, title_justify='left')
    shown = [(f'base: {record.scene.controller}', points[0][0])]
    if paired:
        shown.append((f'residual at {points[-1][0]["env_steps"]:,} steps', points[-1][0]))
    for name, point in shown:
        table.add_row(name, f'{point["success_rate"]:.1%}', f'{point["low"]:.1%} to '
                      f'{point["high"]:.1%}', f'{point["mean_return"]:.1f}')
    if paired:
        low, high = paired.interval
        returns = points[-1][0]['mean_return'] - points[0][0]['mean_return']
        table.add_row('difference', f'{100 * paired.difference:+.1f} points',
                      f'{100 * low:+.1f} to {100 * high:+.1f}', f'{returns:+.1f}')
    console.print(table)
    if paired:
        console.print(f'solved by the residual only: {paired.only_second}, by the base only: '
                      f'{paired.only_first}, by both: {paired.both}, by neither: {paired.neither}')
        console.print(f'intervals: Wilson; for the difference: {METHOD}', style='dim')
        console.print(in_words(paired), style='bold')


def report(record, options, console):
    """Evaluate a run and write its files; returns nothing, prints as it goes."""
    start = time.monotonic()
    rows, problem = read_metrics(record.folder)
    readable, notes = read_checkpoints(record.folder, record.scene.task)
    checkpoints = thin(readable, options.checkpoints) if readable else []
    notes = [*([problem] if problem else []), *(f'left out: {note}' for note in notes)]
    if not checkpoints:
        notes.append(f'this run has no usable checkpoint, so there is no residual to compare: '
                     f'{why_no_checkpoint(record, rows)}')
    if record.own_controller_node:
        notes.append('the base actions came from a node of your own (base:=false), which a report '
                     'cannot play: only the curves of the training episodes are drawn')
    for note in notes:
        console.print(f'note: {note}', style='yellow')
    points, paired, difference = [], None, None
    if not record.own_controller_node:
        points = evaluate_run(record, checkpoints, options, console)
        write_evaluation(record.folder, [figures for figures, _ in points])
        notes += _show_trouble(console, points)
        if checkpoints:
            paired, difference = comparison(points)
    _draw(record, points, rows)
    write_summary(record, points, options, notes, difference, time.monotonic() - start)
    if paired and options.video:
        _video(record, points, checkpoints[-1], console)
    if points:
        show(console, record, points, paired)
    console.print(f'written to {record.folder}: ' + ', '.join(
        name for name in ('evaluation.csv', 'learning_curve.png', 'summary.yaml',
                          'before_after.mp4', 'before_after.png')
        if (record.folder / name).exists()))


def _show_trouble(console, points):
    """Print and return the notes about episodes without usable base actions."""
    notes = [f'{figures["policy"]}: {trouble(those)}' for figures, those in points
             if trouble(those)]
    for note in notes:
        console.print(f'note: {note}', style='yellow')
    return notes


def _draw(record, points, rows):
    from rpl_ros.experiments.plot import learning_curve
    title = f'{record.scene.task}: {record.scene.controller} with a learned residual'
    write_file(record.folder / 'learning_curve.png', learning_curve(
        title, [figures for figures, _ in points], rows, WINDOW))


def _video(record, points, checkpoint, console):
    """Make video and still of the most telling of the evaluated episodes."""
    from rpl_ros.experiments.video import make_video, telling_episode
    number = FRESH + telling_episode(*([outcome.success for outcome in points[index][1]]
                                       for index in (0, -1)))
    problem = make_video(record.scene, checkpoint[2], number, record.folder, console)
    if problem:
        console.print(f'warning: no video: {problem}', style='yellow')


def make_parser():
    """Return the parser of `rpl report`."""
    parser = argparse.ArgumentParser(
        prog='rpl report', description='Compare base controller and learned residual of a run on '
        'fresh episodes; write learning curve, table, summary and video into its folder.',
        epilog='example: rpl report runs/complex_hook_20260101_120000 --episodes 200')
    parser.add_argument('run', metavar='RUN', help='run folder, as `rpl launch` makes it')
    parser.add_argument('--episodes', type=count, default=100, metavar='N',
                        help='fresh episodes for the base and each checkpoint (default 100)')
    parser.add_argument('--checkpoints', type=count, default=12, metavar='N',
                        help='checkpoints to evaluate, the last among them (default 12)')
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
