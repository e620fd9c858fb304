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

"""The example package ur_reach: its simulated arm and the graph as processes, over real DDS."""

from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from graph_tools import call, free_domain, listener, nodes
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.ros.convert import read_state
from rpl_ros.ros.qos import subscribe
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

pytestmark = pytest.mark.graph

PACKAGE = Path(__file__).parents[2] / 'docs' / 'examples' / 'ur_reach'
TASK, CONTRACT = (str(PACKAGE / 'config' / f'{name}.yaml') for name in ('task', 'contract'))
COMMANDS = 'forward_velocity_controller/commands'
ADAPTER = 'robot_adapter_node'
COMMON = {'task': TASK, 'seed': 3, 'run': 'test'}
EPISODES, STEPS, PERIOD = 2, 50, 0.05
STOPS, COMMAND_TIMEOUT = 3, 0.1  # by the contract
SILENCE = 0.5  # s without a message: nothing more comes


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let the nodes find the package, as an installed one."""
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(PACKAGE), *sys.path]))


@contextmanager
def arm(domain, folder):
    """Yield the process of arm_node; it ends afterwards."""
    with open(folder / 'arm_node.log', 'a') as log:
        process = subprocess.Popen(
            [sys.executable, '-m', 'ur_reach.arm_node', '--ros-args', '-p', 'seed:=3'],
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def graph(folder, **changes):
    """
    Yield (Heard, spin, processes) of the arm and the graph, as rpl launch starts it.

    The settings of the adapter may differ. `arm_node` is among the processes.
    """
    domain = free_domain()
    adapter = {**COMMON, 'contract': CONTRACT, 'reset_service': 'reset_scene', 'subscribers': 4,
               'wait_for': "'base_controller_node residual_node learner_node'",
               'episodes': EPISODES, **changes}
    with listener(domain) as (node, spin), arm(domain, folder) as robot, nodes(
            domain, folder, base_controller_node={
                **COMMON, 'readers': 2, 'announce_after': 'residual_node'},
            residual_node={**COMMON, 'readers': 2, 'announce_after': 'learner_node',
                           'base_timeout': 0.03},
            learner_node={**COMMON, 'updates_per_step': 0.0},
            robot_adapter_node=adapter) as started:
        yield Heard(node), spin, {**started, 'arm_node': robot}


class Heard:
    """What a listener has heard: commands as (time by the steady clock, (6,) rad/s), and more."""

    def __init__(self, node):
        """Subscribe on the node of listener()."""
        self.node, self.commands, self.joints = node, [], []
        self.states, self.results = [], []
        node.create_subscription(Float64MultiArray, COMMANDS, lambda message: self.commands.append(
            (time.monotonic(), np.array(message.data))), 1000)
        node.create_subscription(JointState, 'joint_states', self.joints.append, 10)
        subscribe(node, 'state', lambda message: self.states.append(read_state(message)))
        subscribe(node, 'episode_result', self.results.append)

    @property
    def numbers(self):
        """Return all commands (n, 6), rad/s."""
        return np.array([numbers for _, numbers in self.commands]).reshape(-1, 6)

    def moves(self):
        """Return whether the arm is moving now: the last ten commands are no stops."""
        last = self.numbers[-10:]
        return len(last) == 10 and np.abs(last).max(axis=1).min() > 1e-3

    def silent(self):
        """Return whether the adapter says nothing any more."""
        return bool(self.commands) and time.monotonic() - self.commands[-1][0] > SILENCE

    def stopped(self):
        """Return whether it has said as many stops as it must, and says nothing any more."""
        return self.silent() and not self.numbers[-STOPS:].any()


def limits():
    """Return (largest speed, largest change between two commands) of each joint, (6,)."""
    numbers = read_yaml(CONTRACT)['action'].values()
    return (np.array([one['high'] for one in numbers]),
            PERIOD * np.array([one['rate'] for one in numbers]))


def assert_within_limits(commands):
    """
    Assert that commands [(time, (6,) rad/s)] keep speed and rate; a stop may come at once.

    After a silence, of a busy machine, the arm has stopped by itself and begins from rest.
    """
    speed, change = limits()
    last, before = -np.inf, np.zeros(6)
    for at, numbers in commands:
        assert (np.abs(numbers) <= speed * (1 + 1e-9)).all()
        if numbers.any():
            rest = np.zeros(6) if at - last > COMMAND_TIMEOUT else before
            assert any((np.abs(numbers - one) <= change * (1 + 1e-9)).all()
                       for one in (before, rest))
        last, before = at, numbers


def test_the_graph_plays_its_episodes_on_an_arm_that_it_does_not_know(tmp_path):
    with graph(tmp_path) as (heard, spin, started):
        spin(lambda: started[ADAPTER].poll() is not None, 120.0)
        spin(lambda: len(heard.results) == EPISODES)
        assert heard.joints[-1].name[0] == 'elbow_joint'  # an order other than the contract's
        assert len(heard.joints[-1].name) == 7
    assert started[ADAPTER].returncode == 0, (tmp_path / f'{ADAPTER}.log').read_text()
    assert [(one.episode, one.steps) for one in heard.results] == [
        (number, STEPS) for number in range(EPISODES)]
    assert_within_limits(heard.commands)
    assert not heard.numbers[-STOPS:].any() and heard.numbers.any(axis=1).sum() > STEPS
    for episode in range(EPISODES):
        states = [one for one in heard.states if one.episode == episode]
        assert [one.step for one in states] == list(range(STEPS + 1))
        assert all(np.isfinite(one.observation).all() for one in states)
        # The tool is measured, and its episode begins with a scene of its own, at rest.
        assert np.array_equal(states[0].observation[12:], states[0].achieved_goal)
        assert np.abs(states[0].observation[6:12]).max() < 0.05
        first, last = (np.linalg.norm(one.achieved_goal - one.desired_goal)
                       for one in (states[0], states[-1]))
        assert last < first
    log = (tmp_path / f'{ADAPTER}.log').read_text()
    assert f'all {EPISODES} episodes are done' in log and 'Traceback' not in log


def test_the_last_message_of_an_interrupted_adapter_is_a_stop_and_the_arm_rests(tmp_path):
    with graph(tmp_path, episodes=0) as (heard, spin, started):
        spin(heard.moves)
        started[ADAPTER].send_signal(signal.SIGINT)
        spin(lambda: started[ADAPTER].poll() is not None)
        spin(heard.stopped)
        assert started[ADAPTER].returncode == 130
        assert heard.numbers[-3 * STOPS:].any()
        assert_within_limits(heard.commands)
        count = len(heard.joints)
        spin(lambda: len(heard.joints) > count + 50)
        assert np.abs(heard.joints[-1].velocity).max() < 1e-3


def test_without_an_adapter_the_arm_stops_by_itself(tmp_path):
    with graph(tmp_path, episodes=0) as (heard, spin, started):
        spin(heard.moves)
        started[ADAPTER].kill()
        spin(lambda: started[ADAPTER].poll() is not None)
        spin(heard.silent)
        assert heard.numbers[-1].any()  # it could not say anything any more
        count = len(heard.joints)
        spin(lambda: len(heard.joints) > count + 50)
        assert np.abs(heard.joints[-1].velocity).max() < 1e-3


def test_a_dead_arm_is_a_stop(tmp_path):
    with graph(tmp_path, episodes=0) as (heard, spin, started):
        spin(heard.moves)
        since = time.monotonic()
        started['arm_node'].kill()
        spin(heard.stopped)
        stops = [at for at, numbers in heard.commands if at > since and not numbers.any()]
        print(f'\nreaction to a dead arm: {1e3 * (stops[0] - since):.0f} ms')
        assert len(stops) <= 3 * STOPS  # a busy machine may have caused some before
        assert_within_limits(heard.commands)
        assert started[ADAPTER].poll() is None
    assert 'INPUT_STALE' in (tmp_path / f'{ADAPTER}.log').read_text()


def test_the_run_stop_stops_the_arm_until_a_person_resets(tmp_path):
    with graph(tmp_path, episodes=0) as (heard, spin, started):
        def press(pressed):
            one = Parameter(name='run_stopped', value=ParameterValue(type=1, bool_value=pressed))
            answer = call(heard.node, spin, SetParameters, 'arm_node/set_parameters',
                          parameters=[one])
            assert answer.results[0].successful

        def reset():
            return call(heard.node, spin, Trigger, f'{ADAPTER}/reset').success
        spin(heard.moves)
        press(True)
        spin(heard.stopped)
        assert not reset()  # still pressed
        press(False)
        count = len(heard.commands)
        spin(reset)
        spin(lambda: len(heard.commands) > count and heard.moves())
        assert_within_limits(heard.commands)
    assert 'RUN_STOP' in (tmp_path / f'{ADAPTER}.log').read_text()
