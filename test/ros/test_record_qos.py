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

"""config/record_qos.yaml makes `ros2 bag record` subscribe as recorder_node does."""

from types import SimpleNamespace

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rpl_ros.common.assets import share
from rpl_ros.nodes.recorder_node import Source
from rpl_ros.ros.qos import TOPICS
from rpl_ros.ros.queues import queue_profile
import yaml

POLICIES = {'history': HistoryPolicy, 'reliability': ReliabilityPolicy,
            'durability': DurabilityPolicy}


def test_the_overrides_are_the_profiles_of_the_recorder():
    """Read by the names of policies that `ros2 bag` knows, those of rclpy."""
    content = yaml.safe_load((share('config') / 'record_qos.yaml').read_text())
    found = {topic: QoSProfile(**{
        name: POLICIES[name].get_from_short_key(value) if name in POLICIES else value
        for name, value in policies.items()}) for topic, policies in content.items()}
    assert found == {f'/{topic}': queue_profile(topic) for topic in TOPICS}


def test_each_file_of_a_bag_begins_with_what_holds_and_repeats_no_result():
    """Results are kept for nodes that start late, but each is of one episode."""
    durability = {topic: Source(topic, SimpleNamespace(topic_name=topic), *TOPICS[topic])
                  .described[1]['durability'] for topic in TOPICS}
    assert {topic for topic, kind in durability.items() if kind == 'transient_local'} == {
        'policy_weights', 'task'}
