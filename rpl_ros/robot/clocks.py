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

"""Whether the clock of the messages, and the stamps of each source, can be believed."""

import math

STEP = 0.05
"""How far the clock of the messages may move against the steady one from look to look, s."""


class Clocks:
    """Compares clocks: `now` is the steady one, s, `ros_now` that of the messages, s."""

    def __init__(self):
        """Know nothing yet."""
        self._offset = None  # of the clock of the messages against the steady one, s
        self.forget()

    def forget(self):
        """Forget what the stamps of all sources were like."""
        self._off = {}  # source: (arrival, what is wrong with its newest stamp)

    def jump(self, now, ros_now):
        """Return how far the clock of the messages jumped since the last look, s; 0 if not."""
        before, self._offset = self._offset, ros_now - now
        if before is None or abs(self._offset - before) <= STEP:
            return 0.0
        return self._offset - before

    def check_stamp(self, source, what, stamp, now, ros_now, limit):
        """
        Return what is wrong with the newest stamp of a source, or ''.

        Nothing is where it is at most `limit`, s, from the present time. `what` has that stamp.
        """
        ahead, text = stamp - ros_now, ''
        if not abs(ahead) <= limit:
            side, why = (('ahead of', 'a clock is wrong') if ahead > 0 else
                         ('behind', 'it comes late, or a clock is wrong'))
            text = (f'the stamp of {what} is {abs(ahead):.3f} s {side} the clock of this machine: '
                    f'{why}')
        self._off[source] = now, text
        return text

    def why_off(self, sources, now, limit):
        """Return what is wrong with the stamps of sources that came within `limit`, s, or ''."""
        found = (self._off.get(source, (-math.inf, '')) for source in sources)
        return next((text for arrival, text in found if text and now - arrival <= limit), '')
