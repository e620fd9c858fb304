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

"""What can be wrong with a bag: errors that end the reading, and losses that are counted."""

from collections import Counter
from dataclasses import dataclass, field
import warnings


class BagError(Exception):
    """A bag that cannot be used at all: says which file, what and what was expected."""


class BadMessage(ValueError):
    """Bytes that are no message of their type: says which field."""


@dataclass
class Report:
    """
    What a reader met on its way.

    `messages` counts by topic, `damage` says in words what could not be read, `problems` counts
    messages that could not be used, by reason; `task` is that of the states, and `run` the id of
    the run whose messages count: that of the first state, where nobody has asked for another.
    A `quiet` report only keeps notes; any other one warns as well, so that no loss is silent.
    """

    quiet: bool = True
    messages: Counter = field(default_factory=Counter)
    damage: list = field(default_factory=list)
    problems: Counter = field(default_factory=Counter)
    task: str = None
    run: str = ''

    def note(self, text):
        """Take note of damage."""
        self.damage.append(text)
        if not self.quiet:
            warnings.warn(text, stacklevel=3)
