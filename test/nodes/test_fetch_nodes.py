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

"""The adapter and the simulated Fetch over real DDS: episodes, faults, the last message."""

import os
import re
import signal
import subprocess
import sys
import time

from graph_tools import free_domain, listener, nodes
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from robot_tools import (ADAPTER, altered_adapter, CONTRACT, DOWN, Graph, is_stop, robot, SETTINGS,
                         SIM, UP, up_and_down)
from rpl_msgs.msg import EpisodeResult
from rpl_msgs.srv import StartEpisode
from rpl_ros.data import Mode
from rpl_ros.launching import graph as graphs
from rpl_ros.ros.qos import subscribe
from rpl_ros.ros.robot_messages import from_time, read_twist
from std_msgs.msg import Bool
from std_srvs.srv import SetBool
import yaml


@pytest.fixture(scope='module')
def graph(tmp_path_factory):
    """Yield the Graph of one long episode, for all faults from which the adapter recovers."""
    with robot(tmp_path_factory.mktemp('robot')) as (graph, _):
        graph.move()
        yield graph


def test_an_emergency_stop_lasts_until_a_persons_reset(graph):
    graph.move()
    graph.reaction('emergency stop', graph.estop())
    graph.wait(0.3)
    count = len(graph.sent)
    assert graph.reset()
    graph.move()
    assert not any(is_stop(message) for _, message in graph.sent[count:])
    graph.says('ESTOP')


def test_a_run_stop_lasts_until_it_is_released_and_a_person_resets(graph):
    graph.move()
    graph.reaction('run-stop', graph.run_stop(True))
    assert not graph.reset()  # still pressed
    graph.run_stop(False)
    count = len(graph.sent)
    graph.wait(0.3)
    assert all(is_stop(message) for _, message in graph.sent[count:])
    assert graph.reset()
    graph.move()


def stamp(message):
    """Return when a TwistStamped was sent, s."""
    return from_time(message.header.stamp)


def last_action(graph):
    """Return the vertical speed, m/s, of the newest twist."""
    return read_twist(graph.sent[-1][1])[2]


@pytest.mark.parametrize('sent, reason', [
    (np.full(4, np.nan), 'COMMAND_BAD'), (np.zeros(3), 'COMMAND_BAD'), (None, 'COMMAND_MISSING')])
def test_without_a_usable_command_the_base_action_goes_on(graph, sent, reason):
    graph.base, graph.command = (lambda state: DOWN), (lambda state: UP)
    graph.move()
    graph.until(lambda: last_action(graph) > 0)
    count, since = len(graph.sent), time.time()
    graph.command = lambda state: sent
    graph.until(lambda: last_action(graph) < 0)
    reaction = next(stamp(message) for _, message in graph.sent[count:]
                    if read_twist(message)[2] < 0) - since
    print(f'\nreaction to {reason}: going down after {1e3 * reaction:.0f} ms')
    graph.says(reason)
    graph.move()
    graph.base = graph.command = up_and_down


@pytest.mark.parametrize('action, reason', [
    (None, 'BASE_MISSING'), (np.full(4, np.inf), 'BASE_BAD')])
def test_without_a_usable_base_action_the_arm_stops(graph, action, reason):
    graph.move()
    since, graph.base = time.time(), lambda state: action
    graph.reaction(reason, since)
    graph.says(reason)
    graph.base = up_and_down
    graph.move()


@pytest.mark.parametrize('pose, reason', [
    ({'place': (3.0, 0.7, 0.4)}, 'POSE_JUMP'),
    ({'place': (float('nan'), 0.7, 0.4)}, 'POSE_BAD'),
    ({'place': (1.7, 0.7, 0.4), 'turn': (0.0, 0.0, 0.0, 0.0)}, 'POSE_QUATERNION'),
    ({'place': (1.7, 0.7, 0.4), 'turn': (0.0, 0.0, 0.0, 2.0)}, 'POSE_QUATERNION'),
    ({'place': (1.7, 0.7, 0.4), 'frame': 'camera'}, 'POSE_FRAME')])
def test_a_bad_pose_stops_the_arm(graph, pose, reason):
    graph.move()
    since = time.time()
    graph.object_at(**pose)

    def stops():
        return [stamp(message) for _, message in graph.sent
                if stamp(message) > since and is_stop(message)]
    graph.until(stops)
    print(f'\nreaction to {reason}: {1e3 * (stops()[0] - since):.0f} ms')
    graph.says(reason)
    graph.move()  # the tracker's own poses are sound


def test_a_limit_can_be_tightened_while_the_arm_moves_and_not_loosened(graph):
    def asked(name, value):
        one = Parameter(name=name, value=ParameterValue(type=3, double_value=value))
        return graph.call(SetParameters, f'/{ADAPTER}/set_parameters', parameters=[one]
                          )[0].results[0]
    graph.move()
    assert asked('speed_limit', 0.002).successful
    graph.until(lambda: 0 < abs(last_action(graph)) <= 0.002 + 1e-9)
    refused = asked('speed_limit', 0.172)
    assert not refused.successful and 'looser than the contract' in refused.reason
    assert asked('speed_limit', 0.17).successful
    graph.until(lambda: abs(last_action(graph)) > 0.005)


def test_with_the_residual_off_the_base_action_alone_counts(graph):
    graph.base, graph.command = (lambda state: DOWN), (lambda state: UP)
    graph.move()
    graph.until(lambda: last_action(graph) > 0)
    assert graph.call(SetBool, f'/{ADAPTER}/residual', data=False)[0].success
    graph.until(lambda: last_action(graph) < 0)
    graph.says('RESIDUAL_OFF')
    graph.call(SetBool, f'/{ADAPTER}/residual', data=True)
    graph.until(lambda: last_action(graph) > 0)
    graph.base = graph.command = up_and_down


def test_the_gripper_is_told_on_change_only(graph):
    graph.openings.clear()
    graph.base = graph.command = lambda state: np.array([0.0, 0.0, 0.1, 1.0])
    graph.until(lambda: graph.openings)
    graph.wait(0.3)
    graph.base = graph.command = lambda state: np.array([0.0, 0.0, 0.1, 0.0])  # holds
    graph.wait(0.3)
    graph.base = graph.command = lambda state: np.array([0.0, 0.0, 0.1, -1.0])
    graph.until(lambda: len(graph.openings) > 1)
    graph.wait(0.3)
    assert graph.openings == [0.1, 0.0]
    graph.base = graph.command = up_and_down


def test_states_pair_with_their_commands(graph):
    count = len(graph.states)
    graph.until(lambda: len(graph.states) > count + 10)
    states = graph.states[count:]
    steps = [state.step for state in states]
    assert steps == list(range(steps[0], steps[0] + len(steps)))
    assert all(len(state.observation) == 40 and state.header.frame_id == 'world'
               for state in states)
    assert sum(state.applied for state in states) > len(states) // 2


def test_a_dead_robot_or_tracker_is_a_stop(tmp_path):
    with robot(tmp_path) as (graph, started):
        graph.move()
        since = time.time()
        started['fetch_sim_node'].kill()
        graph.reaction('states that stop', since)
        assert any(text in (tmp_path / f'{ADAPTER}.log').read_text()
                   for text in ('the joint state of', 'no joint state came'))


def test_the_base_action_goes_on_without_residual_node_and_nothing_without_a_base(tmp_path):
    both = {'task': 'hook', 'horizon': SETTINGS['horizon'], 'max_ee_speed': 0.1}
    with robot(tmp_path, subscribers=3) as (graph, started), nodes(
            graph.domain, tmp_path, base_controller_node=both,
            residual_node={**both, 'base_timeout': 0.03}) as others:
        graph.base = graph.command = lambda state: None  # the real ones answer
        graph.move()
        since = time.time()
        others['residual_node'].kill()
        graph.says('COMMAND_MISSING')
        graph.move()
        after = [stamp(message) for _, message in graph.sent if stamp(message) > since]
        print(f'\nreaction to a dead residual_node: at most {1e3 * max(np.diff(after)):.0f} ms '
              'between two twists')
        since = time.time()
        others['base_controller_node'].kill()
        graph.reaction('a dead base_controller_node', since)
        graph.says('BASE_MISSING')


def kinds(messages):
    """Return whether each of (time, TwistStamped) is a stop."""
    return [is_stop(message) for _, message in messages]


KILLS = int(os.environ.get('RPL_KILLS', 2))
"""Of a moving adapter, by each signal; docs/robot_nodes.md has the result of 100."""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_the_last_message_on_the_wire_is_the_stop(tmp_path, number):
    rng = np.random.default_rng(number)
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(domain, tmp_path, fetch_sim_node=SIM):
        graph = Graph(node, spin, domain)
        for trial in range(KILLS):
            with nodes(domain, tmp_path, fetch_adapter_node=SETTINGS) as started:
                graph.sent.clear()
                graph.move()
                graph.wait(rng.uniform(0.0, 0.1))
                adapter = started[ADAPTER]
                adapter.send_signal(number)
                graph.until(lambda: adapter.poll() is not None)
                graph.wait(0.1)
                assert adapter.returncode == 130  # interrupted before its last episode
                assert kinds(graph.sent)[-4:] == [False, True, True, True], trial


CRASH = """
import sys
from rpl_ros.nodes import fetch_adapter_node
from rpl_ros.robot.fetch_adapter import FetchAdapter
plain = FetchAdapter.next_state
def next_state(self, now):
    if self.counters.total['states'] > 40:
        raise RuntimeError('on purpose')
    return plain(self, now)
FetchAdapter.next_state = next_state
sys.exit(fetch_adapter_node.main(sys.argv))
"""


def test_the_last_message_after_an_exception_is_the_stop(tmp_path):
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(domain, tmp_path, fetch_sim_node=SIM), \
            altered_adapter(CRASH, domain) as adapter:
        graph = Graph(node, spin, domain)
        graph.until(lambda: adapter.poll() is not None)
        graph.wait(0.2)
        assert adapter.returncode == 1 and 'on purpose' in adapter.stderr.read()
        assert kinds(graph.sent)[-4:] == [False, True, True, True]


@pytest.mark.parametrize('changes, words', [
    ({'speed_limit': '0.5'}, ['speed_limit is 0.5', 'above what max_ee_speed']),
    ({'speedlimit': '0.1'}, ['speedlimit', "did you mean 'speed_limit'"]),
    ({'torso_joint': "''"}, ['torso_joint', 'model of a Fetch'])])
def test_a_contract_that_cannot_be_is_one_error_at_the_start(tmp_path, changes, words):
    with nodes(free_domain(), tmp_path, fetch_adapter_node={**SETTINGS, **changes}) as started:
        assert started[ADAPTER].wait(timeout=30) == 2
    text = (tmp_path / f'{ADAPTER}.log').read_text()
    assert all(word in text for word in words) and 'Traceback' not in text, text


def test_an_adapter_without_a_contract_does_not_start(tmp_path):
    with nodes(free_domain(), tmp_path,
               fetch_adapter_node={'task': 'hook', 'speed_limit': 0.05}) as started:
        assert started[ADAPTER].wait(timeout=30) == 2
    text = (tmp_path / f'{ADAPTER}.log').read_text()
    assert 'fetch_adapter_node: not given: max_ee_speed, joint_states_topic, twist_topic' in text
    assert ', speed_limit' not in text and 'Traceback' not in text


def test_the_simulated_fetch_refuses_a_task_of_another_arm(tmp_path):
    with nodes(free_domain(), tmp_path, fetch_sim_node={'task': 'mbrl_pusher'}) as started:
        assert started['fetch_sim_node'].wait(timeout=30) == 2
    text = (tmp_path / 'fetch_sim_node.log').read_text()
    assert 'task mbrl_pusher has another robot' in text and 'Traceback' not in text, text


def test_a_run_stop_that_dies_stops_the_arm_until_it_is_back(tmp_path):
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, fetch_sim_node={**SIM, 'run_stop_topic': 'elsewhere'},
            fetch_adapter_node={**SETTINGS, 'run_stop_timeout': 0.5}):
        graph = Graph(node, spin, domain)
        alive = node.create_timer(0.1, lambda: graph.press.publish(Bool(data=False)))
        graph.move()
        since = time.time()
        alive.cancel()
        graph.reaction('a dead run-stop', since)
        graph.says('RUN_STOP_STALE, no message on run_stopped for')
        alive.reset()
        graph.move()


JUMP = """
import sys
from rpl_ros.nodes import fetch_adapter_node
plain, jumped = fetch_adapter_node.FetchAdapterNode.now, []
def now(self):
    steady, ros = plain(self)
    if not jumped and self._adapter.counters.total['states'] > 40:
        jumped.append(steady)
    return fetch_adapter_node.Instant(
        steady, ros - 3600.0 * bool(jumped and steady < jumped[0] + 1.0))
fetch_adapter_node.FetchAdapterNode.now = now
sys.exit(fetch_adapter_node.main(sys.argv))
"""


def test_a_clock_that_jumps_stops_the_arm_and_it_goes_on_with_the_new_time(tmp_path):
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(domain, tmp_path, fetch_sim_node=SIM), \
            altered_adapter(JUMP, domain) as adapter:
        graph = Graph(node, spin, domain)
        graph.move()
        graph.says('CLOCK_JUMPED')
        graph.move()
        adapter.send_signal(signal.SIGINT)
        log = adapter.communicate(timeout=30)[1]
    # By an hour at once, and back; in between all others were an hour ahead.
    assert re.search(r'CLOCK_JUMPED: the clock of the messages jumped by -(3600.0|3599.9)', log)
    assert re.search(r'is 3(600.0|599.9)\d+ s ahead of the clock of this machine', log), log


def test_a_person_starts_each_episode_of_a_real_robot(tmp_path):
    with robot(tmp_path, reset_service="''", episodes=2, horizon=10) as (graph, started):
        for episode in range(2):
            graph.until(lambda: graph.call(
                StartEpisode, f'/{ADAPTER}/start_episode')[0].success)
            graph.until(lambda: graph.states and graph.states[-1].truncated)
            assert graph.states[-1].episode == episode and graph.states[-1].step == 10
            graph.states.clear()
        graph.until(lambda: started[ADAPTER].poll() is not None)
        assert started[ADAPTER].returncode == 0
        assert kinds(graph.sent)[-3:] == [True] * 3


def contract(folder, **changes):
    """Write a contract that differs from the Fetch's; return its path."""
    path = folder / 'contract.yaml'
    path.write_text(yaml.safe_dump({ADAPTER: {'ros__parameters': {**CONTRACT, **changes}}}))
    return str(path)


@pytest.mark.graph
@pytest.mark.parametrize('changes', [{}, {  # a Fetch; an arm whose kinematics nobody here knows
    'grip_pose_topic': 'grip_pose', 'tool_to_grip': [0.1864, 0.0, 0.0], 'check_joints': False,
    'torso_joint': '', 'arm_joints': [f'joint_{number}' for number in range(7)]}])
def test_the_graph_of_robot_fetch_sim_runs_to_its_end(tmp_path, changes):
    out, domain, results = tmp_path / 'run', free_domain(), []
    with listener(domain) as (node, spin):
        subscribe(node, 'episode_result', results.append)
        started = subprocess.Popen(
            [sys.executable, '-m', 'rpl_ros.cli', 'launch', 'hook', 'robot:=fetch_sim',
             'episodes:=2', 'headless:=true', 'report:=false', f'out:={out}',
             f'contract:={contract(tmp_path, horizon=50, **changes)}'],
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        spin(lambda: started.poll() is not None, 90.0)
    assert started.returncode == 0, started.stdout.read()
    assert [(result.episode, result.steps, result.mode) for result in results] == [
        (0, 50, Mode.EXPLORE), (1, 50, Mode.EXPLORE)]
    assert isinstance(results[0], EpisodeResult)
    log = (out / 'log' / f'{ADAPTER}.log').read_text()
    assert 'all 2 episodes are done' in log and 'Traceback' not in log
    twists = int(re.search(r'(\d+) twist', log).group(1))
    assert twists > 50  # of 100 steps; a busy machine misses some
    assert (out / 'metrics.csv').read_text().count('\n') == 3
    assert graphs.resolve('hook', {
        'robot': 'fetch_sim', 'params_file': str(out / 'config.yaml'),
        'out': str(tmp_path / 'again')}).settings[ADAPTER].horizon == 50


def test_the_second_adapter_of_an_arm_refuses_to_start(tmp_path):
    with robot(tmp_path) as (graph, started):
        graph.move()
        (tmp_path / 'second').mkdir()
        with nodes(graph.domain, tmp_path / 'second', fetch_adapter_node=SETTINGS) as others:
            graph.until(lambda: others[ADAPTER].poll() is not None)
            assert others[ADAPTER].returncode == 1
        graph.move()
        assert started[ADAPTER].poll() is None
    log = (tmp_path / 'second' / f'{ADAPTER}.log').read_text()
    assert 'another node moves this arm: 2 publishers on /fetch_relay/twist' in log
    assert 'twist' not in log.splitlines()[-1] and 'stop' not in log.splitlines()[-1]
