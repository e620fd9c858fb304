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

"""The layers: what each folder may import, read from the source and seen in a fresh process."""

import ast
from collections import Counter
from pathlib import Path
import subprocess
import sys

import pytest
import rpl_ros
from rpl_ros.runs import layout

ROOT = Path(rpl_ros.__file__).parent
# Folder or module -> what of rpl_ros it may import, from the bottom to the top.
MAY_IMPORT = {
    'common': '',
    'data': '',
    'streams': '',
    'contracts': 'data tasks',
    'setup': 'common',
    'tasks': 'common data streams',
    'settings': 'common tasks',
    'controllers': 'common contracts data tasks streams',
    'trained': 'common controllers learning tasks',
    'transitions': 'data tasks',
    'rollout': 'contracts controllers data transitions',
    'policy': 'common data settings tasks streams',
    'bags': 'common data setup tasks transitions',
    'learning': 'bags common data policy runs settings tasks streams transitions',
    'robot': 'data settings tasks streams common',
    'envs': 'data tasks',
    'scene': 'common controllers policy robot settings tasks',
    'runs': 'common controllers policy scene settings tasks',
    'evaluation': 'common contracts controllers data policy rollout runs scene settings tasks',
    'pets': 'common contracts controllers evaluation learning policy tasks streams',
    'launching': 'bags common data learning policy robot runs settings setup tasks',
    'training': 'bags common data evaluation launching learning policy rollout runs scene '
                'settings tasks',
    'reports': 'common contracts data bags evaluation policy rollout runs scene settings tasks',
    'sweeps': 'common runs settings tasks',
    'ros': 'common data robot settings tasks transitions',
    'nodes': 'bags common controllers data launching learning policy robot ros runs settings '
             'streams tasks transitions',
    'cli': 'common settings',
}
ROS = {'rclpy', 'rpl_msgs', 'std_msgs', 'std_srvs', 'rosgraph_msgs', 'builtin_interfaces',
       'rcl_interfaces', 'launch_ros', 'geometry_msgs', 'sensor_msgs', 'diagnostic_msgs',
       'lifecycle_msgs', 'launch'}
# Library -> the only folders and files that may import it.
ONLY_IN = {
    **dict.fromkeys(ROS, 'nodes/ ros/ launching/ros_launch.py setup/doctor.py'),
    'torch': 'learning/ pets/ training/scalars.py',
    'mujoco': 'tasks/ robot/ envs.py reports/video.py setup/doctor.py',
    'gymnasium': 'envs.py tasks/environments.py tasks/environment_server.py '
                 'tasks/gym_task.py tasks/remote_environment.py trained/sb3_policy.py',
    'pyarrow': 'bags/parquet.py',
    'ray': 'sweeps/ray_runs.py',
    'matplotlib': 'common/plotting.py reports/',
    'safetensors': 'policy/tensor_file.py',
    **dict.fromkeys(('stable_baselines3', 'onnxruntime'), 'trained/'),
}
# ROS 1 is on the robot's own computer alone. Some of its messages are named as those of ROS 2.
ROS1 = {'rospy', 'roslib', 'actionlib', 'control_msgs', 'fetch_driver_msgs'}
LARGEST_SHARE = 0.15  # of the lines, in one folder


def modules():
    """Return {module name without rpl_ros: path} of all that is installed."""
    return {'.'.join(path.relative_to(ROOT).with_suffix('').parts): path
            for path in ROOT.rglob('*.py')}


MODULES = modules()


def imports(path):
    """Return the full names of all modules that a source file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{path}: relative import'
            names = {f'{node.module}.{alias.name}' for alias in node.names}
            found |= {name if name.removeprefix('rpl_ros.') in MODULES else node.module
                      for name in names}
    return found


def ours(path):
    """Return what a file imports of rpl_ros, as keys of MODULES."""
    names = {name.removeprefix('rpl_ros.') for name in imports(path) if name.startswith('rpl_ros')}
    return {name if name in MODULES else f'{name}.__init__' for name in names} & set(MODULES)


def folder(module):
    """Return the folder or module at the top of rpl_ros that a key of MODULES lies in."""
    return module.partition('.')[0]


def circle(graph):
    """Return a list of names that lead back to the first one, or None; `graph` is {name: set}."""
    done = set()

    def visit(name, path):
        if name in path:
            return path[path.index(name):]
        if name in done:
            return None
        done.add(name)
        return next(filter(None, (visit(other, [*path, name]) for other in graph[name])), None)
    return next(filter(None, (visit(name, []) for name in graph)), None)


def test_every_folder_has_a_rule_and_no_rule_is_left_over():
    assert set(map(folder, MODULES)) - {'__init__'} == set(MAY_IMPORT)


@pytest.mark.parametrize('place', MAY_IMPORT)
def test_a_folder_imports_what_is_below_it_alone(place):
    allowed, used = set(MAY_IMPORT[place].split()), set()
    for name in filter(lambda name: folder(name) == place, MODULES):
        for other in map(folder, ours(MODULES[name])):
            assert other in allowed | {place, '__init__'}, f'{name} imports {other}'
            used.add(other)
    assert allowed <= used, f'{place} needs no {allowed - used}: remove it from MAY_IMPORT'


def test_no_imports_go_in_a_circle():
    files = {name: ours(path) - {name, '__init__'} for name, path in MODULES.items()}
    assert circle(files) is None
    folders = {place: set() for place in {*MAY_IMPORT, '__init__'}}
    for name, used in files.items():
        folders[folder(name)] |= set(map(folder, used)) - {folder(name)}
    assert circle(folders) is None
    assert circle({'a': {'b'}, 'b': {'c'}, 'c': {'b'}}) == ['b', 'c']


def test_tests_take_nothing_from_the_benchmarks():
    tree = Path(__file__).parent
    benchmarks = tree / 'benchmarks'
    bad = [str(path.relative_to(tree)) for path in sorted(tree.rglob('*.py'))
           if benchmarks not in path.parents and any(
               name.split('.')[0] == 'benchmarks' for name in imports(path))]
    assert not bad


def test_no_folder_holds_most_of_the_lines():
    lines = Counter()
    for name, path in MODULES.items():
        lines[folder(name)] += len(path.read_text().splitlines())
    place, most = lines.most_common(1)[0]
    assert most <= LARGEST_SHARE * lines.total(), f'{place} has {most} of {lines.total()} lines'


@pytest.mark.parametrize('library', ONLY_IN)
def test_a_library_is_imported_in_few_places(library):
    places = tuple(ONLY_IN[library].split())
    for path in MODULES.values():
        if library in {name.partition('.')[0] for name in imports(path)}:
            assert str(path.relative_to(ROOT)).startswith(places), path


def test_the_files_for_the_computer_of_the_robot_need_nothing_but_ros_1():
    paths = sorted((ROOT.parent / 'docs' / 'fetch_ros1').glob('*.py'))
    assert [path.stem for path in paths] == ['fetch_relay', 'fetch_watchdog']
    for path in [*MODULES.values(), *paths]:
        names = {name.partition('.')[0] for name in imports(path)}
        assert not names & ROS1 or path.stem == 'fetch_relay'
        assert path not in paths or names <= {
            *sys.stdlib_module_names, *ROS1, 'geometry_msgs', 'std_msgs', 'diagnostic_msgs',
            'fetch_watchdog'}, path


def test_only_the_planning_controller_reaches_for_the_simulator():
    for name in filter(lambda name: folder(name) == 'controllers', MODULES):
        reached = {other for other in ours(MODULES[name]) if folder(other) == 'tasks'}
        reached -= {'tasks.specs'}  # no simulator
        assert bool(reached) == (name == 'controllers.discrete_mpc_push'), f'{name}: {reached}'


@pytest.mark.parametrize('module', ['rpl_ros.robot.safety.stage', 'rpl_ros.robot.contract',
                                    'rpl_ros.nodes.residual_node',
                                    'rpl_ros.nodes.base_controller_node',
                                    'rpl_ros.tasks.push', 'rpl_ros.tasks.pick_and_place',
                                    'rpl_ros.tasks.hook', 'rpl_ros.tasks.mbrl_pusher'])
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


def test_the_names_of_the_files_of_a_run_folder_are_written_once():
    names = {layout.CONFIG, layout.RUN, layout.METRICS, layout.EVALUATION, layout.SUMMARY,
             layout.CHECKPOINTS, layout.SWEEP_LOG}
    found = {f'{name}: {node.value}' for name, path in MODULES.items()
             for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Constant) and node.value in names}
    assert found == {f'runs.layout: {name}' for name in names}


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
