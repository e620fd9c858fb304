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

"""What was measured a little earlier, so that a velocity is never that of two stamps at once."""

from collections import deque

BASELINE = 0.008
"""Shortest time, s, over which a velocity is worked out. Below the 10 ms of a 100 Hz stream, whose
stamps jitter; in a shorter time the noise of a measurement is larger than any motion."""
SPACING = BASELINE / 8  # s; nearer ones are not kept, so that no stream can fill the memory


class Past:
    """The last measurements of one thing, oldest first: only as many as compare() needs."""

    def __init__(self):
        """Know nothing yet."""
        self._known = deque()  # of (time, value)

    def compare(self, time, value):
        """
        Return (seconds, value) of the newest one at least BASELINE before `time`, s, or None.

        `value`, measured at `time`, is kept for later. Times must not go back.
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
