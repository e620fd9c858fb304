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

"""The layer rule: who may import what, read from the source and seen in a fresh process."""

import ast
from pathlib import Path
import subprocess
import sys

import pytest

import rpl_ros

ROOT = Path(rpl_ros.__file__).parent
ROS = {'rclpy', 'rpl_msgs', 'std_msgs', 'std_srvs', 'rosgraph_msgs', 'builtin_interfaces',
       'rcl_interfaces', 'launch', 'launch_ros', 'geometry_msgs', 'sensor_msgs',
       'diagnostic_msgs', 'lifecycle_msgs'}
# ROS 1 is on the robot's own computer alone. Some of its messages are named as those of ROS 2.
ROS1 = {'rospy', 'roslib', 'actionlib', 'control_msgs', 'fetch_driver_msgs'}
# Folder or module -> what it must not import. '' is everything in rpl_ros.
FORBIDDEN = {
    'data.py': ROS | {'torch', 'mujoco', 'yaml'},
    'rewards.py': ROS | {'torch', 'mujoco'},
    'transitions.py': ROS | {'torch', 'mujoco'},
    'convert.py': ROS | {'torch', 'mujoco'},
    'config.py': ROS | {'torch', 'mujoco'},
    'config_robot.py': ROS | {'torch', 'mujoco'},
    'ros1': {'rclpy', 'rpl_msgs', 'rpl_ros', 'numpy', 'torch', 'mujoco', 'yaml'},
    'policy': ROS | {'torch', 'mujoco'},
    'controllers': ROS | {'torch', 'mujoco'},
    'tasks': ROS | {'torch'},
    'robot': ROS | {'torch', 'rpl_ros.nodes', 'rpl_ros.learning', 'rpl_ros.experiments',
                    'rpl_ros.envs'},
    'bags': ROS | {'torch', 'mujoco', 'rpl_ros.nodes', 'rpl_ros.learning', 'rpl_ros.experiments',
                   'rpl_ros.launching'},
    'envs.py': ROS | {'torch', 'rpl_ros.nodes', 'rpl_ros.learning', 'rpl_ros.experiments'},
    'learning': ROS | {'mujoco', 'rpl_ros.tasks.fetch', 'rpl_ros.tasks.fetch_task',
                       'rpl_ros.tasks.hook', 'rpl_ros.tasks.block', 'rpl_ros.envs',
                       'rpl_ros.nodes', 'rpl_ros.experiments'},
    'pets': ROS | {'mujoco', 'rpl_ros.tasks.mbrl_pusher', 'rpl_ros.nodes', 'rpl_ros.experiments'},
    'experiments': ROS | {'rpl_ros.nodes'},
    'nodes/residual_node.py': {'torch', 'mujoco'},
    'nodes/base_controller_node.py': {'torch', 'mujoco'},
}


def imports(path):
    """Return the full names of all modules that a source file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = '.'.join(['rpl_ros', *path.relative_to(ROOT).parts[:-1]])
            module = node.module or ''
            if node.level:
                module = '.'.join(package.split('.')[:1 - node.level or None] + [module])
            found |= {module.rstrip('.')} | {f'{module}.{alias.name}' for alias in node.names}
    return found


def sources(place):
    """Return the source files at a folder or module of rpl_ros."""
    path = ROOT / place
    assert path.exists(), f'{place} is gone: mend FORBIDDEN'
    return sorted(path.rglob('*.py')) if path.is_dir() else [path]


@pytest.mark.parametrize('place', FORBIDDEN)
def test_no_layer_imports_what_is_above_it(place):
    for path in sources(place):
        for name in imports(path):
            for banned in FORBIDDEN[place]:
                assert name != banned and not name.startswith(banned + '.'), (
                    f'{path.relative_to(ROOT)} imports {name}')


def test_only_nodes_import_rclpy():
    allowed = ('nodes/', 'launching/ros_launch.py', 'doctor.py', 'experiments/bench',
               'ros1/fetch_relay.py')
    for path in ROOT.rglob('*.py'):
        place = str(path.relative_to(ROOT))
        if not place.startswith(allowed):
            assert not {name.split('.')[0] for name in imports(path)} & ROS, place


def test_only_the_relay_on_the_robot_imports_ros_1():
    users = {path.name for path in ROOT.rglob('*.py')
             if {name.partition('.')[0] for name in imports(path)} & ROS1}
    assert users == {'fetch_relay.py'}


def test_only_the_planning_controller_reaches_for_the_simulator():
    for path in sources('controllers'):
        reached = {name for name in imports(path) if name.startswith('rpl_ros.tasks')}
        assert bool(reached) == (path.stem == 'discrete_mpc_push'), f'{path.name}: {reached}'


def test_only_the_environments_and_their_benchmark_need_gymnasium():
    users = {path.name for path in ROOT.rglob('*.py') if 'gymnasium' in imports(path)}
    assert users == {'envs.py', 'bench_tasks.py'}  # which compares them with others


def test_only_the_export_needs_pyarrow():
    users = {path.name for path in ROOT.rglob('*.py')
             if {name.partition('.')[0] for name in imports(path)} & {'pyarrow', 'pandas'}}
    assert users == {'parquet.py'}


@pytest.mark.parametrize('module', ['rpl_ros.robot.safety', 'rpl_ros.robot.contract',
                                    'rpl_ros.nodes.residual_node',
                                    'rpl_ros.nodes.base_controller_node'])
def test_the_robot_side_runs_without_torch_and_mujoco(module):
    code = (f'import sys, {module}; '
            'print(sorted({"torch", "mujoco"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith('[]'), done.stdout


def test_no_module_or_class_defines_a_name_twice():
    for path in ROOT.rglob('*.py'):
        for scope in ast.walk(ast.parse(path.read_text())):
            if isinstance(scope, (ast.Module, ast.ClassDef)):
                names = [part.name for part in scope.body
                         if isinstance(part, (ast.FunctionDef, ast.ClassDef))]
                assert len(names) == len(set(names)), (path, scope, sorted(names))


def opens_text_by_locale(call):
    """Return whether a call opens a text file in the encoding of the machine's locale."""
    name = getattr(call.func, 'attr', getattr(call.func, 'id', ''))
    constants = [part.value for part in (*call.args, *(word.value for word in call.keywords))
                 if isinstance(part, ast.Constant)]
    given = {word.arg for word in call.keywords}
    other = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in ('os', 'bag')
    binary = name == 'open' and any(isinstance(one, str) and 'b' in one for one in constants)
    return name in ('open', 'read_text', 'write_text') and not (
        given & {'encoding', None} or other or binary)


def test_text_files_are_utf8_whatever_the_locale():
    found = [f'{path.name}:{node.lineno}' for path in ROOT.rglob('*.py')
             for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
             if isinstance(node, ast.Call) and opens_text_by_locale(node)]
    assert not found
