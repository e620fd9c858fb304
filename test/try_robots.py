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
Several robots with one learner, measured: python test/try_robots.py OUT ROBOTS EPISODES.

Not part of the tests, as a run takes minutes. Further words: kill:=SECONDS kills all processes of
a random robot with SIGKILL again and again; others go to `rpl launch complex_hook`. Prints a row
for the table in docs/results/several_robots.md.
"""

from collections import Counter
import csv
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time

from graph_tools import free_domain, listener
import numpy as np
from rpl_ros.ros.qos import subscribe

TICK = os.sysconf('SC_CLK_TCK')  # 1/s, of the processor times in /proc


def processes_of(out):
    """Return {pid: name} of the nodes of a run, each with the name of its robot."""
    found = {}
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes().decode().split('\0')
        except OSError:
            continue
        if f'{out}/config.yaml' in words:
            name = re.search(r'\w+_node', ' '.join(words))[0]
            place = next((word for word in words if word.startswith('__ns:=')), '')
            found[int(path.parent.name)] = (name, place)
    return found


def seconds_of(pid):
    """Return the processor time of a process, s; 0 where it has ended."""
    try:
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def rows_of(out):
    """Return the rows of metrics.csv so far."""
    path = out / 'metrics.csv'
    with path.open(newline='') if path.exists() else open(os.devnull) as file:
        return list(csv.DictReader(file))


def kill(out, rng):
    """Kill all processes of a random robot."""
    robots = {}
    for pid, (_, place) in processes_of(out).items():
        if place:
            robots.setdefault(place, []).append(pid)
    for pid in robots[rng.choice(sorted(robots))]:
        os.kill(pid, signal.SIGKILL)


def measure(out, robots, episodes, every, words):
    """Run the graph; print what it did in each second from the first episode to the last."""
    domain, statuses, kills, rng = free_domain(), [], 0, np.random.default_rng(robots)
    command = [sys.executable, '-m', 'rpl_ros.cli', 'launch', 'complex_hook', 'headless:=true',
               f'robots:={robots}', f'episodes:={episodes}', f'out:={out}', 'report:=false',
               *words]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                           env={**os.environ, 'ROS_DOMAIN_ID': str(domain)})
    begun, times = None, {}
    with listener(domain) as (node, spin):
        subscribe(node, 'learner_status', statuses.append)
        while run.poll() is None:
            try:
                spin(lambda: False, 2.0)
            except AssertionError:
                pass
            if begun is None and rows_of(out):
                begun = killed = time.monotonic()
                first = {pid: seconds_of(pid) for pid in processes_of(out)}
            if begun and run.poll() is None:
                times.update({pid: (what, seconds_of(pid)) for pid, what
                              in processes_of(out).items()})
                if every and time.monotonic() - killed > every and (
                        len(rows_of(out)) < 0.9 * episodes):  # not one that ends by itself
                    kill(out, rng)
                    killed, kills = time.monotonic(), kills + 1
    rows, used = rows_of(out), Counter()
    span = float(rows[-1]['wall_time_s']) - float(rows[0]['wall_time_s'])
    for pid, ((name, _), seconds) in times.items():
        used[name] += (seconds - first.get(pid, 0.0)) / span
    steps = int(rows[-1]['total_steps']) - int(rows[0]['steps'])
    last, owed = statuses[-1], max(status.owed_updates for status in statuses)
    print(f'{out.name}: exit {run.returncode}; {robots} robots, {len(rows)} episodes, '
          f'{span:.0f} s, {steps / span:.0f} steps/s, {last.updates / span:.1f} updates/s, owed '
          f'at most {owed}, at the end {last.owed_updates}, rejected {last.rejected}, kills '
          f'{kills}; cores: '
          + ', '.join(f'{name} {share:.2f}' for name, share in used.most_common()), flush=True)


if __name__ == '__main__':
    folder, count, total, *words = sys.argv[1:]
    del sys.argv[1:]  # rclpy would read them as remappings
    every = [word.partition(':=')[2] for word in words if word.startswith('kill:=')]
    measure(Path(folder).absolute(), int(count), int(total), float(every[0]) if every else 0.0,
            [word for word in words if not word.startswith('kill:=')])
