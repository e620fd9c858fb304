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

"""robot_adapter_node over real DDS, with each type of input and output that a contract knows."""

from contextlib import contextmanager
import signal
import subprocess
import sys
import time

from graph_tools import call, free_domain, listener, nodes
import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from rpl_msgs.msg import BaseAction, Command
from rpl_msgs.srv import StartEpisode
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.nodes.robot_adapter_node import INPUTS, OUTPUTS
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.ros.transforms import chain, STATIC, Transform
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.graph
SPEED, RATE = 0.5, 4.0
TASK = {'name': 'slide', 'control_period': 0.05, 'horizon': 20, 'reward': 'recorded',
        'observation': {'x': 'm', 'vx': 'm/s', 'force': 'N', 'height': 'm', 'extra': '1'},
        'action': {'vx': 'm/s', 'turn': 'rad/s', 'lift': 'm', 'grip': 'm'}}
CONTRACT = {
    'frame': 'base_link', 'stop_messages': 3, 'robot_timeout': 0.5, 'base_action_timeout': 0.2,
    'command_timeout': 0.2, 'run_stop': {'topic': 'run_stopped', 'timeout': 0.5},
    'inputs': {
        'joints': {'type': 'JointState', 'topic': 'joint_states', 'max_age': 0.3,
                   'joints': ['slide', 'lift', 'finger']},
        'wrench': {'type': 'WrenchStamped', 'topic': 'wrench', 'max_age': 0.3, 'frame': 'tool'},
        'tool': {'type': 'PoseStamped', 'topic': 'tool_pose', 'max_age': 0.3,
                 'frame': 'base_link'},
        'extra': {'type': 'Float64MultiArray', 'topic': 'extra', 'max_age': 0.3, 'size': 2},
        'done': {'type': 'Bool', 'topic': 'done', 'max_age': 0.3}},
    'observation': {'x': 'joints.slide', 'vx': 'joints.slide.velocity', 'force': 'wrench.fz',
                    'height': 'tool.z', 'extra': 'extra.1'},
    'reward': 'extra.0', 'success': 'done.value',
    'outputs': [
        {'type': 'Float64MultiArray', 'topic': 'velocities', 'commands': 'velocity',
         'elements': ['vx']},
        {'type': 'TwistStamped', 'topic': 'twist', 'frame': 'tool',
         'elements': {'angular.z': 'turn'}},
        {'type': 'JointTrajectory', 'topic': 'trajectory', 'joints': ['lift'],
         'elements': ['lift']},
        {'type': 'Float64', 'topic': 'gripper', 'commands': 'position', 'elements': ['grip']}],
    'action': {
        'vx': {'low': -SPEED, 'high': SPEED, 'rate': RATE, 'moves': 'joints.slide',
               'keep': [-1.0, 1.0]},
        'turn': {'low': -1.0, 'high': 1.0, 'rate': 100.0},
        'lift': {'low': 0.0, 'high': 1.0, 'rate': 2.0, 'moves': 'joints.lift'},
        'grip': {'low': 0.0, 'high': 0.1, 'rate': 10.0, 'moves': 'joints.finger'}}}


class Robot:
    """A robot of one slide, one lift and one finger, and the two nodes that answer its states."""

    def __init__(self, node):
        self.node, self.x, self.reward, self.done, self.alive = node, 0.1, 0.5, False, True
        self.states, self.sent = [], {sink['topic']: [] for sink in CONTRACT['outputs']}
        self.streams = {one['topic']: node.create_publisher(
            INPUTS[one['type']], one['topic'], qos_profile_sensor_data)
            for one in CONTRACT['inputs'].values()}
        self.run_stop = node.create_publisher(INPUTS['Bool'], 'run_stopped', 10)
        for sink in CONTRACT['outputs']:
            node.create_subscription(OUTPUTS[sink['type']], sink['topic'],
                                     self.sent[sink['topic']].append, 10)
        self.base, self.command = (publisher(node, name) for name in ('base_action', 'command'))
        self.action = np.array([1.0, 0.5, 0.6, -1.0])
        subscribe(node, 'state', self.answer)
        node.create_timer(0.02, self.publish)

    def publish(self):
        if not self.alive:
            return
        stamp = self.node.get_clock().now().to_msg()
        joints = INPUTS['JointState'](name=['finger', 'slide', 'lift'],
                                      position=[0.05, self.x, 0.2], velocity=[0.0, 0.01, 0.0])
        wrench, tool = INPUTS['WrenchStamped'](), INPUTS['PoseStamped']()
        wrench.header.frame_id, wrench.wrench.force.z = 'tool', -3.0
        tool.header.frame_id, tool.pose.position.z = 'base_link', 0.7
        tool.pose.orientation.w = 1.0
        for message in (joints, wrench, tool):
            message.header.stamp = stamp
        extra = INPUTS['Float64MultiArray'](data=[self.reward, 8.0])
        for topic, message in (('joint_states', joints), ('wrench', wrench), ('tool_pose', tool),
                               ('extra', extra), ('done', INPUTS['Bool'](data=self.done))):
            self.streams[topic].publish(message)
        self.run_stop.publish(INPUTS['Bool'](data=False))

    def answer(self, message):
        self.states.append(message)
        about = {'header': message.header, 'episode': message.episode, 'step': message.step,
                 'run': 'r'}
        self.base.publish(BaseAction(**about, action=self.action))
        self.command.publish(Command(**about, base_action=self.action, sent=self.action,
                                     total=self.action, residual=[0.0] * 4))


@contextmanager
def robot(tmp_path, **changes):
    """Yield (Robot, spin, the process of the adapter, its domain)."""
    task, contract = tmp_path / 'task.yaml', tmp_path / 'robot.yaml'
    task.write_text(to_yaml(TASK))
    contract.write_text(to_yaml(CONTRACT))
    domain = free_domain()
    with listener(domain) as (node, spin):
        made = Robot(node)
        with nodes(domain, tmp_path, robot_adapter_node={
                'task': task, 'contract': contract, 'run': 'r', 'subscribers': 1, 'episodes': 2,
                **changes}) as started:
            yield made, spin, started['robot_adapter_node'], node


def begin(node, spin):
    """Begin an episode as soon as the adapter can."""
    end = time.monotonic() + 30.0
    while True:
        answer = call(node, spin, StartEpisode, 'robot_adapter_node/start_episode')
        if answer.success:
            return
        assert time.monotonic() < end, answer.message


def test_states_and_commands_of_a_whole_robot(tmp_path):
    with robot(tmp_path) as (made, spin, adapter, node):
        begin(node, spin)
        spin(lambda: made.states and made.states[-1].truncated)
        first, last = made.states[0], made.states[-1]
        assert list(first.observation) == [0.1, 0.01, -3.0, 0.7, 8.0]
        assert not len(first.achieved_goal) and first.step == 0 and last.step == 20
        assert last.reward == 0.5 and not last.success and not last.terminated
        np.testing.assert_array_equal(last.executed, made.action)
        begin(node, spin)
        spin(lambda: made.states[-1].episode == 1 and made.states[-1].step == 8)
        made.done, made.reward = True, 2.0
        spin(lambda: made.states[-1].terminated)
        last = made.states[-1]
        assert last.success and last.reward == 2.0 and not last.truncated
        spin(lambda: adapter.poll() is not None)  # its two episodes are done
    assert adapter.returncode == 0
    velocities = [one.data[0] for one in made.sent['velocities']]
    assert max(velocities) == SPEED and velocities[-3:] == [0.0] * 3
    first_moves = velocities[:4]
    np.testing.assert_allclose(first_moves, [0.2, 0.4, 0.5, 0.5])  # 4 m/s^2 in 0.05 s
    turns = [one.twist.angular.z for one in made.sent['twist']]
    assert made.sent['twist'][0].header.frame_id == 'tool' and turns[0] == 0.5
    lifts = [one.points[0].positions[0] for one in made.sent['trajectory']]
    assert made.sent['trajectory'][0].joint_names == ['lift']
    np.testing.assert_allclose(lifts[:7], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8])
    assert lifts[-3:] == [0.2] * 3  # a stop holds it where it is measured
    grips = [one.data for one in made.sent['gripper']]
    assert min(grips) == 0.0 and grips[-3:] == [0.05] * 3


def test_the_last_message_is_a_stop_and_silence_of_the_robot_is_one(tmp_path):
    with robot(tmp_path) as (made, spin, adapter, node):
        begin(node, spin)
        spin(lambda: len(made.sent['velocities']) > 5)
        made.alive = False
        spin(lambda: made.sent['velocities'][-1].data[0] == 0.0)
        made.alive = True
        spin(lambda: made.sent['velocities'][-1].data[0] > 0.0)  # the episode goes on
        assert call(node, spin, Trigger, 'robot_adapter_node/estop').success
        spin(lambda: made.sent['velocities'][-1].data[0] == 0.0)
        assert call(node, spin, Trigger, 'robot_adapter_node/reset').success
        spin(lambda: made.sent['velocities'][-1].data[0] > 0.0)
        adapter.send_signal(signal.SIGINT)
        spin(lambda: adapter.poll() is not None)
        assert adapter.returncode == 130
        spin(lambda: [one.data[0] for one in made.sent['velocities'][-3:]] == [0.0] * 3)
        assert [one.twist.angular.z for one in made.sent['twist'][-3:]] == [0.0] * 3


def test_a_person_says_when_it_has_succeeded(tmp_path, monkeypatch):
    tree = {key: value for key, value in CONTRACT.items() if key != 'reward'}
    monkeypatch.setitem(globals(), 'CONTRACT', {**tree, 'success': 'person'})
    with robot(tmp_path) as (made, spin, adapter, node):
        begin(node, spin)
        spin(lambda: len(made.states) > 3)
        assert call(node, spin, SetBool, 'robot_adapter_node/report_success', data=True).success
        spin(lambda: made.states[-1].terminated)
        assert made.states[-1].success and made.states[-1].reward == 1.0
        answer = call(node, spin, SetBool, 'robot_adapter_node/report_success', data=True)
        assert not answer.success and answer.message == 'no episode is running'


def test_a_topic_of_another_type_is_named(tmp_path):
    with robot(tmp_path) as (made, spin, adapter, node):
        made.alive = False
        node.destroy_publisher(made.streams['wrench'])
        node.create_publisher(Float64, 'wrench', 10)
        log = tmp_path / 'robot_adapter_node.log'
        spin(lambda: 'wrench' in log.read_text() and 'std_msgs/msg/Float64' in log.read_text())


def test_only_one_node_may_publish_on_any_output(tmp_path):
    with robot(tmp_path) as (made, spin, adapter, node):
        node.create_publisher(Float64, 'gripper', 10)
        spin(lambda: adapter.poll() is not None)
        assert adapter.returncode == 1
        assert 'another node moves this arm: 2 publishers on /gripper' in (
            tmp_path / 'robot_adapter_node.log').read_text()


@pytest.mark.parametrize('changes, words', [
    ({'contract': ''}, 'contract is empty'), ({'contract': '/nothing.yaml'}, 'cannot be read'),
    ({'task': 'hook', 'contract': 'robot.yaml'}, 'contract robot.yaml')])
def test_a_contract_that_does_not_fit_is_one_error(tmp_path, changes, words):
    (tmp_path / 'robot.yaml').write_text(to_yaml(CONTRACT))
    (tmp_path / 'task.yaml').write_text(to_yaml(TASK))
    values = {'task': 'task.yaml', **changes}
    done = subprocess.run(
        [sys.executable, '-m', 'rpl_ros.nodes.robot_adapter_node', '--ros-args',
         *(part for key, value in values.items() for part in ('-p', f'{key}:={value}' if value
                                                              else f'{key}:=""'))],
        cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_chain_of_transforms():
    turn = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])  # a quarter about z
    known = {'arm': Transform('base', np.array([1.0, 0.0, 0.5, *turn]), STATIC),
             'tool': Transform('arm', np.array([0.2, 0.0, 0.0, *turn]), 7.0)}
    pose, stamp = chain(known, 'base', 'tool')
    np.testing.assert_allclose(pose, [1.0, 0.2, 0.5, 0.0, 0.0, 0.0, 1.0], atol=1e-12)
    assert stamp == 7.0
    assert chain(known, 'tool', 'base') is None and chain(known, 'map', 'tool') is None
    assert chain({'a': Transform('b', known['arm'].pose, 1.0),
                  'b': Transform('a', known['arm'].pose, 1.0)}, 'base', 'a') is None
