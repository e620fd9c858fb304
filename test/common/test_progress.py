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

"""Progress of the commands in a terminal, in a file and in a pipe."""

import io
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console
from rpl_ros.common import progress
from rpl_ros.common.progress import Count, progress_bar


@pytest.mark.parametrize('first, done, line', [
    # 50 in 20 s are 2.5 a second, for 250 more that is 100 s.
    (0, 50, 'hook | 50 of 300 | 2.5/s | 00:20 so far | 01:40 left'),
    # What an earlier call has done takes no time of this one: 10 in 20 s.
    (40, 50, 'hook | 50 of 300 | 30.0/min | 00:20 so far | 08:20 left'),
    (0, 0, 'hook | 0 of 300 | 0.0/min | 00:20 so far | --:-- left'),
    (0, 300, 'hook | 300 of 300 | 15.0/s | 00:20 so far | 00:00 left')])
def test_a_line_tells_how_far_it_is_how_fast_and_how_long(first, done, line, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: now[0])
    count = Count('task', 300)
    count.advance(completed=first)
    now[0] = 120.0
    count.advance(completed=done, description='hook')
    assert count.line() == line


def test_counting_one_by_one():
    count = Count('task', 3)
    count.advance()
    count.advance(2)
    assert count.line().startswith('task | 3 of 3 | ')


def test_lines_come_where_there_is_no_terminal_even_if_nothing_moves(monkeypatch):
    monkeypatch.setattr(progress, 'LINE_EVERY', 0.05)
    file = io.StringIO()
    with progress_bar(Console(file=file, width=20), '[a] task', 3) as advance:
        advance()
        end = time.monotonic() + 30
        while file.getvalue().count('\n') < 3 and time.monotonic() < end:
            time.sleep(0.01)
        advance(2)
    lines = file.getvalue().splitlines()
    assert len(lines) >= 4 and all(line.startswith('[a] task | 1 of 3 | ') for line in lines[:3])
    assert lines[-1].startswith('[a] task | 3 of 3 | ')


def test_a_terminal_has_a_bar():
    file = io.StringIO()
    with progress_bar(Console(file=file, width=100, force_terminal=True), 'task', 3) as advance:
        advance(3)
    assert '3/3' in file.getvalue() and ' | ' not in file.getvalue()


def test_a_log_file_grows_while_the_command_runs(tmp_path):
    """Like `nohup rpl train ... > log`: an evaluation stands there as soon as it was made."""
    with open(tmp_path / 'log', 'w') as log:
        process = subprocess.Popen(
            [sys.executable, '-m', 'rpl_ros.cli', 'train', 'hook', 'hidden_size:=16', '--steps',
             '1000000', '--actors', '0', '--evaluate-episodes', '1', '--out',
             str(tmp_path / 'run')], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 100
        while '0 steps: base: success' not in (tmp_path / 'log').read_text():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()


def test_what_a_program_prints_is_in_a_pipe_at_once():
    code = ('import time; from rpl_ros.common import console; '
            'console.begin(); print(1); time.sleep(600)')
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE) as process:
        timer = threading.Timer(60, process.kill)
        timer.start()
        try:
            assert process.stdout.readline() == b'1\n'  # nothing, if it came at the end
        finally:
            timer.cancel()
            process.kill()
