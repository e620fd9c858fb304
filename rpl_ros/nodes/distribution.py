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
    Tells the publishers of one topic and run apart by the numbers of their messages.

    Two publishers whose numbers are equal at the moment can be taken for each other.
    """

    def __init__(self):
        """Know no publisher yet."""
        self._last = {}  # number of the last message of each publisher, by its identity
        self._seen = 0

    def publisher_of(self, info, count):
        """
        Return an identity, int, of the publisher of a message with this MessageInfo.

        `count()` returns how many publishers the topic has now. 0 where the middleware gives no
        numbers: all are one then.
        """
        number = info['publication_sequence_number']
        if number is None:
            return 0
        followed = [name for name, last in self._last.items() if last == number - 1]
        if not followed or len(self._last) > 1:
            publishers = count()
            followed = followed or self._resumed(number, publishers)
            if publishers <= 1:  # the others have left
                self._last = {followed[0]: number}
        self._last[followed[0]] = number
        return followed[0]

    def _resumed(self, number, publishers):
        """Return [identity] of who has skipped some numbers, or of a publisher that is new."""
        behind = [name for name, last in self._last.items() if last < number]
        if behind and len(self._last) >= publishers:
            return [max(behind, key=self._last.get)]
        self._seen += 1
        return [self._seen]
