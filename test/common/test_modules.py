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

"""What lies in the current folder: stray modules are left alone, named ones are found."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

RPL = Path(sys.executable).with_name('rpl')
STRAY = "raise SystemExit('{0} of the current folder was imported')"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a controller of one's own beside modules that must not be imported."""
    for name in ('mcap', 'queue', 'yaml'):
        (tmp_path / f'{name}.py').write_text(STRAY.format(name))
    (tmp_path / 'rpl_ros').mkdir()  # as beside a checkout
    (tmp_path / 'my_numbers.py').write_text('FOUR = [0.25] * 4\n')
    (tmp_path / 'my_controller.py').write_text(
        'import my_numbers\n\n\ndef act(observation, desired_goal):\n    return my_numbers.FOUR\n')
    return tmp_path


def rpl(folder, *words, **environment):
    """Run `rpl` in a folder; return the finished process, its output as bytes."""
    return subprocess.run([RPL, *words], capture_output=True, timeout=120, cwd=folder,
                          env={**os.environ, **environment})


def test_a_graph_runs_beside_stray_modules_on_a_console_of_ascii(folder):
    done = rpl(folder, 'launch', 'push', 'episodes:=1', 'learn:=false', 'headless:=true',
               'report:=false', 'controller:=my_controller:act', 'out:=run',
               PYTHONIOENCODING='ascii')
    assert done.returncode == 0, done.stdout + done.stderr
    assert b'my_controller:act is ready' in (folder / 'run/log/base_controller_node.log'
                                             ).read_bytes()


def test_processes_that_play_find_the_module_too(folder):
    done = rpl(folder, 'evaluate', 'push', '--controller', 'my_controller:act', '--episodes', '2',
               '--workers', '2')
    assert done.returncode == 0, done.stderr
    assert b'my_controller:act alone' in done.stdout


def test_what_is_installed_comes_first(folder):
    (folder / 'numpy.py').write_text(STRAY.format('numpy'))
    done = rpl(folder, 'evaluate', 'push', '--controller', 'numpy:sum', '--episodes', '1')
    assert b'of the current folder' not in done.stderr + done.stdout


def test_an_empty_folder_of_the_same_name_elsewhere_hides_nothing(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp('elsewhere')
    (elsewhere / 'control').mkdir()
    (folder / 'control').mkdir()
    (folder / 'control/mine.py').write_text('def act(*_):\n    return [0.0] * 4\n')
    done = rpl(folder, 'evaluate', 'push', '--controller', 'control.mine:act', '--episodes', '1',
               '--workers', '1', PYTHONPATH=str(elsewhere))
    assert done.returncode == 0, done.stderr


def test_a_folder_that_was_removed_is_one_clear_error(tmp_path):
    gone = tmp_path / 'gone'
    gone.mkdir()
    done = subprocess.run(['sh', '-c', 'rmdir "$PWD"; exec "$0" train push', RPL], cwd=gone,
                          capture_output=True, timeout=60)
    assert done.returncode == 2 and b'the current folder was removed' in done.stderr


def test_text_that_is_not_utf8_is_one_clear_error(folder):
    done = rpl(folder, 'launch', 'push', b'out:=run\xff')
    assert done.returncode == 2 and b'not valid UTF-8' in done.stderr
    assert b"'out:=run\\udcff'" in done.stderr and b'Traceback' not in done.stderr
    odd = Path(os.fsdecode(os.fsencode(folder) + b'/\xff'))
    odd.mkdir()
    done = rpl(odd, 'train', 'push')
    assert done.returncode == 2 and b'path of the current folder is not valid' in done.stderr
