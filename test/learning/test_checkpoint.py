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

"""The folder of checkpoints: what is damaged or crafted costs at most itself and is named."""

import dataclasses
import os
import subprocess
import sys

from hypothesis import given, HealthCheck, settings, strategies as st
import numpy as np
import pytest
from rpl_ros.common.files import InUseError, LOCK, lock_folder, write_file
from rpl_ros.data import Episode
from rpl_ros.learning import replay_file
from rpl_ros.learning.checkpoint import (BEFORE, begin_anew, FILE, keep_numbers, keep_version,
                                         last_numbers, last_version, resume, save, VERSION)
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.learner_file import dump, restore, seal
from rpl_ros.policy.tensor_file import read_head
from rpl_ros.policy.weights import MisfitError, pack, unpack, WeightsError
from rpl_ros.runs.layout import LEARNER_KINDS, NEXT_EPISODES
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.training.loop import Loop
from safetensors.numpy import load

PUSH = task_spec('push')
SMALL = {'task': 'push', 'hidden_layers': 1, 'hidden_size': 8, 'batch_size': 16,
         'burn_in': 'none', 'device': 'cpu', 'buffer_transitions': 500}


def make(**values):
    """Return a small Learner."""
    return Learner(make_settings(LearnerSettings, {**SMALL, **values}))


def feed(learner, episodes, updates=1):
    """Let a Learner take made-up episodes and do updates; return it."""
    steps = PUSH.horizon
    for _ in range(episodes):
        rng = np.random.default_rng(learner.episodes)
        executed, residuals = rng.uniform(-1, 1, (2, steps, 4))
        learner.add(Episode(
            learner.episodes, rng.normal(size=(steps + 1, 25)), rng.normal(size=(steps + 1, 3)),
            rng.normal(size=3), rng.normal(size=(steps + 1, 4)), residuals, executed, executed,
            np.ones(steps, bool), False))
    for _ in range(updates):
        learner.update()
    return learner


@pytest.fixture
def life(tmp_path):
    """Return a Learner with three checkpoints of two episodes each in the folder tmp_path."""
    learner = make()
    for _ in range(3):
        save(tmp_path, feed(learner, 2))
        (tmp_path / f'policy_{learner.transitions:07d}.safetensors').write_bytes(learner.policy())
    return learner


def names(folder):
    """Return the names of all in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def damage(path, how='flip'):
    """Damage a file."""
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes({'flip': bytes(content), 'empty': b'', 'cut': bytes(content[:-99])}[how])


def crafted(content, kind, change):
    """Return a sealed file after `change(tensors, header)`: its digest is right."""
    tensors, header = load(content), read_head(content, (kind,)).header
    del header['digest']
    change(tensors, header)
    return seal(tensors, kind, header)


@pytest.mark.parametrize('how', ['flip', 'empty', 'cut', 'gone'])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(how, life, tmp_path):
    before = (tmp_path / BEFORE).read_bytes()
    if how == 'gone':
        (tmp_path / FILE).unlink()
    else:
        damage(tmp_path / FILE, how)
    notes, learner = [], make()
    assert resume(tmp_path, learner, notes.append) == {}
    assert (learner.episodes, learner.replay.whole, learner.updates) == (4, 4, 2)
    assert str(tmp_path / FILE) in notes[0] and f'continues from {BEFORE}' in notes[0]
    aside = ['policy_0000300.safetensors', 'replay_00000004.safetensors']
    assert names(tmp_path / 'damaged_1') == sorted(aside + ([] if how == 'gone' else [FILE]))
    assert dump(learner) == before
    save(tmp_path, feed(learner, 3))
    again = make()
    assert resume(tmp_path, again, pytest.fail) == {} and dump(again) == dump(learner)
    assert again.replay.whole == 7


def test_where_all_is_damaged_the_old_files_are_kept_apart_for_good(life, tmp_path):
    damage(tmp_path / FILE)
    damage(tmp_path / BEFORE, 'cut')
    there = names(tmp_path)
    with pytest.raises(WeightsError) as error:
        resume(tmp_path, make())
    assert f'{tmp_path / FILE}: its digest' in str(error.value)
    assert f'{tmp_path / BEFORE}: ' in str(error.value) and names(tmp_path) == there
    (tmp_path / 'damaged_1').mkdir()
    keep_version(tmp_path, 9)
    assert begin_anew(tmp_path) == tmp_path / 'damaged_2'
    assert names(tmp_path / 'damaged_2') == there
    assert names(tmp_path) == ['damaged_1', 'damaged_2', VERSION] and last_version(tmp_path) == 9
    learner = make()
    for episodes in (3, 10):
        save(tmp_path, feed(learner, episodes))
        again = make()
        resume(tmp_path, again, pytest.fail)
        assert dump(again) == dump(learner)


@pytest.mark.parametrize('how', ['flip', 'gone'])
def test_a_damaged_file_of_the_replay_costs_its_episodes(how, life, tmp_path):
    path = tmp_path / 'replay_00000002.safetensors'
    path.unlink() if how == 'gone' else damage(path)
    notes, learner = [], make()
    resume(tmp_path, learner, notes.append)
    assert '2 of the 6 episodes in the replay are lost' in ' '.join(notes)
    assert how == 'gone' or str(path) in notes[0] and (tmp_path / 'damaged_1' / path.name).exists()
    slots, _ = learner.replay.draw(1000, np.random.default_rng(0))
    assert set(slots) == {0, 1, 4, 5}
    save(tmp_path, feed(learner, 6))
    again = make()
    resume(tmp_path, again)
    assert again.replay.whole == 8  # of room for ten, two of which are lost


def test_a_learner_that_lost_its_replay_waits_for_new_episodes(life, tmp_path):
    for path in tmp_path.glob('replay_*'):
        damage(path)
    learner = make()
    learner.owed_exactly = 5.0
    resume(tmp_path, learner)
    assert (learner.replay.size, learner.owed, learner.updates) == (0, 0, 3)
    save(tmp_path, feed(learner, 2))
    again = make()
    resume(tmp_path, again, pytest.fail)
    assert again.replay.whole == 2 and again.episodes == 8


def test_files_without_a_checkpoint_do_not_mix_with_new_ones(life, tmp_path):
    for name in (FILE, BEFORE):
        (tmp_path / name).unlink()
    notes, learner = [], make()
    assert resume(tmp_path, learner, notes.append) is None
    assert len(list((tmp_path / 'damaged_1').glob('replay_*'))) == 3 and len(notes) == 1
    save(tmp_path, feed(learner, 1))
    resume(tmp_path, again := make(), pytest.fail)
    assert again.replay.whole == 1


@pytest.mark.parametrize('name, value, words', [
    ('critics', 2, 'critics 1, expected 2'), ('layer_norm', True, 'layer_norm False'),
    ('hidden_size', 16, 'hidden_size 8, expected 16'), ('hidden_layers', 2, 'hidden_layers 1'),
    ('residual_scale', 2.0, 'residual_scale 1.0, expected 2.0'), ('history', 1, 'history 0'),
    ('horizon', 70, 'horizon 50, expected 70'), ('max_ee_speed', 0.2, 'max_ee_speed 0.0'),
    ('actor_sees_base', True, 'sees_base False'), ('task', 'slippery_push', "task 'push'")])
def test_a_checkpoint_of_other_settings_is_named_and_kept(name, value, words, life, tmp_path):
    there = names(tmp_path)
    with pytest.raises(MisfitError, match=words) as error:
        resume(tmp_path, make(**{name: value}))
    assert str(tmp_path / FILE) in str(error.value) and names(tmp_path) == there


def test_each_tensor_of_a_checkpoint_is_checked(life):
    content = dump(life)
    for name, value in load(content).items():
        wrong = [np.zeros(np.array(value.shape) + 1, value.dtype), value.astype(np.int64),
                 np.full_like(value, np.nan), None]
        if name.endswith(('exp_avg_sq', 'squares', 'count')):
            wrong.append(np.full_like(value, -1.0))
        if name == 'trial/recent':
            wrong[0] = np.zeros((1, 1))
        for item in wrong if value.size else wrong[1:2]:
            def change(tensors, header):
                tensors.pop(name) if item is None else tensors.update({name: item})
            with pytest.raises(WeightsError, match=name.split('/')[0]):
                restore(make(), crafted(content, 'rpl_learner_4', change))
    with pytest.raises(WeightsError, match="'actor/more' is unknown"):
        restore(make(), crafted(content, 'rpl_learner_4', lambda tensors, header: tensors.update(
            {'actor/more': np.zeros(1)})))


WRONG = {
    'counters': [{}, [], {'episodes': 6}], 'added': [-1, 7, 1.0, None, True, 10**400],
    'random': [{}, 3, {'bit_generator': 'PCG64'}], 'burn_in': [[], [True], [1, 0.0], ['x', 'y']],
    'trial': [[True, 0], [True, -1, 0.0], [True, 1.5, 0.0]], 'figures': [{}, {'mean_q': 1.0}],
    'shape': [None, {}, 5], 'critics': [5, ['x', False], [1, 0]], 'bags': [0, None, 'x'],
    'acts_in_burn_in': [0, None, 'x'],
    'last_episodes': [None, 5, [-1], [1.5], ['x'], [3, 4]]}


@pytest.mark.parametrize('name, value', [
    (name, value) for name, values in WRONG.items() for value in values])
def test_each_value_of_a_checkpoint_is_checked(name, value, life):
    content = dump(life)
    assert set(WRONG) == set(read_head(content, ('rpl_learner_4',)).header) - {'digest'}
    learner = make()
    untouched = dump(learner)
    with pytest.raises(WeightsError):
        restore(learner, crafted(content, 'rpl_learner_4', lambda tensors, header: header.update(
            {name: value})))
    assert dump(learner) == untouched


@pytest.mark.parametrize('one, expected', [(7, {0: 7}), (-1, {}), (20_000_007, {})])
def test_an_earlier_file_tells_one_last_episode(one, expected, life):
    """Of several robots that is too little to know what was learned from."""
    def change(tensors, header):
        del header['last_episodes']
        header['last_episode'] = one
    learner = make()
    restore(learner, crafted(dump(life), 'rpl_learner_4', change))
    assert learner.last_episodes == expected


@pytest.mark.parametrize('part, name, value', [
    ('counters', 'version', 2**32), ('counters', 'updates', '5'), ('counters', 'settings', 1),
    ('counters', 'owed_exactly', -1.0), ('random', 'uinteger', 2**32), ('figures', 'mean_q', '1'),
    ('random', 'bit_generator', 'MT19937'), ('random', 'state', {'state': 1, 'inc': 2}),
    ('random', 'state', {'state': 2**128, 'inc': 1}), ('random', 'has_uint32', 2)])
def test_what_is_within_a_value_is_checked(part, name, value, life):
    with pytest.raises(WeightsError):
        restore(make(), crafted(dump(life), 'rpl_learner_4',
                                lambda tensors, header: header[part].update({name: value})))


@given(st.data())
@settings(max_examples=100, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_bytes_a_learner_is_whole_or_as_before(life, choice):
    good, learner = dump(life), make()
    untouched = dump(learner)
    where = choice.draw(st.integers(0, len(good) - 1))
    content = choice.draw(st.sampled_from([good[:where], good[:where] + b'1' + good[where + 1:]]))
    try:
        restore(learner, content)
        assert content == good
    except WeightsError:
        assert dump(learner) == untouched


def rows_of(learner):
    """Return the bytes of the file with all episodes of a Learner's replay."""
    return replay_file.dump_rows(learner.replay.rows(0, learner.replay.added), PUSH)


def test_each_tensor_of_the_replay_is_checked(life):
    content, kind = rows_of(life), replay_file.FORMATS[0]
    wrong = {name: [None, value[:-1], value[..., None], value.astype(np.float64)]
             for name, value in load(content).items()}
    for name in ('observations', 'base_actions', 'residuals', 'executed', 'desired_goals'):
        wrong[name].append(np.full_like(load(content)[name], np.inf))
    wrong['steps'] += [np.full(6, 51), np.zeros(6, np.int64), np.full(6, 20)]
    wrong['valid'].append(np.zeros((6, 50), bool))
    wrong['number'] += [np.arange(6) + 1, np.zeros(6, np.int64)]
    for name, values in wrong.items():
        for value in values:
            def change(tensors, header):
                tensors.pop(name) if value is None else tensors.update({name: value})
            with pytest.raises(WeightsError):
                replay_file.read_rows(crafted(content, kind, change), life.replay, PUSH, 0)
    twos = bytearray(content)
    start = content.index(load(content)['valid'].tobytes())
    twos[start] = 2
    with pytest.raises(WeightsError, match='neither true nor false'):
        replay_file.read_rows(bytes(twos), life.replay, PUSH, 0)


def test_checkpoints_of_the_formats_before_are_resumed(life, tmp_path):
    def old_learner(tensors, header):
        del header['critics']
        for name in ('horizon', 'max_ee_speed'):
            del header['shape'][name]

    def old_rows(tensors, header):
        tensors['sent'] = tensors.pop('executed')
        del tensors['terminated']
    for path in tmp_path.glob('replay_*'):
        content = crafted(path.read_bytes(), replay_file.FORMATS[0], old_rows)
        tensors, header = load(content), read_head(content, replay_file.FORMATS).header
        del header['digest']
        path.write_bytes(seal(tensors, replay_file.FORMATS[1], header))
    content = crafted(dump(life), LEARNER_KINDS[0], old_learner)
    tensors, header = load(content), read_head(content, LEARNER_KINDS).header
    del header['digest']
    (tmp_path / FILE).write_bytes(seal(tensors, LEARNER_KINDS[1], header))
    resume(tmp_path, again := make(), pytest.fail)
    assert dump(again) == dump(life)
    np.testing.assert_array_equal(again.replay.executed[:6], life.replay.executed[:6])
    with pytest.raises(MisfitError, match='episodes of 50 steps, expected 70'):
        resume(tmp_path, make(horizon=70))


class NoPlayers:
    """Takes what is asked for and plays nothing."""

    def submit(self, method, *arguments):
        """Take an episode."""


def test_what_a_run_was_about_to_play_is_checked(life):
    own = {'learner_node': life.settings,
           'sim_node': dataclasses.make_dataclass('Sim', ['first_episode'])(0)}
    loop = Loop(own, players=NoPlayers())
    loop._start_episodes()
    good = loop.state()
    Loop(own, players=NoPlayers()).restore(good)
    foreign = pack(*unpack(make(hidden_size=16).policy()))
    for name, value in {
            'next': np.zeros(2, np.int64), 'pending': np.zeros((1, 3), np.int64),
            'burn_in': np.zeros((1, 2)), 'weights/1': np.frombuffer(foreign, np.uint8),
            'more': np.zeros(1)}.items():
        with pytest.raises(WeightsError):
            Loop(own, players=NoPlayers()).restore({**good, name: value})
    for name in good:
        with pytest.raises(WeightsError):
            Loop(own, players=NoPlayers()).restore(
                {key: value for key, value in good.items() if key != name})
    with pytest.raises(WeightsError, match='episode 0 is played with version 7'):
        Loop(own, players=NoPlayers()).restore({**good, 'pending': np.array([[0, 7]])})


def test_versions_go_on_above_the_last_one(tmp_path):
    assert last_version(tmp_path) == 0
    keep_version(tmp_path, 40)
    learner = make()
    learner.version = 12
    learner.skip_to(last_version(tmp_path))
    learner.new_version()
    assert learner.version == 41
    for version in (7, 2**32 - 1):  # older, and nobody could publish above it
        learner.skip_to(version)
        assert learner.version == 41
    for text in (b'', b'x', b'-1', b'99999999999', b'\xff'):
        (tmp_path / VERSION).write_bytes(text)
        with pytest.raises(WeightsError, match=str(tmp_path / VERSION)):
            last_version(tmp_path)


def test_one_process_uses_a_folder_and_a_killed_one_no_longer(tmp_path):
    code = ('import sys, time\nfrom rpl_ros.common.files import lock_folder\n'
            'file = lock_folder(sys.argv[1])\nprint("locked", flush=True)\ntime.sleep(600)')
    other = subprocess.Popen([sys.executable, '-c', code, str(tmp_path / 'new')],
                             stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == 'locked\n'
        with pytest.raises(InUseError, match=f'new is in use by process {other.pid} on '):
            lock_folder(tmp_path / 'new')
    finally:
        other.kill()
        other.wait()
    with lock_folder(tmp_path / 'new'):
        assert f'process {os.getpid()}' in (tmp_path / 'new' / LOCK).read_text()


def test_a_file_is_the_old_or_the_new_one(tmp_path):
    path, before = tmp_path / 'more' / 'a', tmp_path / 'more' / 'b'
    write_file(path, 'one', before=before)
    assert path.read_text() == 'one' and not before.exists()
    write_file(path, b'two', before=before)
    assert (path.read_text(), before.read_text()) == ('two', 'one')
    with pytest.raises(OSError):
        write_file(path / 'not a folder', 'x')
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError):
        write_file(path, 'three')
    assert names(tmp_path / 'more') == ['a', 'b']


def test_the_numbers_of_the_next_episodes_come_back_and_damaged_ones_do_not(tmp_path):
    assert last_numbers(tmp_path) == []
    keep_numbers(tmp_path / 'new', [10_000_004, 0])
    assert last_numbers(tmp_path / 'new') == [10_000_004, 0]
    for text in ('1 two', '-1', '4294967296', '1.5'):
        (tmp_path / NEXT_EPISODES).write_text(text)
        assert last_numbers(tmp_path) == [], text
