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

"""A bag that was cut off keeps what can be kept; files packed as a whole are read like others."""

import struct
import tracemalloc

from bag_tools import (assert_equal_episodes, encoded, EPISODES, MESSAGES, SPEC, to_sqlite,
                       write_bag, write_mcap)
from mcap.writer import CompressionType
import pytest
from rpl_ros.bags import compression
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import open_file, storage_files
from rpl_ros.bags.reader import read_episodes
import yaml
import zstandard

MANY = list(encoded(SPEC, 30))
"""Messages of more than one block of each compression."""


def read(path):
    """Return (Episodes, Report) of a bag, ([], Report) where it is refused."""
    report = Report()
    try:
        return list(read_episodes(path, SPEC, report)), report
    except BagError as error:
        report.damage.append(str(error))
        return [], report


def transitions(path):
    """Return how many whole transitions a bag holds."""
    return sum(int(episode.valid.sum()) for episode in read(path)[0])


def ends(content, messages):
    """Return [(topic, episode, step, where its record ends)] of messages in an MCAP's bytes."""
    found, place = [], 0
    for number, (topic, raw, _) in enumerate(messages):
        place = content.index(raw, place) + len(raw)
        # Two messages for each step, state and command; the last state of an episode has one too.
        episode, rest = divmod(number, 2 * (SPEC.horizon + 1))
        found.append((topic, episode, rest // 2, place))
    return found


def whole_transitions(records, size):
    """Return how many transitions have all of their messages within `size` bytes."""
    there = {(topic, episode, step) for topic, episode, step, end in records if end <= size}
    return sum(all((topic, episode, step + more) in there
                   for topic in ('state', 'command') for more in (0, 1))
               for episode in range(EPISODES) for step in range(SPEC.horizon))


@pytest.mark.parametrize('chunk_size', [1 << 24, 20_000])
def test_a_cut_costs_no_record_that_is_whole(tmp_path, chunk_size):
    path = write_mcap(tmp_path / 'bag.mcap', chunk_size=chunk_size,
                      compression=CompressionType.NONE)
    content = path.read_bytes()
    records = ends(content, MESSAGES)
    last = max(end for *_, end in records)
    assert transitions(path) == whole_transitions(records, last) == EPISODES * SPEC.horizon
    for part in range(1, 20):
        size = last * part // 20
        path.write_bytes(content[:size])
        assert transitions(path) == whole_transitions(records, size), size


@pytest.mark.parametrize('compression', [CompressionType.LZ4, CompressionType.ZSTD])
def test_a_cut_of_a_packed_chunk_costs_its_last_block(tmp_path, compression):
    path = write_mcap(tmp_path / 'bag.mcap', MANY, chunk_size=1 << 24, compression=compression)
    content, before, block = path.read_bytes(), 0, 1 << 17
    per_transition = 2 * len(MANY[0][1])  # bytes, at least
    for part in range(1, 20):
        path.write_bytes(content[:len(content) * part // 20])
        now = transitions(path)
        # Packed evenly: as many as their share, but for one block and what belongs to no bytes.
        least = 30 * SPEC.horizon * part / 20 * 0.9 - 2 * block / per_transition
        assert now >= max(before, least), part
        before = now
    assert before > 20 * SPEC.horizon


def test_the_head_of_a_cut_chunk_is_not_believed(tmp_path):
    path = write_mcap(tmp_path / 'bag.mcap', chunk_size=1 << 24, compression=CompressionType.ZSTD)
    content = bytearray(path.read_bytes())
    place = next(place for place in range(8, 10_000)
                 if content[place] == 6 and content[place + 37:place + 45] == b'\4\0\0\0zstd')
    (length,) = struct.unpack_from('<Q', content, place + 1)
    for offset, value in ((25, 1 << 60), (1, length + 1), (9, 1 << 63)):  # size, length, time
        changed = bytearray(content[:len(content) // 2])
        struct.pack_into('<Q', changed, place + offset, value)
        path.write_bytes(changed)
        assert len(read(path)[1].damage) >= 1  # and it ends, in little memory


def pack(path):
    """Pack a file as `ros2 bag record --compression-mode file` does; return its new path."""
    target = path.with_name(f'{path.name}.zstd')
    target.write_bytes(zstandard.compress(path.read_bytes()))
    path.unlink()
    return target


def packed_bag(folder, kind='mcap'):
    """Write a bag whose only file is packed, with the metadata of rosbag2; return its folder."""
    bag = folder / 'plain'
    write_bag(bag, MESSAGES)
    if kind == 'db3':
        bag = to_sqlite(bag, folder / 'sql')
    (path,) = bag.glob(f'*.{kind}')
    tree = yaml.safe_load((bag / 'metadata.yaml').read_text())
    information = tree['rosbag2_bagfile_information']
    information.update(compression_format='zstd', compression_mode='FILE',
                       relative_file_paths=[pack(path).name])
    (bag / 'metadata.yaml').write_text(yaml.safe_dump(tree))
    return bag


@pytest.mark.parametrize('kind', ['mcap', 'db3'])
def test_a_bag_packed_file_by_file(tmp_path, kind, monkeypatch):
    expected = read(write_mcap(tmp_path / 'same.mcap'))[0]
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    monkeypatch.setattr(compression.tempfile, 'tempdir', str(temporary))
    bag = packed_bag(tmp_path, kind)
    (path,) = bag.glob('*.zstd')
    files = sorted(bag.iterdir())
    for place in (bag, path):
        found, report = read(place)
        assert_equal_episodes(found, expected)
        assert report.damage == []
    assert sorted(bag.iterdir()) == files and not list(temporary.iterdir())
    # After `zstd -d` the metadata still name the packed file, which may be there or not.
    plain = path.with_name(path.name.removesuffix('.zstd'))
    plain.write_bytes(zstandard.decompress(path.read_bytes()))
    for _ in range(2):
        assert storage_files(bag) == [plain]
        assert_equal_episodes(read(bag)[0], expected)
        path.unlink(missing_ok=True)


def test_a_packed_file_without_metadata_or_cut_or_damaged(tmp_path):
    bag = packed_bag(tmp_path)
    (bag / 'metadata.yaml').unlink()
    (path,) = storage_files(bag)
    assert path.name.endswith('.mcap.zstd') and transitions(bag) == EPISODES * SPEC.horizon
    content = path.read_bytes()
    path.write_bytes(content[:len(content) * 2 // 3])
    found, report = read(bag)
    assert EPISODES // 2 <= len(found) < EPISODES + 1
    assert f'{path}: was cut off: the record at offset ' in report.damage[0]
    damaged = bytearray(content)
    damaged[len(content) // 2:len(content) // 2 + 40] = bytes(40)
    path.write_bytes(damaged)
    found, report = read(bag)
    assert any(text.startswith(f'{path}: ') for text in report.damage)


def test_what_unpacks_to_far_more_than_its_size_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, 'MOST_SMALL', 1 << 22)
    path = tmp_path / 'zeros.mcap.zstd'
    path.write_bytes(zstandard.compress(b'\x89MCAP0\r\n' + bytes(1 << 28)))
    sizes, notes = [], []

    def look(target, note, name):
        sizes.append(target.stat().st_size)
        return open_file(target, note, name)
    compression.CompressedFile(path, notes.append, look).close()
    assert sizes == [1 << 22] and 'unpacks to more than 200 times its size' in notes[0]


def test_a_chunk_that_unpacks_to_far_more_than_its_size_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, 'MOST_SMALL', 1 << 20)
    packed = zstandard.compress(bytes(1 << 24))
    head = struct.pack('<QQQII4sQ', 0, 0, 1 << 24, 0, 4, b'zstd', len(packed))
    sound = write_mcap(tmp_path / 'sound.mcap').read_bytes()
    path, start = tmp_path / 'bomb.mcap', sound.index(b'\6', 17)  # the first chunk
    path.write_bytes(sound[:start] + struct.pack('<BQ', 6, len(head) + len(packed)) + head
                     + packed + sound[start:])
    tracemalloc.start()
    try:
        found, report = read(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.damage == [f'{path}: the chunk at offset {start} is damaged: {len(packed)} '
                             f'bytes say that they unpack to {1 << 24}']
    assert len(found) == EPISODES and most < 1 << 23


def test_a_packed_file_within_another_is_no_bag(tmp_path):
    path = tmp_path / 'twice.mcap.zstd'
    path.write_bytes(zstandard.compress(zstandard.compress(b'\x89MCAP0\r\n')))
    with pytest.raises(BagError, match='twice.mcap.zstd: is neither an MCAP nor an sqlite3 file'):
        open_file(path, print)
