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

"""Pages about own controllers and robots: each code block is run as printed, in their order."""

import os
import shutil
import subprocess
import sys

from graph_tools import free_domain
from page_tools import FENCE, ROOT, text_of
import pytest

pytestmark = pytest.mark.graph

PROGRAMS = {'python': f'exec {sys.executable} "$@"',
            'rpl': f'exec {sys.executable} -m rpl_ros.cli "$@"'}
SPENT = '. .venv/bin/activate\n'  # the environment of the tests is active already


@pytest.fixture
def place(tmp_path):
    """Return (folder, environment) in which the blocks are run."""
    (tmp_path / 'bin').mkdir()
    for name, line in PROGRAMS.items():
        (tmp_path / 'bin' / name).write_text(f'#!/bin/sh\n{line}\n')
        (tmp_path / 'bin' / name).chmod(0o755)
    shutil.copytree(ROOT / 'docs' / 'examples', tmp_path / 'docs' / 'examples')
    return tmp_path, {
        **os.environ, 'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}',
        'ROS_DOMAIN_ID': str(free_domain()),
        'PYTHONPATH': f'{ROOT}:{os.environ.get("PYTHONPATH", "")}'}


def run_block(kind, text, folder, environment):
    """Run a block, or add it to the file that its first line names; return (exit code, output)."""
    first, _, rest = text.partition('\n')
    if kind == 'python' and first.startswith('# ') and first.endswith('.py'):
        with open(folder / first[2:], 'a') as file:
            file.write(rest)
        return 0, ''
    command = [sys.executable, '-c', text] if kind == 'python' else [
        'bash', '-ec', text.replace(SPENT, '')]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300)
    return done.returncode, done.stdout


def test_the_page_about_controllers_works_as_printed(place):
    blocks = FENCE.findall(text_of(ROOT / 'docs' / 'own_controller.md'))
    assert {kind for kind, _ in blocks} == {'python', 'bash'}
    said = []
    for kind, text in blocks:
        code, out = run_block(kind, text, *place)
        assert code == 0, f'{text}\n{out}'
        said.append(' '.join(out.split()))
    assert sum(' alone' in one for one in said) == 5  # one result or more
    rows = (place[0] / 'runs' / 'own_node' / 'metrics.csv').read_text().splitlines()
    assert len(rows) == 3  # a heading and two episodes


def test_the_page_about_robots_works_as_printed(place):
    blocks = FENCE.findall(text_of(ROOT / 'docs' / 'own_robot.md'))
    assert [kind for kind, _ in blocks] == ['bash', 'bash']
    for kind, text in blocks:
        code, out = run_block(kind, text, *place)
        assert code == 0, f'{text}\n{out}'
    assert 'episode 3/3' in out
    rows = (place[0] / 'my_robot' / 'runs' / 'fake' / 'metrics.csv').read_text().splitlines()
    assert len(rows) == 4  # a heading and three episodes
