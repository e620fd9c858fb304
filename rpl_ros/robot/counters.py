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

"""Counters of the adapter, for /diagnostics and for the end of a run."""

from collections import Counter
from collections.abc import Iterable

from rpl_ros.robot.safety.modes import Output
from rpl_ros.robot.safety.reasons import moderates, Reason, stops


class Counters:
    """Counts decisions, their Reasons and messages; `total` has all since the start."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.total: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()

    def count_decision(self, output: Output, reasons: Iterable[Reason]) -> None:
        """Count a decision and its Reasons."""
        self.total[output.name.lower()] += 1
        self.total.update(reason.name for reason in reasons)
        if output == Output.TWIST:
            self.total['moderated'] += any(moderates(reason) for reason in reasons)
            self.total['fallbacks'] += any(not moderates(reason) and not stops(reason)
                                           for reason in reasons)

    def count(self, event: str) -> None:
        """Count a message that was received or sent, such as 'commands' or 'states'."""
        self.total[event] += 1

    def since_last_call(self) -> Counter[str]:
        """Return the counts since the last call."""
        since = self.total - self._taken
        self._taken = self.total.copy()
        return since
