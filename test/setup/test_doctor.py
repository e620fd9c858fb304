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

"""The doctor: real checks on this machine, and what it says about a broken one."""
from pathlib import Path
import shutil
import subprocess
import sys

import pytest
from rpl_ros.setup import doctor
from rpl_ros.setup.prerequisites import FAIL, Finding, OK, WARN

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('check', doctor.CHECKS)
def test_nothing_fails_in_a_set_up_environment(check):
    finding = check()
    assert finding.level in (OK, WARN), finding.line()
    assert '\n' not in finding.line()


def test_exit_code_tells_of_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(doctor, 'CHECKS', (lambda: Finding(OK, 'a'), lambda: Finding(WARN, 'b')))
    assert doctor.main([]) == 0
    monkeypatch.setattr(doctor, 'CHECKS', (lambda: Finding(FAIL, 'c', 'mend it'),
                                           lambda: Finding(OK, 'd')))
    assert doctor.main([]) == 1
    assert capsys.readouterr().out.splitlines() == ['ok   a', 'warn b', 'FAIL c: mend it',
                                                    'ok   d']


def test_it_runs_without_any_package(tmp_path):
    # -I -S: no site-packages, as on a machine where nothing is set up.
    shutil.copytree(ROOT / 'rpl_ros', tmp_path / 'rpl_ros')
    shutil.copy(ROOT / 'setup.cfg', tmp_path)
    code = (f'import sys; sys.path.insert(0, {str(tmp_path)!r}); '
            'from rpl_ros.setup import doctor; sys.exit(doctor.main([]))')
    done = subprocess.run([sys.executable, '-I', '-S', '-c', code], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert 'FAIL import torch' in done.stdout and 'make setup' in done.stdout


def test_a_child_that_aborts_or_hangs_is_an_error_text():
    assert doctor.child('pass', 10) == ''
    assert doctor.child('raise ValueError("so")', 10) == 'ValueError: so'
    assert 'ended with' in doctor.child('import os; os.abort()', 10)
    assert 'no answer' in doctor.child('import time; time.sleep(9)', 0.5)


def test_openblas_setting_is_mentioned():
    assert doctor.check_openblas({}).level == OK
    assert 'unset OPENBLAS_CORETYPE' in doctor.check_openblas({'OPENBLAS_CORETYPE': 'X'}).line()
