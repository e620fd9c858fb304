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

"""The set-up's checks and decisions; the set-up itself is what `make test` begins with."""
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest
from rpl_ros.setup import bootstrap, message_build, prerequisites as pre

ROOT = Path(__file__).resolve().parents[2]
SOURCED = {'ROS_DISTRO': 'jazzy', 'AMENT_PREFIX_PATH': '/opt/ros/jazzy'}


@pytest.mark.parametrize('version', [(3, 10), (3, 11, 2), (3, 12), (3, 13)])
def test_supported_python(version):
    assert pre.check_python(version).level == pre.OK


@pytest.mark.parametrize('version', [(3, 6), (3, 9, 18), (3, 14)])
def test_unsupported_python_gets_one_line(version):
    finding = pre.check_python(version)
    assert finding.level == pre.FAIL
    assert 'PYTHON=' in finding.line() and '\n' not in finding.line()


def test_old_python_can_read_the_files():
    # A Python that is too old must come as far as the message that says so.
    import ast
    for name in ('bootstrap', 'prerequisites', 'message_build', '__init__'):
        text = (ROOT / 'rpl_ros' / 'setup' / f'{name}.py').read_text()
        ast.parse(text, feature_version=(3, 6))


def test_missing_compiler_gets_one_line(tmp_path):
    finding = pre.check_compiler({'PATH': str(tmp_path)})
    assert finding.level == pre.FAIL
    assert finding.line() == 'FAIL no C++ compiler: apt-get install g++'


def test_compiler_named_by_cxx_with_options(tmp_path):
    compiler = tmp_path / 'mycc'
    compiler.write_text('#!/bin/sh\n')
    compiler.chmod(0o755)
    finding = pre.check_compiler({'PATH': str(tmp_path), 'CXX': 'mycc -O2'})
    assert finding.level == pre.OK and str(compiler) in finding.what


def test_missing_headers_disk_and_venv_get_one_line(tmp_path, monkeypatch):
    assert 'python3-dev' in pre.check_headers(str(tmp_path)).line()
    assert pre.check_disk(tmp_path, needed=1e9).level == pre.FAIL
    monkeypatch.setattr(pre.importlib.util, 'find_spec', lambda name: None)
    assert 'apt-get install python3-venv' in pre.check_venv().line()


def test_missing_egl_is_only_a_warning():
    def load(name):
        raise OSError(name)
    finding = pre.check_egl(load)
    assert finding.level == pre.WARN and 'apt-get install libegl1 libgl1' in finding.line()


@pytest.mark.parametrize('environ, has_rclpy, source', [
    ({}, False, 'pypi'),
    ({}, True, 'pypi'),                      # rclpy of another virtual environment
    ({'ROS_DISTRO': 'jazzy'}, True, 'pypi'),
    ({'ROS_DISTRO': '', 'AMENT_PREFIX_PATH': ''}, True, 'pypi'),
    (SOURCED, True, 'distribution'),
    (SOURCED, False, 'mismatch'),
])
def test_where_ros_comes_from(environ, has_rclpy, source):
    assert pre.ros_source(environ, has_rclpy) == source
    assert (pre.check_ros(environ, has_rclpy).level == pre.FAIL) == (source == 'mismatch')


def test_a_distribution_that_was_asked_for_is_the_one_that_is_sourced():
    assert pre.check_ros(SOURCED, True, 'jazzy').level == pre.OK
    finding = pre.check_ros(SOURCED, True, 'kilted')
    assert finding.level == pre.FAIL and 'ROS 2 jazzy is sourced, not kilted' in finding.line()
    assert 'ROS 2 jazzy from PyPI' in pre.check_ros({}, False, 'jazzy').line()


@pytest.mark.parametrize('ros, folder', [('', '.venv'), ('kilted', '.venv'),
                                         ('jazzy', '.venv_jazzy')])
def test_each_distribution_has_a_folder_of_its_own(ros, folder):
    assert pre.venv_name(ros) == folder
    shown = subprocess.check_output(['make', '-n', 'test', f'ROS={ros}'], cwd=ROOT, text=True)
    assert f'\n{folder}/bin/python -m pytest' in shown


def test_requirements_without_distribution_have_ros():
    build, others = bootstrap.requirements(pre.read_pins(), False)
    assert any(pin.startswith('ninja==') for pin in build)
    assert any(pin.startswith('ros-rclpy') for pin in others)
    others = bootstrap.requirements(pre.read_pins(), False, 'jazzy')[1]
    assert any(pin.startswith('ros-jazzy-rclpy') for pin in others)
    assert not any(pin.startswith('ros-rclpy') for pin in others)


def test_requirements_with_distribution_take_nothing_that_it_has():
    own = {'numpy': '1.26.4', 'pyyaml': '6.0.1'}
    build, others = bootstrap.requirements(pre.read_pins(), True, has='cmake'.__eq__,
                                           version=own.get)
    assert not any(pin.startswith(('ros-', 'catkin')) for pin in others)
    assert [pin for pin in others if pin.startswith(('numpy', 'pyyaml'))] == [
        'numpy==1.26.4', 'pyyaml==6.0.1']
    assert {pin.split('==')[0] for pin in build} == {'ninja', 'setuptools'}


@pytest.mark.parametrize('log, says', [
    ('NewConnectionError: Temporary failure in name resolution', 'PIP_INDEX_URL'),
    ('ERROR: No matching distribution found for numpy==9', 'setup.cfg'),
    ('OSError: [Errno 28] No space left on device', 'disk is full'),
    ('fatal error: Python.h: No such file', 'python3-dev'),
    ('something else', 'see the log'),
])
def test_failures_are_explained(log, says):
    assert says in bootstrap.explain(log) and '\n' not in bootstrap.explain(log)


def test_failed_command_shows_the_end_of_its_output(tmp_path):
    with pytest.raises(bootstrap.SetUpError, match='line 99') as caught:
        bootstrap.Environment(tmp_path).run(
            [sys.executable, '-c',
             'for i in range(100): print("line", i)\nraise SystemExit(3)'])
    assert 'line 3\n' not in str(caught.value) and 'setup.log' in str(caught.value)


def test_exports_of_the_wheels_are_repaired_once(tmp_path):
    file = tmp_path / 'share' / 'std_msgs' / 'cmake' / 'export.cmake'
    file.parent.mkdir(parents=True)
    lib = '/opt/python/cp312-cp312/lib/python3.12/site-packages/numpy/_core/include'
    file.write_text(f'set(x "/opt/python/cp312-cp312/include/python3.12;{lib};/usr/include")')
    assert message_build.repair_exports(tmp_path, '/py', '/np') == 1
    assert file.read_text() == 'set(x "/py;/np;/usr/include")'
    assert message_build.repair_exports(tmp_path, '/py', '/np') == 0


def test_a_foreign_or_unfinished_environment_is_noticed(tmp_path, monkeypatch):
    made = bootstrap.Environment(tmp_path / '.venv')
    made.folder.mkdir()
    with pytest.raises(bootstrap.SetUpError, match='move it away'):
        bootstrap.make_venv(made, 'me', False)
    made.identity.write_text('me')
    (made.folder / 'kept').touch()
    bootstrap.make_venv(made, 'me', False)
    assert (made.folder / 'kept').exists()
    made.identity.write_text('')
    monkeypatch.setattr(made, 'run', lambda command: None)
    bootstrap.make_venv(made, 'me', False)
    assert not (made.folder / 'kept').exists() and (made.folder / 'COLCON_IGNORE').exists()


def test_python_restarts_with_both_paths(tmp_path):
    # The shell's own folders stay before ours, arguments survive, and it restarts only once.
    (tmp_path / 'sitecustomize.py').write_text(message_build.RESTART)
    code = 'import json, os, sys; print(json.dumps([dict(os.environ), sys.argv]))'
    environ = {'LD_LIBRARY_PATH': '/opt/ros/lib', 'PATH': os.environ['PATH'],
               'PYTHONPATH': str(tmp_path), '_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1'}
    out = subprocess.check_output([sys.executable, '-c', code, 'a b'], env=environ, text=True)
    seen, arguments = json.loads(out)
    assert seen['LD_LIBRARY_PATH'] == f'/opt/ros/lib:{sys.prefix}/lib'
    assert seen['AMENT_PREFIX_PATH'] == sys.prefix
    assert arguments == ['-c', 'a b']


def test_fingerprint_follows_its_inputs():
    assert bootstrap.fingerprint('a') == bootstrap.fingerprint('a') != bootstrap.fingerprint('b')
