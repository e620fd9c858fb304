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

"""Ctrl-C, as a terminal gives it to each process of a command: once, twice, or to a stuck one."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest
from rpl_ros.common.workers import hold_interrupt, Workers
from rpl_ros.sweeps.local_runs import stop_requests
from sweep_tools import wait_for

CONTROLLER = """
import os, pathlib, time
def act(observation, goal):
    pathlib.Path(os.environ['MARK']).touch()
    time.sleep(600)
"""
TRAIN = ('controller:=stuck:act', 'hidden_size:=16', '--evaluate-episodes', '0', '--actors', '1')


def write_run(folder):
    """Write a run folder without checkpoints, whose controller is stuck."""
    folder.mkdir()
    (folder / 'config.yaml').write_text(
        '/**:\n  ros__parameters: {task: push}\n'
        'base_controller_node:\n  ros__parameters: {controller: stuck:act}\n')
    return folder


def start(folder, *words):
    """Start a command whose controller gets stuck in its first step; return its Popen then."""
    (folder / 'stuck.py').write_text(CONTROLLER)
    popen = subprocess.Popen(
        [sys.executable, '-m', 'rpl_ros.cli', *words], start_new_session=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, env={
            **os.environ, 'MARK': str(folder / 'mark'), 'PYTHONPATH': os.pathsep.join(
                [str(folder), *os.environ.get('PYTHONPATH', '').split(os.pathsep)])})
    wait_for(lambda: (folder / 'mark').exists() or popen.poll() is not None)
    return popen


def group_is_gone(number):
    """Return whether no process of a group is left."""
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return True
    return False


def interrupt(popen, times):
    """Press Ctrl-C; return what the command says when it has ended, with all its processes."""
    try:
        for number in range(times):
            time.sleep(0.3 * bool(number))
            if popen.poll() is None:
                os.killpg(popen.pid, signal.SIGINT)
        said = popen.communicate(timeout=20)[1]
        wait_for(lambda: group_is_gone(popen.pid), 5.0)
        return said
    finally:
        if not group_is_gone(popen.pid):
            os.killpg(popen.pid, signal.SIGKILL)


@pytest.mark.parametrize('times', [1, 2])
@pytest.mark.parametrize('words', [
    ('evaluate', 'push', '--controller', 'stuck:act', '--workers', '2'),
    ('report', 'run', '--no-video', '--workers', '2')])
def test_an_evaluation_ends_at_once(tmp_path, words, times):
    write_run(tmp_path / 'run')
    popen = start(tmp_path, *words)
    said = interrupt(popen, times)
    assert popen.returncode == 130, said
    assert 'interrupted' in said and 'Traceback' not in said


def test_a_run_that_waits_for_a_player_ends_at_the_second_one(tmp_path):
    popen = start(tmp_path, 'train', 'push', *TRAIN, '--out', 'out')
    said = interrupt(popen, 2)
    assert popen.returncode == 130, said
    assert 'the same command continues' in said and 'Traceback' not in said


def test_a_command_that_is_busy_by_itself(tmp_path):
    popen = start(tmp_path, 'train', 'push', *TRAIN[:-1], '0', '--out', 'out')
    said = interrupt(popen, 2)
    assert popen.returncode == 130 and 'Traceback' not in said, said


def test_ctrl_c_waits_while_processes_are_started():
    said = []
    with pytest.raises(KeyboardInterrupt), hold_interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        said.append('the block went on')
    assert said == ['the block went on']
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_processes_of_a_pool_never_get_it():
    with Workers(1) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()
        child = pool.submit(os.getpid).result()
        os.kill(child, signal.SIGINT)
        assert pool.submit(os.getpid).result() == child


def test_a_pool_ends_without_an_interrupt_when_it_is_closed():
    pool = Workers(2)
    futures = [pool.submit(time.sleep, 0.2) for _ in range(20)]
    wait_for(futures[0].running)
    pool.close()
    assert futures[0].done() and futures[-1].cancelled()


def test_an_error_ends_a_pool_whose_process_is_stuck():
    begin = time.monotonic()
    with pytest.raises(ZeroDivisionError), Workers(2) as pool:
        stuck = pool.submit(time.sleep, 600)
        wait_for(stuck.running)
        1 / 0
    assert time.monotonic() - begin < 30.0 and stuck.exception()


def start_sleep():
    """Return the number of a process that sleeps."""
    return subprocess.Popen(['sleep', '600']).pid


def test_what_a_killed_process_has_started_ends_with_it():
    pool = Workers(1)
    number = pool.submit(start_sleep).result()
    os.kill(number, 0)  # it is there
    pool.kill()

    def is_gone():
        try:
            return Path(f'/proc/{number}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
        except FileNotFoundError:
            return True
    wait_for(is_gone, 5.0)


def test_requests_to_a_sweep():
    with stop_requests() as requests:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
    assert len(requests) == 3
    with pytest.raises(KeyboardInterrupt), stop_requests(2) as requests:
        signal.raise_signal(signal.SIGINT)
        assert len(requests) == 1
        signal.raise_signal(signal.SIGTERM)
