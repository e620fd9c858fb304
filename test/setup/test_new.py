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
"""`rpl new` writes packages that work: their own tests pass in an empty folder."""

import os
from pathlib import Path
import subprocess
import sys

import pytest
from rpl_ros.setup.new import KINDS, main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('kind', KINDS)
def test_the_tests_of_a_new_package_pass(tmp_path, monkeypatch, kind, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([kind, 'lift_2']) == 0
    assert 'lift_2 is ready' in capsys.readouterr().out
    texts = {path: path.read_text() for path in Path('lift_2').rglob('*') if path.is_file()}
    assert not any('my_package' in f'{path} {text}' for path, text in texts.items())
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test'], cwd='lift_2',
        env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and '2 passed' in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize('name, why', [
    ('Lift', 'lower-case'), ('2lift', 'letter'), ('a/b', 'lower-case'), ('class', 'no word'),
    ('here', 'already exists')])
def test_a_bad_name_is_refused(tmp_path, monkeypatch, capsys, name, why):
    monkeypatch.chdir(tmp_path)
    Path('here').mkdir()
    assert main(['task', name]) == 2
    assert why in capsys.readouterr().err and [*Path().iterdir()] == [Path('here')]
