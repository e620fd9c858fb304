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

"""
`rpl sweep --ray` on a cluster of this machine, one of whose workers is killed.

No test, because Ray is too large to be installed for the tests: `pip install ray==2.60.0`, then
`python test/try_ray.py [--real]` (--real: with `rpl train` in place of the stand-in).
"""

import argparse
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile

from rpl_ros.experiments.grid import read_sweep
from rpl_ros.experiments.run_status import read_status
from sweep_tools import stand_in, starts, sweep_file, wait_for

PATIENCE = 240.0  # s: real runs need longer than the stand-in
PROGRAM = """import sys
from rpl_ros.experiments import sweep
sys.exit(sweep.main(sys.argv[1:], command={command!r}))
"""


def begin(folder, file, command):
    """Start `rpl sweep --ray` in a process of its own; its output goes to a file."""
    program = folder / 'program.py'
    program.write_text(PROGRAM.format(command=command))
    with open(folder / 'said', 'a') as output:
        return subprocess.Popen([sys.executable, str(program), file, '--ray'], stdout=output,
                                stderr=output, env={**os.environ, 'STAND_IN_PAUSE': '2'})


def workers():
    """Return the process numbers of the Ray workers that carry out a run."""
    found = subprocess.run(['pgrep', '-f', '^ray::carry|^ray::push'], capture_output=True,
                           text=True)
    return [int(word) for word in found.stdout.split()]


def attempts(job):
    """Return how often a run was begun."""
    return (job.folder / 'sweep.log').read_text().count(' started: ')


def main():
    """Kill a worker, then the sweep with Ctrl-C; look whether nothing is lost."""
    options = argparse.ArgumentParser()
    options.add_argument('--real', action='store_true')
    real = options.parse_args().real
    folder = Path(tempfile.mkdtemp(prefix='try_ray_'))
    settings = {'hidden_size': 16, 'batch_size': 32, 'checkpoint_every': 5000} if real else {}
    file = sweep_file(folder, runs=[{'task': 'push', 'method': 'scratch', 'seeds': [0, 1],
                                     'steps': 10000 if real else 1500, 'settings': settings,
                                     'evaluate_episodes': 2}])
    command = None if real else stand_in(folder)
    jobs = read_sweep(file)[1]
    checkpoints = [job.folder / 'checkpoints' for job in jobs]

    sweep = begin(folder, file, command)
    try:
        wait_for(lambda: all(path.is_dir() for path in checkpoints), PATIENCE)
        victim = workers()[0]
        os.kill(victim, signal.SIGKILL)
        print(f'killed worker {victim}')
        wait_for(lambda: sorted(attempts(job) for job in jobs) == [1, 2], PATIENCE)
        wait_for(lambda: all(read_status(job).env_steps > 500 for job in jobs), PATIENCE)
        sweep.send_signal(signal.SIGINT)
        assert sweep.wait(120) == 130
        print('stopped:', [read_status(job) for job in jobs])
        sweep = begin(folder, file, command)
        assert sweep.wait(600) == 0
    finally:
        sweep.kill()
        print((folder / 'said').read_text())
    for job in jobs:
        print(job.name, attempts(job), 'attempts, began at', starts(job.folder), read_status(job))
    assert all(all(start > 0 for start in starts(job.folder)[1:]) for job in jobs)
    print('nothing was lost;', folder)


if __name__ == '__main__':
    main()
