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

"""recorder_node over real DDS: its bag is complete after Ctrl-C, and opens after SIGKILL."""

from collections import Counter
import math
import os
import resource
import signal
import subprocess
import sys
import time

from bag_tools import write_bag
from geometry_msgs.msg import TwistStamped
from graph_tools import free_domain
from hypothesis import given, strategies as st
from mcap.reader import NonSeekingReader
from mcap_ros2.reader import read_ros2_messages
import numpy as np
import pytest
import rclpy
from rclpy.duration import Duration
from rclpy.qos import qos_profile_sensor_data
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from rpl_msgs.msg import Command, PolicyWeights, State
from rpl_ros.bags.audit import audit_bag
from rpl_ros.bags.definitions import definition, type_hash
from rpl_ros.bags.files import storage_files
from rpl_ros.nodes.recorder_node import arrival_order, bag_folder, times_of
from rpl_ros.ros.qos import publisher, TOPICS
from sensor_msgs.msg import JointState
import yaml

pytestmark = pytest.mark.graph

DOMAIN = free_domain()
STEPS = 300
VERSIONS = 20


def record(folder, limit=None, **parameters):
    """Start recorder_node, without its parameter for no `folder`; it calls `limit` first."""
    words = [word for name, value in parameters.items() for word in ('-p', f'{name}:={value}')]
    return subprocess.Popen(
        [sys.executable, '-m', 'rpl_ros.nodes.recorder_node',
         *(['--ros-args', '-p', f'out:={folder}', *words] if folder else [])],
        env={**os.environ, 'ROS_DOMAIN_ID': str(DOMAIN)}, stderr=subprocess.PIPE, text=True,
        preexec_fn=limit)


@pytest.fixture
def publishers():
    """Return publishers of a few topics in the recorder's domain."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node('test_recorder', context=context)
    yield {topic: publisher(node, topic) for topic in ('state', 'command', 'policy_weights')}
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def wait_for(publishers, recorders=1):
    """Wait until all recorders take what is published."""
    until = time.monotonic() + 30.0 * recorders
    while any(each.get_subscription_count() < recorders for each in publishers.values()):
        assert time.monotonic() < until, 'the recorder did not come'
        time.sleep(0.05)
    # A publisher sees its reader before the reader sees it, and what comes between is dropped.
    time.sleep(1.0)


def publish(publishers):
    """Wait for the recorder and publish some hundred messages, weights in quick succession."""
    wait_for(publishers)
    for step in range(STEPS):
        publishers['state'].publish(State(
            episode=7, step=step, task='hook', observation=[0.5 * step] * 40))
        publishers['command'].publish(Command(episode=7, step=step, sent=[0.1] * 4))
    for version in range(1, VERSIONS + 1):
        publishers['policy_weights'].publish(PolicyWeights(version=version, data=b'x' * 1000))


def check(folder):
    """All readers find all messages, in order and with their contents."""
    expected = {'/state': STEPS, '/command': STEPS, '/policy_weights': VERSIONS}
    path = folder / f'{folder.name}_0.mcap'
    with path.open('rb') as file:
        assert Counter(channel.topic for _, channel, _ in NonSeekingReader(
            file).iter_messages()) == expected
    states = [message.ros_msg for message in read_ros2_messages(str(path), topics=['/state'])]
    assert [state.step for state in states] == list(range(STEPS))
    assert states[9].observation == [4.5] * 40
    with Reader(folder) as reader:
        assert Counter(connection.topic for connection, _, _ in reader.messages()) == expected
        assert {connection.topic for connection in reader.connections} == {
            f'/{topic}' for topic in TOPICS}
    with AnyReader([folder]) as reader:
        weights = [reader.deserialize(raw, connection.msgtype) for connection, _, raw
                   in reader.messages() if connection.topic == '/policy_weights']
    assert [each.version for each in weights] == list(range(1, VERSIONS + 1))


def test_clean_end(tmp_path, publishers):
    """After SIGINT bag and metadata are complete, and the recorder ends with 0."""
    recorder = record(tmp_path / 'bag')
    publish(publishers)
    time.sleep(0.5)
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(20) == 0
    check(tmp_path / 'bag')
    information = yaml.safe_load((tmp_path / 'bag/metadata.yaml').read_text())[
        'rosbag2_bagfile_information']
    assert information['message_count'] == 2 * STEPS + VERSIONS
    assert information['custom_data'] == {
        'rpl_ros.task': 'complex_hook', 'rpl_ros.reward': 'sparse', 'rpl_ros.reach': '0.05 m',
        'rpl_ros.run': '', 'rpl_ros.horizon': '100', 'rpl_ros.max_ee_speed': '0.0'}
    weights = next(topic['topic_metadata'] for topic in information['topics_with_message_count']
                   if topic['topic_metadata']['name'] == '/policy_weights')
    assert weights['offered_qos_profiles'][0]['durability'] == 'transient_local'
    assert weights['type_description_hash'] == type_hash('rpl_msgs/msg/PolicyWeights')


def test_the_last_messages_are_taken_at_the_end(tmp_path, publishers):
    """A recorder that looks at its queues once an hour: the look at the end brings all."""
    program = ('import sys; from rpl_ros.nodes import recorder_node as r; '
               'r.POLL_PERIOD = 3600.0; sys.exit(r.main())')
    recorder = subprocess.Popen(
        [sys.executable, '-c', program, '--ros-args', '-p', f'out:={tmp_path / "bag"}'],
        env={**os.environ, 'ROS_DOMAIN_ID': str(DOMAIN)})
    publish(publishers)
    assert all(each.wait_for_all_acked(Duration(seconds=10)) for each in publishers.values())
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(20) == 0
    check(tmp_path / 'bag')


def test_killed(tmp_path, publishers):
    """SIGKILL loses what came in the last second, and the bag opens as any other."""
    recorder = record(tmp_path / 'bag')
    publish(publishers)
    time.sleep(2.0)
    recorder.kill()
    recorder.wait()
    check(tmp_path / 'bag')


def recorded_steps(folder):
    """Return the steps of the states in a bag, read by mcap from beginning to end."""
    steps = []
    for path in storage_files(folder):
        with path.open('rb') as file:
            steps += [message.sequence - 1 for _, channel, message in NonSeekingReader(
                file).iter_messages() if channel.topic == '/state']
    return steps


def test_killed_around_a_split(tmp_path, publishers):
    """
    Each file opens, nothing lacks in between, and what was on the disk is there.

    Two recorders are killed when a file of theirs appears, one within two seconds after that.
    """
    rng = np.random.default_rng()
    folders = [tmp_path / f'bag_{number}' for number in range(3)]
    recorders = [record(folder, max_bag_size=200_000, compression='none') for folder in folders]
    wait_for(publishers, len(recorders))
    last, delays = [3, 4, 2], [0.0, 0.0, rng.uniform(0.0, 2.0)]
    sent, files, safe, due = 0, [1] * 3, [0] * 3, [math.inf] * 3
    while any(recorder.returncode is None for recorder in recorders):
        publishers['state'].publish(State(
            episode=7, step=sent, task='hook', observation=[0.1] * 100))
        if sent % 100 == 0:
            publishers['policy_weights'].publish(PolicyWeights(
                version=1 + sent // 100, data=rng.bytes(100_000)))
        sent += 1
        assert sent < 20_000, 'no new files'
        time.sleep(0.002)
        for number, (folder, recorder) in enumerate(zip(folders, recorders)):
            if recorder.returncode is not None:
                continue
            before, files[number] = files[number], len(list(folder.glob('*.mcap')))
            if files[number] == last[number] > before:
                due[number] = time.monotonic() + delays[number]
            if time.monotonic() >= due[number]:
                recorder.kill()
                recorder.wait()
            elif files[number] > before:
                safe[number] = len(recorded_steps(folder))
    for number, folder in enumerate(folders):
        steps = recorded_steps(folder)
        assert steps == list(range(len(steps)))
        assert len(steps) >= safe[number] and steps
        assert audit_bag(folder).messages['state'] == len(steps)
        assert audit_bag(folder).damage == []
        for path in storage_files(folder):
            with AnyReader([path]) as reader:
                list(reader.messages())
        with Reader(folder) as reader:
            assert {connection.topic for connection in reader.connections} == {
                f'/{topic}' for topic in TOPICS}


def test_full_disk(tmp_path, publishers):
    """A full disk ends the recorder with 1, and what was written before can be read."""
    size = 100_000
    recorder = record(tmp_path / 'bag', lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (size, size)), compression='none')
    publish(publishers)
    assert 'cannot write to' in recorder.communicate(timeout=30)[1]
    assert recorder.returncode == 1
    with Reader(tmp_path / 'bag') as reader:
        assert {connection.topic for connection in reader.connections} == {
            f'/{topic}' for topic in TOPICS}


@pytest.mark.parametrize('folder', ['', 'there'])
def test_bad_folder(tmp_path, folder):
    """An existing or missing folder name is an error that names it."""
    (tmp_path / 'there').mkdir()
    recorder = record(tmp_path / folder if folder else '')
    assert 'recorder_node:' in recorder.communicate(timeout=30)[1]
    assert recorder.returncode == 2


@given(st.dictionaries(st.sampled_from('abc'), st.lists(st.integers(1, 9), max_size=9)))
def test_each_topic_stays_in_the_order_of_its_queue(times):
    """Also where a message arrived after later ones: DDS had to send it again."""
    found = arrival_order({topic: [(index, {'received_timestamp': time, 'source_timestamp': -time})
                                   for index, time in enumerate(column)]
                           for topic, column in times.items()})
    moments = [moment for moment, _, _, _ in found]
    assert moments == sorted(moments)
    for topic, column in times.items():
        assert [(published, data) for _, published, name, data in found if name == topic] == [
            (-time, index) for index, time in enumerate(column)]


def test_definitions():
    """A definition holds the types it uses, each once; the hash is the one ROS compares."""
    text = definition('rpl_msgs/msg/State')
    assert text.count('MSG: std_msgs/Header') == text.count('MSG: builtin_interfaces/Time') == 1
    assert text.index('uint32 step') < text.index('MSG: ')
    assert type_hash('rpl_msgs/msg/State').startswith('RIHS01_')


@pytest.mark.parametrize('received, published, expected', [
    (1_800_000_000 * 10**9, 1_700_000_000 * 10**9, (1_800_000_000 * 10**9, 1_700_000_000 * 10**9)),
    (0, 1_700_000_000 * 10**9, (1_700_000_000 * 10**9,) * 2),   # no time of arrival is told
    (0, 0, (1_900_000_000 * 10**9,) * 2), (5, 7, (1_900_000_000 * 10**9,) * 2)])
def test_what_a_middleware_does_not_tell_is_not_1970(received, published, expected):
    times = times_of({'received_timestamp': received, 'source_timestamp': published},
                     1_900_000_000 * 10**9)
    assert (times['received_timestamp'], times['source_timestamp']) == expected


def test_topics_of_a_robot_are_recorded_beside_those_of_the_graph(tmp_path, publishers):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node('driver', context=context)
    joints = node.create_publisher(JointState, 'joint_states', qos_profile_sensor_data)
    twists = node.create_publisher(TwistStamped, 'twist', 10)
    recorder = record(tmp_path / 'bag', topics='"joint_states sensor_msgs/msg/JointState; '
                      'twist geometry_msgs/msg/TwistStamped"')
    wait_for({**publishers, 'joints': joints, 'twists': twists})
    for number in range(50):
        joints.publish(JointState(name=['wrist'], position=[0.1 * number]))
        twists.publish(TwistStamped())
        time.sleep(0.002)
    time.sleep(0.3)
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(20) == 0
    node.destroy_node()
    rclpy.try_shutdown(context=context)
    with AnyReader([tmp_path / 'bag']) as reader:
        counts = {one.topic: one.msgcount for one in reader.connections}
        positions = [reader.deserialize(raw, one.msgtype).position[0] for one, _, raw
                     in reader.messages([one for one in reader.connections
                                         if one.topic == '/joint_states'])]
    assert counts['/joint_states'] == counts['/twist'] == 50
    np.testing.assert_allclose(positions, 0.1 * np.arange(50))


def test_a_topic_that_is_none_is_named(tmp_path):
    recorder = record(tmp_path / 'bag', topics='"joint_states sensor_msgs/JointStates"')
    assert recorder.wait(30) == 2
    assert "cannot read 'joint_states sensor_msgs/JointStates'" in recorder.stderr.read()


@pytest.mark.parametrize('first, after', [('bag', 'bag_3'), ('bag_4', 'bag_5')])
def test_a_recorder_that_restarts_continues_in_the_next_free_folder(tmp_path, first, after):
    """In a run that was resumed, the first folder has a number already."""
    out = str(tmp_path / first)
    assert bag_folder(out, 'r') == out
    write_bag(out, [], about={'rpl_ros.run': 'r'})
    (tmp_path / 'bag_2').mkdir()
    assert bag_folder(out, 'r') == str(tmp_path / after)
    assert bag_folder(out, 'other') == bag_folder(out, '') == out  # which is then refused
