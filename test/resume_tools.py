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

"""A live run in its own processes that is killed as a whole, and what its folder then holds."""

import csv
import os
from pathlib import Path
import signal
import subprocess
import sys

from rpl_ros.bags.errors import Report
from rpl_ros.bags.files import bags_of
from rpl_ros.bags.reader import read_episodes
from rpl_ros.tasks.find import task_spec


def launch(task, domain, log, **arguments):
    """Start `rpl launch` with arguments; return its Popen. Its output is appended to `log`."""
    words = [f'{name}:={value}' for name, value in {
        'headless': 'true', 'report': 'false', **arguments}.items()]
    with open(log, 'ab') as output:
        return subprocess.Popen(
            [sys.executable, '-m', 'rpl_ros.cli', 'launch', task, *words], stdout=output,
            stderr=output, env={**os.environ, 'ROS_DOMAIN_ID': str(domain)})


def _parents():
    """Return {process id: that of its parent}."""
    found = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(')')[2].split()[1])
        except (OSError, IndexError):
            continue  # it has ended
    return found


def kill_all(launcher):
    """Kill a launcher and all of its nodes, as a power cut would."""
    parents, pids = _parents(), [launcher.pid]
    for pid in pids:
        pids += [child for child, parent in parents.items() if parent == pid]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # none sees another one's death
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    launcher.wait()


def rows_of(folder):
    """Return the rows of metrics.csv, as dicts; none where there is no file yet."""
    if not (folder / 'metrics.csv').exists():
        return []
    with open(folder / 'metrics.csv', newline='') as file:
        return [row for row in csv.DictReader(file) if row['wall_time_s']]


def episodes_in(folder, task):
    """
    Return the whole Episodes in the bags of a run, and the numbers of those cut off.

    One that was cut off between its last state and the command for it is played again, too.
    """
    episodes = [episode for bag in bags_of(folder)
                for episode in read_episodes(bag, task_spec(task), Report())]
    whole = [one for one in episodes if one.ended and one.valid[-1]]
    return whole, [one.episode for one in episodes if not (one.ended and one.valid[-1])]
