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

All is reliable: a lost state or command is a lost transition. Queues are as deep as a reader may
fall behind without loss; weights are latched so that a node that starts late gets the newest, and
results so that it gets all of the first episodes.
"""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rpl_msgs.msg import (BaseAction, Command, EpisodeResult, LearnerStatus, PolicyWeights,
                          Presence, State, Task)
from std_msgs.msg import Header

STREAM = QoSProfile(depth=2000, reliability=ReliabilityPolicy.RELIABLE)
EVENTS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)
ROSOUT = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE,
                    durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""That of /rosout, for its readers."""
KEPT = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE,
                  durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""For what a node that starts late must not miss."""

TOPICS = {
    'state': (State, STREAM),
    'base_action': (BaseAction, STREAM),
    'command': (Command, STREAM),
    'policy_weights': (PolicyWeights, LATCHED),
    'learner_status': (LearnerStatus, EVENTS),
    'episode_result': (EpisodeResult, KEPT),
    'task': (Task, LATCHED),
}


def publisher(node, topic):
    """Return `node`'s publisher on one of TOPICS; a managed node's is silent unless active."""
    kind, profile = TOPICS[topic]
    make = getattr(node, 'create_lifecycle_publisher', node.create_publisher)
    return make(kind, topic, profile)


def subscribe(node, topic, callback, **options):
    """
    Subscribe `node` to one of TOPICS: to the messages that its `senders` accept.

    Once for each topic: senders may be told apart by the numbers of the messages that come.
    """
    kind, profile = TOPICS[topic]

    def sort(message, info):
        if node.senders.accepts(topic, message, info):
            callback(message)
    return node.create_subscription(kind, topic, sort, profile, **options)


def announce(node):
    """Tell the run that `node` is there and receives; to be called when it has subscribed."""
    present = node.create_publisher(Presence, 'presence', LATCHED)
    present.publish(Presence(header=Header(stamp=node.get_clock().now().to_msg()),
                             run=node.settings.run, node=node.get_name()))


def hear_presence(node, callback):
    """Subscribe `node` to the presence of the nodes of its run; `callback` takes their names."""
    def sort(message):
        if message.run == node.settings.run:
            callback(message.node)
    # Each node of a run has a publisher there.
    node.create_subscription(Presence, 'presence', sort, KEPT)
