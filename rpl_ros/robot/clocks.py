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

"""Times by two clocks, and whether the clock of the messages and their stamps can be trusted."""

from collections.abc import Iterable
import math
from typing import NamedTuple

MAX_DRIFT = 0.05
"""Largest change of the difference between both clocks from one check to the next, s."""


class Instant(NamedTuple):
    """One time, s: by the steady clock, and by the clock that stamps the messages."""

    steady: float
    ros: float


class Ages(NamedTuple):
    """Age of a message, s: since its arrival (steady clock), and since the stamp in its header."""

    arrival: float
    stamp: float


NOT_RECEIVED = Instant(-math.inf, -math.inf)
"""Stands for the arrival and stamp of a message that has not come: infinitely old."""


def ages(now: Instant, received: Instant) -> Ages:
    """Return the Ages of a message; `received` is its arrival (steady) and its stamp (ros)."""
    return Ages(now.steady - received.steady, now.ros - received.ros)


class Clocks:
    """Compares the clock of the messages with the steady clock, and stamps with both."""

    def __init__(self) -> None:
        """Begin without any comparison."""
        self._offset: float | None = None  # clock of the messages minus steady clock, s
        self.forget()

    def forget(self) -> None:
        """Forget the stamps of all sources."""
        # source: (arrival by the steady clock, what is wrong with its newest stamp)
        self._wrong: dict[str, tuple[float, str]] = {}

    def jump(self, now: Instant) -> float:
        """Return how far the clock of the messages jumped since the last call, s; 0 if not."""
        before, self._offset = self._offset, now.ros - now.steady
        if before is None or abs(self._offset - before) <= MAX_DRIFT:
            return 0.0
        return self._offset - before

    def check_stamp(self, source: str, what: str, stamp: float, now: Instant,
                    limit: float) -> str:
        """
        Return what is wrong with the newest stamp of `source`, or ''.

        A stamp is good if it is at most `limit`, s, from `now`. `what` names the message.
        """
        ahead, text = stamp - now.ros, ''
        if not abs(ahead) <= limit:
            side, why = (('ahead of', 'a clock is wrong') if ahead > 0 else
                         ('behind', 'it comes late, or a clock is wrong'))
            text = (f'the stamp of {what} is {abs(ahead):.3f} s {side} the clock of this machine: '
                    f'{why}')
        self._wrong[source] = now.steady, text
        return text

    def wrong_stamp(self, sources: Iterable[str], now: float, limit: float) -> str:
        """Return what is wrong with a stamp that came within `limit`, s, before `now`, or ''."""
        found = (self._wrong.get(source, (-math.inf, '')) for source in sources)
        return next((text for arrival, text in found if text and now - arrival <= limit), '')
