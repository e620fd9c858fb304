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

"""Earlier measurements, so that a velocity is never computed over a very short time."""

from collections import deque
from typing import Generic, TypeVar

BASELINE = 0.008
"""Shortest time over which a velocity is computed, s. It is below the 10 ms of a 100 Hz stream,
whose stamps jitter. Over a shorter time, the noise of a measurement is larger than any motion."""
SPACING = BASELINE / 8  # s; closer measurements are not kept: that bounds the memory
Value = TypeVar('Value')


class History(Generic[Value]):
    """The last measurements of one quantity, oldest first: as many as compare() needs."""

    def __init__(self) -> None:
        """Begin without measurements."""
        self._known: deque[tuple[float, Value]] = deque()  # (time, value)

    def compare(self, time: float, value: Value) -> tuple[float, Value] | None:
        """
        Return (seconds, value) of the newest measurement BASELINE or more before `time`, s.

        None if there is none. `value`, measured at `time`, is kept for later calls. Times must not
        decrease.
        """
        known = self._known
        while len(known) > 1 and time - known[1][0] >= BASELINE:
            known.popleft()
        first = known[0] if known else None
        if not known or time - known[-1][0] >= SPACING:
            known.append((time, value))
        if first is None or time - first[0] < BASELINE:
            return None
        return time - first[0], first[1]
