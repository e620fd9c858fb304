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
Subscriptions whose queues a timer empties, for nodes that need not answer each message at once.

Waking the executor for each message costs several times as much as taking the message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TYPE_CHECKING

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import TOPICS

if TYPE_CHECKING:
    from rclpy.subscription import MessageInfo  # not in rclpy of Jazzy

POLL_PERIOD = 0.02
"""Time from one emptying of the queues to the next, s. Queues of streams hold 2000 messages."""
MIN_DEPTH = 100


class NeverReady(CallbackGroup):
    """
    Keeps subscriptions out of the executor's wait set.

    rclpy has no public way to have a subscription without a callback and to poll it.
    """

    def can_execute(self, entity: object) -> bool:
        """Return False."""
        return False

    def beginning_execution(self, entity: object) -> bool:
        """Return False."""
        return False

    def ending_execution(self, entity: object) -> None:
        """Do nothing."""


def queue_profile(topic: str) -> QoSProfile:
    """Return the quality of service of the queue of one of TOPICS."""
    _, profile = TOPICS[topic]
    # Deeper than the queue of a latched topic itself: versions may follow each other fast.
    return QoSProfile(depth=max(profile.depth, MIN_DEPTH), durability=profile.durability,
                      reliability=profile.reliability)


def queue(node: Node, topic: str, place: str = '', raw: bool = False) -> Subscription:
    """
    Subscribe `node` to one of TOPICS without a callback; return the subscription.

    `place` stands before the name of the topic: that of one of several robots. `raw`: take()
    yields serialized messages.
    """
    kind, _ = TOPICS[topic]
    return node.create_subscription(kind, place + topic, lambda message: None,
                                    queue_profile(topic), raw=raw, callback_group=NeverReady())


def take_messages(node: RplNode, topic: str, reader: Subscription) -> Iterator[Any]:
    """Yield the messages in the queue of `topic` that the `senders` of `node` accept."""
    for message, info in take(reader):
        if node.senders.accepts(topic, message, info):
            yield message


def take(reader: Subscription) -> Iterator[tuple[Any, MessageInfo]]:
    """Yield (message or bytes, its MessageInfo) until the queue is empty; its times are in ns."""
    with reader.handle:
        while (entry := reader.handle.take_message(reader.msg_type, reader.raw)) is not None:
            yield entry
