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

"""What is known about the runs of a sweep, as a table, a live screen or plain lines."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
import time

from rpl_ros.experiments.progress import Count
from rpl_ros.experiments.run_status import (FAILED, FINISHED, QUEUED, read_figures,
                                            read_status, RUNNING, STATES, Status, STOPPED)
from rpl_ros.launching.screen import clock

COLOURS = {RUNNING: 'cyan', FAILED: 'red', STOPPED: 'yellow', QUEUED: 'dim', FINISHED: 'green'}
LINE_EVERY = 60.0
"""Time between plain lines about all runs where there is no terminal, s."""
FRAME = 9
"""Lines of the live screen that are no rows."""


class Board:
    """The status of each run of a sweep; `console` is what events are printed on."""

    def __init__(self, jobs, console):
        """Read the status of all `jobs` from their folders."""
        self.jobs, self.console = jobs, console
        self.status = {job.name: read_status(job) for job in jobs}
        self.since = {}

    def unfinished(self):
        """Return the jobs that are not finished."""
        return [job for job in self.jobs if self.status[job.name].state != FINISHED]

    def failed(self):
        """Return the jobs that failed."""
        return [job for job in self.jobs if self.status[job.name].state == FAILED]

    def started(self, job, where=''):
        """Note that a run has begun, on the host `where`."""
        status = self.status[job.name] = Status(RUNNING, *read_figures(job), where)
        self.since[job.name] = (time.monotonic(), status.env_steps)
        resumed = f' at {status.env_steps:,} steps' if status.env_steps else ''
        self.console.print(f'{job.name}: started{resumed}{where and f" on {where}"}')

    def ended(self, job, problem=''):
        """Take what the run's folder now says, and print it; `problem` if it could not start."""
        status = read_status(job)
        if problem:
            status = replace(status, state=FAILED, note=problem)
        elif status.state == RUNNING:  # not by us
            status = replace(status, state=FAILED, note='in use by another process')
        self.status[job.name] = status
        value = '' if status.value is None else f', last evaluation {shown(status.value)}'
        note = f': {status.note}' if status.note else ''
        self.console.print(f'{job.name}: {status.state} at {status.env_steps:,} of {job.steps:,} '
                           f'steps{value}{note}', style=COLOURS[status.state])

    def refresh(self):
        """Read anew how far the running ones are."""
        for job in self.jobs:
            status = self.status[job.name]
            if status.state == RUNNING:
                # Not read_status(): it tries the run's lock, just when the run may want it.
                self.status[job.name] = Status(RUNNING, *read_figures(job), status.note)

    def seconds_left(self, job):
        """Return the time until a running job is done, s; None if unknown."""
        start, first = self.since.get(job.name, (0.0, 0))
        steps = self.status[job.name].env_steps
        if self.status[job.name].state != RUNNING or steps <= first or not start:
            return None
        return max(0, job.steps - steps) * (time.monotonic() - start) / (steps - first)

    def steps(self):
        """Return how many environment steps of all runs are done."""
        return sum(status.env_steps for status in self.status.values())

    def summary(self):
        """Return how many runs are in which state, in words."""
        counts = Counter(status.state for status in self.status.values())
        parts = [f'{counts[state]} {state}' for state in STATES if counts[state]]
        return f'{len(self.jobs)} runs: {", ".join(parts)}'

    def table(self, rows=None):
        """Return a rich table of all runs, or of `rows` of them, the running ones first."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text
        jobs = self.jobs
        if rows is not None and len(jobs) > rows:
            jobs = sorted(jobs, key=lambda job: STATES.index(self.status[job.name].state))[:rows]
        table = Table(box=SIMPLE_HEAD, caption=self.summary(), caption_justify='left',
                      padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column('run', overflow='fold')
        table.add_column('state', no_wrap=True)
        for name in ('env steps', 'of', 'evaluated', 'left'):
            table.add_column(name, justify='right', no_wrap=True)
        table.add_column('')
        for job in jobs:
            status, left = self.status[job.name], self.seconds_left(job)
            table.add_row(job.name, Text(status.state, style=COLOURS[status.state]),
                          f'{status.env_steps:,}', f'{job.steps:,}',
                          '' if status.value is None else shown(status.value),
                          '' if left is None else clock(left), Text(status.note))
        return table


def shown(value):
    """Return a success rate or a return as text."""
    return f'{value:.2f}' if abs(value) <= 1 else f'{value:.1f}'


@contextmanager
def display(board):
    """
    Show a board while the block runs: yields a function to be called again and again.

    A live table in a terminal; elsewhere a line every LINE_EVERY seconds.
    """
    if not board.console.is_terminal:
        last = [time.monotonic()]
        count = Count(board.summary(), sum(job.steps for job in board.jobs))
        count.advance(completed=board.steps())

        def tick():
            if time.monotonic() - last[0] > LINE_EVERY:
                last[0] = time.monotonic()
                board.refresh()
                count.advance(completed=board.steps(), description=board.summary())
                board.console.print(count.line())
        yield tick
        return
    from rich.live import Live
    with Live(console=board.console, auto_refresh=False, transient=True) as live:
        drawn = [0.0]

        def tick():
            if time.monotonic() - drawn[0] > 0.5:
                drawn[0] = time.monotonic()
                board.refresh()
                live.update(board.table(max(1, board.console.height - FRAME)), refresh=True)
        yield tick
