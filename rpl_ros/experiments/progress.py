# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The progress bar of the commands."""

from contextlib import contextmanager

from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn,
                           TimeRemainingColumn)


@contextmanager
def progress_bar(console, text, total):
    """Show a bar with the time left; yields a function that counts one (or n) of `total`."""
    columns = (TextColumn('{task.description}', markup=False), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn(), TextColumn('left:'), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(text, total=total)
        yield lambda n=1: progress.advance(bar, n)
