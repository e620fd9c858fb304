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
from pathlib import Path

from bag_tools import MESSAGES, SPEC, to_sqlite, without_definitions, write_mcap
import numpy as np
import pytest

from rpl_ros import data
from rpl_ros.bags.about import about, bag_spec
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_episodes, read_messages
from rpl_ros.cli import main
from rpl_ros.config import LearnerSettings, make_settings
from rpl_ros.experiments.bag_audit import audit_bag, FIT, LOSSES, UNUSABLE
from rpl_ros.experiments.bench_bags import encode, episode_items, write_bag
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.recorded import take_bags
from rpl_ros.tasks.described import task_fields

LEGACY = Path(__file__).parent / 'data' / 'bag_of_version_0_1.mcap'
ARRAYS = ('observations', 'achieved_goals', 'desired_goal', 'base_actions', 'residuals', 'sent',
          'valid')
# Worked out with the code of version 0.1: mode, success and SHA-256 of the arrays.
BEFORE = [
    (data.EXPLORE, False, 'd91b55e0d82ca2d9a42109fa4dc7f83d3b2f04669a9cbc4c97c886efa00fc4c6'),
    (data.BASE, False, 'c675b1c7985edd77c93f24d8851344332d9023fd06e78fdc76369d9265a970e7'),
    (data.EVALUATE, False, '3173da8389820323237748eca07c8a6b87197cc4b452c039b85a15a144323657'),
    (data.EXPLORE, False, '4309bc16bbf90880686df527eba2c4fbdd4d74f32ecec6665cf2e5a87ba6236b'),
    (data.BASE, True, 'fe42bd324d775079d21d6756a93e5b230c78021a66d627af2c40528be78af9ee'),
    (data.EVALUATE, True, 'dc8edfd900d33eb983e33426aea27f25142e723b665cf8260a3c9794e1baa798')]


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
