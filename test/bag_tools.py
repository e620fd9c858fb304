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
import sqlite3

from mcap.writer import Writer
import numpy as np
from rosbags.convert.converter import convert

from rpl_ros.bags.definitions import definition
from rpl_ros.bags.schema import TYPES
from rpl_ros.experiments.bench_bags import encoded
from rpl_ros.tasks.specs import spec

TASK = 'push'
SPEC = spec(TASK)
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
