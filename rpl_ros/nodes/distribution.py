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

From Kilted on rclpy tells which publisher a message came from. With Jazzy's it does not, but it
tells the number that the publisher gave to the message, from 1 upwards without gaps.
"""


def publisher_of(info):
    """Return the identity, bytes, of the publisher in a MessageInfo; None where it has none."""
    gid = info.get('publisher_gid')
    return gid['data'] if gid else None


class Numbering:
    """
    Tells the publishers of one topic apart by the numbers of their messages.

    Two publishers whose numbers are equal at the moment can be taken for each other.
    """

    def __init__(self):
        """Know no publisher yet."""
        self._last = {}  # number of the last message of each publisher; the newest one comes last
        self._seen = 0

    def publisher_of(self, info, run, count, sender=None):
        """
        Return an identity, (run, int), of the publisher of a message of a run.

        `info` is its MessageInfo, and `count()` returns how many publishers the topic has now. Of
        two that it can be, it is `sender`. The int is 0 where the middleware gives no numbers: all
        are one then.
        """
        number = info['publication_sequence_number']
        if number is None:
            return run, 0
        followed = [name for name in self._of(run) if self._last[name] == number - 1]
        if sender in followed:
            who = sender
        else:
            who = followed[-1] if followed else self._resumed(number, run, count())
        self._last.pop(who, None)
        self._last[who] = number
        return who

    def _of(self, run):
        return [name for name in self._last if name[0] == run]

    def _resumed(self, number, run, publishers):
        """Return the identity of who has skipped some numbers, or of a publisher that is new."""
        known = sorted(self._last, key=lambda name: name[0] == run)  # of those of the run last
        for name in known[:-max(publishers, 1)]:  # so many have left
            del self._last[name]
        behind = [name for name in self._of(run) if self._last[name] < number]
        if behind and len(self._last) >= publishers:
            return max(behind, key=self._last.get)
        self._seen += 1
        return run, self._seen
