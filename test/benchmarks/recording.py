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
`rpl bench recording`: what recording costs the graph, and whether anything is lost.

Full speed is the lock-step graph without a learner, which would slow it down.
"""

from pathlib import Path
import re
import statistics
import tempfile

from benchmarks.bench import graph_rate, launch
from rpl_ros.bags.audit import audit_bag

EPISODES = 1000
"""Recorded in one go; about a quarter of an hour."""
SHORT = 30
"""Episodes of each run of a pair."""
FILE = 2**23
"""Bytes after which the long bag goes on in another file."""


def core_share(run):
    """
    Return the recorder's processor time in a run folder, as a share of one core.

    From its first message to the end of its bag, all threads.
    """
    said = Path(run, 'log/recorder_node.log').read_text(encoding='utf-8')
    return float(re.search(r'with ([\d.]+)% of a core', said)[1]) / 100


def pair_rates(folder, task, learn, turn):
    """Return env steps per second with recording and without, and the recorder's share."""
    rates = {}
    # Who comes first changes, for what the machine does beside it may grow or shrink.
    for record in ('true', 'false') if turn % 2 else ('false', 'true'):
        run = f'{folder}/{learn}_{turn}_{record}'
        rates[record] = graph_rate(launch(run, task, f'episodes:={SHORT}', f'learn:={learn}',
                                          f'record:={record}'))
    return rates['true'], rates['false'], core_share(f'{folder}/{learn}_{turn}_true')


def long_run(folder, task):
    """Record EPISODES episodes at full speed; return what the audit says of the bag."""
    run = f'{folder}/long'
    rows = launch(run, task, f'episodes:={EPISODES}', 'learn:=false',
                  settings={'max_bag_size': FILE})
    audit = audit_bag(f'{run}/bag')
    return {'steps_per_second': round(graph_rate(rows), 1),
            'core_share': core_share(run), 'mb': round(audit.size / 1e6, 1),
            **{name: getattr(audit, name) for name in (
                'files', 'episodes', 'whole_episodes', 'transitions', 'gaps', 'duplicates',
                'out_of_order', 'unpaired', 'losses')}}


def recording(task, pairs):
    """Return figures of the graph with recording and without, and of a long recording."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, learn in (('full_speed', 'false'), ('learning', 'true')):
            columns = zip(*(pair_rates(folder, task, learn, turn) for turn in range(pairs)))
            on, off, shares = map(list, columns)
            found[name] = {
                'recorded_steps_per_second': round(statistics.median(on), 1),
                'ratio': round(statistics.median(one / two for one, two in zip(on, off)), 3),
                'core_share': round(statistics.median(shares), 3)}
        found['long'] = long_run(folder, task)
    return found
