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

"""Waits that say what they wait for, and end."""

import time

from rpl_ros.nodes.qos import hear_presence

SETTLE = 1.0
"""Time that discovery takes, s, until a match is known on both sides."""
SAY_EVERY = 5.0
"""Time between two words about what a node waits for, s."""


class Wait:
    """One wait of a node, which a timer looks at again and again."""

    def __init__(self, node, limit):
        """Take the node, and the time, s, after which it fails; 0 = it waits for ever."""
        self._node, self._limit = node, limit
        self._since = self._said = None

    def over(self):
        """Note that there is nothing to wait for."""
        self._since = None

    def go_on(self, what):
        """Note that the node still waits for `what`; say so now and then, fail in the end."""
        now = time.monotonic()
        if self._since is None:
            self._since = self._said = now
        waited = now - self._since
        if self._limit and waited > self._limit:
            self._node.fail(f'gave up after {waited:.0f} s: {what}')
        elif now - self._said >= SAY_EVERY:
            self._said = now
            left = f'; gives up in {self._limit - waited:.0f} s' if self._limit else ''
            self._node.get_logger().warning(f'waits for {waited:.0f} s: {what}{left}')


class Readers:
    """The nodes of a run that must read its states before the first one is sent."""

    def __init__(self, node, states):
        """Take the node, whose settings say who must be there, and its publisher of states."""
        self._settings, self._states = node.settings, states
        self._missing = set(node.settings.wait_for.split())
        hear_presence(node, self._missing.discard)
        self._wait = Wait(node, node.settings.start_timeout)
        self._since = None

    def begin(self):
        """Begin to wait anew, after a rest."""
        self._wait.over()

    def are_there(self):
        """Return whether all are there, and have been for long enough; say who is missing."""
        count, wanted = self._states.get_subscription_count(), self._settings.subscribers
        if self._missing or count < wanted:
            self._since = None
            missing = ', '.join(sorted(self._missing)) or 'none'
            self._wait.go_on(
                f'nodes of run {self._settings.run!r} that are missing: {missing}; subscriptions '
                f'on {self._states.topic_name}: {count} of {wanted}')
            return False
        self._wait.over()
        # A match is known on this side first: what is sent at once may not reach the other.
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= SETTLE
