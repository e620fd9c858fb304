# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Waits that say what they wait for, and end."""

import time

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
