# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Topics of the graph and their quality of service: name, message type, profile, who publishes.

All is reliable: a lost state or command is a lost transition. Queues are as deep as a reader may
fall behind without loss; weights are latched so that a node that starts late gets the newest.
"""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rpl_msgs.msg import (BaseAction, Command, EpisodeResult, LearnerStatus, PolicyWeights,
                          State)

STREAM = QoSProfile(depth=2000, reliability=ReliabilityPolicy.RELIABLE)
EVENTS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)

TOPICS = {
    'state': (State, STREAM),
    'base_action': (BaseAction, STREAM),
    'command': (Command, STREAM),
    'policy_weights': (PolicyWeights, LATCHED),
    'learner_status': (LearnerStatus, EVENTS),
    'episode_result': (EpisodeResult, EVENTS),
}


def publisher(node, topic):
    """Return `node`'s publisher on one of TOPICS; a managed node's is silent unless active."""
    kind, profile = TOPICS[topic]
    make = getattr(node, 'create_lifecycle_publisher', node.create_publisher)
    return make(kind, topic, profile)


def subscribe(node, topic, callback, **options):
    """Subscribe `node` to one of TOPICS."""
    kind, profile = TOPICS[topic]
    return node.create_subscription(kind, topic, callback, profile, **options)
