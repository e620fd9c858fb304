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

"""Damaged and foreign bags: one clear message, and what is sound around the damage is used."""

import sqlite3
import struct

from bag_tools import (assert_equal_episodes, encode, encoded, episode_items, EPISODES, MESSAGES,
                       SPEC, TASK, to_sqlite, without_definitions, write_bag, write_mcap)
from hypothesis import given, HealthCheck, settings, strategies as st
from mcap.writer import CompressionType
import numpy as np
import pytest
from rpl_ros import data
from rpl_ros.bags.definitions import definition
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_episodes, read_messages
from rpl_ros.tasks.find import task_spec

EACH = len(MESSAGES) // EPISODES
"""Messages of an episode."""


def read(path):
    """Return (Episodes, Report) of a bag."""
    report = Report()
    return list(read_episodes(path, SPEC, report)), report


def small_chunks(path, **options):
    """Write a bag with chunks a bit shorter than an episode; return the places of the chunks."""
    write_mcap(path, chunk_size=len(MESSAGES[0][1]) * EACH * 9 // 10,
               compression=CompressionType.NONE, **options)
    content, places, place = path.read_bytes(), [], 8
    while place < len(content) - 8:
        code, length = struct.unpack_from('<BQ', content, place)
        places += [place] if code == 6 else []
        place += 9 + length
    assert len(places) > 3
    return places


def damage(path, place, content):
    """Overwrite bytes of a file."""
    with open(path, 'r+b') as file:
        file.seek(place)
        file.write(content)


def whole(episodes):
    """Return the numbers of the episodes that are whole."""
    return [episode.episode for episode in episodes if episode.valid.all()
            and episode.steps == SPEC.horizon]


@pytest.mark.parametrize('compression', [CompressionType.NONE, CompressionType.ZSTD])
def test_a_bag_that_was_cut_off(tmp_path, compression):
    path = write_mcap(tmp_path / 'cut.mcap', chunk_size=5000, compression=compression)
    sound, _ = read(path)
    content = path.read_bytes()
    path.write_bytes(content[:len(content) * 6 // 10])
    found, report = read(path)
    assert report.damage == [report.damage[0]]
    assert f'{path}: was cut off: the record at offset ' in report.damage[0]
    assert 2 <= len(found) < EPISODES
    assert_equal_episodes(found[:-1], sound[:len(found) - 1])
    steps = found[-1].steps  # as far as it was recorded
    np.testing.assert_array_equal(found[-1].sent[found[-1].valid],
                                  sound[len(found) - 1].sent[:steps][found[-1].valid])


def test_the_message_and_a_warning_where_nobody_keeps_a_report(tmp_path):
    path = write_mcap(tmp_path / 'cut.mcap', chunk_size=5000)
    path.write_bytes(path.read_bytes()[:60_000])
    with pytest.warns(UserWarning, match='was cut off'):
        list(read_episodes(path, SPEC))


def test_garbage_within_a_chunk_is_seen_by_its_checksum(tmp_path):
    path = tmp_path / 'bad.mcap'
    places = small_chunks(path)
    damage(path, places[2] + 3000, b'garbage' * 10)
    found, report = read(path)
    assert report.damage == [report.damage[0]]
    assert f'{path}: the chunk at offset {places[2]} is damaged: crc' in report.damage[0]
    # It overlaps two or three episodes, and the others are whole.
    assert len(found) == EPISODES and len(whole(found)) >= EPISODES - 3
    assert 0 in whole(found) and EPISODES - 1 in whole(found)


def test_garbage_over_the_head_of_a_chunk_is_passed_over(tmp_path):
    path = tmp_path / 'bad.mcap'
    places = small_chunks(path)
    damage(path, places[2], np.random.default_rng(1).bytes(200))
    found, report = read(path)
    assert f'{path}: damaged from offset {places[2]} to ' in report.damage[0]
    assert len(whole(found)) >= EPISODES - 3 and EPISODES - 1 in whole(found)


def test_garbage_outside_of_chunks_is_passed_over(tmp_path):
    path = write_mcap(tmp_path / 'bad.mcap', use_chunking=False)
    place = path.stat().st_size // 2
    damage(path, place, np.random.default_rng(2).bytes(2000))
    found, report = read(path)
    assert any('damaged from offset' in text for text in report.damage)
    assert len(whole(found)) >= EPISODES - 2 and EPISODES - 1 in whole(found)


def test_topics_of_a_lost_chunk_are_taken_from_the_summary(tmp_path):
    path = tmp_path / 'bad.mcap'
    places = small_chunks(path)
    damage(path, places[0] + 60, bytes(100))
    found, _ = read(path)
    assert EPISODES - 1 in whole(found)
    places = small_chunks(path, repeat_channels=False, repeat_schemas=False)
    damage(path, places[0] + 60, bytes(100))
    report = Report()
    with pytest.raises(BagError, match='messages are of topics whose definition is lost'):
        list(read_episodes(path, SPEC, report))


def test_a_message_that_is_damaged_costs_two_transitions(tmp_path):
    messages = list(MESSAGES)
    where = 3 * EACH + 20  # a state in the middle of episode 3
    topic, content, moment = messages[where]
    messages[where] = (topic, content[:-9], moment)
    path = write_mcap(tmp_path / 'bad.mcap', messages)
    found, report = read(path)
    assert 'a message of topic /state at ' in report.damage[0]
    assert 'goes beyond the end of the message' in report.damage[0]
    assert [int((~episode.valid).sum()) for episode in found] == [0, 0, 0, 2, 0, 0]


def test_a_gap_and_numbers_that_are_not_finite_are_counted(tmp_path):
    rng, items = np.random.default_rng(0), []
    for number in range(3):
        items += list(episode_items(SPEC, number, rng))
    bad = items[EACH + 10][1]
    bad.observation[3] = np.nan
    del items[EACH // 2]
    messages = [(topic, encode(topic, item, **({'task': TASK} if topic == 'state' else {})), 1)
                for topic, item in items]
    found, report = read(write_mcap(tmp_path / 'gap.mcap', messages))
    assert [int((~episode.valid).sum()) for episode in found] == [2, 2, 0]
    assert report.problems == {'observation holds a value that is not finite': 1}


LEAF = 13
"""First byte of a page of an sqlite3 file that holds rows of a table."""


def page_of_a_message(path):
    """Return where the page of an sqlite3 file begins that holds a message of its middle."""
    content = MESSAGES[len(MESSAGES) // 2][1]
    return path.read_bytes().index(content[-40:]) // 4096 * 4096


def test_a_truncated_or_damaged_sqlite_file(tmp_path):
    write_bag(tmp_path / 'bag', MESSAGES)
    bag = to_sqlite(tmp_path / 'bag', tmp_path / 'sql')
    (path,) = bag.glob('*.db3')
    damage(path, page_of_a_message(path), bytes(np.full(8192, 0xa5, np.uint8)))
    found, report = read(bag)
    assert f'{path}: damaged after message ' in report.damage[0]
    assert len(whole(found)) >= 3 and 0 in whole(found)
    assert EPISODES - 1 in [episode.episode for episode in found]
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BagError, match='sqlite3'):
        list(read_episodes(bag, SPEC))


def test_pages_of_sqlite_that_lead_back_end_the_reading_there(tmp_path):
    write_bag(tmp_path / 'bag', MESSAGES)
    bag = to_sqlite(tmp_path / 'bag', tmp_path / 'sql')
    (path,) = bag.glob('*.db3')
    middle = page_of_a_message(path)
    content = path.read_bytes()
    before = next(page for page in range(middle - 2 * 4096, 0, -4096)
                  if content[page] == LEAF)
    damage(path, middle, content[before:before + 4096])
    found, report = read(bag)
    assert any(' follows ' in text for text in report.damage)
    assert 0 in whole(found) and EPISODES - 1 in whole(found)


@pytest.mark.parametrize('topic, change, words', [
    ('state', ('float64 reward ', 'float32 reward '),
     'it has float32 reward, expected float64 reward'),
    ('state', ('float64[] observation ', 'float64[40] observation '),
     r'it has float64\[40\] observation, expected float64\[\] observation'),
    ('command', ('uint8 status ', 'uint8 why '), 'it has uint8 why, expected uint8 status'),
    ('command', ('uint8 status ', 'string more\nuint8 status '),
     'it has string more, expected uint8 status'),
    ('command', ('float64[] sent ', '#'), r'it has uint8 status, expected float64\[\] sent'),
    ('state', ('uint32 nanosec', 'uint64 nanosec'),
     r'has uint64 header\.stamp\.nanosec, expected uint32 header\.stamp\.nanosec'),
    ('state', ('float64 reward ', 'float64[[ reward '), 'definition of .* cannot be read'),
])
def test_another_version_of_a_message_names_the_field(tmp_path, topic, change, words):
    kind = f'rpl_msgs/msg/{topic.title()}'
    text = definition(kind).replace(*change)
    assert text != definition(kind)
    path = write_mcap(tmp_path / 'old.mcap', texts={topic: text})
    with pytest.raises(BagError, match=words) as error:
        list(read_episodes(path, SPEC))
    assert f'{path}: topic /{topic}' in str(error.value)


def test_fields_in_another_order_are_another_version(tmp_path):
    text = definition('rpl_msgs/msg/Command')
    lines = text.splitlines(keepends=True)
    first = next(index for index, line in enumerate(lines) if line.startswith('float64[] total'))
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    path = write_mcap(tmp_path / 'old.mcap', texts={'command': ''.join(lines)})
    with pytest.raises(BagError, match=r'it has float64\[\] sent, expected float64\[\] total'):
        list(read_episodes(path, SPEC))


def test_another_task(tmp_path):
    path = write_mcap(tmp_path / 'hook.mcap', encoded(task_spec('hook'), 1))
    with pytest.raises(BagError) as error:
        list(read_episodes(path, SPEC))
    assert str(error.value) == (f"{path}: topic /state: State.task is 'hook' in episode 0, "
                                "step 0, expected 'push'")


def test_two_graphs_in_one_bag(tmp_path):
    path = write_mcap(tmp_path / 'bag_0.mcap')
    write_mcap(tmp_path / 'bag_1.mcap', namespace='/other')
    with pytest.raises(BagError, match='two topics are called state, /state and /other/state'):
        list(read_episodes(tmp_path, SPEC))
    assert path.exists()


def test_a_bag_of_others_or_without_anything(tmp_path):
    others = [('imu', content, moment) for _, content, moment in MESSAGES[:4]]
    path = write_mcap(tmp_path / 'imu.mcap', others)
    with pytest.raises(BagError, match='has no topic state or command; its topics: /imu'):
        list(read_episodes(path, SPEC))
    with pytest.raises(BagError, match='has no topic'):
        list(read_messages(path))
    write_bag(tmp_path / 'bag', [])
    with pytest.raises(BagError, match='bag: holds no messages of state and command'):
        list(read_episodes(tmp_path / 'bag', SPEC))
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder' / 'notes.txt').write_text('none')
    with pytest.raises(BagError, match='folder: is no bag: holds no file'):
        list(read_episodes(tmp_path / 'folder', SPEC))
    with pytest.raises(BagError, match='nowhere: does not exist'):
        list(read_episodes(tmp_path / 'nowhere', SPEC))
    with pytest.raises(BagError, match='notes.txt: is neither an MCAP nor an sqlite3 file'):
        list(read_episodes(tmp_path / 'folder' / 'notes.txt', SPEC))
    (tmp_path / 'folder' / 'empty.mcap').touch()
    with pytest.raises(BagError, match='empty.mcap: is empty, 0 bytes'):
        list(read_episodes(tmp_path / 'folder', SPEC))
    with sqlite3.connect(tmp_path / 'other.db3') as file:
        file.execute('CREATE TABLE people (name TEXT)')
    file.close()
    with pytest.raises(BagError, match='has no tables `topics` and `messages`'):
        list(read_episodes(tmp_path / 'other.db3', SPEC))


def test_the_last_of_several_files_may_be_empty(tmp_path):
    write_mcap(tmp_path / 'bag_0.mcap')
    (tmp_path / 'bag_1.mcap').touch()
    found, report = read(tmp_path)
    assert len(whole(found)) == EPISODES
    assert report.damage == [f'{tmp_path / "bag_1.mcap"}: is empty, 0 bytes']


def test_a_missing_file_and_broken_metadata(tmp_path):
    write_bag(tmp_path / 'bag', MESSAGES)
    metadata = tmp_path / 'bag' / 'metadata.yaml'
    text = metadata.read_text()
    metadata.write_text(text[:100])
    assert len(read(tmp_path / 'bag')[0]) == EPISODES
    metadata.write_text(text)
    (tmp_path / 'bag' / 'bag_0.mcap').rename(tmp_path / 'bag' / 'other_0.mcap')
    with pytest.raises(BagError, match='metadata.yaml names bag_0.mcap, which is missing'):
        list(read_episodes(tmp_path / 'bag', SPEC))


def test_without_definitions_another_version_is_seen_by_the_bytes(tmp_path):
    state = next(episode_items(SPEC, 0, np.random.default_rng(0)))[1]
    assert isinstance(state, data.State)
    short = encode('state', state, task=TASK)[:-13]  # without executed, motion and problem
    messages = [(topic, short if topic == 'state' else content, moment)
                for topic, content, moment in MESSAGES[:20]]
    write_bag(tmp_path / 'bag', messages)
    bag = without_definitions(to_sqlite(tmp_path / 'bag', tmp_path / 'sql'))
    found, report = read(bag)
    assert not found and len(report.damage) == 10
    assert 'field executed goes beyond the end of the message' in report.damage[0]


def read_or_refuse(path):
    """Return the Episodes of a bag, none if it is refused; any other error is one of ours."""
    try:
        return read(path)[0]
    except BagError as error:
        assert str(path.parent) in str(error)
        return []


@pytest.mark.parametrize('compression', CompressionType)
@given(place=st.floats(0, 1), garbage=st.binary(min_size=1, max_size=4000), cut=st.booleans())
@settings(deadline=None, max_examples=60,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_makes_false_episodes_of_mcap(tmp_path, compression, place, garbage, cut):
    path = write_mcap(tmp_path / 'bad.mcap', chunk_size=20_000, compression=compression)
    sound = {episode.episode: episode for episode in read(path)[0]}
    content = bytearray(path.read_bytes())
    start = int(place * len(content))
    content[start:] = b'' if cut else garbage + content[start + len(garbage):]
    path.write_bytes(content)
    for episode in read_or_refuse(path):
        expected = sound[episode.episode]
        valid = np.flatnonzero(episode.valid)
        for name in ('observations', 'achieved_goals', 'base_actions', 'residuals', 'sent'):
            np.testing.assert_array_equal(getattr(episode, name)[valid],
                                          getattr(expected, name)[valid])


@given(place=st.floats(0, 1), garbage=st.binary(min_size=1, max_size=9000), cut=st.booleans())
@settings(deadline=None, max_examples=60,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_of_sqlite_is_a_crash(tmp_path_factory, place, garbage, cut):
    folder = tmp_path_factory.mktemp('sql')
    write_bag(folder / 'bag', MESSAGES[:150])
    bag = to_sqlite(folder / 'bag', folder / 'sql')
    (path,) = bag.glob('*.db3')
    content = bytearray(path.read_bytes())
    start = int(place * len(content))
    content[start:] = b'' if cut else garbage + content[start + len(garbage):]
    path.write_bytes(content)
    read_or_refuse(bag)
    assert path.read_bytes() == bytes(content)
