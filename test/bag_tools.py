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

"""Bags in all the ways in which others write them, and comparing episodes to the last bit."""

import dataclasses
from functools import cache
import sqlite3

from mcap.writer import Writer
import numpy as np
from rosbags.convert.converter import convert
from rosbags.typesys import get_typestore, Stores
from rpl_ros import data
from rpl_ros.bags.definitions import definition
from rpl_ros.bags.schema import own_types, TYPES
from rpl_ros.bags.writer import Bag, qos_entry
from rpl_ros.data import Mode, Status
from rpl_ros.tasks.find import task_spec

RUN = 'made_up'
"""Id of the run."""
START = 1_700_000_000_000_000_000
"""Time of the first message, ns since 1970."""
PERIOD = 40_000_000
"""Time between two steps, ns."""


@cache
def typestore():
    """Return rosbags' store of our message types."""
    store = get_typestore(Stores.EMPTY)
    for kind in TYPES.values():
        store.register({name: fields for name, fields in own_types(kind).items()
                        if name not in store.fielddefs})
    return store


def encode(topic, item, time_ns=0, run=RUN, **more):
    """Return a dataclass of rpl_ros.data as the bytes of its message on `topic`."""
    store = typestore()
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
        status = (Status.EPISODE_END if last else Status.EXPLORING if number % 4 else
                  Status.BASE_EPISODE)
        mode = Mode.EXPLORE if number % 4 else Mode.BASE
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


TASK = 'push'
SPEC = task_spec(TASK)
EPISODES = 6
MESSAGES = list(encoded(SPEC, EPISODES))


def write_mcap(path, messages=MESSAGES, texts=None, namespace='', **options):
    """Write an MCAP file as `ros2 bag` does; `texts` replace definitions by topic."""
    with open(path, 'wb') as file:
        writer = Writer(file, **options)
        writer.start('ros2', 'test')
        channels = {}
        for topic, content, moment in messages:
            if topic not in channels:
                kind = TYPES.get(topic, 'std_msgs/msg/Header')
                text = (texts or {}).get(topic) or definition(kind)
                schema = writer.register_schema(kind, 'ros2msg', text.encode())
                channels[topic] = writer.register_channel(f'{namespace}/{topic}', 'cdr', schema)
            writer.add_message(channels[topic], moment, content, moment)
        writer.finish()
    return path


def to_sqlite(source, folder, version=9):
    """Convert a bag to sqlite3 with rosbags."""
    convert([source], folder, 'sqlite3', version, None, 'none', None, None, [], [], [], [])
    return folder


def without_definitions(folder):
    """Make the sqlite3 file of a bag one of an older distribution, which holds no definitions."""
    (path,) = folder.glob('*.db3')
    with sqlite3.connect(path) as file:
        file.execute('DROP TABLE message_definitions')
    file.close()
    return folder


def assert_equal_episodes(found, expected):
    """Compare lists of Episodes field by field, to the last bit and in type."""
    assert len(found) == len(expected)
    for one, two in zip(found, expected):
        for field in dataclasses.fields(two):
            here, there = getattr(one, field.name), getattr(two, field.name)
            np.testing.assert_array_equal(here, there, err_msg=field.name, strict=True)
