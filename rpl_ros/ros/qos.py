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
Topics of the graph and their quality of service: name, message type, profile, who publishes.

All topics are reliable: a lost state or command is a lost transition. The depth of a queue is how
far a reader may fall behind without loss. Topics that keep messages for late readers are latched
(transient local): of weights a node that starts late gets the newest, of results the last 100.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rpl_msgs.msg import (BaseAction, Command, EpisodeResult, LearnerStatus, PolicyWeights,
                          Presence, State, Task)
from rpl_ros.ros.params import RplNode
from std_msgs.msg import Header

if TYPE_CHECKING:
    from rclpy.subscription import MessageInfo  # not in rclpy of Jazzy

STREAM = QoSProfile(depth=2000, reliability=ReliabilityPolicy.RELIABLE)
EVENTS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                    durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""A reader that starts late gets the newest message."""
ROSOUT = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE,
                    durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""For readers of /rosout."""
KEPT = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE,
                  durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""A reader that starts late gets the last 100 messages."""

TOPICS: dict[str, tuple[Any, QoSProfile]] = {
    'state': (State, STREAM),
    'base_action': (BaseAction, STREAM),
    'command': (Command, STREAM),
    'policy_weights': (PolicyWeights, NEWEST),
    'learner_status': (LearnerStatus, EVENTS),
    'episode_result': (EpisodeResult, KEPT),
    'task': (Task, NEWEST),
}


def publisher(node: Node, topic: str) -> Publisher:
    """Return a publisher on one of TOPICS; that of a ManagedNode is silent unless active."""
    kind, profile = TOPICS[topic]
    make = getattr(node, 'create_lifecycle_publisher', node.create_publisher)
    return make(kind, topic, profile)


def subscribe(node: RplNode, topic: str, callback: Callable[[Any], object], place: str = '',
              ) -> Subscription:
    """
    Call `callback` with each message on one of TOPICS that the `senders` of `node` accept.

    `place` stands before the name of the topic: that of one of several robots. Subscribe only
    once to each topic: on Jazzy, `senders` count the messages of each publisher.
    """
    kind, profile = TOPICS[topic]

    def filtered(message: Any, info: MessageInfo) -> None:
        if node.senders.accepts(place + topic, message, info):
            callback(message)
    return node.create_subscription(kind, place + topic, filtered, profile)


def announce(node: RplNode, place: str = '', alone: bool = False) -> None:
    """
    Tell the run that `node` is ready to receive; call it after the node has subscribed.

    `place` is as for subscribe(). With `alone`, the node fails if another one of its name has
    announced itself in this run before.
    """
    present = node.create_publisher(Presence, f'{place}presence', NEWEST)
    header, name = Header(stamp=node.get_clock().now().to_msg()), node.get_name()
    run = node.settings.run
    present.publish(Presence(header=header, run=run, node=name))

    def other(message: Presence) -> None:
        begun, here = ((one.sec, one.nanosec) for one in (message.header.stamp, header.stamp))
        if (message.node, message.run) == (name, run) and begun < here:
            node.fail(f'another {name} of run {run!r} is in {node.get_namespace()} already')
    if alone and run:
        node.create_subscription(Presence, 'presence', other, KEPT)


def on_presence(node: RplNode, callback: Callable[[str], object], place: str = '') -> None:
    """
    Call `callback` with the name of each node of the run of `node` that announces itself.

    `place` is as for subscribe().
    """
    def filtered(message: Presence) -> None:
        if message.run == node.settings.run:
            callback(message.node)
    # Each node of a run has its own publisher on this topic: senders are not checked.
    node.create_subscription(Presence, f'{place}presence', filtered, KEPT)
