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

"""`rpl bag`: the audit counts what was done to a bag, its exit code says what it is good for."""

import dataclasses
import io
import json

from bag_tools import (encode, encoded, episode_items, EPISODES, MESSAGES, SPEC, TASK, write_bag,
                       write_mcap)
import imageio.v3
import numpy as np
import pytest
from rpl_ros import cli
from rpl_ros.bags.audit import audit_bag, FIT, LOSSES, UNUSABLE
from rpl_ros.bags.plot import draw_episode, find_episode
from rpl_ros.common.intervals import wilson
from rpl_ros.tasks.find import task_spec

EACH = len(MESSAGES) // EPISODES


def as_json(capsys, *words):
    """Return (exit code, audit) of `rpl bag info`."""
    code = cli.main(['bag', 'info', *map(str, words), '--json'])
    return code, json.loads(capsys.readouterr().out)


def test_a_sound_bag_is_fit(tmp_path, capsys):
    write_bag(tmp_path / 'bag', MESSAGES)
    code, audit = as_json(capsys, tmp_path / 'bag')
    assert code == FIT and audit['verdict'] == 'fit for training' and audit['losses'] == []
    assert audit['task'] == TASK and audit['files'] == 1
    assert audit['size'] == (tmp_path / 'bag' / 'bag_0.mcap').stat().st_size
    assert audit['episodes'] == audit['whole_episodes'] == EPISODES
    assert audit['steps'] == audit['transitions'] == EPISODES * SPEC.horizon
    assert audit['messages']['state'] == audit['messages']['command'] == len(MESSAGES) // 2
    assert audit['messages']['policy_weights'] == 0
    # A message of each topic every 40 ms.
    assert audit['rates'] == pytest.approx({'state': 25.0, 'command': 25.0})
    assert audit['duration'] == pytest.approx((len(MESSAGES) - 1) * 0.02)
    names = ('gaps', 'duplicates', 'out_of_order', 'unpaired', 'missed', 'unfinished_episodes')
    assert [audit[name] for name in names] == [0] * len(names)
    # Versions and modes as bench_bags deals them out: 1 + number // 4, base every fourth.
    assert audit['policy_versions'] == [1, 2]
    rows = {(row['policy_version'], row['mode']): row for row in audit['success']}
    assert set(rows) == {(None, 'base'), (1, 'explore'), (2, 'explore')}
    assert (rows[None, 'base']['episodes'], rows[None, 'base']['successes']) == (2, 2)
    first = rows[1, 'explore']
    assert (first['episodes'], first['successes']) == (3, 1)
    assert [first['low'], first['high']] == pytest.approx(wilson(1, 3))
    assert first['mean_return'] == -SPEC.horizon


def test_longer_episodes_are_read_where_their_horizon_is_given(tmp_path, capsys):
    longer = task_spec(TASK, SPEC.horizon + 30)
    path = write_mcap(tmp_path / 'longer.mcap', list(encoded(longer, 2)))
    code, audit = as_json(capsys, path)
    assert code != FIT and audit['transitions'] < 2 * longer.horizon
    assert f'the step is beyond the horizon of {SPEC.horizon}' in str(audit['rejected'])
    code, audit = as_json(capsys, path, '--horizon', longer.horizon)
    assert (code, audit['transitions']) == (FIT, 2 * longer.horizon)


def changed(change):
    """Return the messages of three episodes after `change` was at the list of (topic, item)."""
    rng, items = np.random.default_rng(0), []
    for number in range(3):
        items += list(episode_items(SPEC, number, rng))
    change(items)
    return [(topic, encode(topic, item, **({'task': TASK} if topic == 'state' else {})), index)
            for index, (topic, item) in enumerate(items)]


def audited(tmp_path, change):
    """Return the Audit of such a bag."""
    return audit_bag(write_mcap(tmp_path / 'some.mcap', changed(change)))


def test_losses_are_named(tmp_path):
    def lose(items):
        del items[EACH + 20:EACH + 23]  # two states and the command between them
    audit = audited(tmp_path, lose)
    assert (audit.verdict, audit.gaps, audit.unpaired) == (LOSSES, 3, 1)
    assert audit.whole_episodes == 2 and audit.transitions == 3 * SPEC.horizon - 3
    assert audit.losses == ['3 states or commands are missing within episodes',
                            f'3 transitions of {3 * SPEC.horizon}']


def test_what_costs_nothing_is_counted_alone(tmp_path):
    def repeat_and_swap(items):
        items[4], items[6] = items[6], items[4]  # states 2 and 3
        items += items[:5]  # of an episode that is over
        items.insert(50, items[49])
    audit = audited(tmp_path, repeat_and_swap)
    assert (audit.verdict, audit.duplicates, audit.out_of_order) == (FIT, 6, 1)
    assert audit.transitions == 3 * SPEC.horizon and audit.losses == []


def test_a_missed_command_is_the_robots_loss_not_the_bags(tmp_path):
    def miss(items):
        topic, item = items[40]
        items[40] = (topic, dataclasses.replace(item, applied=False))
    audit = audited(tmp_path, miss)
    assert (audit.verdict, audit.missed, audit.transitions) == (FIT, 1, 3 * SPEC.horizon - 1)


def test_rejected_messages_and_an_open_end_are_losses(tmp_path):
    def spoil(items):
        items[10][1].observation[0] = np.inf
        del items[-7:]
    audit = audited(tmp_path, spoil)
    assert audit.verdict == LOSSES and audit.unfinished_episodes == 1
    assert audit.losses == [
        '1 states or commands are missing within episodes', '1 episodes have no last state',
        '1 messages were rejected: observation holds a value that is not finite',
        '3 transitions of 147']


def test_damage_and_unusable_bags(tmp_path, capsys):
    path = write_mcap(tmp_path / 'cut.mcap', chunk_size=5000)
    path.write_bytes(path.read_bytes()[:60_000])
    code, audit = as_json(capsys, path)
    assert code == LOSSES and 'was cut off' in audit['losses'][0]
    code, audit = as_json(capsys, tmp_path / 'nowhere')
    assert code == UNUSABLE and audit['error'].endswith('nowhere: does not exist')
    write_bag(tmp_path / 'empty', [])
    assert cli.main(['bag', 'info', str(tmp_path / 'empty')]) == UNUSABLE
    printed = capsys.readouterr().out
    assert 'empty: holds no transition that is whole' in printed and 'unusable' in printed
    unknown = [(topic, content.replace(b'push\0', b'pull\0'), moment)
               for topic, content, moment in MESSAGES]
    audit = audit_bag(write_mcap(tmp_path / 'pull.mcap', unknown))
    assert audit.verdict == UNUSABLE and "unknown task 'pull'" in audit.error


def test_a_wrong_path_prints_its_error_alone(tmp_path, capsys):
    path = tmp_path / 'nowhere'
    assert cli.main(['bag', 'info', str(path)]) == UNUSABLE
    assert capsys.readouterr().out.splitlines() == [
        f'error: {path}: does not exist', f'{path}: unusable']


def test_the_table(tmp_path, capsys):
    path = write_mcap(tmp_path / 'some.mcap', encoded(SPEC, 60))
    assert cli.main(['bag', 'info', str(path)]) == FIT
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith('transitions') and '3,000' in line for line in lines)
    # 15 versions in ranges of two
    assert any(line.split()[:5] == ['1', 'to', '2', 'explore', '6'] for line in lines)
    assert any(line.split()[:3] == ['-', 'base', '15'] for line in lines)
    assert lines[-1].endswith('some.mcap: fit for training')


@pytest.mark.parametrize('task, rows', [('push', 4), ('mbrl_pusher', 7)])
def test_a_picture_is_the_same_each_time(tmp_path, capsys, task, rows):
    path = write_mcap(tmp_path / 'some.mcap', encoded(task_spec(task), 2))
    out = tmp_path / 'picture.png'
    assert cli.main(['bag', 'plot', str(path), '--episode', '1', '--out', str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    content, number = draw_episode(path, 1)
    assert content == out.read_bytes() and number == 1
    picture = imageio.v3.imread(io.BytesIO(content))
    assert picture.shape[0] == pytest.approx((1.55 * rows + 0.6) * 150, abs=1)
    assert draw_episode(path)[1] == 0


def test_an_episode_that_is_not_there(tmp_path, capsys):
    path = write_mcap(tmp_path / 'some.mcap')
    assert cli.main(['bag', 'plot', str(path), '--episode', '9']) == UNUSABLE
    assert 'has no states of episode 9; its episodes: 0 to 5' in capsys.readouterr().err


def test_a_plotted_episode_is_what_was_recorded(tmp_path):
    path = write_mcap(tmp_path / 'some.mcap')
    number, states, commands, report = find_episode(path, 3)
    assert (number, report.task, len(states), len(commands)) == (3, TASK, 51, 51)
    assert [states[step].step for step in sorted(states)] == list(range(51))
    with_gap = changed(lambda items: items.__delitem__(slice(30, 33)))
    assert draw_episode(write_mcap(tmp_path / 'gap.mcap', with_gap), 0)[1] == 0


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit):
        cli.main(['bag', '--help'])
    assert 'rpl bag info runs/first/bag' in capsys.readouterr().out
