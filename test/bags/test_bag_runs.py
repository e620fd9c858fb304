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

"""Bags of version 0.1, of two runs, with contradictions, and of another horizon."""

import dataclasses
import hashlib
import json
from pathlib import Path

from bag_tools import (encode, episode_items, MESSAGES, SPEC, to_sqlite, without_definitions,
                       write_bag, write_mcap)
import numpy as np
import pytest
from rpl_ros.bags.about import about, bag_spec
from rpl_ros.bags.audit import audit_bag, FIT, LOSSES, UNUSABLE
from rpl_ros.bags.definitions import definition
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import bags_of, bags_setting
from rpl_ros.bags.plot import draw_episode
from rpl_ros.bags.reader import read_episodes, read_messages, read_raw
from rpl_ros.bags.schema import TYPES
from rpl_ros.cli import main
from rpl_ros.data import Mode
from rpl_ros.learning.from_bags import take_bags
from rpl_ros.learning.learner import Learner
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.description import task_fields

LEGACY = Path(__file__).parents[1] / 'data' / 'bag_of_version_0_1.mcap'
ARRAYS = ('observations', 'achieved_goals', 'desired_goal', 'base_actions', 'residuals', 'sent',
          'valid')
# Worked out with the code of version 0.1: mode, success and SHA-256 of the arrays.
BEFORE = [
    (Mode.EXPLORE, False, 'd91b55e0d82ca2d9a42109fa4dc7f83d3b2f04669a9cbc4c97c886efa00fc4c6'),
    (Mode.BASE, False, 'c675b1c7985edd77c93f24d8851344332d9023fd06e78fdc76369d9265a970e7'),
    (Mode.EVALUATE, False, '3173da8389820323237748eca07c8a6b87197cc4b452c039b85a15a144323657'),
    (Mode.EXPLORE, False, '4309bc16bbf90880686df527eba2c4fbdd4d74f32ecec6665cf2e5a87ba6236b'),
    (Mode.BASE, True, 'fe42bd324d775079d21d6756a93e5b230c78021a66d627af2c40528be78af9ee'),
    (Mode.EVALUATE, True, 'dc8edfd900d33eb983e33426aea27f25142e723b665cf8260a3c9794e1baa798')]


def summary(episode):
    """Return (mode, success, SHA-256 of the arrays) of an Episode."""
    found = hashlib.sha256()
    for name in ARRAYS:
        found.update(np.asarray(getattr(episode, name)).tobytes())
    return episode.mode, episode.success, found.hexdigest()


def test_a_bag_of_version_0_1_is_read_as_it_was(tmp_path):
    episodes = list(read_episodes(LEGACY, SPEC))
    assert [summary(episode) for episode in episodes] == BEFORE
    for episode in episodes:
        np.testing.assert_array_equal(episode.executed, episode.sent)
    sql = without_definitions(to_sqlite(LEGACY, tmp_path / 'sql'))
    assert [summary(episode) for episode in read_episodes(sql, SPEC)] == BEFORE


def test_the_tools_take_a_bag_of_version_0_1(tmp_path, capsys):
    assert audit_bag(LEGACY).verdict == FIT and audit_bag(LEGACY).transitions == 300
    assert main(['bag', 'plot', str(LEGACY), '--out', str(tmp_path / 'a.png')]) == 0
    assert main(['bag', 'export', str(LEGACY), '--out', str(tmp_path / 'set')]) == 0
    assert '6 episodes, 300 frames' in capsys.readouterr().out
    weights = [message.item for message in read_messages(LEGACY, ('policy_weights',))
               if message.topic == 'policy_weights']
    assert [one.version for one in weights] == list(range(1, 8))
    assert not any(one.prefer_base for one in weights)


def test_a_bag_from_before_episodes_could_have_a_problem_is_read_as_it_was(tmp_path):
    # Its last field: four bytes of length, and the zero that ends the empty text.
    older = [(topic, content[:-5] if topic == 'state' else content, moment)
             for topic, content, moment in MESSAGES]
    lines = definition(TYPES['state']).splitlines(keepends=True)
    first = next(row for row, line in enumerate(lines) if line.startswith('string problem'))
    text = ''.join([*lines[:first], *lines[first + 2:]])  # its comment has a second line
    path = write_mcap(tmp_path / 'older.mcap', older, {'state': text})
    expected = [summary(episode) for episode in
                read_episodes(write_mcap(tmp_path / 'today.mcap'), SPEC)]
    assert [summary(episode) for episode in read_episodes(path, SPEC)] == expected
    sql = without_definitions(to_sqlite(path, tmp_path / 'sql'))
    assert [summary(episode) for episode in read_episodes(sql, SPEC)] == expected
    assert audit_bag(path).verdict == FIT and audit_bag(path).problems == {}
    states = [item for topic, _, item, _ in read_raw(path, ('state', 'command'))
              if topic == 'state']
    assert {state.problem for state in states} == {''}  # a whole message of today, to be played


def learner(path, **settings):
    """Return a Learner that has taken a bag."""
    made = Learner(make_settings(LearnerSettings, {
        'task': SPEC.name, 'bags': str(path), 'hidden_size': 8, 'hidden_layers': 1, **settings}))
    take_bags(made)
    return made


def messages_of(run, horizon=SPEC.horizon, episodes=3, seed=0, described=True):
    """Return the messages of a run with episodes of `horizon` steps."""
    task = dataclasses.replace(SPEC, horizon=horizon)
    rng, found = np.random.default_rng(seed), []
    if described:
        found = [('task', encode('task', Described(), run=run, **task_fields(task, 0.1)), 1)]
    for number in range(episodes):
        for topic, item in episode_items(task, number, rng):
            more = {'task': SPEC.name} if topic == 'state' else {}
            found.append((topic, encode(topic, item, run=run, **more), len(found) + 2))
    return found


class Described:
    """A Task message has all of its fields from elsewhere."""


def test_two_runs_on_one_topic_are_kept_apart(tmp_path):
    one, two = messages_of('one'), messages_of('two', seed=1)
    mixed = [message for pair in zip(one, two) for message in pair]
    alone = list(read_episodes(write_mcap(tmp_path / 'one.mcap', one), SPEC))
    report = Report()
    found = list(read_episodes(write_mcap(tmp_path / 'both.mcap', mixed), SPEC, report))
    assert [summary(episode) for episode in found] == [summary(episode) for episode in alone]
    count = len(two) - 1  # its description came before the first state
    assert report.problems == {"they are of run 'two', not 'one'": count}
    report = Report(run='two')
    other = list(read_episodes(tmp_path / 'both.mcap', SPEC, report))
    assert other and summary(other[0]) != summary(found[0])
    audit = audit_bag(tmp_path / 'both.mcap')
    assert audit.run == 'one' and audit.verdict == LOSSES
    assert audit.transitions == 3 * SPEC.horizon
    assert audit_bag(tmp_path / 'both.mcap', run='two').transitions == 3 * SPEC.horizon


def test_plot_and_export_read_the_run_that_is_named(tmp_path, capsys):
    one, two = messages_of('one'), messages_of('two', seed=1)
    both = write_mcap(tmp_path / 'both.mcap', [*one, *two])
    for run, messages in (('', one), ('one', one), ('two', two)):
        alone = write_mcap(tmp_path / f'{run}_alone.mcap', messages)
        words = ['--run', run] if run else []
        assert main(['bag', 'plot', str(both), '--out', str(tmp_path / 'a.png'), *words]) == 0
        assert (tmp_path / 'a.png').read_bytes() == draw_episode(alone)[0]
        out = tmp_path / f'set_{run}'
        assert main(['bag', 'export', str(both), '--out', str(out), *words]) == 0
        assert main(['bag', 'export', str(alone), '--out', f'{out}_alone']) == 0
        name = 'data/chunk-000/file-000.parquet'
        assert (out / name).read_bytes() == Path(f'{out}_alone', name).read_bytes()
    capsys.readouterr()
    assert main(['bag', 'plot', str(both), '--run', 'three']) == UNUSABLE
    assert capsys.readouterr().err.startswith(f'error: {both}: ')
    for command in ('info', 'plot', 'export', 'play'):
        with pytest.raises(SystemExit):
            main(['bag', command, '--help'])
        assert '--run ID' in capsys.readouterr().out


def test_messages_that_contradict_each_other_are_no_duplicates(tmp_path):
    topic, content, moment = MESSAGES[31]
    assert topic == 'command' and audit_bag(write_mcap(tmp_path / 'a.mcap')).verdict == FIT
    same = write_mcap(tmp_path / 'same.mcap', [*MESSAGES[:40], MESSAGES[31], *MESSAGES[40:]])
    assert (audit_bag(same).duplicates, audit_bag(same).conflicts) == (1, 0)
    rng = np.random.default_rng(0)
    items = list(episode_items(SPEC, 0, rng))
    forged = dataclasses.replace(items[31][1], sent=np.full(4, 0.77))
    audit = audit_bag(write_mcap(tmp_path / 'forged.mcap', [
        *MESSAGES[:40], (topic, encode(topic, forged), moment), *MESSAGES[40:]]))
    assert (audit.duplicates, audit.conflicts, audit.verdict) == (0, 1, LOSSES)
    assert '1 messages contradict another one' in ' '.join(audit.losses)


def test_a_bag_knows_its_horizon_and_speed(tmp_path):
    path = write_mcap(tmp_path / 'slow.mcap', messages_of('run', 70))
    assert (about(path).horizon, about(path).max_ee_speed) == (70, 0.1)
    assert bag_spec(path).horizon == 70
    audit = audit_bag(path)
    assert (audit.verdict, audit.transitions, audit.horizon) == (FIT, 210, 70)
    assert learner(path, horizon=70, max_ee_speed=0.1).recorded.size == 3
    with pytest.raises(BagError, match='horizon is 70, expected 50'):
        learner(path, max_ee_speed=0.1)
    with pytest.raises(BagError, match='max_ee_speed is 0.1, expected 0.0'):
        learner(path, horizon=70)
    with pytest.raises(BagError, match='have 70 steps, not 60'):
        bag_spec(path, 60)


def test_metadata_tell_it_where_the_topic_is_missing(tmp_path):
    write_bag(tmp_path / 'bag', messages_of('run', 70, described=False), about={
        'rpl_ros.horizon': '70', 'rpl_ros.max_ee_speed': '0.15'})
    assert (about(tmp_path / 'bag').horizon, about(tmp_path / 'bag').max_ee_speed) == (70, 0.15)
    assert audit_bag(tmp_path / 'bag').transitions == 210


def test_what_is_longer_than_anybody_says_is_an_error_and_not_lost(tmp_path):
    path = write_mcap(tmp_path / 'long.mcap', messages_of('run', 70, described=False))
    audit = audit_bag(path)
    assert audit.verdict == UNUSABLE and '--horizon N' in audit.error
    assert audit_bag(path, 70).transitions == 210
    with pytest.raises(BagError, match='beyond the horizon'):
        learner(path)


def test_rpl_train_takes_horizon_and_speed_from_the_bag(tmp_path):
    path = write_mcap(tmp_path / 'slow.mcap', messages_of('run', 70))
    words = ['train', SPEC.name, '--bag', str(path), '--updates', '3', '--evaluate-episodes', '0',
             'hidden_size:=8', '--out']
    assert main([*words, str(tmp_path / 'out')]) == 0
    text = (tmp_path / 'out/config.yaml').read_text()
    assert 'horizon: 70' in text and 'max_ee_speed: 0.1' in text
    assert main([*words, str(tmp_path / 'other'), 'horizon:=60']) == 2


def test_residuals_of_zero_make_a_bag_of_the_base_controller(tmp_path):
    """The bring-up's max_residual 0, as the adapter tells it: executed is the base action."""
    rng, messages, before = np.random.default_rng(0), [], None
    for topic, item in episode_items(SPEC, 1, rng):
        if topic == 'state' and before is not None:
            item = dataclasses.replace(item, executed=np.clip(before, -1, 1))
        before = item.base_action if topic == 'command' else before
        more = {'task': SPEC.name} if topic == 'state' else {}
        messages.append((topic, encode(topic, item, **more), len(messages)))
    path = write_mcap(tmp_path / 'bring_up.mcap', messages)
    episode, = read_episodes(path, SPEC)
    assert episode.valid.all() and not episode.residuals.any()
    np.testing.assert_array_equal(episode.executed, np.clip(episode.base_actions[:-1], -1, 1))
    assert audit_bag(path).changed == SPEC.horizon


def test_several_bags_are_each_of_their_own_run(tmp_path):
    paths = [write_mcap(tmp_path / f'{run}.mcap', messages_of(run, seed=seed))
             for seed, run in enumerate(('monday', 'tuesday'))]
    assert len(list(read_episodes(paths, SPEC))) == 6
    made = Learner(make_settings(LearnerSettings, {
        'task': SPEC.name, 'bags': ':'.join(map(str, paths)), 'hidden_size': 8,
        'hidden_layers': 1, 'max_ee_speed': 0.1}))
    assert take_bags(made).episodes == 6
    assert main(['bag', 'export', *map(str, paths), '--out', str(tmp_path / 'set')]) == 0


def test_a_run_folder_stands_for_the_bags_of_its_parts_in_their_order(tmp_path, capsys):
    """Episode 1 was cut off in the first part, and played again in the second one."""
    first = messages_of('run', episodes=2)
    write_bag(tmp_path / 'bag', first[:-7])
    for number, name in enumerate(('bag_2', 'bag_10')):
        write_bag(tmp_path / name, messages_of(f'run{number}', seed=number + 1))
    (tmp_path / 'baggage').mkdir()
    both = tmp_path / 'both'
    of_robots = [both / name for name in ('robot2/bag', 'robot2/bag_2', 'robot10/bag')]
    for bag in of_robots:
        bag.mkdir(parents=True)
    assert bags_of(both) == of_robots and bags_of(both / 'robot2') == of_robots[:2]
    bags = [tmp_path / name for name in ('bag', 'bag_2', 'bag_10')]
    assert bags_of(tmp_path) == bags and bags_of(bags[1]) == [bags[1]]
    assert bags_setting([tmp_path]) == ':'.join(map(str, bags))
    assert main(['bag', 'info', str(tmp_path), '--json']) == LOSSES
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)['whole_episodes'] for line in lines] == [1, 3, 3]
    picture = tmp_path / 'a.png'
    for number, bag in ((0, bags[-1]), (None, bags[0])):
        words = [] if number is None else ['--episode', str(number)]
        assert main(['bag', 'plot', str(tmp_path), '--out', str(picture), *words]) == 0
        assert picture.read_bytes() == draw_episode(bag, number)[0]
    assert main(['bag', 'export', str(tmp_path), '--out', str(tmp_path / 'set')]) == 0
    assert main(['bag', 'plot', str(tmp_path), '--episode', '7']) == UNUSABLE
    assert 'has no states of episode 7' in capsys.readouterr().err
