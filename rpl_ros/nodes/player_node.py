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
player_node: publishes the messages of a bag, so that a learner learns as from a live run.

At rate 0 it publishes as fast as the learner can process: DDS drops messages that do not fit into
the queue of a reader, also on reliable topics.
"""

from functools import partial
import time
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rpl_msgs.msg import LearnerStatus
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_raw
from rpl_ros.ros.convert import to_bytes, to_wire
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import publisher, subscribe, TOPICS
from rpl_ros.ros.running import run_node
from rpl_ros.ros.waiting import StartGate
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import PlayerSettings
from std_msgs.msg import Header

PLAYED = ('state', 'command', 'policy_weights')
PERIOD = 0.002
"""Time between two calls of the timer, s."""
BATCH = 200
"""Largest number of messages in one call of the timer: then the learner's status is read."""
UNACKNOWLEDGED = 2000
"""Messages after which, without a learner, the readers must acknowledge all: their queues hold
2000 of each topic. This is rare, since each wait can take a second or more (DDS heartbeat).
"""
READERS_TIMEOUT = 10.0
"""Longest of these waits for the readers of a topic, s."""
EPISODES_AHEAD = 8
"""Episodes that the learner may not have counted yet: 151 messages each at most."""
STALLED_AFTER = 3.0
"""Time, s, without progress after which such episodes are given up: they had a gap."""


def as_message(topic: str, item: Any) -> Any:
    """Return the message on one of PLAYED for an item of read_raw() of an older bag."""
    kind, _ = TOPICS[topic]
    message, stamp = kind(), item.header.stamp
    message.header = Header(frame_id=item.header.frame_id,
                            stamp=Time(sec=stamp.sec, nanosec=stamp.nanosec))
    for name, shape in kind.get_fields_and_field_types().items():
        value = getattr(item, name)
        if name != 'header':
            setattr(message, name, to_wire(value) if shape == 'sequence<double>' else
                    to_bytes(bytes(value)) if shape == 'sequence<uint8>' else value)
    return message


class PlayerNode(RplNode):
    """Publishes the messages of a bag in their order, each at its time divided by the rate."""

    def __init__(self) -> None:
        """Open the bag, and begin to wait for readers."""
        super().__init__('player_node', PlayerSettings)
        if not self.settings.bag:
            raise SettingsError('player_node: bag is empty, expected a folder or file')
        self._report = Report(run=self.settings.run)
        self._source = read_raw(self.settings.bag, PLAYED, self._report)
        self._next = self._advance()
        if self._next is None:
            raise SettingsError(f'player_node: {self.settings.bag}: holds no messages of '
                                f'{", ".join(PLAYED)}')
        self._outputs = {topic: publisher(self, topic) for topic in PLAYED}
        self._begin: float | None = None  # of playing, s, steady clock
        self._first = self._next[1]  # time of the first message, ns, clock of the bag
        self._gate = StartGate(
            self, self._outputs['state'], [self._outputs['state']],
            'another node publishes states (is a graph running? Give the player and its learner a '
            'ROS_DOMAIN_ID of their own)')
        self._sent = self._episodes = 0
        self._status: LearnerStatus | None = None  # the newest
        # Our number of episodes minus the learner's, and when the learner last made progress, s.
        self._counted, self._progress = 0, 0.0
        subscribe(self, 'learner_status', self._on_status)
        self.create_steady_timer(PERIOD, self._on_timer)

    def _advance(self) -> tuple[str, int, Any, bool] | None:
        """Return the next (topic, time in ns, bytes, whether an episode ends), or None."""
        try:
            return next(self._source, None)
        except BagError as error:
            raise SettingsError(f'player_node: {error}') from error

    def _on_status(self, message: LearnerStatus) -> None:
        if self._status is None:
            self._counted = -message.episodes  # that the learner had before
        if self._status is None or message.episodes != self._status.episodes:
            self._progress = time.monotonic()
        self._status = message

    def _may_begin(self) -> bool:
        """Return whether the first message may be sent."""
        if self._begin is not None:
            return True
        if not self._gate.is_open():
            return False
        if self.count_publishers('learner_status') and self._status is None:
            return False  # it comes once a second
        self._begin = time.monotonic()
        return True

    def _learner_is_behind(self) -> bool:
        """Return whether to wait for the learner."""
        if self._status is None:
            return False
        owed = self.settings.max_owed_updates
        if 0 < owed < self._status.owed_updates:
            self._progress = time.monotonic()
            return True
        under_way = self._episodes - (self._status.episodes + self._counted)
        if under_way < EPISODES_AHEAD:
            return False
        if time.monotonic() - self._progress > STALLED_AFTER:
            self._counted += under_way
            return False
        return True

    def _on_timer(self) -> None:
        """Publish the messages that are due."""
        if self.done or not self._may_begin() or self._begin is None:
            return
        for _ in range(BATCH):
            if self._next is None:
                self._end()
                return
            topic, moment, raw, ends = self._next
            if self.settings.rate:
                due = self._begin + (moment - self._first) / 1e9 / self.settings.rate
                if time.monotonic() < due:
                    return
            elif self._learner_is_behind():
                return
            message = raw if isinstance(raw, bytes) else as_message(topic, raw)
            self._outputs[topic].publish(message)
            self._sent += 1
            self._episodes += ends
            self._next = self._advance()
            free = self._status is None and not self.settings.rate  # no learner holds us back
            if free and self._sent % UNACKNOWLEDGED == 0:
                self._wait_for_readers()

    def _wait_for_readers(self) -> None:
        for each in self._outputs.values():
            each.wait_for_all_acked(Duration(seconds=READERS_TIMEOUT))

    def _end(self) -> None:
        for text in self._report.damage:
            self.get_logger().warning(text)
        self.get_logger().info(f'played {self._sent} messages, {self._episodes} episodes')
        self.done = True


main = partial(run_node, PlayerNode, ends=True)

if __name__ == '__main__':
    raise SystemExit(main())
