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

"""Runs on other hosts, without Ray: a RunStore in a process, workers in others, one is killed."""

import fcntl
from multiprocessing.managers import BaseManager
import os
import signal
import subprocess
import sys

from rpl_ros.runs.status import read_status
from rpl_ros.setup.prerequisites import read_pins
from rpl_ros.sweeps.folder_copy import file_states, read_changes, write_changes
from rpl_ros.sweeps.grid import read_sweep
from rpl_ros.sweeps.remote_run import CONTINUE, REPLACED, run_remotely, RunStore, STOP
from sweep_tools import stand_in, starts, sweep_file, wait_for

WORKER = """import sys
from multiprocessing.managers import BaseManager
from rpl_ros.sweeps.grid import read_sweep
from rpl_ros.sweeps.remote_run import run_remotely
host, port, file, *command = sys.argv[1:]
manager = BaseManager((host, int(port)), authkey=b'test')
manager.register('store')
manager.connect()
store, (job,) = manager.store(), read_sweep(file)[1]
how = run_remotely(lambda name, *words: getattr(store, name)(*words), job, str(job.folder),
                   command, report_every=0.1, settle=0.05)
sys.exit(how or 0)
"""


def files(folder):
    """Return {relative name: bytes} of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob('*') if path.is_file()}


def age(folder, seconds=100):
    """Make all files of a folder older."""
    for path in folder.rglob('*'):
        changed = path.stat().st_mtime - seconds
        os.utime(path, (changed, changed))


def test_only_what_has_changed_travels_and_what_is_gone_goes(tmp_path):
    here, there = tmp_path / 'here', tmp_path / 'there'
    (here / 'checkpoints').mkdir(parents=True)
    there.mkdir()
    for name in ('run.yaml', 'checkpoints/1', 'metrics.csv', 'run.lock'):
        (here / name).write_text(name)
    (there / 'own notes.txt').write_text('stay')
    age(here)
    first, state = read_changes(here, {})
    write_changes(first, there)
    assert files(there) == {
        'run.yaml': b'run.yaml', 'checkpoints/1': b'checkpoints/1', 'metrics.csv': b'metrics.csv',
        'own notes.txt': b'stay'}
    assert read_changes(here, state) == ({}, state)
    (here / 'checkpoints/1').unlink()
    (here / 'checkpoints/2').write_text('new')
    age(here)
    now = file_states(here)
    second, _ = read_changes(here, {**state, 'run.yaml': now['run.yaml'],
                                    'metrics.csv': now['metrics.csv']})
    assert second == {'checkpoints/2': b'new', 'checkpoints/1': None}
    write_changes(second, there)
    assert files(there) == {
        'run.yaml': b'run.yaml', 'checkpoints/2': b'new', 'metrics.csv': b'metrics.csv',
        'own notes.txt': b'stay'}


def test_half_a_checkpoint_stays_at_home(tmp_path):
    (tmp_path / 'checkpoint').write_text('whole')
    (tmp_path / 'metrics.csv').write_text('1\n')
    assert read_changes(tmp_path, {}, settle=60)[0] == {}  # it may have a second file that follows
    age(tmp_path)
    assert set(read_changes(tmp_path, {}, settle=60)[0]) == {'checkpoint', 'metrics.csv'}
    (tmp_path / 'metrics.csv').write_text('1\n2\n')  # grows all the time
    assert read_changes(tmp_path, {}, settle=60)[0]['metrics.csv'] == b'1\n2\n'
    (tmp_path / 'other.part').write_text('ha')
    assert read_changes(tmp_path, {}, settle=60)[0] == {}
    assert set(read_changes(tmp_path, {}, settle=0)[0]) == {'checkpoint', 'metrics.csv'}


def test_only_the_newest_attempt_may_write(tmp_path):
    store, folder = RunStore(), tmp_path / 'run'
    first, content, why = store.begin(str(folder), 'one')
    assert (content, why) == ({}, '')
    (tmp_path / 'away').mkdir()
    (tmp_path / 'away/checkpoint').write_text('5')
    content, _ = read_changes(tmp_path / 'away', {}, settle=0)
    assert store.report(str(folder), first, content) == CONTINUE
    second, content, _ = store.begin(str(folder), 'two')
    assert content == {'checkpoint': b'5'}
    (tmp_path / 'away/checkpoint').write_text('old')
    content, _ = read_changes(tmp_path / 'away', {}, settle=0)
    assert store.report(str(folder), first, content) == REPLACED
    assert (folder / 'checkpoint').read_text() == '5'
    assert store.running() == {str(folder): ('two', 2)}
    store.stop()
    assert store.report(str(folder), second) == STOP
    store.end(str(folder))
    assert store.report(str(folder), second, content) == REPLACED and not store.running()


def test_a_folder_in_use_is_left_alone(tmp_path):
    file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': 100}])
    _, (job,) = read_sweep(file)
    store = RunStore()
    job.folder.mkdir(parents=True)
    with open(job.folder / 'run.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert 'is in use by another process' in run_remotely(
            lambda name, *words: getattr(store, name)(*words), job, str(job.folder),
            stand_in(tmp_path))
    assert not (job.folder / 'run.yaml').exists()


def test_a_lost_worker_s_run_goes_on_elsewhere_from_what_came_back(tmp_path):
    file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': 600}])
    _, (job,) = read_sweep(file)
    manager = BaseManager(('127.0.0.1', 0), authkey=b'test')
    store = RunStore()
    # The RunStore lives in the server's process, as a Ray actor does.
    manager.register('store', callable=lambda: store)
    manager.start()
    try:
        def worker(pause):
            return subprocess.Popen(
                [sys.executable, '-c', WORKER, *map(str, manager.address), file,
                 *stand_in(tmp_path)], env={**os.environ, 'STAND_IN_PAUSE': str(pause)})
        first = worker(0.3)
        wait_for((job.folder / 'checkpoints/learner.yaml').exists)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert read_status(job).state == 'running'  # the RunStore has not given it up
        reached = int((job.folder / 'checkpoints/learner.yaml').read_text())
        assert worker(0).wait(60) == 0
        assert starts(job.folder)[1] == reached >= 100
        assert (read_status(job).state, read_status(job).env_steps) == ('finished', 600)

        manager.store().stop()
        (job.folder / 'summary.yaml').unlink()
        assert worker(0).wait(60) == 0
        assert read_status(job).state == 'stopped' and len(starts(job.folder)) == 2
    finally:
        manager.shutdown()


def test_without_ray_one_line_says_how_to_get_it(tmp_path):
    file = sweep_file(tmp_path, runs=[{'task': 'push', 'steps': 100}])
    code = ('import sys; sys.modules["ray"] = None; from rpl_ros.sweeps.sweep import main; '
            f'sys.exit(main([{file!r}, "--ray"]))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    pin, = read_pins()['ray']
    assert done.returncode == 2
    assert done.stderr == ('rpl sweep: --ray needs Ray, which is not installed here: pip install '
                           f'{pin}\n')
