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

from functools import lru_cache
from pathlib import Path
import statistics
import tempfile
import time

import numpy as np

from rpl_ros import data
from rpl_ros.bags.reader import read_episodes
from rpl_ros.bags.schema import own_types, TYPES
from rpl_ros.launching.bag import Bag, qos_entry
from rpl_ros.tasks.specs import spec as find_spec

RUN = 'made_up'
"""Id of the run."""
START = 1_700_000_000_000_000_000
"""Time of the first message, ns since 1970."""
PERIOD = 40_000_000
"""Time between two steps, ns."""


@lru_cache(maxsize=None)
def _typestore():
    """Return rosbags' store of our message types."""
    from rosbags.typesys import get_typestore, Stores
    store = get_typestore(Stores.EMPTY)
    for kind in TYPES.values():
        store.register({name: fields for name, fields in own_types(kind).items()
                        if name not in store.fielddefs})
    return store


def encode(topic, item, time_ns=0, run=RUN, **more):
    """Return a dataclass of rpl_ros.data as the bytes of its message on `topic`."""
    store = _typestore()
    kinds = store.types
    stamp = kinds['builtin_interfaces/msg/Time'](time_ns // 10**9, time_ns % 10**9)
    header = kinds['std_msgs/msg/Header'](stamp, 'world')
    return bytes(store.serialize_cdr(kinds[TYPES[topic]](
        header=header, run=run, **vars(item), **more), TYPES[topic]))


def episode_items(spec, number, rng):
    """Yield (topic, State or Command) of an episode of random numbers, as a graph sends them."""
    goal = rng.normal(size=spec.goal_size)
    for step in range(spec.horizon + 1):
        last = step == spec.horizon
        yield 'state', data.State(
            number, step, rng.normal(size=spec.observation_size), rng.normal(size=spec.goal_size),
            goal, -float(step > 0), last and number % 2 == 0, False, last, step > 0,
            0.001 * (step > 0))
        base, residual = rng.normal(size=(2, spec.action_size))
        status = (data.EPISODE_END if last else data.EXPLORING if number % 4 else
                  data.BASE_EPISODE)
        mode = data.EXPLORE if number % 4 else data.BASE
        yield 'command', data.Command(number, step, mode, 1 + number // 4, base, residual, 1.0,
                                      base + residual, np.clip(base + residual, -1, 1), status)


def encoded(spec, episodes, seed=0):
    """Yield (topic, bytes, time in ns) of some synthetic episodes."""
    rng = np.random.default_rng(seed)
    for number in range(episodes):
        for index, (topic, item) in enumerate(episode_items(spec, number, rng)):
            more = {'task': spec.name} if topic == 'state' else {}
            moment = START + (number * 2 * (spec.horizon + 1) + index) * PERIOD // 2
            yield topic, encode(topic, item, moment, **more), moment


def write_bag(folder, messages, namespace='', **options):
    """Write (topic, bytes, time) as the recorder does; `options` are those of Bag."""
    bag = Bag(folder, {f'{namespace}/{topic}': (kind, qos_entry(1, False))
                       for topic, kind in TYPES.items()}, **options)
    for topic, content, moment in messages:
        bag.write(f'{namespace}/{topic}', content, moment, moment)
    bag.close()
    return bag.path


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
    spec, seconds = find_spec(task), {'ours': [], 'mcap_ros2_support': [], 'rosbags': []}
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
