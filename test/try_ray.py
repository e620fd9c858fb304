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
`rpl sweep --ray` on a cluster of two nodes of this machine, one of which is killed.

This is no test, because Ray is too large for the tests: `pip install ray==2.60.0`, then
`python test/try_ray.py [--real]` (--real: with `rpl train` in place of the stand-in).
"""

import argparse
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile

from ray.cluster_utils import Cluster
from rpl_ros.runs.status import read_status
from rpl_ros.sweeps.grid import read_sweep
from sweep_tools import stand_in, starts, sweep_file, wait_for

PATIENCE = 240.0  # s: real runs need longer than the stand-in
PROGRAM = """import sys
from rpl_ros.sweeps import sweep
sys.exit(sweep.main(sys.argv[1:], command={command!r}))
"""


def begin(folder, file, command, address):
    """Start `rpl sweep --ray` in a process of its own; its output goes to a file."""
    program = folder / 'program.py'
    program.write_text(PROGRAM.format(command=command))
    with open(folder / 'said', 'a') as output:
        return subprocess.Popen([sys.executable, str(program), file, '--ray'], stdout=output,
                                stderr=output, env={**os.environ, 'RAY_ADDRESS': address})


def attempts(job):
    """Return the number of times that a run was started."""
    return (job.folder / 'sweep.log').read_text().count(' started: ')


def main():
    """Kill a node, then stop the sweep with Ctrl-C and continue it; check that nothing is lost."""
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

    os.environ['STAND_IN_PAUSE'] = '2'  # s, for the runs on all nodes
    # The head holds the results and carries out no run.
    cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in jobs]
    sweep = begin(folder, file, command, cluster.address)
    try:
        wait_for(lambda: all(read_status(job).env_steps >= 200 for job in jobs), PATIENCE)
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print('killed one of two nodes at', [read_status(job).env_steps for job in jobs])
        # The other node first completes its own run, then it takes over that of the lost one.
        wait_for(lambda: sorted(attempts(job) for job in jobs) == [1, 2], PATIENCE)
        nodes.append(cluster.add_node(num_cpus=1))
        wait_for(lambda: all(read_status(job).env_steps > 500 for job in jobs), PATIENCE)
        sweep.send_signal(signal.SIGINT)
        assert sweep.wait(120) in (0, 130)
        print('stopped:', [read_status(job) for job in jobs])
        sweep = begin(folder, file, command, cluster.address)
        assert sweep.wait(600) == 0
    finally:
        sweep.kill()
        cluster.shutdown()
        print((folder / 'said').read_text())
    for job in jobs:
        print(job.name, attempts(job), 'attempts, began at', starts(job.folder), read_status(job))
    assert all(all(start > 0 for start in starts(job.folder)[1:]) for job in jobs)
    print('nothing was lost;', folder)


if __name__ == '__main__':
    main()
