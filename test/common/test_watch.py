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

"""A call that takes long is told on the standard error, more and more rarely."""

import subprocess
import sys
import time

import numpy as np
from rpl_ros.common import watch
from rpl_ros.controllers.guard import Guard


def test_a_long_call_is_told_more_and_more_rarely(monkeypatch, capsys):
    monkeypatch.setattr(watch, 'LONG', 0.0)
    one = watch.Watch('a step')
    one.tell()
    assert not capsys.readouterr().err  # nothing is under way
    now = 100.0
    monkeypatch.setattr(time, 'monotonic', lambda: now)
    monkeypatch.setattr(watch, 'LONG', 10.0)
    one.begin()
    told = []
    for now in range(100, 161):
        one.tell()
        told += capsys.readouterr().err.splitlines()
    assert told == [f'a step has taken {seconds} s so far' for seconds in (10, 20, 40)]
    one.end()
    now = 10000.0
    one.tell()
    assert not capsys.readouterr().err


def test_a_controller_that_blocks_is_named():
    code = ('import time, numpy as np\n'
            'from rpl_ros.common import watch\n'
            'watch.LONG = watch.PERIOD = 0.2\n'
            'from rpl_ros.controllers.guard import Guard\n'
            'guard = Guard(lambda observation, goal: time.sleep(60), 2, "mine:act")\n'
            'guard(np.zeros(3), np.zeros(3))\n')
    with subprocess.Popen([sys.executable, '-c', code], stderr=subprocess.PIPE,
                          text=True) as process:
        assert process.stderr.readline().startswith(
            'a step of the controller mine:act has taken 0 s')
        process.kill()


def test_an_unnamed_controller_is_not_watched():
    guard = Guard(lambda observation, goal: np.zeros(2), 2)
    assert guard(np.zeros(3), np.zeros(3)).tolist() == [0.0, 0.0]
