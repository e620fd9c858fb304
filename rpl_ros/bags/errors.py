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
    """Bytes that are not a message of their type: says which field."""


@dataclass
class Report:
    """
    What a reader found in a bag in addition to the messages that it returned.

    `messages` is the number of messages of each topic, `damage` says what could not be read, and
    `problems` is the number of messages that could not be used, by reason. `task` is the task of
    the states. `run` is the id of the run whose messages are read: set it before reading, or else
    it becomes the id of the first state. A report that is not `quiet` also warns of damage.
    """

    quiet: bool = True
    messages: Counter[str] = field(default_factory=Counter)
    damage: list[str] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    task: str | None = None
    run: str = ''

    def note(self, text: str) -> None:
        """Add a description of damage."""
        self.damage.append(text)
        if not self.quiet:
            warnings.warn(text, stacklevel=3)
