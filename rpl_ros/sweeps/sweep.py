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

All that is known about a run is in its folder. So the same command continues a sweep that was
stopped: it does not repeat finished runs, and continues the others from their checkpoints.
"""

import argparse
from collections.abc import Sequence
import shlex
import sys

from rich.console import Console
from rpl_ros.common.arguments import cores, count
from rpl_ros.common.exits import BAD_SETTINGS, INTERRUPTED, run_command
from rpl_ros.common.files import InUseError, lock_folder
from rpl_ros.runs.layout import SWEEP_LOG
from rpl_ros.runs.status import check_same
from rpl_ros.settings.fields import SettingsError
from rpl_ros.sweeps.grid import read_sweep
from rpl_ros.sweeps.local_runs import run_here, stop_requests
from rpl_ros.sweeps.sweep_status import display, SweepStatus

EXAMPLES = """examples:
  rpl sweep config/sweep.yaml --dry-run
  rpl sweep config/sweep.yaml
  rpl sweep config/sweep.yaml --status
  rpl plot runs/sweep

The format of the file: docs/experiments.md.
"""
WIDTH = 160  # columns of a table that goes to a file or a pipe


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl sweep`."""
    parser = argparse.ArgumentParser(
        prog='rpl sweep', epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Train a grid of task x method x seed. Finished runs are not repeated, the '
        'others continue from their last checkpoint.')
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


def _conclude(sweep: SweepStatus, stopped: bool, words: Sequence[str]) -> int:
    """Print the results and how to continue; return the exit code."""
    console, failed = sweep.console, sweep.failed()
    console.print(sweep.table() if console.is_terminal else sweep.summary())
    if stopped:
        console.print(f'stopped; continue with: rpl sweep {shlex.join(words)}')
        return INTERRUPTED
    for job in failed:
        note = sweep.runs[job.name].note
        console.print(f'failed: {job.name} ({job.folder / SWEEP_LOG}): {note}', style='red')
    if failed:
        console.print('the same command repeats them from their last checkpoints')
    return 1 if sweep.unfinished() else 0


def _sweep(options: argparse.Namespace, words: Sequence[str], console: Console,
           command: Sequence[str] | None) -> int:
    """Do what the options ask for; return the exit code."""
    folder, jobs = read_sweep(options.file)
    if options.status:
        console.print(SweepStatus(jobs, console).table())
        return 0
    for job in jobs:
        check_same(job)
    if options.dry_run:
        sweep = SweepStatus(jobs, console)
        for job in jobs:
            line = shlex.join(['rpl', 'train', *job.words(job.folder)])
            console.print(f'{sweep.runs[job.name].state:9}{line}')
        console.print(sweep.summary())
        return 0
    if options.ray:
        from rpl_ros.sweeps.ray_runs import load_ray, run_on_ray
        load_ray()
    with lock_folder(folder, 'sweep.lock'):
        sweep = SweepStatus(jobs, console)
        console.print(f'{sweep.summary()}; in {folder}')
        todo = sweep.unfinished()
        with stop_requests(2 if options.ray else 0) as requests, display(sweep) as tick:
            if options.ray:
                run_on_ray(todo, sweep, requests, tick, command)
            else:
                busy = max((job.cores for job in todo), default=1)
                workers = options.workers or max(1, cores() // busy)
                run_here(todo, sweep, requests, tick, workers, command)
        return _conclude(sweep, bool(requests and sweep.unfinished()), words)


def main(argv: Sequence[str] | None = None, command: Sequence[str] | None = None) -> int:
    """Run `rpl sweep`; `command` replaces `rpl train` as the start of each run's command."""
    words = sys.argv[1:] if argv is None else argv
    options = make_parser().parse_args(argv)
    if options.ray and options.workers:
        print('rpl sweep: --workers is for this machine alone: with --ray the cluster decides',
              file=sys.stderr)
        return BAD_SETTINGS
    terminal = sys.stdout.isatty()
    console = Console(highlight=False, markup=False, soft_wrap=not terminal,
                      width=None if terminal else WIDTH)
    return run_command('sweep', lambda: _sweep(options, words, console, command),
                       (SettingsError, InUseError, OSError))
