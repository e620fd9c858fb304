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
Launch, lifecycle, parameters and bags, with the tools of ROS 2 where there are some.

On the wheels of PyPI, which bring no tools, the launcher is `rpl launch`, and the services that
`ros2 lifecycle` and `ros2 param` call are called directly.
"""

from contextlib import contextmanager
import os
import signal
import subprocess
import time

from graph_tools import free_domain, listener
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from ros_tools import ROS2, runs, wait_for_rows
from rpl_ros.bags.audit import audit_bag, FIT
from rpl_ros.bags.errors import Report
from rpl_ros.bags.reader import read_episodes
from rpl_ros.common.assets import share
from rpl_ros.common.modules import python_module
from rpl_ros.data import Mode
from rpl_ros.ros.qos import subscribe
from rpl_ros.tasks.find import task_spec
import yaml

pytestmark = pytest.mark.graph

RPL = python_module('rpl_ros.cli')


class Services:
    """What `ros2 lifecycle` and `ros2 param` do, by the services that they call."""

    launcher = 'rpl'

    def __init__(self, node, spin, environment):
        """Take a node, its spin function, and the environment of the graph."""
        self._node, self._spin = node, spin

    def _call(self, kind, name, **fields):
        client = self._node.create_client(kind, name)
        self._spin(client.service_is_ready)
        answer = client.call_async(kind.Request(**fields))
        self._spin(answer.done)
        self._node.destroy_client(client)
        return answer.result()

    def state(self, node):
        """Return the lifecycle state of a node."""
        return self._call(GetState, f'/{node}/get_state').current_state.label

    def transit(self, node, name):
        """Bring a node to another state."""
        number = getattr(Transition, f'TRANSITION_{name.upper()}')
        assert self._call(ChangeState, f'/{node}/change_state',
                          transition=Transition(id=number)).success

    def parameter(self, node, name):
        """Return a text parameter."""
        return self._call(GetParameters, f'/{node}/get_parameters', names=[name]
                          ).values[0].string_value

    def set_parameter(self, node, name, number):
        """Return whether a node takes a parameter, a float."""
        one = Parameter(name=name, value=ParameterValue(type=3, double_value=number))
        return self._call(SetParameters, f'/{node}/set_parameters', parameters=[one]
                          ).results[0].successful


class Commands:
    """The same by the commands of ROS 2."""

    launcher = 'ros2'

    def __init__(self, node, spin, environment):
        """Take the environment of the graph."""
        self._environment = environment

    def _said(self, *words):
        done = subprocess.run([ROS2, *words], capture_output=True, text=True, timeout=60,
                              env=self._environment)
        return done.stdout + done.stderr

    def state(self, node):
        """Return the lifecycle state of a node."""
        return self._said('lifecycle', 'get', f'/{node}').split()[0]

    def transit(self, node, name):
        """Bring a node to another state."""
        assert 'Transitioning successful' in self._said('lifecycle', 'set', f'/{node}', name)

    def parameter(self, node, name):
        """Return a text parameter."""
        return self._said('param', 'get', f'/{node}', name).strip().rpartition(': ')[2]

    def set_parameter(self, node, name, number):
        """Return whether a node takes a parameter, a float."""
        return 'successful' in self._said('param', 'set', f'/{node}', name, str(number))


@contextmanager
def launched(launcher, task, log, environment, *arguments):
    """Yield the process of a launch; it is interrupted, as by Ctrl-C, and waited for."""
    words = {'rpl': [*RPL, 'launch', task],
             'ros2': [ROS2, 'launch', 'rpl_ros', f'{task}.launch.py']}[launcher]
    with open(log, 'w') as file:
        process = subprocess.Popen([*words, 'headless:=true', 'report:=false', *arguments],
                                   stdout=file, stderr=subprocess.STDOUT, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.fixture(params=[Services, pytest.param(Commands, marks=runs)])
def graph(request, tmp_path):
    """Return (launch, tools, domain's environment, spin) for each launcher that there is."""
    domain = free_domain()
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONUNBUFFERED': '1',
                   'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    with listener(domain) as (node, spin):
        tools = request.param(node, spin, environment)

        def launch(task, *arguments):
            return launched(tools.launcher, task, tmp_path / 'launch.log', environment,
                            f'out:={tmp_path / "run"}', *arguments)
        yield launch, tools, environment, spin


def test_a_graph_is_driven_from_outside(graph, tmp_path):
    launch, tools, _, _ = graph
    metrics = tmp_path / 'run/metrics.csv'
    with launch('hook', 'mode:=realtime', 'episodes:=0') as process:
        wait_for_rows(metrics, 2)
        assert tools.parameter('residual_node', 'task') == 'hook'
        # Fixed while the node runs.
        assert not tools.set_parameter('residual_node', 'residual_scale', 0.5)
        assert not tools.set_parameter('residual_node', 'residual_scale', -1.0)
        assert tools.state('sim_node') == 'active'
        tools.transit('sim_node', 'deactivate')
        assert tools.state('sim_node') == 'inactive'
        time.sleep(1.0)  # what was on its way has been written
        rows = len(metrics.read_text().splitlines())
        time.sleep(5.0)  # longer than an episode of hook takes in real time
        assert len(metrics.read_text().splitlines()) == rows
        tools.transit('sim_node', 'activate')
        wait_for_rows(metrics, rows + 1)
        assert process.poll() is None
    # It had no end, and was interrupted: `ros2 launch` calls that a success.
    assert process.returncode == (130 if tools.launcher == 'rpl' else 0)
    text = (tmp_path / 'launch.log').read_text()
    assert 'Traceback' not in text, text
    audit = audit_bag(tmp_path / 'run/bag')
    assert audit.conflicts == audit.out_of_order == 0 and audit.transitions > 100


def test_a_parameter_file_reaches_the_nodes(graph, tmp_path):
    launch, tools, _, _ = graph
    config = yaml.safe_load((share('config') / 'hook.yaml').read_text())
    config['/**']['ros__parameters'].update(horizon=30, episodes=2)
    (tmp_path / 'mine.yaml').write_text(yaml.safe_dump(config))
    with launch('hook', f'params_file:={tmp_path / "mine.yaml"}', 'learn:=false') as process:
        assert process.wait(120) == 0
    audit = audit_bag(tmp_path / 'run/bag')
    assert audit.verdict == FIT and (audit.episodes, audit.steps) == (2, 60)


@runs
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_ros2_bag_records_what_our_recorder_does(tmp_path, storage):
    domain = free_domain()
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain)}
    record = subprocess.Popen(
        [ROS2, 'bag', 'record', '-s', storage, '-o', str(tmp_path / 'bag'), '--topics', '/state',
         '/base_action', '/command', '/task', '/episode_result', '--qos-profile-overrides-path',
         str(share('config') / 'record_qos.yaml')], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    time.sleep(5.0)
    with launched('ros2', 'push', tmp_path / 'launch.log', environment, 'learn:=false',
                  'episodes:=3', f'out:={tmp_path / "run"}') as process:
        assert process.wait(120) == 0
    time.sleep(1.0)
    record.send_signal(signal.SIGINT)
    assert record.wait(60) == 0, record.stdout.read()
    reports, episodes = [], []
    run = yaml.safe_load((tmp_path / 'run/run.yaml').read_text())['run']
    for bag in (tmp_path / 'bag', tmp_path / 'run/bag'):
        reports.append(Report(run=run))
        episodes.append(list(read_episodes(bag, task_spec('push'), reports[-1])))
        assert not reports[-1].damage
    assert len(episodes[0]) == len(episodes[1]) == 3
    for one, other in zip(*episodes):
        assert (one.observations == other.observations).all()
        assert (one.executed == other.executed).all() and one.mode == Mode.BASE
    info = subprocess.run([ROS2, 'bag', 'info', str(tmp_path / 'run/bag')], capture_output=True,
                          text=True, timeout=60)
    assert info.returncode == 0 and 'Count: 153' in info.stdout  # 3 episodes of 51 states


@runs
def test_ros2_bag_play_gives_a_learner_all_of_it(tmp_path):
    domain = free_domain()
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONUNBUFFERED': '1'}
    with launched('ros2', 'push', tmp_path / 'launch.log', environment, 'learn:=false',
                  'episodes:=4', f'out:={tmp_path / "run"}') as process:
        assert process.wait(120) == 0
    log = tmp_path / 'learner.log'
    with open(log, 'w') as file:
        learner = subprocess.Popen(
            [ROS2, 'run', 'rpl_ros', 'learner_node', '--ros-args', '-p', 'task:=push', '-p',
             'hidden_size:=16', '-p', 'batch_size:=32'], env=environment, stdout=file,
            stderr=subprocess.STDOUT, start_new_session=True)
    statuses = []
    with listener(domain) as (node, spin):
        subscribe(node, 'learner_status', statuses.append)
        spin(lambda: 'ready' in log.read_text())
        play = subprocess.Popen([ROS2, 'bag', 'play', '-d', '3', '--disable-keyboard-controls',
                                 str(tmp_path / 'run/bag')], env=environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        spin(lambda: statuses and statuses[-1].transitions == 200, 90.0)
        assert play.wait(60) == 0
    os.killpg(learner.pid, signal.SIGINT)  # as Ctrl-C does: `ros2 run` hands on no signal
    assert learner.wait(60) == 0 and 'Traceback' not in log.read_text(), log.read_text()
