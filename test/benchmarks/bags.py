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
`rpl bench bags`: reading a bag, beside the libraries mcap-ros2-support and rosbags.

All read the same synthetic bag in turn, by the processor's time. The libraries decode states and
commands; read_episodes joins them to episodes as well.
"""

from pathlib import Path
import statistics
import tempfile
import time

from bag_tools import encoded, write_bag
import numpy as np
from rpl_ros.bags.reader import read_episodes
from rpl_ros.tasks.find import task_spec


def _own(folder, spec):
    return sum(int(episode.valid.sum()) for episode in read_episodes(folder, spec))


def _mcap_ros2(folder, spec):
    from mcap_ros2.reader import read_ros2_messages
    (path,) = Path(folder).glob('*.mcap')
    names = ['/state', '/command']
    return sum(1 for _ in read_ros2_messages(str(path), topics=names))


def _rosbags(folder, spec):
    from rosbags.highlevel import AnyReader
    with AnyReader([Path(folder)]) as reader:
        chosen = [item for item in reader.connections if item.topic in ('/state', '/command')]
        return sum(reader.deserialize(raw, item.msgtype) is not None
                   for item, _, raw in reader.messages(chosen))


def bags(pairs, task='complex_hook', episodes=100):
    """Return transitions per second of our reader, and how many times the libraries' that is."""
    spec, seconds = task_spec(task), {'ours': [], 'mcap_ros2_support': [], 'rosbags': []}
    readers = dict(zip(seconds, (_own, _mcap_ros2, _rosbags)))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / 'bag'
        write_bag(folder, encoded(spec, episodes))
        readers['ours'](folder, spec)  # the first one parses definitions and warms the file cache
        for _ in range(pairs):
            for name, reader in readers.items():
                begin = time.process_time()
                reader(folder, spec)
                seconds[name].append(time.process_time() - begin)
    count = episodes * spec.horizon
    ours = np.array(seconds.pop('ours'))
    return {'transitions': count,
            'transitions_per_second': round(count / statistics.median(ours)),
            **{f'times_{name}': round(float(np.median(np.array(times) / ours)), 2)
               for name, times in seconds.items()}}
