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

"""docs/fetch_bringup.md from its first to its last step, with the simulated Fetch."""

import csv
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

from geometry_msgs.msg import TwistStamped
from graph_tools import free_domain, listener, nodes
import numpy as np
from robot_tools import ADAPTER, CONTRACT, Graph, is_stop, SIM, TWIST
from rpl_ros.bags.reader import read_episodes
from rpl_ros.common.assets import source_tree
from rpl_ros.robot.kinematics import Kinematics
from rpl_ros.settings.parameter_file import read_parameter_file
from rpl_ros.tasks.find import task_spec
from sensor_msgs.msg import JointState


HORIZON, EPISODES = 60, 2  # 2.4 s each: the page has 28 s and 20 episodes
SHELL = f'rpl() {{ {sys.executable} -m rpl_ros.cli "$@"; }}\n'


def read_page():
    """Return {step: [text of each block of commands]}; step 0 is what all steps need."""
    text = (source_tree() / 'docs/fetch_bringup.md').read_text()
    blocks, step = {0: []}, 0
    for part in re.finditer(r'^(\d+)\. \*\*|^( *)```bash\n(.*?)^ *```', text, re.M | re.S):
        if part[1]:
            step = int(part[1])
            blocks[step] = []
        else:
            blocks[step].append(textwrap.dedent(part[3]))
    return blocks


class Person:
    """Does what the page says, in a folder; `graph` hears what the robot is told."""

    def __init__(self, folder, graph):
        self.folder, self.graph, self.blocks = folder, graph, read_page()
        self.environment = {**os.environ, 'ROS_DOMAIN_ID': str(graph.domain),
                            'EPISODES': str(EPISODES), 'UPDATES': '400'}
        for name, target in (('config', source_tree() / 'config'), ('.venv', sys.prefix)):
            (folder / name).symlink_to(target)

    def start(self, step):
        """Start the next block of commands of a step."""
        commands = self.blocks[0][0] + self.blocks[step].pop(0)
        with open(self.folder / f'step{step}.log', 'a') as log:
            return subprocess.Popen(
                ['bash', '-euc', SHELL + commands], cwd=self.folder, stdout=log,
                stderr=subprocess.STDOUT, env=self.environment, start_new_session=True)

    def run(self, step, seconds=180.0):
        """Run the next block of commands of a step to its end."""
        started = self.start(step)
        try:
            self.graph.until(lambda: started.poll() is not None, seconds)
        finally:
            stop(started)
        assert started.returncode == 0, (self.folder / f'step{step}.log').read_text()

    def log(self, run):
        """Return the log of the adapter of a run."""
        return (self.folder / 'runs' / run / f'log/{ADAPTER}.log').read_text()

    def rows(self, run):
        """Return the rows of metrics.csv of a run."""
        with open(self.folder / 'runs' / run / 'metrics.csv') as file:
            return list(csv.DictReader(file))

    def services(self, step):
        """Return {name: text of the request} of the services in the next block of a step."""
        return re.findall(r'ros2 service call (\S+) \S+ *("{.*?}")?', self.blocks[step].pop(0))


def stop(started):
    """End a process and its children."""
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGINT)
        try:
            started.wait(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def contract_of(person):
    return read_parameter_file(person.folder / 'my_fetch.yaml')[ADAPTER]


def write_the_contract(person):
    person.run(1)
    contract = contract_of(person)
    assert (contract['max_residual'], contract['speed_limit'], contract['max_ee_speed'],
            contract['table_clearance']) == (0.0, 0.05, 0.03, 0.02)
    path = person.folder / 'my_fetch.yaml'  # shorter episodes than those of the page
    path.write_text(path.read_text().replace('horizon: 700', f'horizon: {HORIZON}'))


def rehearse(person):
    person.run(3)
    assert 'all 5 episodes are done' in person.log('step3')
    assert fastest(person) <= 0.05


def fastest(person):
    """Return the highest speed of the grip since the last call, m/s, after all limits; not 0."""
    speed = contract_of(person)['max_ee_speed']
    speeds = [speed * np.linalg.norm(message.motion[:3]) for message in person.graph.states]
    person.graph.states.clear()
    assert max(speeds) > 0.0
    return max(speeds)


def press_the_run_stop(person):
    graph = person.graph
    started = person.start(7)
    try:
        graph.move()
        requests = person.services(7)
        assert [name for name, _ in requests] == [
            '/fetch_sim_node/run_stop'] * 2 + [f'/{ADAPTER}/estop', f'/{ADAPTER}/reset']
        graph.run_stop(True)
        graph.says('RUN_STOPPED')
        still(graph)
        graph.run_stop(False)
        still(graph)  # it was released, and nothing moves
        assert graph.reset()
        graph.move()
        graph.estop()
        still(graph)
        assert graph.reset()
        graph.move()
        assert started.poll() is None
    finally:
        stop(started)
    assert 'RUN_STOP' in person.log('step7')
    graph.until(lambda: is_stop(graph.sent[-1][1]))  # the last message of the adapter


def still(graph):
    """Assert that the arm is stopped and that for a second nothing but stops is sent."""
    graph.until(lambda: graph.sent and is_stop(graph.sent[-1][1]))
    begin = len(graph.sent)
    graph.wait(1.0)
    assert all(is_stop(message) for _, message in graph.sent[begin:])


def move_along_each_axis(person):
    graph, joints = person.graph, []
    reader = graph.node.create_subscription(JointState, 'joint_states', joints.append, 100)
    sender = graph.node.create_publisher(TwistStamped, TWIST, 10)
    with nodes(graph.domain, person.folder, fetch_sim_node=SIM):
        graph.until(lambda: len(joints) > 20 and sender.get_subscription_count() > 0)
        for axis in range(3):
            before, begin = grip(joints), time.monotonic()
            message = TwistStamped()
            message.header.frame_id = 'torso_lift_link'
            setattr(message.twist.linear, 'xyz'[axis], 0.02)
            for _ in range(50):  # 2 s with 25 Hz
                sender.publish(message)
                graph.wait(0.04)
            moved = grip(joints) - before  # m
            # The mean speed is lower: it starts slowly.
            assert 0.01 < moved[axis] / (time.monotonic() - begin) < 0.022, moved
            # After a stop the arm floats and coasts a little, in the direction of the last axis.
            assert np.abs(np.delete(moved, axis)).max() < moved[axis] / 4, moved
            sender.publish(TwistStamped())  # a stop
            graph.wait(1.0)
    graph.node.destroy_publisher(sender)
    graph.node.destroy_subscription(reader)


def grip(messages):
    """Return the place of the grip, m, torso_lift_link, by the newest joint states."""
    known = {}
    for message in messages:
        known.update(zip(message.name, message.position))
    arm = np.array([known[name] for name in CONTRACT['arm_joints']])
    return Kinematics().grip(arm, np.zeros(7), known[CONTRACT['torso_joint']]).position


def drive_with_the_base_controller(person):
    slow, fast = person.blocks[10][0].split('set_limit', 1)
    person.blocks[10] = [slow, f'set_limit{fast}']
    person.graph.states.clear()
    person.run(10)
    assert fastest(person) <= 0.05
    person.run(10)
    assert 0.05 < fastest(person) <= 0.17
    assert contract_of(person)['table_clearance'] == -0.02
    for run in ('step10_slow', 'step10'):
        assert [row['mode'] for row in person.rows(run)] == ['base'] * EPISODES
        residuals = np.concatenate([episode.residuals for episode in episodes_of(person, run)])
        assert residuals.shape[0] and not residuals.any()


def episodes_of(person, run):
    """Return the Episodes in the bag of a run."""
    contract = contract_of(person)
    spec = task_spec('hook', contract['horizon'])
    return list(read_episodes(person.folder / 'runs' / run / 'bag', spec))


def read_the_bag(person):
    person.run(11)
    said = (person.folder / 'step11.log').read_text()
    # A busy machine misses some steps.
    assert re.search('runs/step10/bag: (fit for training|usable, with losses)', said), said


def train_away_from_the_robot(person):
    # A run of 40,000 updates has its burn-in; one of 400 does without.
    person.blocks[12][0] = person.blocks[12][0].replace('arm:=joints', 'arm:=joints burn_in:=none')
    person.run(12)
    assert (person.folder / 'runs/step12/checkpoints').is_dir()


def drive_with_small_residuals(person):
    person.run(13, 400.0)
    for limit in (0.1, 0.2, 0.3):
        run = f'step13_{limit}'
        assert [row['mode'] for row in person.rows(run)] == ['evaluate'] * EPISODES
        sizes = [difference(episode) for episode in episodes_of(person, run)]
        assert 0.0 < max(sizes) <= limit + 1e-9
    assert contract_of(person)['max_residual'] == 0.3


def difference(episode):
    """Return the largest difference between an executed and a base action in an Episode."""
    base = np.clip(episode.base_actions[:-1], -1.0, 1.0)
    return np.abs(episode.executed - base)[episode.valid].max()


def learn_on_the_robot(person):
    person.run(14)  # and goes on with it
    rows = person.rows('step14')
    assert [int(row['episode']) for row in rows] == list(range(2 * EPISODES))
    assert not any(int(row['burn_in']) for row in rows)


def test_every_step_of_the_bring_up(tmp_path):
    domain = free_domain()
    with listener(domain) as (node, spin):
        person = Person(tmp_path, Graph(node, spin, domain))
        person.graph.base = person.graph.command = lambda state: None  # only listens
        for step in (write_the_contract, rehearse, press_the_run_stop, move_along_each_axis,
                     drive_with_the_base_controller, read_the_bag, train_away_from_the_robot,
                     drive_with_small_residuals, learn_on_the_robot):
            step(person)
        assert not any(blocks for step, blocks in person.blocks.items() if step)  # all were run
