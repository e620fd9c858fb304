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

"""Processes as benchmarks need them: fresh ones, and how much memory one has."""

import os
from pathlib import Path

from rpl_ros.common.workers import Workers


def resident():
    """Return the memory of this process, bytes."""
    pages = int(Path('/proc/self/statm').read_text(encoding='utf-8').split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')


def fresh(function, *arguments):
    """Return what a function returns in a process of its own, which no other has tuned."""
    with Workers(1, variables={}) as pool:
        return pool.submit(function, *arguments).result()
