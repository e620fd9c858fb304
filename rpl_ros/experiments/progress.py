# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The progress bar of the commands."""

from contextlib import contextmanager

from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn,
                           TimeRemainingColumn)


@contextmanager
def progress_bar(console, text, total):
    """Show a bar with the time left.

    Yields a function that counts one (or n) of `total`, or sets `completed` or `description`.
    """
    columns = (TextColumn('{task.description}', markup=False), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn(), TextColumn('left:'), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(text, total=total)

        def advance(n=1, **changes):
            progress.update(bar, **(changes or {'advance': n}))
        yield advance
