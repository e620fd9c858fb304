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

"""What the adapter did, counted: for /diagnostics and for the end of a run."""

from collections import Counter

from rpl_ros.robot.safety_modes import Output
from rpl_ros.robot.safety_reasons import moderates, stops


class Account:
    """Counts decisions, their reasons and messages; `take()` returns those since the last one."""

    def __init__(self):
        """Begin at nought."""
        self.total = Counter()
        self._taken = Counter()

    def note(self, output, reasons):
        """Count a decision: its Output and its Reasons."""
        self.total[output.name.lower()] += 1
        self.total.update(reason.name for reason in reasons)
        if output == Output.TWIST:
            self.total['moderated'] += any(moderates(reason) for reason in reasons)
            self.total['fallbacks'] += any(not moderates(reason) and not stops(reason)
                                           for reason in reasons)

    def count(self, what):
        """Count something else that happened once: a message that came or was sent."""
        self.total[what] += 1

    def take(self):
        """Return the Counter of what came since the last call."""
        since = self.total - self._taken
        self._taken = self.total.copy()
        return since
