# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""config/record_qos.yaml makes `ros2 bag record` subscribe as recorder_node does."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
import yaml

from rpl_ros.assets import share
from rpl_ros.nodes.qos import TOPICS
from rpl_ros.nodes.queues import queue_profile

POLICIES = {'history': HistoryPolicy, 'reliability': ReliabilityPolicy,
            'durability': DurabilityPolicy}


def test_the_overrides_are_the_profiles_of_the_recorder():
    """Read by the names of policies that `ros2 bag` knows, those of rclpy."""
    content = yaml.safe_load((share('config') / 'record_qos.yaml').read_text())
    found = {topic: QoSProfile(**{
        name: POLICIES[name].get_from_short_key(value) if name in POLICIES else value
        for name, value in policies.items()}) for topic, policies in content.items()}
    assert found == {f'/{topic}': queue_profile(topic) for topic in TOPICS}
