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

"""The progress of the commands: a bar in a terminal, elsewhere a line now and then."""

from contextlib import contextmanager, suppress
import threading
import time

from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn,
                           TimeRemainingColumn)

from rpl_ros.launching.screen import clock

LINE_EVERY = 30.0
"""Time between lines in a file or pipe, s."""


class Count:
    """How much of something is done; `text` says of what."""

    def __init__(self, text, total):
        """Begin now."""
        self.text, self.total = text, total
        self.done, self._first, self._start = 0, None, time.monotonic()

    def advance(self, n=1, completed=None, description=None):
        """Count one (or n), or set how many are `completed`, and what is done."""
        self.done = self.done + n if completed is None else completed
        if self._first is None:
            self._first = 0 if completed is None else completed  # what an earlier call has done
        self.text = description or self.text

    def line(self):
        """Return the state in one line, with the mean speed and the time left at that speed."""
        seconds = time.monotonic() - self._start
        rate = (self.done - (self._first or 0)) / max(seconds, 1e-9)
        left = clock((self.total - self.done) / rate if rate > 0 else None)
        speed = f'{rate:,.1f}/s' if rate >= 1 else f'{60 * rate:.1f}/min'
        return (f'{self.text} | {self.done:,} of {self.total:,} | {speed} | {clock(seconds)} '
                f'so far | {left} left')


@contextmanager
def _lines(console, count):
    """Print the state of a Count every LINE_EVERY s, also where nothing moves, and at the end."""
    ended = threading.Event()

    def show():
        with suppress(OSError):  # the disk that the file is on may be full
            console.print(count.line(), markup=False, highlight=False, soft_wrap=True)

    def watch():
        while not ended.wait(LINE_EVERY):
            show()
    watcher = threading.Thread(target=watch, name='progress', daemon=True)
    watcher.start()
    try:
        yield count.advance
    finally:
        ended.set()
        watcher.join()
        show()


@contextmanager
def progress_bar(console, text, total):
    """
    Show how much of `total` is done, and the time left.

    Yields a function that counts one (or n) of `total`, or sets `completed` or `description`.
    """
    if not console.is_terminal:
        with _lines(console, Count(text, total)) as advance:
            yield advance
        return
    columns = (TextColumn('{task.description}', markup=False), BarColumn(bar_width=None),
               MofNCompleteColumn(), TimeElapsedColumn(), TextColumn('left:'),
               TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(text, total=total)

        def advance(n=1, **changes):
            progress.update(bar, **(changes or {'advance': n}))
        yield advance
