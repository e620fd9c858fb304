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

"""Bags of several files: each is whole by itself, and together they are what was recorded."""

from collections import Counter
import errno
import os

from bag_tools import assert_equal_episodes, MESSAGES, PERIOD, SPEC, START, write_bag
from mcap.reader import make_reader
from mcap.writer import CompressionType
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from rpl_ros.bags import mcap_writer, writer
from rpl_ros.bags.audit import audit_bag
from rpl_ros.bags.errors import Report
from rpl_ros.bags.files import storage_files
from rpl_ros.bags.reader import read_episodes
from rpl_ros.bags.writer import Bag, qos_entry
import yaml

TOPICS = {'/state': ('rpl_msgs/msg/State', qos_entry(2000, False)),
          '/command': ('rpl_msgs/msg/Command', qos_entry(2000, False)),
          '/policy_weights': ('rpl_msgs/msg/PolicyWeights', qos_entry(1, True))}
SECONDS = len(MESSAGES) * PERIOD / 2e9


def described(folder):
    """Return what metadata.yaml says."""
    return yaml.safe_load((folder / 'metadata.yaml').read_text())['rosbag2_bagfile_information']


@pytest.mark.parametrize('options, least', [
    ({'max_size': 40_000, 'chunk': 20}, 5), ({'max_duration': 3}, SECONDS // 3),
    ({'max_size': 40_000, 'chunk': 20, 'compression': CompressionType.ZSTD}, 3)], ids=str)
def test_the_files_of_a_bag_are_what_was_recorded(tmp_path, options, least):
    """Our reader, mcap and rosbags find all messages, in all files and in each alone."""
    folder, chunk = tmp_path / 'bag', options.pop('chunk', 0)
    expected = list(read_episodes(write_bag(tmp_path / 'whole', MESSAGES), SPEC))
    writer = Bag(folder, TOPICS, **options)
    for number, (topic, content, moment) in enumerate(MESSAGES):
        writer.write(f'/{topic}', content, moment, moment)
        if chunk and not number % chunk:
            writer.flush()
    writer.close()

    paths = storage_files(folder)
    assert [path.name for path in paths] == [f'bag_{number}.mcap' for number in range(len(paths))]
    assert len(paths) >= least and not list(folder.glob('*.part'))
    assert_equal_episodes(list(read_episodes(folder, SPEC)), expected)
    assert audit_bag(folder).verdict == 0
    told, total = described(folder), 0
    assert told['relative_file_paths'] == [path.name for path in paths]
    for path, about in zip(paths, told['files']):
        with path.open('rb') as file:
            reader = make_reader(file)
            summary = reader.get_summary()
            times = [message.log_time for _, _, message in reader.iter_messages()]
        assert {channel.topic for channel in summary.channels.values()} == set(TOPICS)
        assert len(summary.schemas) == len(TOPICS)
        assert about == {'path': path.name, **mcap_writer.when(times[0], times[-1], len(times))}
        with AnyReader([path]) as reader:
            assert sum(1 for _ in reader.messages()) == len(times)
        total += len(times)
    assert total == told['message_count'] == len(MESSAGES)
    for reader in (Reader(folder), AnyReader([folder])):
        with reader:
            assert reader.message_count == len(MESSAGES)
            assert Counter(connection.topic for connection, _, _ in reader.messages()) == Counter(
                f'/{topic}' for topic, _, _ in MESSAGES)


def test_each_file_begins_with_what_latched_topics_hold(tmp_path):
    """The newest message is repeated at the time of the split, as published then."""
    writer = Bag(tmp_path / 'bag', TOPICS, max_duration=1)
    second = 10**9
    writer.write('/policy_weights', b'old', START, START - 5)
    writer.write('/policy_weights', b'new', START + 1, START - 4)
    for number in range(3):
        writer.write('/state', b'x', START + number * second, START)
    writer.close()
    found = []
    for path in storage_files(tmp_path / 'bag'):
        with path.open('rb') as file:
            found.append([(channel.topic, message.data, message.log_time - START,
                           message.publish_time - START, message.sequence)
                          for _, channel, message in make_reader(file).iter_messages()])
    assert found == [
        [('/policy_weights', b'old', 0, -5, 1), ('/policy_weights', b'new', 1, -4, 2),
         ('/state', b'x', 1, 0, 1)],
        *([('/policy_weights', b'new', number * second, -4, 2),
           ('/state', b'x', number * second, 0, number + 1)] for number in (1, 2))]
    assert described(tmp_path / 'bag')['message_count'] == 7


def test_weights_larger_than_a_file_do_not_make_a_file_of_each_message(tmp_path):
    """What is repeated does not count for the size."""
    writer = Bag(tmp_path / 'bag', TOPICS, max_size=1000)
    writer.write('/policy_weights', b'w' * 2_000_000, START, START)
    for number in range(100):
        writer.write('/state', b'x' * 100, START, START)
    writer.close()
    assert len(storage_files(tmp_path / 'bag')) == 2


class FullDisk:
    """A disk with room for some bytes."""

    def __init__(self, monkeypatch, room):
        self.room, self.sizes = room, {}
        self.pwrite, self.write_file = os.pwrite, writer.write_file
        monkeypatch.setattr(mcap_writer.os, 'pwrite', self.put)
        monkeypatch.setattr(writer, 'write_file', self.put_file)

    def put(self, descriptor, data, start):
        """Write what there is room for, as pwrite does."""
        size = os.fstat(descriptor).st_size
        fits = min(len(data), max(size - start, 0) + self.room)
        if not fits:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = self.pwrite(descriptor, data[:fits], start)
        self.room -= max(start + count - size, 0)
        return count

    def put_file(self, path, content):
        """Write the whole file or nothing."""
        if len(content) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.write_file(path, content)


@pytest.mark.parametrize('room', range(20_000, 120_000, 4_000))
def test_a_full_disk_loses_nothing_that_was_there_before(tmp_path, monkeypatch, room):
    """Wherever the disk is full, while a file grows, ends or begins."""
    folder, flushed = tmp_path / 'bag', 0
    disk = FullDisk(monkeypatch, room)
    with pytest.raises(OSError, match='No space left'):
        writer = Bag(folder, TOPICS, max_size=15_000)
        for number, (topic, content, moment) in enumerate(MESSAGES):
            writer.write(f'/{topic}', content, moment, moment)
            if not number % 7:
                writer.flush()
                flushed = number + 1
    disk.room = 0
    report, count = Report(), 0
    for path in storage_files(folder):
        with AnyReader([path]) as reader:
            count += sum(1 for _ in reader.messages())
    assert flushed and count >= flushed and not list(folder.glob('*.part'))
    list(read_episodes(folder, SPEC, report))
    assert not report.damage
