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

"""The wheel outside the checkout, in an environment with its dependencies and without ROS 2."""

from contextlib import suppress
from importlib import metadata
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest
from rpl_ros.common import assets

ROOT = Path(__file__).resolve().parents[2]
BAG = ROOT / 'test/data/bag_of_version_0_1.mcap'


def of_ros():
    """Return the names in site-packages that belong to ROS 2, to us, or that start something."""
    names = {'rpl_msgs'}
    for found in metadata.distributions():
        if found.name.startswith(('ros-', 'rpl')):
            names |= {file.parts[0] for file in found.files or ()}
    return names


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    """Return the bin folder of a virtual environment that the wheel was installed into."""
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'
    source.mkdir()
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split('\0')):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check']
    subprocess.run([*pip, 'wheel', source, '--no-deps', '--no-build-isolation', '-q', '-w',
                    folder], check=True, cwd=folder)
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', folder / 'venv'], check=True)
    packages, = (folder / 'venv/lib').glob('python3*/site-packages')
    left_out = of_ros()
    here = Path(metadata.distribution('numpy').locate_file(''))
    for path in here.iterdir():
        if path.name not in left_out and path.suffix != '.pth':
            (packages / path.name).symlink_to(path)
    wheel, = folder.glob('rpl_ros-*.whl')
    subprocess.run([*pip, '--python', folder / 'venv/bin/python', 'install', '--no-deps', '-q',
                    wheel], check=True)
    return folder / 'venv/bin'


@pytest.fixture(scope='module')
def rpl(environment, tmp_path_factory):
    """Return a function that runs `rpl` of the wheel, in a folder of its own."""
    folder = tmp_path_factory.mktemp('elsewhere')
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith(('AMENT', 'PYTHON', 'LD_', '_ROS', 'ROS', 'VIRTUAL'))}

    def run(*words):
        return subprocess.run([environment / 'rpl', *map(str, words)], cwd=folder, timeout=120,
                              capture_output=True, text=True, env=environ)
    return run


def test_it_trains_evaluates_and_reports(rpl):
    small = ('hidden_size:=16', 'batch_size:=32', 'burn_in_check:=100')
    done = rpl('train', 'hook', '--steps', '400', '--actors', '0', '--evaluate-episodes', '2',
               '--evaluate-every', '200', '--out', 'run', *small)
    assert done.returncode == 0, done.stderr
    done = rpl('report', 'run', '--episodes', '2', '--no-video')
    assert done.returncode == 0, done.stderr
    done = rpl('evaluate', 'hook', '--policy', 'run/checkpoints/policy_0000400.safetensors',
               '--episodes', '2')
    assert done.returncode == 0 and 'reactive_hook with' in done.stdout, done.stderr
    done = rpl('evaluate', 'mbrl_pusher', '--episodes', '1')
    assert done.returncode == 0, done.stderr


def test_it_reads_bags_as_with_ros(rpl):
    done = rpl('bag', 'info', BAG)
    with_ros = subprocess.run([Path(sys.executable).with_name('rpl'), 'bag', 'info', BAG],
                              capture_output=True, text=True)
    assert done.stdout == with_ros.stdout and done.returncode == with_ros.returncode == 0


@pytest.mark.parametrize('words', [('launch', 'push'), ('bag', 'play', BAG)])
def test_what_needs_ros_says_how_to_get_it(rpl, words):
    done = rpl(*words)
    assert done.returncode == 2 and 'run `rpl add-ros`' in done.stderr
    assert 'Traceback' not in done.stderr


def test_it_has_all_that_add_ros_needs(environment):
    share = environment.parent / 'share/rpl_ros'
    for folder in ('rpl_msgs', 'launch', 'config', 'sim'):
        wanted = {path.relative_to(ROOT) for path in (ROOT / folder).rglob('*')
                  if path.is_file() and '__pycache__' not in path.parts}
        assert wanted == {path.relative_to(share) for path in (share / folder).rglob('*')
                          if path.is_file() and '__pycache__' not in path.parts}


def test_other_packages_beside_it_are_not_its_folders(tmp_path, monkeypatch):
    # Compiled messages lie there, and ROS 2's own package launch.
    monkeypatch.setattr(assets, '__file__', str(tmp_path / 'rpl_ros' / 'assets.py'))
    for folder in ('config', 'launch', 'rpl_msgs', 'sim'):
        (tmp_path / folder).mkdir()
        with suppress(FileNotFoundError):
            assert assets.share(folder).parent != tmp_path
