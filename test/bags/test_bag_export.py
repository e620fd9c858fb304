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

"""`rpl bag export`: a LeRobot data set holds the whole transitions of bags, to the last bit."""

from collections import Counter
import dataclasses
from functools import cache
import json
from pathlib import Path
import subprocess
import sys
import tempfile
import weakref

from bag_tools import (encode, encoded, episode_items, EPISODES, MESSAGES, SPEC, TASK, write_bag,
                       write_mcap)
from hypothesis import given, settings, strategies as st
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from rpl_ros import cli, data
from rpl_ros.bags import export
from rpl_ros.bags.lerobot import DataSet, EPISODES_AT_ONCE, names_of, STATISTICS
from rpl_ros.bags.reader import read_episodes
from rpl_ros.learning.her import sample
from rpl_ros.learning.replay import Replay
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec


def export_bag(*words):
    """Return the exit code of `rpl bag export`."""
    return cli.main(['bag', 'export', *map(str, words), '--format', 'lerobot'])


def rows(folder):
    """Return a table of all Parquet files below a folder, in the order of their names."""
    paths = sorted(folder.glob('chunk-*/file-*.parquet'))
    return pyarrow.concat_tables([pyarrow.parquet.read_table(path) for path in paths])


def numbers(column):
    """Return a column as a numpy array (n,) or (n, size)."""
    kind = column.type
    if not pyarrow.types.is_fixed_size_list(kind):
        return column.to_numpy()
    return np.concatenate([part.flatten().to_numpy() for part in column.chunks]).reshape(
        -1, kind.list_size)


def load(folder):
    """Return ({column: array}, rows of the table of episodes, info) of a data set."""
    table = rows(folder / 'data')
    return ({name: numbers(table[name]) for name in table.column_names},
            rows(folder / 'meta' / 'episodes').to_pylist(),
            json.loads((folder / 'meta' / 'info.json').read_text()))


def check_frame(columns, row, episode, step):
    """Compare a row of a data set with a transition of the Episode it comes from, bit by bit."""
    for name, expected in {
            'observation.state': episode.observations[step],
            'observation.environment_state': episode.desired_goal,
            'action': episode.executed[step], 'sent_action': episode.sent[step],
            'base_action': episode.base_actions[step], 'residual': episode.residuals[step],
            'achieved_goal': episode.achieved_goals[step],
            'next.achieved_goal': episode.achieved_goals[step + 1]}.items():
        np.testing.assert_array_equal(columns[name][row], expected.astype(np.float32),
                                      err_msg=name, strict=True)
    assert columns['next.done'][row] == (episode.ended and step == episode.steps - 1)


def check_format(folder):
    """Check what the format promises; return load(folder)."""
    columns, episodes, info = load(folder)
    frames = info['total_frames']

    @cache
    def numbers_in(path):
        return set(pyarrow.parquet.read_table(path)['episode_index'].to_pylist())
    assert info['codebase_version'] == 'v3.0' and info['fps'] == 25 and info['total_tasks'] == 1
    assert info['total_episodes'] == len(episodes)
    assert info['splits'] == {'train': f'0:{len(episodes)}'} and info['video_path'] is None
    assert set(info['features']) == set(columns)
    for name, feature in info['features'].items():
        shape = tuple(feature['shape'])
        assert columns[name].shape == (frames, *(() if shape == (1,) else shape)), name
        assert columns[name].dtype == feature['dtype'], name
        assert feature['names'] is None or len(feature['names']) == shape[0]
    np.testing.assert_array_equal(columns['index'], np.arange(frames))
    assert not columns['task_index'].any()
    begin = 0
    for number, row in enumerate(episodes):
        assert row['episode_index'] == number and row['dataset_from_index'] == begin
        end = begin + row['length']
        assert row['dataset_to_index'] == end and row['length'] > 0
        assert (columns['episode_index'][begin:end] == number).all()
        np.testing.assert_array_equal(columns['frame_index'][begin:end], np.arange(end - begin))
        begin = end
        assert number in numbers_in(folder / info['data_path'].format(
            chunk_index=row['data/chunk_index'], file_index=row['data/file_index']))
        assert number in numbers_in(folder / 'meta' / 'episodes' / (
            f'chunk-{row["meta/episodes/chunk_index"]:03d}/'
            f'file-{row["meta/episodes/file_index"]:03d}.parquet'))
    assert begin == frames
    np.testing.assert_array_equal(columns['timestamp'],
                                  (columns['frame_index'] / 25).astype(np.float32))
    tasks = pyarrow.parquet.read_table(folder / 'meta' / 'tasks.parquet')
    assert tasks.schema.pandas_metadata['index_columns'] == ['task']
    assert tasks['task_index'].to_pylist() == [0]
    assert [row['tasks'] for row in episodes] == [tasks['task'].to_pylist()] * len(episodes)
    check_statistics(folder, columns, episodes)
    return columns, episodes, info


def check_statistics(folder, columns, episodes):
    """Compare all statistics with numpy's."""
    found = json.loads((folder / 'meta' / 'stats.json').read_text())
    assert set(found) == set(columns)
    everything = np.hstack([values.reshape(len(values), -1).astype(np.float64)
                            for values in columns.values()])
    parts = [(found, slice(None))] + [
        ({key: {name: row[f'stats/{key}/{name}'] for name in (*STATISTICS, 'count')}
          for key in columns}, slice(row['dataset_from_index'], row['dataset_to_index']))
        for row in episodes]
    for statistics, span in parts:
        part = everything[span]
        assert all(statistics[key]['count'] == [len(part)] for key in columns)
        for name in STATISTICS:
            np.testing.assert_allclose(
                np.concatenate([statistics[key][name] for key in columns]),
                getattr(part, name)(axis=0), rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize('task', ['push', 'complex_hook', 'mbrl_pusher'])
def test_a_sound_bag(tmp_path, capsys, task):
    bag = write_mcap(tmp_path / 'some.mcap', encoded(task_spec(task), 3))
    before = bag.read_bytes()
    assert export_bag(bag, '--out', tmp_path / 'set') == 0
    steps = task_spec(task).horizon
    assert capsys.readouterr().out == f'{tmp_path / "set"}: 3 episodes, {3 * steps} frames\n'
    columns, episodes, info = check_format(tmp_path / 'set')
    recorded = list(read_episodes(bag, task_spec(task)))
    assert [row['length'] for row in episodes] == [steps] * 3
    for number, episode in enumerate(recorded):
        for step in range(steps):
            check_frame(columns, number * steps + step, episode, step)
    assert columns['next.done'].nonzero()[0].tolist() == [
        (number + 1) * steps - 1 for number in range(3)]
    assert info['features']['action']['names'] == names_of(task_spec(task).action)
    assert info['data_files_size_in_mb'] == 100 and info['chunks_size'] == 1000
    assert bag.read_bytes() == before and {path.name for path in tmp_path.iterdir()} == {
        'some.mcap', 'set'}


@pytest.mark.parametrize('task', ['push', 'mbrl_pusher'])
def test_rewards_are_those_of_the_task(tmp_path, task):
    simulated, rng, messages, states = make_task(task, 3), np.random.default_rng(0), [], []
    size = simulated.spec.action_size
    state = simulated.reset(0)
    for _ in range(simulated.spec.horizon + 1):
        action = rng.uniform(-1, 1, size)
        command = data.Command(0, state.step, data.Mode.EVALUATE, 1, action, np.zeros(size), 1.0,
                               action, action, data.Status.RESIDUAL)
        states.append(state)
        messages += [('state', encode('state', state, task=task), len(messages)),
                     ('command', encode('command', command), len(messages) + 1)]
        if state.last:
            break
        state = simulated.step(action)
    assert export_bag(write_mcap(tmp_path / 'some.mcap', messages), '--out', tmp_path / 'set') == 0
    columns, _, _ = load(tmp_path / 'set')
    np.testing.assert_allclose(columns['next.reward'], [state.reward for state in states[1:]],
                               rtol=1e-5)
    assert columns['next.success'].tolist() == [state.success for state in states[1:]]


def near_goals(item):
    """Return a State whose object is at its goal about every other time."""
    return dataclasses.replace(item, achieved_goal=item.desired_goal + 0.025 * item.achieved_goal)


def test_the_learner_sees_the_same_transitions(tmp_path):
    rng, items = np.random.default_rng(4), []
    for number in range(2):
        items += [(topic, near_goals(item) if topic == 'state' else item)
                  for topic, item in episode_items(SPEC, number, rng)]
    bag = write_mcap(tmp_path / 'some.mcap', [
        (topic, encode(topic, item, **({'task': TASK} if topic == 'state' else {})), index)
        for index, (topic, item) in enumerate(items)])
    assert export_bag(bag, '--out', tmp_path / 'set') == 0
    columns, _, _ = load(tmp_path / 'set')
    assert 20 < columns['next.success'].sum() < 80
    np.testing.assert_array_equal(columns['next.reward'], columns['next.success'] - 1.0)
    replay = Replay(SPEC, 1000)
    for episode in read_episodes(bag, SPEC):
        replay.add(episode)
    batch = sample(replay, 500, 0.0, 'future', SPEC, rng)
    found = {row.tobytes(): index for index, row in enumerate(columns['observation.state'])}
    index = [found[row.tobytes()] for row in batch.observation]
    for name, expected in {
            'observation.environment_state': batch.goal, 'action': batch.executed,
            'base_action': batch.base_action, 'residual': batch.residual,
            'next.reward': batch.reward}.items():
        np.testing.assert_array_equal(columns[name][index], expected, name, strict=True)


def synthetic(number, valid, ended, rng):
    """Return an Episode of random numbers; rows that no whole transition touches are NaN."""
    steps = len(valid)
    arrays = [rng.normal(size=(steps + 1, size))
              for size in (SPEC.observation_size, SPEC.goal_size, SPEC.action_size)]
    touched = np.append(valid, False) | np.append(False, valid)
    for values in arrays:
        values[~touched] = np.nan
    return data.Episode(number, arrays[0], arrays[1], rng.normal(size=SPEC.goal_size), arrays[2],
                        *rng.normal(size=(3, steps, SPEC.action_size)), np.array(valid), False,
                        ended)


WAS_WHOLE = st.lists(st.booleans(), min_size=1, max_size=12)


@given(st.lists(st.tuples(WAS_WHOLE, st.booleans()), min_size=1, max_size=6),
       st.sampled_from([100, 0.005]))
@settings(deadline=None, max_examples=25)
def test_cut_episodes(cases, file_mb):
    rng = np.random.default_rng(0)
    recorded = [synthetic(number, valid, ended, rng)
                for number, (valid, ended) in enumerate(cases)]
    expected = [(number, step) for number, (valid, _) in enumerate(cases)
                for step in np.flatnonzero(valid)]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        written = DataSet(folder, SPEC, file_mb)
        for episode in recorded:
            written.add(episode, bag=7)
        assert written.frames == len(expected) and written.recorded == len(cases)
        assert written.left_out == sum(valid.count(False) for valid, _ in cases)
        assert written.cut == sum(not all(valid) for valid, _ in cases)
        assert written.unfinished == sum(not ended for _, ended in cases)
        if not expected:
            written.close()
            return
        written.finish()
        columns, episodes, _ = check_format(folder)
        for row, (number, step) in enumerate(expected):
            check_frame(columns, row, recorded[number], step)
            source = episodes[columns['episode_index'][row]]
            assert source['recorded/bag'] == 7 and source['recorded/episode'] == number
            assert source['recorded/step'] + columns['frame_index'][row] == step


def test_files_are_split_and_nothing_piles_up(tmp_path):
    rng, seen = np.random.default_rng(0), []
    written = DataSet(tmp_path, SPEC, 0.2)
    for number in range(2 * EPISODES_AT_ONCE + 5):
        episode = synthetic(number, [True] * 10, True, rng)
        seen.append(weakref.ref(episode.observations))
        written.add(episode)
        del episode
        assert seen[-1]() is None
    written.finish()
    places = Counter(row['data/file_index'] for row in check_format(tmp_path)[1])
    assert sorted(places) == list(range(len(places))) and len(places) > 2
    for path in sorted((tmp_path / 'data' / 'chunk-000').iterdir())[:-1]:
        assert 0.2 * 2**20 <= path.stat().st_size < 0.3 * 2**20
        # Readers find an episode without reading all of the file.
        about = pyarrow.parquet.read_metadata(path)
        assert about.num_row_groups == places[int(path.stem[-3:])]


def test_losses_are_told_and_bags_are_joined(tmp_path, capsys):
    each = len(MESSAGES) // EPISODES
    gap = MESSAGES[:each + 20] + MESSAGES[each + 23:-6]  # three are lost, and the end
    one = write_mcap(tmp_path / 'gap.mcap', gap)
    two = write_mcap(tmp_path / 'whole.mcap')
    assert export_bag(one, two, '--out', tmp_path / 'deep' / 'set') == 0
    printed = capsys.readouterr().out.splitlines()
    recorded = list(read_episodes(one, SPEC))
    lost = sum(int((~episode.valid).sum()) for episode in recorded)
    frames = sum(episode.steps for episode in recorded) - lost + EPISODES * SPEC.horizon
    assert printed[0].endswith(f'{2 * EPISODES + 1} episodes, {frames} frames')
    assert printed[1:] == [
        f'left out: {lost} transitions that are not whole; 1 of {2 * EPISODES} recorded episodes '
        'were cut there', f'unfinished: 1 of {2 * EPISODES} recorded episodes have no last state']
    assert lost == 3
    columns, episodes, _ = check_format(tmp_path / 'deep' / 'set')
    assert [row['recorded/bag'] for row in episodes] == [0] * (EPISODES + 1) + [1] * EPISODES
    assert [row['recorded/episode'] for row in episodes[:4]] == [0, 1, 1, 2]
    # The end of the first half of the cut episode is none, nor is that of the one cut off.
    ends = [row['dataset_to_index'] - 1 for row in episodes]
    assert columns['next.done'][ends].tolist() == [
        number not in (1, EPISODES) for number in range(len(episodes))]


def test_damage_is_told(tmp_path, capsys):
    path = write_mcap(tmp_path / 'cut.mcap', chunk_size=5000)
    path.write_bytes(path.read_bytes()[:60_000])
    assert export_bag(path, '--out', tmp_path / 'set') == 0
    assert 'lost: ' in capsys.readouterr().out
    check_format(tmp_path / 'set')


def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys):
    bag, out = write_bag(tmp_path / 'bag', MESSAGES), tmp_path / 'set'
    hook = write_mcap(tmp_path / 'hook.mcap', encoded(task_spec('hook'), 1))
    lone = write_mcap(tmp_path / 'lone.mcap', MESSAGES[:2])
    write_bag(tmp_path / 'empty', [])
    (tmp_path / 'there').mkdir()
    (tmp_path / 'other.part').mkdir()
    before = sorted(tmp_path.rglob('*'))
    for words, expected in (
            ([tmp_path / 'nowhere', '--out', out], 'nowhere: does not exist'),
            ([tmp_path / 'empty', '--out', out], 'empty: holds no messages'),
            ([lone, '--out', out], 'lone.mcap: no transition is whole'),
            ([bag, hook, '--out', out], "State.task is 'hook' in episode 0, step 0, expected"),
            ([bag, '--out', tmp_path / 'there'], 'there: exists already'),
            ([bag, '--out', tmp_path / 'other'], 'other.part: exists already'),
            ([bag, '--out', bag / 'set'], 'a bag is never changed'),
            ([bag, '--out', hook / 'set'], 'hook.mcap')):
        assert export_bag(*words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith('error: ') and expected in line, line
        assert sorted(tmp_path.rglob('*')) == before


def test_an_interrupted_export_leaves_nothing(tmp_path, capsys, monkeypatch):
    def interrupted(*words):
        yield next(read_episodes(*words))
        raise KeyboardInterrupt
    monkeypatch.setattr(export, 'read_episodes', interrupted)
    bag = write_mcap(tmp_path / 'some.mcap')
    assert export_bag(bag, '--out', tmp_path / 'set') == 130
    assert list(tmp_path.iterdir()) == [bag]


def test_without_pyarrow_one_line_says_what_to_install(tmp_path):
    code = ('import sys; sys.modules["pyarrow"] = None; from rpl_ros import cli; '
            'sys.exit(cli.main(sys.argv[1:]))')
    done = subprocess.run([sys.executable, '-c', code, 'bag', 'export', str(tmp_path), '--out',
                           str(tmp_path / 'set')], capture_output=True, text=True)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert 'pip install pyarrow' in done.stderr


@pytest.mark.parametrize('task', ['pick_and_place', 'complex_hook', 'mbrl_pusher'])
def test_names_are_those_of_the_elements(task):
    simulated = make_task(task, 1)
    state = simulated.reset(0)
    for _ in range(5):
        state = simulated.step(np.full(simulated.spec.action_size, 0.8))
    value = dict(zip(names_of(simulated.spec.observation), state.observation))
    for axis, place in zip('xyz', state.achieved_goal):
        assert value[f'object_{axis}'] == pytest.approx(place)
        for thing in ('object', 'hook'):
            if f'{thing}_minus_gripper_{axis}' in value:
                assert value[f'{thing}_minus_gripper_{axis}'] == pytest.approx(
                    value[f'{thing}_{axis}'] - value[f'gripper_{axis}'])
    if task != 'mbrl_pusher':
        assert value['gripper_velocity_x'] > 0.01 and value['right_finger'] > 0.01
