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


"""Waits that say what they wait for, and end; the gate that opens when all nodes are ready."""

from collections.abc import Sequence
import time

from rclpy.publisher import Publisher
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import announce, on_presence

DISCOVERY_TIME = 1.0
"""Time that DDS discovery takes, s, until both sides know that publisher and reader match."""
READERS_PERIOD = 0.05
"""Time from one count of the readers to the next, s."""
REPORT_PERIOD = 5.0
"""Time between two log lines about what a node waits for, s."""


class Wait:
    """One wait of a node. A timer calls update() again and again until the wait is over."""

    def __init__(self, node: RplNode, limit: float) -> None:
        """`limit` is the time, s, after which the node fails; 0 = no limit."""
        self._node, self._limit = node, limit
        self._start: float | None = None
        self._reported = 0.0

    def end(self) -> None:
        """Note that the node waits for nothing now."""
        self._start = None

    def update(self, what: str) -> None:
        """Note that the node waits for `what`; log that from time to time, fail at the limit."""
        now = time.monotonic()
        if self._start is None:
            self._start = self._reported = now
        waited = now - self._start
        if self._limit and waited > self._limit:
            self._node.fail(f'gave up after {waited:.0f} s: {what}')
        elif now - self._reported >= REPORT_PERIOD:
            self._reported = now
            left = f'; gives up in {self._limit - waited:.0f} s' if self._limit else ''
            self._node.get_logger().warning(f'has waited for {waited:.0f} s: {what}{left}')


def announce_when_read(node: RplNode, stream: Publisher) -> None:
    """
    Announce `node` to its run as soon as `stream` has the readers that its settings name.

    See settings.shared.Readers. The robot waits for that. Without it, a slow reader could be found
    after the first messages, although the robot has found it already: DDS discovery is between
    each two processes.
    """
    wait, missing = Wait(node, 0.0), set(node.settings.announce_after.split())
    if missing:
        on_presence(node, missing.discard)

    def check() -> None:
        count, wanted = stream.get_subscription_count(), node.settings.readers
        if missing or count < wanted:
            nodes = f'nodes that are missing: {", ".join(sorted(missing))}; ' if missing else ''
            wait.update(f'{nodes}subscriptions on {stream.topic_name}: {count} of {wanted}')
        else:
            timer.cancel()
            announce(node)
    timer = node.create_steady_timer(READERS_PERIOD, check)


class StartGate:
    """
    Tells whether all nodes that must read the states of a robot are ready for the first one.

    The settings of the node say which nodes those are, see settings.shared.StartGate; `missing`
    holds the names of those that are not there yet. The node
    fails if another node publishes on a topic of `alone` when the gate opens first.
    """

    def __init__(self, node: RplNode, states: Publisher, alone: Sequence[Publisher] = (),
                 conflict: str = '', age: float = 0.0) -> None:
        """
        Begin to watch the readers of the publisher `states`.

        `conflict` is what the error says if a publisher of `alone` is not alone on its topic. That
        is checked no earlier than `age`, s, after now, when discovery has found all publishers.
        """
        self._node, self._states = node, states
        self._alone, self._conflict, self._check_at = alone, conflict, time.monotonic() + age
        self.missing = set(getattr(node.settings, 'wait_for', '').split())
        if self.missing:
            on_presence(node, self.missing.discard)
        self._wait = Wait(node, node.settings.start_timeout)
        self._ready_since: float | None = None

    def restart(self) -> None:
        """Begin the time limit of the wait again."""
        self._wait.end()

    def is_open(self) -> bool:
        """Return whether all is ready for a state; log what is missing, fail after too long."""
        return self._readers_are_ready() and self._is_alone()

    def _readers_are_ready(self) -> bool:
        count, wanted = self._states.get_subscription_count(), self._node.settings.subscribers
        if self.missing or count < wanted:
            self._ready_since = None
            nodes = (f'nodes of run {self._node.settings.run!r} that are missing: '
                     f'{", ".join(sorted(self.missing))}; ' if self.missing else '')
            self._wait.update(f'{nodes}subscriptions on {self._states.topic_name}: {count} of '
                              f'{wanted}')
            return False
        self._wait.end()
        # This side knows of the match first: a state sent now might not reach the other side.
        self._ready_since = self._ready_since or time.monotonic()
        return time.monotonic() - self._ready_since >= DISCOVERY_TIME

    def _is_alone(self) -> bool:
        """Check once whether another node publishes: one that starts later is the one to blame."""
        if not self._alone:
            return True
        if time.monotonic() < self._check_at:
            return False
        for topic in (stream.topic_name for stream in self._alone):
            names = sorted(f'{one.node_namespace.rstrip("/")}/{one.node_name}'
                           for one in self._node.get_publishers_info_by_topic(topic))
            if len(names) > 1:
                self._node.fail(f'{self._conflict}: {len(names)} publishers on {topic}: '
                                f'{", ".join(names)}')
                return False
        self._alone = ()
        return True
