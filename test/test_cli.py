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

"""The command `rpl`: help of every subcommand, and one clear error for each mistake."""

from importlib.util import find_spec
import subprocess
import sys

import pytest
from rpl_ros import cli


def rpl(*words):
    """Run `rpl` in a process of its own."""
    return subprocess.run([sys.executable, '-m', 'rpl_ros.cli', *words], capture_output=True,
                          text=True, timeout=60)


@pytest.mark.parametrize('command', [name for name, (module, _) in cli.COMMANDS.items()
                                     if find_spec(module)])
def test_help(command, capsys):
    """Every subcommand explains itself and ends with 0."""
    try:
        code = cli.main([command, '--help'])
    except SystemExit as end:
        code = end.code
    assert not code and 'usage' in capsys.readouterr().out


def test_own_help_and_version():
    """`rpl --help` names every subcommand and loads none of them."""
    done = rpl('--help')
    assert done.returncode == 0 and all(name in done.stdout for name in cli.COMMANDS)
    assert rpl('--version').stdout.startswith('rpl ')
    code = ('import sys; from rpl_ros import cli; cli.make_parser(); '
            'print(*{"rclpy", "torch", "mujoco", "numpy"} & set(sys.modules))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.split() == []


@pytest.mark.parametrize('words, parts', [
    (['lunch'], ["'lunch'", "did you mean 'launch'"]),
    (['launch', 'complex_hok'], ["'complex_hok'", "did you mean 'complex_hook'"]),
    (['launch', 'hook', 'epsiodes:=3'], ["'epsiodes'", "did you mean 'episodes'"]),
    (['launch', 'hook', 'episodes=3'], ["'episodes=3'", 'name:=value']),
    (['launch', 'hook', 'seed:=1', 'seed:=2'], ['seed is given twice']),
    ([], ['usage'])])
def test_mistakes(words, parts):
    """A mistake ends with code 2 and no traceback."""
    done = rpl(*words)
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    assert all(part in done.stderr for part in parts), done.stderr


def test_existing_run_folder(tmp_path):
    """A run folder that is there is left alone."""
    done = rpl('launch', 'hook', f'out:={tmp_path}')
    assert done.returncode == 2 and str(tmp_path) in done.stderr and 'out:=' in done.stderr
    assert not list(tmp_path.iterdir())


def test_task_help(capsys):
    """`rpl launch TASK --help` lists arguments with defaults and choices."""
    assert cli.main(['launch', 'complex_hook', '--help']) == 0
    text = capsys.readouterr().out
    assert 'mode:=auto  (auto | lockstep | realtime)' in text and 'examples' in text
