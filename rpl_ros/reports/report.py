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
`rpl report`: what a run has learned, as table, learning curve, summary and video in RUN/report.

It writes to no other file of the run folder, so that `rpl train` can continue the run.

Base controller and checkpoints play the same fresh episodes, which are compared one by one. The
comparison is with the last checkpoint: the best of several would look better than it is.
"""

import argparse
from datetime import datetime
import math
from pathlib import Path
import time
from typing import Any

from rich.console import Console
from rich.table import Table
from rpl_ros.common.arguments import cores, count
from rpl_ros.common.exits import run_command
from rpl_ros.common.files import csv_text, write_file
from rpl_ros.common.progress import progress_bar
from rpl_ros.evaluation.comparison import COMPARE, Comparison, in_words
from rpl_ros.evaluation.episodes import FRESH, Outcome, summarise, trouble
from rpl_ros.evaluation.pool import evaluate_policies
from rpl_ros.evaluation.stretch import lowest_stretch, stretch_in_words
from rpl_ros.policy.weights import prefers_base
from rpl_ros.reports import robots
from rpl_ros.reports.lost_rows import lost_rows
from rpl_ros.reports.proportion import choose, DRAWING, nothing_to_compare, run_seconds
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.layout import driver_of, EVALUATION, evaluation_row, REPORT, SUMMARY
from rpl_ros.runs.record import (read_checkpoints, read_metrics, read_record, Record,
                                 why_no_checkpoint)
from rpl_ros.runs.status import in_use
from rpl_ros.scene import EvaluationError
from rpl_ros.tasks.find import has_simulator, task_spec
from rpl_ros.tasks.score import Measure
import yaml

WINDOW = 50
"""Training episodes of one mode over which success or return is averaged."""
CURVE, VIDEO, STILL = 'learning_curve.png', 'before_after.mp4', 'before_after.png'
Checkpoint = tuple[int, Path, bytes]
"""Env steps, file and content of a policy."""
Point = tuple[dict[str, Any], list[Outcome]]
"""Figures of an evaluated policy, with its env_steps, name and on_trial, and its episodes."""


def evaluate_run(record: Record, checkpoints: list[Checkpoint], options: argparse.Namespace,
                 console: Console) -> list[Point]:
    """Return the Point of the base controller, then of each checkpoint."""
    policies: list[bytes | None] = [None, *(content for _, _, content in checkpoints)]
    text = f'{task_spec(record.scene.task).name}: base and {len(checkpoints)} checkpoints'
    with progress_bar(console, text, len(policies) * options.episodes) as advance:
        outcomes = evaluate_policies(record.scene, policies, options.episodes, options.workers,
                                     progress=advance)
    names = [(0, 'base', 0), *((steps, path.name, int(prefers_base(content)))
                               for steps, path, content in checkpoints)]
    return [({'env_steps': steps, 'policy': name, 'on_trial': trial, **summarise(those)}, those)
            for (steps, name, trial), those in zip(names, outcomes)]


def write_evaluation(record: Record, points: list[dict[str, Any]]) -> None:
    """Write evaluation.csv: one row for the base and one for each checkpoint."""
    rows = []
    for point in points:
        row = evaluation_row(point['env_steps'], point, point['policy'], point['on_trial'])
        row['success'] = round(row['success'], 6)
        rows.append({'updates' if record.offline and name == 'env_steps' else name: value
                     for name, value in row.items()})
    write_file(record.folder / REPORT / EVALUATION, csv_text(rows))


def values_of(measure: Measure, points: list[Point]) -> list[list[float]]:
    """Return the success or return of each episode: of the base, and of the last checkpoint."""
    return [[measure.of(outcome) for outcome in points[index][1]] for index in (0, -1)]


def compare(measure: Measure, points: list[Point]) -> tuple[Comparison, dict[str, Any]]:
    """Return the Comparison of base and last checkpoint, and its part of summary.yaml."""
    base, residual = values_of(measure, points)
    paired = COMPARE[measure.name](base, residual)
    low, high = paired.interval
    return paired, {'policy': points[-1][0]['policy'], 'value': paired.difference, 'low': low,
                    'high': high, 'method': paired.method, **paired.counts,
                    'verdict': paired.verdict}


def write_summary(record: Record, points: list[Point], episodes: int, notes: list[str],
                  difference: dict[str, Any] | None, lowest: dict[str, Any] | None,
                  each: dict[str, dict[str, Any]], seconds: float) -> None:
    """Write summary.yaml."""
    tree = {**vars(record.scene), 'measure': task_spec(record.scene.task).measure.name,
            'episodes': episodes, 'first_episode': FRESH,
            'base': points[0][0] if points else None,
            'residual': points[-1][0] if len(points) > 1 else None,
            'difference': difference, 'lowest_in_training': lowest,
            **({'robots': each} if each else {}), 'notes': notes,
            'seconds': round(seconds, 1)}
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=99)
    write_file(record.folder / REPORT / SUMMARY, text)


def show(console: Console, record: Record, points: list[Point],
         paired: Comparison | None) -> None:
    """Print a table that compares base and residual, and its meaning in words."""
    spec = task_spec(record.scene.task)
    title = f'{spec.name}: {len(points[0][1])} fresh episodes, the same for all'
    measure = spec.measure
    more: tuple[str, ...] = ('mean_return',) if measure.rate else ()
    table = Table('', measure.label, '95 % interval', *('mean return' for _ in more), title=title,
                  title_justify='left')
    shown = [(f'base: {record.scene.controller}', points[0][0])]
    if paired:
        last, unit = points[-1][0], 'updates' if record.offline else 'steps'
        where = f'at {last["env_steps"]:,} {unit}' if last['env_steps'] else last['policy']
        shown.append((f'{driver_of(last)} {where}', last))
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
        console.print('The residual is not used yet: both are the base controller.'
                      if points[-1][0]['on_trial'] else in_words(paired), style='bold')


def notes_on(record: Record, checkpoints: list[Checkpoint], rows: list[dict],
             options: argparse.Namespace) -> list[str]:
    """Return notes for the reader on what the report cannot show, and why."""
    notes = []
    problems = [row['problem'] for row in rows if row['problem']]
    if problems:
        notes.append(f'{len(problems)} of {len(rows)} training episodes could not continue, so '
                     f'nothing was learned from them; the first because {problems[0]}')
    if not checkpoints:
        notes.append(f'this run has no usable checkpoint, so there is no residual to compare: '
                     f'{why_no_checkpoint(record, rows)}')
    elif prefers_base(checkpoints[-1][2]):
        notes.append('at the last checkpoint the policy was in burn-in or on trial: the saved '
                     'policy is the base controller (docs/learning.md)')
    simulated = has_simulator(task_spec(record.scene.task))
    if not simulated:
        notes.append('the task has no simulator (its file names no environment): the report shows '
                     'the curves of the training episodes alone')
    elif nothing_to_compare(checkpoints, options) and not record.own_controller_node:
        notes.append('nothing was evaluated: there is only the base controller. For its success '
                     f'on fresh episodes: rpl report {record.folder}')
    share = record.settings['residual_node'].residual_share
    if checkpoints and share != 1.0:
        notes.append(f'the run began with residual_share {share}; the whole residual is evaluated')
    if record.own_controller_node:
        notes.append('the base actions came from a node of your own (base:=false), which a report '
                     'cannot run: it shows the curves of the training episodes alone')
    return notes


def goes_on(record: Record, rows: list[dict]) -> str:
    """Return a note on a run that has not ended, or that was resumed; or ''."""
    if in_use(record.folder):
        return f'the run goes on: this report shows its {len(rows)} episodes so far'
    begins = [str(part.get('first_episode')).strip('[]')  # of several robots, a list
              for part in read_facts(record.folder).get('parts', []) if isinstance(part, dict)]
    return f'the run was resumed with episode {", then ".join(begins)}' if begins else ''


def report(record: Record, options: argparse.Namespace, console: Console) -> None:
    """Evaluate a run, write the files of the report and print a summary."""
    start = time.monotonic()
    measure = task_spec(record.scene.task).measure
    rows, problem = read_metrics(record.folder, measure)
    readable, unusable = read_checkpoints(record.folder, record.scene)
    notes = [*filter(None, (goes_on(record, rows), problem, lost_rows(record, rows))),
             *(f'left out: {note}' for note in unusable),
             *notes_on(record, readable, rows, options)]
    for note in notes:
        console.print(f'note: {note}', style='yellow')
    checkpoints, options.episodes = choose(record, readable, rows, options, console)
    before = record.folder / REPORT / SUMMARY
    if before.is_file():
        then = datetime.fromtimestamp(before.stat().st_mtime)
        console.print(f'replaces the report of {then:%Y-%m-%d %H:%M}')
    points: list[Point] = []
    paired, difference = None, None
    if options.episodes:
        points = evaluate_run(record, checkpoints, options, console)
        write_evaluation(record, [figures for figures, _ in points])
        notes += _show_trouble(console, points)
        if checkpoints:
            paired, difference = compare(measure, points)
    _draw(record, points, rows, measure)
    lowest = lowest_stretch([row['value'] for row in rows])
    each = robots.figures_of_robots(rows, WINDOW)
    write_summary(record, points, options.episodes, notes, difference, lowest, each,
                  time.monotonic() - start)
    if paired and options.video and not task_spec(record.scene.task).environment:
        most = DRAWING * run_seconds(rows) if options.in_proportion else math.inf
        _video(record, values_of(measure, points), checkpoints[-1], console, most)
    if points:
        show(console, record, points, paired)
    if lowest:
        console.print(stretch_in_words(lowest, measure))
    for line in robots.in_words(each, measure, WINDOW):
        console.print(line)
    folder = record.folder / REPORT
    console.print(f'written to {folder}: ' + ', '.join(
        name for name in (EVALUATION, CURVE, SUMMARY, VIDEO, STILL) if (folder / name).exists()))


def _show_trouble(console: Console, points: list[Point]) -> list[str]:
    """Print and return the notes about episodes without usable base actions."""
    notes = [f'{figures["policy"]}: {trouble(those)}' for figures, those in points
             if trouble(those)]
    for note in notes:
        console.print(f'note: {note}', style='yellow')
    return notes


def _draw(record: Record, points: list[Point], rows: list[dict], measure: Measure) -> None:
    from rpl_ros.reports.plot import learning_curve
    name = task_spec(record.scene.task).name
    title = f'{name}: {record.scene.controller} with a learned residual'
    fixed = record.arguments.get('learn') == 'false'
    write_file(record.folder / REPORT / CURVE, learning_curve(
        title, [figures for figures, _ in points], rows, WINDOW, measure,
        'gradient updates' if record.offline else 'environment steps', fixed))


def _video(record: Record, values: list[list[float]], checkpoint: Checkpoint, console: Console,
           most: float) -> None:
    """Make the video and the still of one evaluated episode, in about `most` s or less."""
    from rpl_ros.reports.video import make_video, RENDER_TIME, TELLING
    number = FRESH + TELLING[task_spec(record.scene.task).measure.name](*values)
    problem = make_video(record.scene, checkpoint[2], number, record.folder / REPORT,
                         console, min(RENDER_TIME, most))
    if problem:
        console.print(f'warning: no video: {problem}', style='yellow')


def make_parser() -> argparse.ArgumentParser:
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
                        help='checkpoints to evaluate, with the last one (default 12)')
    parser.add_argument('--in-proportion', action='store_true', help='take no longer than the '
                        'run: with fewer checkpoints, then fewer episodes; with no episode if '
                        'there is no checkpoint. `rpl launch` uses this option')
    parser.add_argument('--no-video', dest='video', action='store_false', help='make no video')
    parser.add_argument('--workers', type=count, default=cores(), metavar='W',
                        help='processes to use (default: one for each processor)')
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run `rpl report`; return the exit code."""
    options = make_parser().parse_args(argv)
    return run_command(
        'report', lambda: report(read_record(options.run), options,
                                 Console(highlight=False, markup=False)),
        (EvaluationError, OSError), 'interrupted; the files written so far remain')
