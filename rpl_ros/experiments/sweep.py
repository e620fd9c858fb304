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
`rpl sweep`: a grid of training runs, each in a process of its own.

All that is known about a run is in its folder, so that the same command goes on where it was
stopped: finished runs are not repeated, the others go on from their checkpoints.
"""

import argparse
from contextlib import contextmanager
import fcntl
import shlex
import sys

from rpl_ros.config import SettingsError
from rpl_ros.experiments.board import Board, display
from rpl_ros.experiments.evaluate import cores, count
from rpl_ros.experiments.grid import read_sweep
from rpl_ros.experiments.local_runs import run_here, Stop
from rpl_ros.experiments.run_status import check_same, LOG

EXAMPLES = """examples:
  rpl sweep config/sweep.yaml --dry-run
  rpl sweep config/sweep.yaml
  rpl sweep config/sweep.yaml --status
  rpl plot runs/sweep

The format of the file: docs/experiments.md.
"""


WIDTH = 160
"""Columns of a table that goes to a file or a pipe."""


def make_parser():
    """Return the parser of `rpl sweep`."""
    parser = argparse.ArgumentParser(
        prog='rpl sweep', epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Train a grid of task x method x seed. Finished runs are not repeated, others '
        'go on from their last checkpoint.')
    parser.add_argument('file', metavar='FILE', help='the grid, for instance config/sweep.yaml')
    parser.add_argument('--workers', type=count, metavar='N', help='runs at the same time '
                        '(default: one for each processor; not with --ray)')
    parser.add_argument('--ray', action='store_true', help='spread the runs over the hosts of a '
                        'Ray cluster: the one at RAY_ADDRESS or on this machine, else a new one')
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--dry-run', action='store_true',
                      help='only list the runs, with their state and commands')
    what.add_argument('--status', action='store_true', help='only show how far each run is')
    return parser


@contextmanager
def lock(folder):
    """Hold a sweep's folder; SettingsError where another `rpl sweep` does."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'sweep.lock', 'w', encoding='utf-8') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(f'{folder} is in use by another rpl sweep: wait for it, or give '
                                'another out') from None
        yield


def conclude(board, stopped, words):
    """Print how the sweep went and how to go on; return the exit code."""
    console, failed = board.console, board.failed()
    console.print(board.table() if console.is_terminal else board.summary())
    if stopped:
        console.print(f'stopped; go on with: rpl sweep {shlex.join(words)}')
        return 130
    for job in failed:
        console.print(f'failed: {job.name} ({job.folder / LOG}): {board.status[job.name].note}',
                      style='red')
    if failed:
        console.print('the same command tries them again, from their last checkpoints')
    return 1 if board.unfinished() else 0


def sweep(options, words, console, command):
    """Do what the options ask for; return the exit code."""
    folder, jobs = read_sweep(options.file)
    if options.status:
        console.print(Board(jobs, console).table())
        return 0
    for job in jobs:
        check_same(job)
    if options.dry_run:
        board = Board(jobs, console)
        for job in jobs:
            line = shlex.join(['rpl', 'train', *job.words(job.folder)])
            console.print(f'{board.status[job.name].state:9}{line}')
        console.print(board.summary())
        return 0
    if options.ray:
        from rpl_ros.experiments.ray_runs import load_ray, run_on_ray
        load_ray()
    with lock(folder):
        board = Board(jobs, console)
        console.print(f'{board.summary()}; in {folder}')
        todo = board.unfinished()
        with Stop(2 if options.ray else 0) as stop, display(board) as tick:
            if options.ray:
                run_on_ray(todo, board, stop, tick, command)
            else:
                busy = max((job.cores for job in todo), default=1)
                workers = options.workers or max(1, cores() // busy)
                run_here(todo, board, stop, tick, workers, command)
        return conclude(board, stop.count and board.unfinished(), words)


def main(argv=None, command=None):
    """Run `rpl sweep`; `command` are words to start a run with in place of `rpl train`."""
    from rich.console import Console
    words = sys.argv[1:] if argv is None else argv
    options = make_parser().parse_args(argv)
    if options.ray and options.workers:
        print('rpl sweep: --workers is for this machine: with --ray the cluster decides',
              file=sys.stderr)
        return 2
    terminal = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, soft_wrap=not terminal,
                      width=None if terminal else WIDTH)
    try:
        return sweep(options, words, console, command)
    except (SettingsError, OSError) as error:
        print(f'rpl sweep: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before or after the runs: nothing is lost
        return 130
