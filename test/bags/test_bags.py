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

"""Reading bags: all the ways of storing them give the same messages and episodes."""

import os
from pathlib import Path
import shutil
import sqlite3
import tracemalloc

from bag_tools import (assert_equal_episodes, encode, encoded, episode_items, EPISODES, MESSAGES,
                       SPEC, to_sqlite, typestore, without_definitions, write_bag, write_mcap)
from hypothesis import given, settings, strategies as st
from mcap.writer import CompressionType, IndexType, Writer
from mcap_ros2.reader import read_ros2_messages
import numpy as np
import pytest
from rpl_ros import data
from rpl_ros.bags.definitions import definition
from rpl_ros.bags.layout import Decoder
from rpl_ros.bags.reader import read_episodes, read_items, read_messages
from rpl_ros.bags.schema import own_types, TYPES
from rpl_ros.ros.qos import TOPICS
from rpl_ros.transitions import Joiner

NO_SUMMARY = {'index_types': IndexType.NONE, 'repeat_channels': False, 'repeat_schemas': False,
              'use_statistics': False, 'use_summary_offsets': False}


@pytest.fixture(scope='module')
def expected():
    """Episodes of the same items without any bag in between."""
    joiner, found, rng = Joiner(SPEC), [], np.random.default_rng(0)
    for number in range(EPISODES):
        for topic, item in episode_items(SPEC, number, rng):
            found += joiner.add(topic, item)[0]
    assert len(found) == EPISODES and all(episode.valid.all() for episode in found)
    return found


def test_topics_and_types_are_those_of_the_graph():
    assert {name: f'rpl_msgs/msg/{kind.__name__}' for name, (kind, _) in TOPICS.items()} == TYPES


@pytest.mark.parametrize('options', [
    {}, {'compression': CompressionType.ZSTD}, {'compression': CompressionType.LZ4},
    {'compression': CompressionType.NONE, 'chunk_size': 3000}, {'use_chunking': False},
    {**NO_SUMMARY, 'compression': CompressionType.NONE}, {**NO_SUMMARY, 'use_chunking': False},
    {'namespace': '/robot_1/rpl'},
], ids=str)
def test_every_kind_of_mcap_gives_the_same_episodes(tmp_path, expected, options):
    path = write_mcap(tmp_path / 'some.mcap', **options)
    assert_equal_episodes(list(read_episodes(path, SPEC)), expected)


def test_our_own_bag_and_its_sqlite_conversions_give_the_same_episodes(tmp_path, expected):
    write_bag(tmp_path / 'bag', MESSAGES, namespace='/here')
    assert_equal_episodes(list(read_episodes(tmp_path / 'bag', SPEC)), expected)
    converted = to_sqlite(tmp_path / 'bag', tmp_path / 'converted')
    assert_equal_episodes(list(read_episodes(str(converted), SPEC)), expected)
    assert_equal_episodes(list(read_episodes(without_definitions(converted), SPEC)), expected)


def test_several_files_are_read_in_the_order_of_recording(tmp_path, expected):
    # In the middle of episodes, and without metadata: bag_10 comes after bag_9.
    size = len(MESSAGES) // 11 + 1
    for part in range(11):
        write_mcap(tmp_path / f'bag_{part}.mcap', MESSAGES[part * size:(part + 1) * size])
    assert_equal_episodes(list(read_episodes(tmp_path, SPEC)), expected)
    paths = [tmp_path, tmp_path]
    assert_equal_episodes(list(read_episodes(paths, SPEC)), expected * 2)


def test_a_log_of_sqlite_is_read_without_a_trace(tmp_path, expected):
    write_bag(tmp_path / 'bag', MESSAGES)
    bag = to_sqlite(tmp_path / 'bag', tmp_path / 'sql')
    (path,) = bag.glob('*.db3')
    # A recorder that is still at work, or was killed: the second half is in the log alone.
    file = sqlite3.connect(path)
    file.execute('PRAGMA journal_mode = WAL')
    half = len(MESSAGES) // 2
    rows = file.execute('SELECT * FROM messages WHERE id > ?', [half]).fetchall()
    file.execute('DELETE FROM messages WHERE id > ?', [half])
    file.commit()
    file.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    file.executemany('INSERT INTO messages VALUES (?, ?, ?, ?)', rows)
    file.commit()
    copy = tmp_path / 'killed'
    shutil.copytree(bag, copy)
    file.close()
    before = {path: path.read_bytes() for path in copy.iterdir()}
    assert any(path.suffix == '.db3-wal' for path in before)
    assert_equal_episodes(list(read_episodes(copy, SPEC)), expected)
    assert {path: path.read_bytes() for path in copy.iterdir()} == before


def test_messages_are_what_the_library_decodes(tmp_path):
    path = write_mcap(tmp_path / 'some.mcap')
    names = {f'/{topic}' for topic in TYPES}
    theirs = list(read_ros2_messages(str(path), topics=names))
    ours = list(read_messages(path))
    assert len(ours) == len(theirs) == len(MESSAGES)
    for one, two in zip(ours, theirs):
        assert f'/{one.topic}' == two.channel.topic
        assert (one.time, one.published) == (two.log_time_ns, two.publish_time_ns)
        assert_same(one.item, two.ros_msg)
    assert ours[0].item.truncated is False


def assert_same(ours, theirs):
    """Compare a decoded message with that of a library, field by field."""
    for name, value in vars(ours).items():
        other = getattr(theirs, name)
        if hasattr(value, '__dict__'):
            assert_same(value, other)
        else:
            np.testing.assert_array_equal(value, other, err_msg=name)


STORE = typestore()
NUMBERS = st.lists(st.floats(width=64), max_size=5).map(np.array).map(np.float64)
TEXT = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), max_size=9)
WHOLE = st.integers(0, 2**32 - 1)


@st.composite
def any_message(draw, topic):
    """Draw a message of rosbags' classes, strings and sequences of any length."""
    kinds, values = STORE.types, {}
    for name, (_, what) in STORE.fielddefs[TYPES[topic]][1]:
        if name == 'header':
            stamp = kinds['builtin_interfaces/msg/Time'](draw(st.integers(-2**31, 2**31 - 1)),
                                                         draw(WHOLE))
            values[name] = kinds['std_msgs/msg/Header'](stamp, draw(TEXT))
            continue
        base = what[0][1][0] if isinstance(what[0], tuple) else what[0]
        values[name] = draw({
            'uint32': st.lists(WHOLE, max_size=5).map(lambda data: np.array(data, np.uint32))
            if isinstance(what[0], tuple) else WHOLE,
            'uint64': st.integers(0, 2**64 - 1), 'string': TEXT,
            'uint8': st.binary(max_size=9).map(lambda data: np.frombuffer(data, np.uint8))
            if isinstance(what[0], tuple) else st.integers(0, 255), 'bool': st.booleans(),
            'float64': NUMBERS if isinstance(what[0], tuple) else st.floats()}[base])
    return kinds[TYPES[topic]](**values)


@pytest.mark.parametrize('little', [True, False])
@pytest.mark.parametrize('topic', TYPES)
@given(choice=st.data())
@settings(deadline=None, max_examples=30)
def test_any_message_is_decoded_as_by_rosbags(topic, little, choice):
    kind = TYPES[topic]
    messages = choice.draw(st.lists(any_message(topic), min_size=1, max_size=6))
    raws = [bytes(STORE.serialize_cdr(message, kind, little_endian=little))
            for message in messages]
    decoder = Decoder([own_types(kind)], kind)
    for _ in range(2):  # the second time with the layouts of the first
        groups, bad = decoder.decode(raws)
        assert not bad
        assert sorted(index for indices, _ in groups for index in indices) == [*range(len(raws))]
        for indices, columns in groups:
            for row, index in enumerate(indices):
                expected = STORE.deserialize_cdr(raws[index], kind)
                for name, column in columns.items():
                    value = expected
                    for part in name.split('.'):
                        value = getattr(value, part)
                    np.testing.assert_array_equal(column[row], value, err_msg=name)


@given(st.binary(max_size=300), st.integers(0, 300))
@settings(deadline=None, max_examples=200)
def test_garbage_is_refused_or_decoded_but_never_a_crash(garbage, place):
    good = MESSAGES[0][1]
    raw = good[:place] + garbage + good[place + len(garbage):]
    decoder = Decoder([own_types(TYPES['state'])], TYPES['state'])
    groups, bad = decoder.decode([good, raw, good])
    found = {index for indices, _ in groups for index in indices}
    assert found | set(bad) == {0, 1, 2} and not found & set(bad) and {0, 2} <= found


@pytest.mark.parametrize('options', [{'chunk_size': 100_000}, {'use_chunking': False}], ids=str)
def test_memory_does_not_grow_with_the_bag(tmp_path, options):
    def peak(episodes):
        path = write_mcap(tmp_path / f'{episodes}.mcap', encoded(SPEC, episodes), **options)
        next(read_episodes(path, SPEC))  # definitions are parsed once: they do not count
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_episodes(path, SPEC)) == episodes
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak(400) < 1.1 * peak(100)


def test_items_carry_what_the_message_says(tmp_path):
    item = data.BaseAction(3, 4, np.array([0.1, 0.2]))
    messages = [*MESSAGES[:2], ('base_action', encode('base_action', item), 7)]
    path = write_mcap(tmp_path / 'some.mcap', messages)
    (items,) = read_items(path, topics=('state', 'command', 'base_action'))
    topic, moment, found = items[2]
    assert (topic, moment, found.episode, found.step) == ('base_action', 7, 3, 4)
    np.testing.assert_array_equal(found.action, item.action)
    assert [type(found) for *_, found in items] == [data.State, data.Command, data.BaseAction]


def test_nothing_is_written_into_a_bag(tmp_path):
    bag = tmp_path / 'bag'
    write_bag(bag, MESSAGES)
    to_sqlite(bag, tmp_path / 'sql')
    for folder in (bag, tmp_path / 'sql'):
        before = {path: (path.read_bytes(), os.stat(path).st_mtime_ns)
                  for path in folder.iterdir()}
        list(read_episodes(folder, SPEC))
        list(read_messages(Path(folder)))
        assert before == {path: (path.read_bytes(), os.stat(path).st_mtime_ns)
                          for path in folder.iterdir()}


def test_a_topic_that_was_remapped_is_known_by_its_type(tmp_path, expected):
    path = tmp_path / 'remapped.mcap'
    names = {'state': 'robot_state', 'command': 'order'}
    with open(path, 'wb') as file:
        writer = Writer(file)
        writer.start('ros2', 'test')
        channels = {}
        for topic, raw, moment in MESSAGES:
            if topic not in channels:
                kind = TYPES[topic]
                schema = writer.register_schema(kind, 'ros2msg', definition(kind).encode())
                channels[topic] = writer.register_channel(f'/{names[topic]}', 'cdr', schema)
            writer.add_message(channels[topic], moment, raw, moment)
        writer.finish()
    assert_equal_episodes(list(read_episodes(path, SPEC)), expected)
