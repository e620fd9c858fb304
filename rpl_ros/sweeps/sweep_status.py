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

"""The status of all runs of a sweep, as a table, a live screen or plain lines."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
import time

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from rpl_ros.common.progress import clock, Count
from rpl_ros.runs.status import (FAILED, FINISHED, QUEUED, read_figures, read_status, RUNNING,
                                 STATES, Status, STOPPED)
from rpl_ros.sweeps.grid import Job

COLOURS = {RUNNING: 'cyan', FAILED: 'red', STOPPED: 'yellow', QUEUED: 'dim', FINISHED: 'green'}
LINE_EVERY = 60.0  # s between plain lines about all runs, where there is no terminal
DRAW_EVERY = 0.5  # s between two pictures of the live table
FRAME = 9  # lines of the live screen around the rows of the table


class SweepStatus:
    """The status of each run of a sweep; prints its start and end."""

    def __init__(self, jobs: Sequence[Job], console: Console) -> None:
        """Read the status of all `jobs` from their folders; events go to `console`."""
        self.jobs, self.console = jobs, console
        self.runs = {job.name: read_status(job) for job in jobs}
        self.since: dict[str, tuple[float, int]] = {}  # steady time, s, and env steps at the start

    def unfinished(self) -> list[Job]:
        """Return the jobs that are not finished."""
        return [job for job in self.jobs if self.runs[job.name].state != FINISHED]

    def failed(self) -> list[Job]:
        """Return the jobs that failed."""
        return [job for job in self.jobs if self.runs[job.name].state == FAILED]

    def started(self, job: Job, host: str = '') -> None:
        """Print that a run has started, on another host if `host` is given."""
        run = self.runs[job.name] = Status(RUNNING, *read_figures(job), host)
        self.since[job.name] = (time.monotonic(), run.env_steps)
        resumed = f' at {run.env_steps:,} steps' if run.env_steps else ''
        self.console.print(f'{job.name}: started{resumed}{host and f" on {host}"}')

    def ended(self, job: Job, problem: str = '') -> None:
        """Read and print how a run ended; `problem` says why it could not start."""
        run = read_status(job)
        if problem:
            run = replace(run, state=FAILED, note=problem)
        elif run.state == RUNNING:  # another process has locked the folder
            run = replace(run, state=FAILED, note='in use by another process')
        self.runs[job.name] = run
        value = '' if run.value is None else f', last evaluation {_score_text(run.value)}'
        note = f': {run.note}' if run.note else ''
        self.console.print(f'{job.name}: {run.state} at {run.env_steps:,} of {job.steps:,} '
                           f'steps{value}{note}', style=COLOURS[run.state])

    def refresh(self) -> None:
        """Read the progress of the running runs from their folders."""
        for job in self.jobs:
            run = self.runs[job.name]
            if run.state == RUNNING:
                # Not read_status(): it tries the run's lock, which the run may want just then.
                self.runs[job.name] = Status(RUNNING, *read_figures(job), run.note)

    def seconds_left(self, job: Job) -> float | None:
        """Return the time until a running job is done, s; None if unknown."""
        start, first = self.since.get(job.name, (0.0, 0))
        steps = self.runs[job.name].env_steps
        if self.runs[job.name].state != RUNNING or steps <= first or not start:
            return None
        return max(0, job.steps - steps) * (time.monotonic() - start) / (steps - first)

    def steps(self) -> int:
        """Return the number of environment steps that all runs have done together."""
        return sum(run.env_steps for run in self.runs.values())

    def summary(self) -> str:
        """Return the number of runs in each state, in words."""
        counts = Counter(run.state for run in self.runs.values())
        parts = [f'{counts[state]} {state}' for state in STATES if counts[state]]
        return f'{len(self.jobs)} runs: {", ".join(parts)}'

    def table(self, rows: int | None = None) -> Table:
        """Return a table of all runs, or of `rows` of them, the running ones first."""
        jobs = self.jobs
        if rows is not None and len(jobs) > rows:
            jobs = sorted(jobs, key=lambda job: STATES.index(self.runs[job.name].state))[:rows]
        table = Table(box=SIMPLE_HEAD, caption=self.summary(), caption_justify='left',
                      padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column('run', overflow='fold')
        table.add_column('state', no_wrap=True)
        for name in ('env steps', 'of', 'evaluated', 'left'):
            table.add_column(name, justify='right', no_wrap=True)
        table.add_column('')
        for job in jobs:
            run, left = self.runs[job.name], self.seconds_left(job)
            table.add_row(job.name, Text(run.state, style=COLOURS[run.state]),
                          f'{run.env_steps:,}', f'{job.steps:,}',
                          '' if run.value is None else _score_text(run.value),
                          '' if left is None else clock(left), Text(run.note))
        return table


def _score_text(value: float) -> str:
    """Return a success rate or a return as text."""
    return f'{value:.2f}' if abs(value) <= 1 else f'{value:.1f}'


@contextmanager
def display(sweep: SweepStatus) -> Iterator[Callable[[], None]]:
    """
    Show a sweep while the block runs; yields a function that the block calls often.

    A live table in a terminal, elsewhere a line every LINE_EVERY seconds.
    """
    drawn = time.monotonic()
    if sweep.console.is_terminal:
        with Live(console=sweep.console, auto_refresh=False, transient=True) as live:
            drawn = 0.0

            def draw() -> None:
                nonlocal drawn
                if time.monotonic() - drawn > DRAW_EVERY:
                    drawn = time.monotonic()
                    sweep.refresh()
                    live.update(sweep.table(max(1, sweep.console.height - FRAME)), refresh=True)
            yield draw
        return
    count = Count(sweep.summary(), sum(job.steps for job in sweep.jobs))
    count.advance(completed=sweep.steps())

    def print_line() -> None:
        nonlocal drawn
        if time.monotonic() - drawn > LINE_EVERY:
            drawn = time.monotonic()
            sweep.refresh()
            count.advance(completed=sweep.steps(), description=sweep.summary())
            sweep.console.print(count.line())
    yield print_line
