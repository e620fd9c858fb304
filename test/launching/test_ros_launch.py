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

"""The launch files: read as text everywhere, run where launch_ros and the package are."""

import ast
from importlib.util import module_from_spec, spec_from_file_location
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest
from ros_tools import HAS_LAUNCH, ROS2, runs, wait_for_rows
from rpl_ros.launching import graph
from rpl_ros.tasks.specs import TASKS

OWN_TASK = 'own_task'
ROOT = Path(__file__).resolve().parents[2]


def imported(path):
    """Return the top-level names of all modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.split('.')[0] for name in names}


def test_there_is_a_launch_file_for_each_task():
    """Task and file have the same name."""
    assert {path.name for path in (ROOT / 'launch').glob('*.py')} == {
        f'{task}.launch.py' for task in (*TASKS, OWN_TASK)}


@pytest.mark.parametrize('task', [*TASKS, OWN_TASK])
def test_launch_files_only_hand_over(task):
    """A launch file imports our description and passes its own task."""
    path = ROOT / f'launch/{task}.launch.py'
    assert imported(path) == {'rpl_ros'}
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert [call.args[0].value for call in calls] == [task]


def test_only_launch_is_needed():
    """The launch description needs launch and launch_ros beside ourselves, no rclpy."""
    names = imported(ROOT / 'rpl_ros/launching/ros_launch.py') - set(sys.stdlib_module_names)
    assert names == {'launch', 'launch_ros', 'rpl_ros'}


@pytest.mark.skipif(not HAS_LAUNCH, reason='launch_ros is not installed')
@pytest.mark.parametrize('task', [*TASKS, OWN_TASK])
def test_description(task):
    """Every argument is declared with its default, description and choices."""
    from launch.actions import DeclareLaunchArgument
    spec = spec_from_file_location('launch_file', ROOT / f'launch/{task}.launch.py')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    declared = {entity.name: entity for entity in module.generate_launch_description().entities
                if isinstance(entity, DeclareLaunchArgument)}
    assert (declared.pop('task', None) is not None) == (task == OWN_TASK)
    for argument in graph.describe('complex_hook' if task == OWN_TASK else task).arguments:
        entity = declared.pop(argument.name)
        assert argument.description in entity.description
        assert tuple(entity.choices or ()) == argument.choices
    assert not declared


def ros2_launch(*words):
    """Start `ros2 launch` for the hook task."""
    return subprocess.Popen(
        [ROS2, 'launch', 'rpl_ros', 'hook.launch.py', 'headless:=true', 'report:=false', *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, 'ROS_DOMAIN_ID': '74'})


@runs
def test_complete(tmp_path):
    """Two episodes end with 0, and all nodes end cleanly."""
    done = ros2_launch('episodes:=2', f'out:={tmp_path / "run"}')
    said = done.communicate(timeout=120)[0]
    assert done.returncode == 0, said
    assert said.count('process has finished cleanly') == 6
    assert 'too short to use the residual' in said and 'more than episodes:=' in said
    assert len((tmp_path / 'run/metrics.csv').read_text().splitlines()) == 3


@runs
def test_death(tmp_path):
    """The death of a node is reported by name and ends the launch with 1."""
    launched = ros2_launch(f'out:={tmp_path / "run"}')
    wait_for_rows(tmp_path / 'run/metrics.csv', 2)
    found = subprocess.run(['pgrep', '-f', f'residual_node .*{tmp_path}'], capture_output=True,
                           text=True, check=True)
    os.kill(int(found.stdout.split()[0]), signal.SIGSEGV)
    said = launched.communicate(timeout=60)[0]
    assert launched.returncode == 1
    assert 'residual_node died (killed by SIGSEGV): ending the graph' in said


@runs
def test_interrupt(tmp_path):
    """Ctrl-C ends all nodes and says how to get the report; sim_node was not done."""
    launched = ros2_launch(f'out:={tmp_path / "run"}')
    wait_for_rows(tmp_path / 'run/metrics.csv', 2)
    launched.send_signal(signal.SIGINT)
    said = launched.communicate(timeout=60)[0]
    assert said.count('process has finished cleanly') == 5, said
    assert 'process has died' in said and 'exit code 130' in said
    assert f'rpl report {tmp_path / "run"}' in said


@runs
@pytest.mark.parametrize('word, part', [
    ('epsiodes:=3', "did you mean 'episodes'"), ('mode:=fast', 'lockstep'),
    ('episodes:=x', 'whole number')])
def test_mistakes(word, part):
    """A mistake starts nothing and ends with 1."""
    done = ros2_launch(word)
    said = done.communicate(timeout=60)[0]
    assert done.returncode == 1 and part in said and 'process started' not in said


@runs
def test_sigterm_leaves_no_node(tmp_path):
    """`ros2 launch` dies of it at once; the nodes notice."""
    launched = ros2_launch(f'out:={tmp_path / "run"}')
    wait_for_rows(tmp_path / 'run/metrics.csv', 2)
    launched.terminate()
    launched.wait(30)
    until = time.monotonic() + 30
    while subprocess.run(['pgrep', '-f', str(tmp_path)], capture_output=True).stdout:
        assert time.monotonic() < until, 'a node is left'
        time.sleep(0.2)


INCLUDING = """
from launch import LaunchDescription
from launch.actions import ExecuteProcess, GroupAction, IncludeLaunchDescription
from launch_ros.actions import PushROSNamespace

def included(namespace, **arguments):
    return GroupAction([PushROSNamespace(namespace), IncludeLaunchDescription(
        '{path}',
        launch_arguments={{'headless': 'true', 'report': 'false', **arguments}}.items())])

def generate_launch_description():
    return LaunchDescription([{actions}])
"""


def launch_file(folder, actions):
    """Write a user's launch file that includes ours; return the words that start it."""
    path = folder / 'mine.launch.py'
    path.write_text(INCLUDING.format(path=ROOT / 'launch/hook.launch.py', actions=actions))
    return [ROS2, 'launch', str(path)]


@runs
def test_two_graphs_in_one_launch_file(tmp_path):
    """Each in a namespace, with parameters that reach it; the first to end leaves the other."""
    words = launch_file(tmp_path, ', '.join(
        f"included('{name}', out='{tmp_path / name}', episodes='{episodes}')"
        for name, episodes in (('robot1', 1), ('robot2', 4))))
    done = subprocess.run(words, capture_output=True, text=True, timeout=120,
                          env={**os.environ, 'ROS_DOMAIN_ID': '75'})
    assert done.returncode == 0, done.stdout
    for name, episodes in (('robot1', 1), ('robot2', 4)):
        rows = (tmp_path / name / 'metrics.csv').read_text().splitlines()
        assert len(rows) == 1 + episodes
        assert f'[{name}.sim_node]: all {episodes} episodes are done' in done.stdout


@runs
def test_a_mistake_in_an_included_file_leaves_no_process_of_the_user(tmp_path):
    """The driver beside it is ended as well."""
    words = launch_file(tmp_path, "ExecuteProcess(cmd=['sleep', '4321']), "
                        "included('robot1', episodes='x')")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'ROS_DOMAIN_ID': '75'})
    assert done.returncode == 1 and 'whole number' in done.stdout + done.stderr
    assert not subprocess.run(['pgrep', '-f', 'sleep 4321'], capture_output=True).stdout
