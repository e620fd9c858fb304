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

"""How nodes begin and end: exit codes, help, parameters, signals, launchers that die."""

from contextlib import suppress
from dataclasses import fields
import os
import re
import signal
import subprocess
import sys

from graph_tools import free_domain, nodes
import pytest
from rpl_ros.bags.reader import read_messages
from rpl_ros.common.assets import share
from rpl_ros.common.discovery import SETTINGS as DISCOVERY
from rpl_ros.ros.node_help import SETTINGS
from rpl_ros.ros.running import CALLBACK_TIMEOUT
from sweep_tools import read_until, wait_for

pytestmark = pytest.mark.graph

NODE = """
import os
import signal
import time
from rpl_msgs.msg import LearnerStatus
from rpl_ros.settings.nodes import DashboardSettings
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import publisher
from rpl_ros.ros.running import run_node

class Late(RplNode):
    def __init__(self):
        super().__init__('dashboard_node', DashboardSettings)
        self.sender = publisher(self, 'learner_status')
        self.create_timer(0.01, self.on_timer)

    def on_timer(self):
        {what}
        self.sender.publish(LearnerStatus())
        print('the callback has ended', flush=True)

    def close(self):
        self.sender.publish(LearnerStatus())
        print('closed', flush=True)

raise SystemExit(run_node(Late, ends={ends}, interruptible={interruptible}))
"""
STOP = 'os.kill(os.getpid(), signal.{}); time.sleep({})'


def run_late(what, ends=False, interruptible=True):
    """Return the finished process of a node that does `what` in a callback."""
    code = NODE.format(what=what, ends=ends, interruptible=interruptible)
    return subprocess.run(
        [sys.executable, '-c', code, '--ros-args', '-p', 'seed:=1'], capture_output=True,
        text=True, timeout=60, env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})


@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM'])
@pytest.mark.parametrize('ends, code', [(False, 0), (True, 130)])
def test_a_signal_in_a_callback_lets_it_end_and_the_node_publish(name, ends, code):
    done = run_late(STOP.format(name, 0.3), ends)
    assert (done.returncode, done.stderr) == (code, '')
    assert done.stdout == 'the callback has ended\nclosed\n'


def test_a_second_signal_at_the_end_of_python_does_not_change_the_exit_code():
    # Objects of a module are deleted after Python has restored the handlers of signals.
    late = ('; sys.modules["late"] = type("Late", (), {"__del__": lambda self, kill=os.kill, '
            'me=os.getpid(): kill(me, 15)})()')
    done = run_late('import sys; ' + STOP.format('SIGTERM', 0.0) + late, ends=True)
    assert done.returncode == 130


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_node_is_imported_ends_it_without_a_traceback(tmp_path, number):
    # The first import of the node waits for ever, as a slow disk does for a while.
    (tmp_path / 'numpy.py').write_text('print("imports", flush=True)\nimport time\n'
                                       'time.sleep(60)\n')
    path = os.pathsep.join([str(tmp_path), *sys.path])
    node = subprocess.Popen([sys.executable, '-m', 'rpl_ros.nodes.base_controller_node'],
                            env={**os.environ, 'PYTHONPATH': path}, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    assert node.stdout.readline() == 'imports\n'
    node.send_signal(number)
    assert node.wait(timeout=60) == 130 and not node.stderr.read()


@pytest.mark.parametrize('interruptible, printed', [
    (True, 'closed\n'), (False, 'the callback has ended\nclosed\n')])
def test_a_callback_that_blocks_is_interrupted_unless_it_writes_a_file(interruptible, printed):
    done = run_late(STOP.format('SIGINT', CALLBACK_TIMEOUT + 1.0), interruptible=interruptible)
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, '')


def test_an_error_in_a_callback_ends_the_node_with_1():
    done = run_late('raise ValueError("an error of its own")')
    assert done.returncode == 1 and 'an error of its own' in done.stderr
    assert done.stdout == 'closed\n'


LAST = """
import time
from rpl_msgs.msg import State
from rpl_ros.settings.nodes import DashboardSettings
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import publisher
from rpl_ros.ros.running import run_node

class Last(RplNode):
    def __init__(self):
        super().__init__('dashboard_node', DashboardSettings)
        self.states = publisher(self, 'state')
        self.create_timer(0.01, self.on_timer)

    def on_timer(self):
        if self.done or not self.states.get_subscription_count():
            return
        time.sleep(1.0)  # until the reader has found this node, too
        print('found', flush=True)
        input()
        for step in range(500):
            self.states.publish(State(run='r', step=step, observation=[0.5] * 2000))
        self.done = True

raise SystemExit(run_node(Last))
"""


def test_a_node_that_is_done_waits_until_a_slow_reader_has_its_last_messages(tmp_path):
    domain = free_domain()
    with nodes(domain, tmp_path, recorder_node={'task': 'push', 'run': 'r',
                                                'out': tmp_path / 'bag'}) as started:
        reader = started['recorder_node']
        sender = subprocess.Popen(
            [sys.executable, '-c', LAST, '--ros-args', '-p', 'seed:=1'], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)})
        assert sender.stdout.readline() == 'found\n'
        reader.send_signal(signal.SIGSTOP)
        sender.stdin.write('\n')
        sender.stdin.flush()
        with suppress(subprocess.TimeoutExpired):
            sender.wait(timeout=2)  # 8 MB are more than all buffers hold
        reader.send_signal(signal.SIGCONT)
        assert sender.wait(timeout=60) == 0
    found = [message.item.step for message in read_messages(tmp_path / 'bag', ['state'])]
    assert found == list(range(500))


@pytest.mark.parametrize('code', [0, 1])
def test_a_node_leaves_with_its_code_where_the_shutdown_hangs_with_pythons_lock(code):
    hanging = ('import ctypes\n'
               'from rpl_ros.ros.exit_timeout import leave_in_time\n'
               f'leave_in_time({code}, 1.0)\n'
               'ctypes.PyDLL(None).sleep(60)\n')  # a PyDLL keeps the lock, unlike a CDLL
    done = subprocess.run([sys.executable, '-c', hanging], capture_output=True, text=True,
                          timeout=50)
    assert done.returncode == code
    assert 'Timeout (0:00:00.5' in done.stderr and 'File "<string>", line 4' in done.stderr


def start(name, *words, **environment):
    """Run a node to its end; return the finished process."""
    return subprocess.run(
        [sys.executable, '-m', f'rpl_ros.nodes.{name}', *words], capture_output=True, text=True,
        timeout=60, env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain()), **environment})


@pytest.mark.parametrize('words, environment, parts', [
    (['--ros-args', '--params-file', 'nowhere.yaml'], {}, ['nowhere.yaml']),
    (['--ros-args', '--no-such-flag'], {}, ['--no-such-flag']),
    (['--no-such-flag'], {}, ["unknown argument '--no-such-flag'"]),
    (['--ros-args', '-r', 'bad'], {}, ['-r bad']),
    (['--ros-args', '-p', 'task:=push'], {'ROS_DOMAIN_ID': 'abc'}, ['ROS_DOMAIN_ID']),
    ([], {}, ['/residual_node: no parameter was given', '--params-file'])])
def test_a_node_that_cannot_begin_says_why_and_ends_with_2(words, environment, parts):
    done = start('residual_node', *words, **environment)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1 and all(part in errors[0] for part in parts), done.stderr


@pytest.mark.parametrize('name', SETTINGS)
def test_help_starts_nothing(name):
    done = start(name, '--help')
    assert done.returncode == 0 and done.stdout.startswith(f'usage: ros2 run rpl_ros {name}')
    for spec in fields(SETTINGS[name]):
        assert f'  {spec.name} (default: ' in done.stdout


def limits_file(section):
    """Return the text of the Fetch's contract under another section, without a residual."""
    text = (share('config') / 'robot' / 'fetch.yaml').read_text()
    text = text.replace('/**/fetch_adapter_node:', f'{section}:')
    return (text.replace('max_residual: 0.3', 'max_residual: 0.0')
            + '/**:\n  ros__parameters: {seed: 1}\n')


@pytest.mark.parametrize('section, remap, right', [
    ('fetch_adapter_node', '__ns:=/robot1', False),
    ('/robot2/fetch_adapter_node', '__ns:=/robot1', False),
    ('fetch_adapter_node', '__node:=adapter', False),
    ('/**/fetch_adapter_node', '__ns:=/robot1', True),
    ('/robot1/fetch_adapter_node', '__ns:=/robot1', True),
    ('/*/fetch_adapter_node', '__ns:=/robot1', True),
    ('fetch_adapter_node', 'state:=state', True)])
def test_a_limit_in_a_file_applies_or_the_node_refuses(tmp_path, section, remap, right):
    path = tmp_path / 'limits.yaml'
    path.write_text(limits_file(section))
    program = ('from rpl_ros.nodes.fetch_adapter_node import FetchAdapterNode as Node\n'
               'from rpl_ros.ros.running import run_node\n'
               'Node.start = lambda self: print("limit", self.settings.max_residual) '
               'or setattr(self, "done", True)\n'
               'raise SystemExit(run_node(Node))')
    done = subprocess.run(
        [sys.executable, '-c', program, '--ros-args', '--params-file', path, '-r', remap],
        capture_output=True, text=True, timeout=60,
        env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})
    if right:
        assert done.returncode == 0 and 'limit 0.0' in done.stdout, done.stderr
    else:
        assert done.returncode == 2 and f'{section!r} does not apply to the node' in done.stderr


def test_a_dumped_file_and_remapped_topics_are_used(tmp_path):
    """As `ros2 param dump` writes it; -r state:=my_state, by the recorder, too."""
    (tmp_path / 'dumped.yaml').write_text(
        '/recorder_node:\n  ros__parameters:\n    task: push\n'
        f'    out: {tmp_path / "bag"}\n    start_type_description_service: true\n'
        '    use_sim_time: false\n    qos_overrides: {/clock: {subscription: {depth: 1}}}\n')
    node = subprocess.Popen(
        [sys.executable, '-m', 'rpl_ros.nodes.recorder_node', '--ros-args', '--params-file',
         tmp_path / 'dumped.yaml', '-r', 'state:=my_state'],
        env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})
    wait_for(lambda: node.poll() is not None or (tmp_path / 'bag/metadata.yaml').exists())
    node.send_signal(signal.SIGINT)
    assert node.wait(30) == 0
    text = (tmp_path / 'bag/metadata.yaml').read_text()
    assert 'name: /my_state' in text and 'rpl_ros.task: push' in text


def test_an_interrupted_simulator_is_no_complete_run():
    node = subprocess.Popen([sys.executable, '-m', 'rpl_ros.nodes.sim_node', '--ros-args', '-p',
                             'task:=push'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})
    read_until(node, 'is ready')
    node.send_signal(signal.SIGINT)
    assert node.wait(30) == 130


def test_a_node_ends_with_its_launcher(tmp_path):
    """As a node of a launch whose process was killed: it has no parent any more."""
    program = ('import os, subprocess, sys, time\n'
               'os.environ["RPL_LAUNCHER"] = str(os.getpid())\n'
               'node = subprocess.Popen([sys.executable, "-m", "rpl_ros.nodes.residual_node",\n'
               '                         "--ros-args", "-p", "task:=push"], stderr=open(1, "w"))\n'
               'print("child", node.pid, flush=True)\n'
               'time.sleep(60)')
    launcher = subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE, text=True,
                                env={**os.environ, 'ROS_DOMAIN_ID': str(free_domain())})
    said = read_until(launcher, 'ready')
    launcher.kill()
    said += launcher.stdout.read()  # ends when the node has ended
    assert 'the launcher has ended: this node ends too' in said


def test_nothing_leaves_the_machine_by_default():
    """A node that is open to the subnet joins a multicast group; the others do not."""
    def groups(**environment):
        program = ('import rclpy\nfrom rpl_ros.common.discovery import local_by_default\n'
                   'local_by_default()\nrclpy.init()\nnode = rclpy.create_node("some")\n'
                   'print(open("/proc/net/igmp").read())')
        clean = {name: value for name, value in os.environ.items() if name not in DISCOVERY}
        done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                              timeout=60, check=True, env={
                                  **clean, 'ROS_DOMAIN_ID': str(free_domain()), **environment})
        # 239.255.0.1, the group of DDS discovery, as the kernel writes it
        blocks = re.split(r'\n(?=\d)', done.stdout)
        return {block.split()[1] for block in blocks if '0100FFEF' in block}
    assert groups(ROS_AUTOMATIC_DISCOVERY_RANGE='SUBNET')
    assert not groups()
