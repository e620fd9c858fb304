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
Subscriptions whose queues are emptied by a timer, for nodes that need not answer at once.

Waking the executor for each message costs several times as much as taking it.
"""

from rclpy.callback_groups import CallbackGroup
from rclpy.qos import QoSProfile

from rpl_ros.nodes.qos import TOPICS

TAKE_PERIOD = 0.02
"""Time between two looks at the queues, s: those of streams hold 2000 messages."""
MIN_DEPTH = 100


class NeverReady(CallbackGroup):
    """Keeps subscriptions out of the executor's wait set."""

    def can_execute(self, entity):
        """Return False."""
        return False

    def beginning_execution(self, entity):
        """Return False."""
        return False

    def ending_execution(self, entity):
        """Do nothing."""


def queue_profile(topic):
    """Return the quality of service with which queues take one of TOPICS."""
    _, profile = TOPICS[topic]
    # Deeper than a latched topic's own queue: versions may follow each other fast.
    return QoSProfile(depth=max(profile.depth, MIN_DEPTH), durability=profile.durability,
                      reliability=profile.reliability)


def queue(node, topic, raw=False):
    """
    Subscribe `node` to one of TOPICS without a callback; return the subscription.

    `raw`: take() will give serialized messages.
    """
    kind, _ = TOPICS[topic]
    return node.create_subscription(kind, topic, lambda message: None, queue_profile(topic),
                                    raw=raw, callback_group=NeverReady())


def take_messages(node, topic, reader):
    """Yield the messages of a queue of `topic` that the `senders` of `node` accept."""
    for message, info in take(reader):
        if node.senders.accepts(topic, message, info):
            yield message


def take(reader):
    """Yield (message or bytes, its MessageInfo) while there are any; times in it are in ns."""
    with reader.handle:
        while (entry := reader.handle.take_message(reader.msg_type, reader.raw)) is not None:
            yield entry
