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

"""
What differs between the ROS 2 distributions: here and nowhere else in the code.

From Kilted on, rclpy tells which publisher a message came from. On Jazzy it does not, but it
tells the sequence number that the publisher gave the message, from 1 upwards without gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.subscription import MessageInfo  # not in rclpy of Jazzy

Identity = tuple[str, int]
"""A publisher on Jazzy: the id of its run, and our own number for it."""


def publisher_of(info: MessageInfo) -> bytes | None:
    """Return the identity of the publisher in a MessageInfo; None where it has none."""
    gid = info.get('publisher_gid')
    return gid['data'] if gid else None


class Numbering:
    """
    Tells the publishers of one topic apart by the sequence numbers of their messages.

    It can confuse two publishers whose sequence numbers are equal at the moment.
    """

    def __init__(self) -> None:
        """Know no publisher yet."""
        # Last sequence number of each publisher; the publisher of the newest message comes last.
        self._last: dict[Identity, int] = {}
        self._seen = 0

    def publisher_of(self, info: MessageInfo, run: str, count: Callable[[], int],
                     sender: Identity | bytes | None = None) -> Identity:
        """
        Return the identity of the publisher of a message of a run.

        `info` is its MessageInfo, and `count()` returns how many publishers the topic has now. If
        several publishers are possible, the answer is `sender` if it is one of them. The number
        is 0 where the middleware gives no sequence numbers: then all publishers look like one.
        """
        number = info['publication_sequence_number']
        if number is None:
            return run, 0
        followed = [name for name in self._of(run) if self._last[name] == number - 1]
        if isinstance(sender, tuple) and sender in followed:
            who = sender
        else:
            who = followed[-1] if followed else self._resumed(number, run, count())
        self._last.pop(who, None)
        self._last[who] = number
        return who

    def _of(self, run: str) -> list[Identity]:
        return [name for name in self._last if name[0] == run]

    def _resumed(self, number: int, run: str, publishers: int) -> Identity:
        """Return the identity of a publisher that skipped numbers, or of a new publisher."""
        known = sorted(self._last, key=lambda name: name[0] == run)  # those of this run last
        for name in known[:-max(publishers, 1)]:  # more than exist now: these have left
            del self._last[name]
        behind = [name for name in self._of(run) if self._last[name] < number]
        if behind and len(self._last) >= publishers:
            return max(behind, key=lambda name: self._last[name])
        self._seen += 1
        return run, self._seen
