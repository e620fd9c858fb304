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
player_node: publishes what a bag holds, so that the learner learns from it as from a live run.

At rate 0 it goes as fast as the learner takes it: DDS itself drops what a reader's queue cannot
hold, however reliable the topic.
"""

import time

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_raw
from rpl_ros.config import PlayerSettings, SettingsError
from rpl_ros.convert import to_bytes, to_wire
from rpl_ros.nodes.params import RplNode
from rpl_ros.nodes.qos import publisher, subscribe, TOPICS
from rpl_ros.nodes.running import run_node
from rpl_ros.nodes.waiting import SETTLE, Wait
from std_msgs.msg import Header

PLAYED = ('state', 'command', 'policy_weights')
PERIOD = 0.002
"""Time between two looks at what is due, s."""
AT_ONCE = 200
"""Messages between two looks at what the learner says."""
UNSEEN = 2000
"""Messages of both topics after which, without a learner, readers must have received all: queues
hold 2000 of each. Seldom, since that waits for the middleware's heartbeat, up to a second or more.
"""
AHEAD = 8
"""Episodes that may be on their way to the learner: 151 messages each at most."""
STALLED = 3.0
"""Time, s, after which episodes that the learner did not count will not be: they had a gap."""


def today(topic, item):
    """Return the message of one of PLAYED for what read_raw() gives of a bag of version 0.1."""
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
    """The messages of a bag, in their order and at their time divided by the rate."""

    def __init__(self):
        """Open the bag; wait for who listens."""
        super().__init__('player_node', PlayerSettings)
        if not self.settings.bag:
            raise SettingsError('player_node: bag is empty, expected a folder or file')
        self._report = Report()
        self._source = read_raw(self.settings.bag, PLAYED, self._report)
        self._next = self._advance()
        if self._next is None:
            raise SettingsError(f'player_node: {self.settings.bag}: holds no messages of '
                                f'{", ".join(PLAYED)}')
        self._outputs = {topic: publisher(self, topic) for topic in PLAYED}
        self._begin = self._first = None    # s of the steady clock, ns of the bag
        self._matched, self._wait = None, Wait(self, self.settings.start_timeout)
        self._sent = self._episodes = 0
        self._status, self._counted, self._progress = None, 0, 0.0
        subscribe(self, 'learner_status', self._on_status)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(PERIOD, self._on_timer, clock=steady)

    def _advance(self):
        """Return the next (topic, time in ns, bytes, whether an episode ends), or None."""
        try:
            return next(self._source, None)
        except BagError as error:
            raise SettingsError(f'player_node: {error}') from error

    def _on_status(self, message):
        if self._status is None:
            self._counted = -message.episodes  # of a learner that had some before
        if self._status is None or message.episodes != self._status.episodes:
            self._progress = time.monotonic()
        self._status = message

    def _everybody_is_there(self):
        """Return whether the first message may be sent."""
        if self._begin is not None:
            return True
        state = self._outputs['state']
        count = state.get_subscription_count()
        if count < self.settings.subscribers:
            self._matched = None
            self._wait.go_on(f'subscriptions on {state.topic_name}: {count} of '
                             f'{self.settings.subscribers}; is a learner_node running?')
            return False
        self._matched = self._matched or time.monotonic()
        if time.monotonic() - self._matched < SETTLE:
            return False
        if self.count_publishers('state') > 1:
            self.fail('another node publishes on the topic state: is a graph running? Give the '
                      'player a ROS_DOMAIN_ID of its own, with the learner')
            return False
        if self.count_publishers('learner_status') and self._status is None:
            return False  # comes once a second
        self._begin, self._first = time.monotonic(), self._next[1]
        return True

    def _learner_is_behind(self):
        """Return whether to wait for the learner."""
        if self._status is None:
            return False
        owed = self.settings.max_owed_updates
        if 0 < owed < self._status.owed_updates:
            self._progress = time.monotonic()
            return True
        under_way = self._episodes - (self._status.episodes + self._counted)
        if under_way < AHEAD:
            return False
        if time.monotonic() - self._progress > STALLED:
            self._counted += under_way
            return False
        return True

    def _on_timer(self):
        """Publish what is due."""
        if self.done or not self._everybody_is_there():
            return
        for _ in range(AT_ONCE):
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
            self._outputs[topic].publish(raw if isinstance(raw, bytes) else today(topic, raw))
            self._sent += 1
            self._episodes += ends
            self._next = self._advance()
            if self._status is None and not self.settings.rate and self._sent % UNSEEN == 0:
                self._wait_for_readers()

    def _wait_for_readers(self, seconds=10.0):
        for each in self._outputs.values():
            each.wait_for_all_acked(Duration(seconds=seconds))

    def _end(self):
        self._wait_for_readers()
        for text in self._report.damage:
            self.get_logger().warning(text)
        self.get_logger().info(f'played {self._sent} messages, {self._episodes} episodes')
        self.done = True


def main(args=None):
    """Run player_node; return its exit code."""
    return run_node(PlayerNode, args, ends=True)


if __name__ == '__main__':
    raise SystemExit(main())
