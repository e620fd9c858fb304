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

"""`rpl sweep` on this machine: what runs, what goes on, what fails, and what it says."""

import fcntl
import io
import os
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console
from rpl_ros.runs.status import last_number, read_status
from rpl_ros.sweeps.grid import read_sweep
from rpl_ros.sweeps.sweep import main
from rpl_ros.sweeps.sweep_status import display, SweepStatus
from rpl_ros.tasks.specs import TASKS
from sweep_tools import read_until, stand_in, starts, sweep_file, wait_for
import yaml

RUNS = [{'task': ['push', 'hook'], 'method': ['residual', 'scratch'], 'steps': 300}]


def begin(folder, file, *words, **environment):
    """Start `rpl sweep` with the stand-in in a process of its own, as from a terminal."""
    code = ('import sys; from rpl_ros.sweeps.sweep import main; '
            f'sys.exit(main(sys.argv[1:], command={stand_in(folder)!r}))')
    return subprocess.Popen([sys.executable, '-c', code, file, *words], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, **environment})


def states(file):
    """Return {name: state} of a sweep's runs."""
    return {job.name: read_status(job).state for job in read_sweep(file)[1]}


def test_all_runs_are_done_once_and_the_table_tells(tmp_path, capsys):
    file = sweep_file(tmp_path, runs=RUNS, seeds=[0, 1], settings={'critics': 2})
    command = stand_in(tmp_path)
    assert main([file, '--workers', '2'], command) == 0
    said = capsys.readouterr().out
    assert 'push/residual/seed0: started' in said and '8 runs: 8 finished' in said
    assert 'hook/scratch/seed1: finished at 300 of 300 steps, last evaluation 0.55' in said
    facts = yaml.safe_load((tmp_path / 'out/push/scratch/seed1/run.yaml').read_text())
    assert (facts['seed'], facts['threads']) == (1, '1') and 'critics:=2' in facts['command']
    assert main([file], command) == 0
    assert 'started' not in capsys.readouterr().out
    assert all(starts(job.folder) == [0] for job in read_sweep(file)[1])
    assert main([file, '--status'], command) == 0
    said = capsys.readouterr().out
    assert said.count('finished') == 9 and '0.55' in said


def test_a_crashed_run_takes_no_other_along_and_goes_on_later(tmp_path, capsys, monkeypatch):
    file = sweep_file(tmp_path, runs=RUNS)
    monkeypatch.setenv('STAND_IN_CRASH', 'push/scratch')
    assert main([file, '--workers', '1'], stand_in(tmp_path)) == 1
    said = capsys.readouterr().out
    assert '4 runs: 1 failed, 3 finished' in said
    assert 'push/scratch/seed0: failed at 200 of 300 steps' in said
    assert 'seed0/sweep.log): exit code 7: out of luck' in said
    assert states(file) == {'push/residual/seed0': 'finished', 'push/scratch/seed0': 'failed',
                            'hook/residual/seed0': 'finished', 'hook/scratch/seed0': 'finished'}
    monkeypatch.delenv('STAND_IN_CRASH')
    assert main([file], stand_in(tmp_path)) == 0
    assert starts(tmp_path / 'out/push/scratch/seed0') == [0, 200]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_reaches_each_run_and_the_same_command_goes_on(tmp_path, number):
    file = sweep_file(tmp_path, runs=RUNS)
    first = begin(tmp_path, file, '--workers', '2', STAND_IN_PAUSE='0.2')
    folders = [tmp_path / 'out/push' / name / 'seed0' for name in ('residual', 'scratch')]
    wait_for(lambda: all((folder / 'metrics.csv').exists() for folder in folders))
    first.send_signal(number)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 130 and f'continue with: rpl sweep {file} --workers 2' in said
    assert all('checkpoint written' in (folder / 'sweep.log').read_text() for folder in folders)
    assert states(file) == {'push/residual/seed0': 'stopped', 'push/scratch/seed0': 'stopped',
                            'hook/residual/seed0': 'queued', 'hook/scratch/seed0': 'queued'}
    assert main([file], stand_in(tmp_path)) == 0
    assert set(states(file).values()) == {'finished'}
    for folder in folders:
        assert starts(folder)[0] == 0 and starts(folder)[1] >= 50
        assert last_number(folder / 'metrics.csv', 'total_steps') == 300


def test_runs_end_with_a_killed_sweep_and_go_on_with_the_next(tmp_path):
    file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': 300}])
    first, folder = begin(tmp_path, file, STAND_IN_PAUSE='1.5'), tmp_path / 'out/push/residual'
    wait_for((folder / 'seed0/metrics.csv').exists)
    assert states(file) == {'push/residual/seed0': 'running'}
    second = begin(tmp_path, file)
    assert 'is in use by process ' in second.communicate(timeout=60)[0]
    assert second.returncode == 2
    first.kill()
    first.communicate()
    wait_for(lambda: states(file) == {'push/residual/seed0': 'stopped'})
    assert main([file], stand_in(tmp_path)) == 0
    assert starts(folder / 'seed0')[1] >= 50


def test_a_run_folder_in_use_is_left_alone(tmp_path, capsys):
    file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': 300, 'seeds': [0, 1]}])
    folder = tmp_path / 'out/push/residual/seed0'
    folder.mkdir(parents=True)
    with open(folder / 'run.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main([file], stand_in(tmp_path)) == 1
    said = capsys.readouterr().out
    assert 'seed0: failed' in said and 'in use by another process' in said
    assert '1 failed, 1 finished' in said and not (folder / 'run.yaml').exists()


def test_more_steps_go_on_with_a_finished_run(tmp_path, capsys):
    for steps in (300, 500, 400):
        file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': steps}])
        assert main([file], stand_in(tmp_path)) == 0
    (job,) = read_sweep(file)[1]
    assert starts(job.folder) == [0, 300]
    assert last_number(job.folder / 'metrics.csv', 'total_steps') == 500


def test_a_folder_with_another_run_stops_the_sweep_before_it_starts(tmp_path, capsys):
    entry = {'task': 'push', 'steps': 300, 'settings': {'critics': 2}}
    assert main([sweep_file(tmp_path, runs=[entry])], stand_in(tmp_path)) == 0
    file = sweep_file(tmp_path, seeds=[0, 1], runs=[{**entry, 'settings': {'critics': 3}}])
    capsys.readouterr()
    assert main([file], stand_in(tmp_path)) == 2
    error = capsys.readouterr().err
    assert 'its critics is 2, not 3' in error and error.count('\n') == 1
    assert not (tmp_path / 'out/push/residual/seed1').exists()


def test_a_dry_run_lists_commands_and_starts_nothing(tmp_path, capsys):
    file = sweep_file(tmp_path, runs=RUNS)
    assert main([file, '--dry-run'], ['no such program']) == 0
    said = capsys.readouterr().out
    assert ('queued   rpl train hook --method scratch --recipe robot_hour --seed 0 --steps 300 '
            f'--out {tmp_path}/out/hook/scratch/seed0 --actors 0\n') in said
    assert not (tmp_path / 'out').exists()


def test_mistakes_are_one_line(tmp_path, capsys):
    file = sweep_file(tmp_path, runs=[{'task': 'psh', 'steps': 1}])
    assert main([file]) == 2
    assert capsys.readouterr().err == (
        f"rpl sweep: {file}, entry 1 of runs: task: unknown task 'psh' (did you mean 'push'?): "
        f'expected one of {", ".join(TASKS)}, a file that ends in .yaml, package.module:function '
        "of an environment, or an id of Gymnasium, which says: Environment `psh` doesn't exist.\n")
    assert main([file, '--ray', '--workers', '2']) == 2


def test_what_cannot_start_has_failed_and_the_others_are_tried(tmp_path, capsys):
    file = sweep_file(tmp_path, runs=RUNS)
    (tmp_path / 'out/push').mkdir(parents=True)
    (tmp_path / 'out/push/residual').touch()  # where a folder should be
    assert main([file], stand_in(tmp_path)) == 1
    said = capsys.readouterr().out
    assert '4 runs: 1 failed, 3 finished' in said and 'failed: push/residual/seed0' in said


def test_a_run_that_is_killed_in_the_middle_of_a_line_has_failed(tmp_path):
    file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': 300}])
    program = ['sh', '-c', 'printf "half a li"; kill -9 $$']
    assert main([file], program) == 1
    status = read_status(read_sweep(file)[1][0])
    assert (status.state, status.note) == ('failed', 'killed by SIGKILL: half a li')


def test_a_second_ctrl_c_kills_runs_that_do_not_end(tmp_path):
    file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': 300}])
    (tmp_path / 'deaf.py').write_text(
        'import pathlib, signal, sys, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n'
        'pathlib.Path(sys.argv[0] + ".up").touch()\ntime.sleep(600)')
    code = ('import sys; from rpl_ros.sweeps.sweep import main; '
            f'sys.exit(main([{file!r}], [sys.executable, {str(tmp_path / "deaf.py")!r}]))')
    sweep = subprocess.Popen([sys.executable, '-uc', code], text=True, stdout=subprocess.PIPE)
    wait_for((tmp_path / 'deaf.py.up').exists)
    sweep.send_signal(signal.SIGINT)
    read_until(sweep, 'once more to kill them')
    sweep.send_signal(signal.SIGINT)
    said, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 130 and 'continue with: rpl sweep' in said
    assert set(states(file).values()) == {'queued'}


def test_a_terminal_shows_the_running_ones_with_the_time_left(tmp_path, monkeypatch):
    file = sweep_file(tmp_path, runs=RUNS, seeds=list(range(20)))
    jobs, screen = read_sweep(file)[1], io.StringIO()
    status = SweepStatus(jobs, Console(file=screen, force_terminal=True, width=120, height=20))
    last = jobs[-1]
    status.started(last, 'elsewhere')
    last.folder.mkdir(parents=True)
    (last.folder / 'metrics.csv').write_text('episode,total_steps\n0,50\n1,100\n2,1')
    monkeypatch.setitem(status.since, last.name, (time.monotonic() - 10, 0))
    with display(status) as tick:
        tick()
    said = screen.getvalue()
    row = next(line for line in said.splitlines() if last.name in line and '100' in line)
    assert 'running' in row and '00:20' in row and 'elsewhere' in row
    assert '80 runs: 1 running, 79 queued' in said
    assert len({line for line in said.splitlines() if '/seed' in line}) <= 13  # of 20 lines


def test_only_whole_lines_of_a_growing_file_are_read(tmp_path):
    path = tmp_path / 'metrics.csv'
    assert last_number(path, 'a') is None
    path.write_text('a,b\n')
    assert last_number(path, 'a') is None
    path.write_text('a,b\n' + '1,2\n' * 9000 + '3,4\n5')
    assert (last_number(path, 'a'), last_number(path, 'b')) == (3.0, 4.0)
    assert last_number(path, 'c') is None


def test_the_real_rpl_train_in_a_sweep(tmp_path):
    file = sweep_file(tmp_path, seeds=[0, 1], evaluate_every=200, evaluate_episodes=2, runs=[
        {'task': 'hook', 'steps': 400, 'device': 'cpu',
         'settings': {'hidden_size': 16, 'batch_size': 32}}])
    assert main([file]) == 0
    assert states(file) == {'hook/residual/seed0': 'finished', 'hook/residual/seed1': 'finished'}
    for seed in range(2):
        folder = tmp_path / f'out/hook/residual/seed{seed}'
        assert last_number(folder / 'evaluation.csv', 'env_steps') == 400
        assert last_number(folder / 'metrics.csv', 'total_steps') == 400
    assert main([file]) == 0
