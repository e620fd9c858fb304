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

"""The progress of the commands: a bar in a terminal, elsewhere a line every half minute."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import threading
import time
from typing import Any

from rich.console import Console
from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn,
                           TimeRemainingColumn)

LINE_EVERY = 30.0  # s between lines in a file or pipe


class Count:
    """Counts what is done of a task."""

    def __init__(self, text: str, total: int) -> None:
        """Start the clock; `text` names the task, whose end is reached at `total`."""
        self.text, self.total = text, total
        self.done, self._start = 0, time.monotonic()
        self._first: int | None = None  # done before the first call of advance()

    def advance(self, n: int = 1, completed: int | None = None,
                description: str | None = None) -> None:
        """Add one (or n), or set how many are `completed`, and the name of the task."""
        self.done = self.done + n if completed is None else completed
        if self._first is None:
            self._first = completed or 0
        self.text = description or self.text

    def line(self) -> str:
        """Return the progress in one line, with the mean speed and the time left at that speed."""
        seconds = time.monotonic() - self._start
        rate = (self.done - (self._first or 0)) / max(seconds, 1e-9)
        left = clock((self.total - self.done) / rate if rate > 0 else None)
        speed = f'{rate:,.1f}/s' if rate >= 1 else f'{60 * rate:.1f}/min'
        return (f'{self.text} | {self.done:,} of {self.total:,} | {speed} | {clock(seconds)} '
                f'so far | {left} left')


@contextmanager
def _lines(console: Console, count: Count) -> Iterator[Callable[..., None]]:
    """Print a Count every LINE_EVERY s, even where nothing advances, and at the end."""
    ended = threading.Event()

    def show() -> None:
        with suppress(OSError):  # the disk may be full
            console.print(count.line(), markup=False, highlight=False, soft_wrap=True)

    def watch() -> None:
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
def progress_bar(console: Console, text: str, total: int) -> Iterator[Callable[..., None]]:
    """
    Show how much of `total` is done, and the time left.

    Yields a function that is called as Count.advance() is.
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

        def advance(n: int = 1, **changes: Any) -> None:
            progress.update(bar, **(changes or {'advance': n}))
        yield advance


def clock(seconds: float | None) -> str:
    """Return a time in s as [h:]mm:ss, '--:--' for None."""
    if seconds is None:
        return '--:--'
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02d}:{rest:02d}' if hours else f'{minutes:02d}:{rest:02d}'
