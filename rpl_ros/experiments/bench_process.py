# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Processes as benchmarks need them: fresh ones, and how much memory one has."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import os
from pathlib import Path


def resident():
    """Return the memory of this process, bytes."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')


def fresh(function, *arguments):
    """Return what a function returns in a process of its own, which no other has tuned."""
    with ProcessPoolExecutor(1, get_context('spawn')) as pool:
        return pool.submit(function, *arguments).result()
