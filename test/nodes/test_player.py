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

"""player_node over real DDS: it drives a learner as a live run does, and keeps the timing."""

import os
from pathlib import Path
import subprocess
import sys
import time

from bag_tools import (assert_equal_episodes, encode, encoded, episode_items, EPISODES, MESSAGES,
                       SPEC, TASK, write_bag, write_mcap)
from graph_tools import free_domain, listener, nodes
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from rpl_msgs.msg import PolicyWeights
from rpl_ros.bags.reader import read_episodes
from rpl_ros.ros.convert import read_command, read_state
from rpl_ros.ros.qos import subscribe
from rpl_ros.transitions import Joiner

pytestmark = pytest.mark.graph

MANY = 60


def play(domain, *words):
    """Start `rpl bag play` on a ROS domain."""
    return subprocess.Popen([sys.executable, '-m', 'rpl_ros.cli', 'bag', 'play', *map(str, words)],
                            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)},
                            stderr=subprocess.PIPE, text=True)


def test_a_learner_takes_all_transitions_at_full_speed(tmp_path):
    write_bag(tmp_path / 'bag', encoded(SPEC, MANY))
    domain, statuses = free_domain(), []
    with listener(domain) as (node, spin), nodes(domain, tmp_path, learner_node={
            'task': TASK, 'hidden_size': 16, 'batch_size': 16, 'updates_per_step': 0.1}):
        subscribe(node, 'learner_status', statuses.append)
        player = play(domain, tmp_path / 'bag', '--rate', '0')
        spin(lambda: player.poll() is not None)
        said = player.communicate()[1]
        assert player.returncode == 0, said
        spin(lambda: statuses and statuses[-1].episodes == MANY
             and statuses[-1].owed_updates == 0)
    assert statuses[-1].transitions == MANY * SPEC.horizon
    assert statuses[-1].rejected == 0
    assert statuses[-1].updates == MANY * SPEC.horizon // 10
    assert f'played {2 * MANY * (SPEC.horizon + 1)} messages, {MANY} episodes' in said


def test_what_is_played_is_what_was_recorded_and_not_before_its_time(tmp_path):
    weights = PolicyWeights(version=5, data=b'xyz')
    messages = [('policy_weights', serialize_message(weights), MESSAGES[0][2]), *MESSAGES]
    path = write_mcap(tmp_path / 'some.mcap', messages)
    expected = list(read_episodes(path, SPEC))
    duration, rate = (MESSAGES[-1][2] - MESSAGES[0][2]) / 1e9, 5.0
    domain, joiner, found, versions, times = free_domain(), Joiner(SPEC), [], [], []

    def take(kind, item):
        times.append(time.monotonic())
        found.extend(joiner.add(kind, item)[0])
    with listener(domain) as (node, spin):
        subscribe(node, 'policy_weights', versions.append)
        subscribe(node, 'command', lambda message: take('command', read_command(message)))
        subscribe(node, 'state', lambda message: take('state', read_state(message)))
        begin = time.monotonic()
        player = play(domain, path, '--rate', rate)
        spin(lambda: player.poll() is not None)
        spin(lambda: len(found) == EPISODES and versions)
    assert player.returncode == 0, player.communicate()[1]
    assert_equal_episodes(found, expected)
    assert [(each.version, bytes(each.data)) for each in versions] == [(5, b'xyz')]
    assert times[-1] - begin >= duration / rate  # never early; how late depends on the machine


def test_a_bag_of_version_0_1_is_played_as_messages_of_today(tmp_path):
    path, found = Path(__file__).parents[1] / 'data/bag_of_version_0_1.mcap', []
    domain, joiner, versions = free_domain(), Joiner(SPEC), []
    with listener(domain) as (node, spin):
        subscribe(node, 'policy_weights', versions.append)
        subscribe(node, 'command', lambda message: found.extend(
            joiner.add('command', read_command(message))[0]))
        subscribe(node, 'state', lambda message: found.extend(
            joiner.add('state', read_state(message))[0]))
        player = play(domain, path, '--rate', '0')
        spin(lambda: player.poll() is not None)
        spin(lambda: len(found) == 6 and versions)
    assert player.returncode == 0, player.communicate()[1]
    assert_equal_episodes(found, list(read_episodes(path, SPEC)))
    assert versions[-1].version == 7


def test_the_run_that_is_named_is_played(tmp_path):
    rng, messages = np.random.default_rng(1), list(MESSAGES)
    for topic, item in episode_items(SPEC, 0, rng):
        more = {'task': TASK} if topic == 'state' else {}
        messages.append((topic, encode(topic, item, run='two', **more), messages[-1][2] + 1))
    path, domain, received = write_mcap(tmp_path / 'both.mcap', messages), free_domain(), []
    with listener(domain) as (node, spin):
        subscribe(node, 'state', received.append)
        player = play(domain, path, '--rate', '0', '--run', 'two')
        spin(lambda: player.poll() is not None)
        spin(lambda: len(received) == SPEC.horizon + 1)
    assert player.returncode == 0, player.communicate()[1]
    assert [(state.run, state.step) for state in received] == [
        ('two', step) for step in range(SPEC.horizon + 1)]


def test_a_player_without_a_learner_says_what_it_waits_for_and_ends(tmp_path):
    write_bag(tmp_path / 'bag', MESSAGES)
    player = subprocess.run(
        [sys.executable, '-m', 'rpl_ros.nodes.player_node', '--ros-args', '-p',
         f'bag:={tmp_path / "bag"}', '-p', 'start_timeout:=1.0'], capture_output=True, text=True,
        timeout=60, env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})
    assert player.returncode == 1
    assert 'gave up after 1 s: subscriptions on /state: 0 of 1' in player.stderr


@pytest.mark.parametrize('name, words', [
    ('', 'bag is empty'), ('nowhere', 'nowhere: does not exist'),
    ('empty', 'empty: holds no messages of state, command, policy_weights')])
def test_bags_that_cannot_be_played(tmp_path, name, words):
    write_bag(tmp_path / 'empty', [])
    player = subprocess.run(
        [sys.executable, '-m', 'rpl_ros.nodes.player_node',
         '--ros-args', '-p', f'bag:={tmp_path / name}' if name else 'rate:=1.0'],
        env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())}, capture_output=True, text=True)
    assert player.returncode == 2 and 'error: player_node: ' in player.stderr
    assert words in player.stderr
