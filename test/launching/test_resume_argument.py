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

"""What resume:= accepts, what the next part of a run is, and how its files are repaired."""

from pathlib import Path
import shutil
from types import SimpleNamespace

import pytest
from resume_tools import rows_of
from rpl_ros.common.files import lock_folder
from rpl_ros.data import Mode
from rpl_ros.launching import robots
from rpl_ros.launching.graph import describe, resolve
from rpl_ros.launching.played import Played, repair_metrics
from rpl_ros.runs.facts import read_facts
from rpl_ros.runs.prepare import prepare
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.tasks.score import SUCCESS

HEADER = ('episode,steps,total_steps,mode,policy_version,success,return,missed,fallbacks,'
          'duration_s,command_age_max_s,updates,burn_in,on_trial,problem,robot,wall_time_s\r\n')


def row(number):
    """Return a row of metrics.csv; each episode has 50 steps and takes 2 s."""
    return (f'{number},50,{50 * number + 50},base,0,1,-9.0,0,0,2.0,0.01,0,1,1,,0,'
            f'{2.0 * number + 2.0}\r\n')


@pytest.fixture
def begun(tmp_path):
    """Return the folder of a run with three episodes, without a bag, that was killed."""
    folder = tmp_path / 'run'
    prepare(resolve('push', {'out': str(folder), 'seed': '3', 'episodes': '5'})).close()
    (folder / 'metrics.csv').write_text(
        HEADER + ''.join(map(row, range(3))) + row(3)[:-4], newline='')
    return folder


def go_on(folder, task='push', **given):
    """Return the Run that goes on in a folder; its lock is closed."""
    run = resolve(task, {'resume': str(folder), **given})
    prepare(run).close()
    return run


def test_the_next_part_has_its_own_id_numbers_and_files(begun):
    run = go_on(begun)
    settings = load_settings(begun / 'config_2.yaml')
    assert settings == {name: run.settings[name] for name in settings}
    sim, first = settings['sim_node'], load_settings(begun / 'config.yaml')['sim_node']
    assert (sim.first_episode, sim.episodes, sim.seed) == (3, 2, 3)
    assert sim.run == f'{first.run}_2' and first.episodes == 5
    assert settings['dashboard_node'].episodes == 5 and settings['dashboard_node'].goes_on
    assert settings['recorder_node'].out == str(begun / 'bag_2')
    assert settings['learner_node'].catch_up == ''  # there is no bag
    assert [row['episode'] for row in rows_of(begun)] == ['0', '1', '2']
    again = go_on(begun, episodes='9')  # the second part ended before its first episode
    sim = again.settings['sim_node']
    assert (sim.first_episode, sim.episodes) == (3, 6)
    assert again.settings['recorder_node'].out == str(begun / 'bag_3')
    assert go_on(begun).settings['dashboard_node'].episodes == 9  # what was asked for last
    assert [(part['part'], part['episodes']) for part in read_facts(begun)['parts']] == [
        (2, 5), (3, 9), (4, 9)]


def test_a_folder_that_was_moved_goes_on_where_it_is(begun):
    moved = begun.rename(begun.parent / 'moved')
    run = go_on(moved)
    assert run.settings['learner_node'].out == str(moved / 'checkpoints')
    assert run.settings['dashboard_node'].out == str(moved)
    assert run.config == moved / 'config_2.yaml'


@pytest.mark.parametrize('given, words', [
    ({'seed': '4'}, 'seed:=4.*has seed 3.*episodes, headless, report may change'),
    ({'mode': 'realtime'}, 'mode:=realtime.*has mode lockstep'),
    ({'policy': 'ready'}, 'policy:=ready.*has policy empty'),
    ({'learn': 'false'}, 'learn:=false.*has learn true'),
    ({'robot': 'fetch'}, 'robot:=fetch.*has robot sim'),
    ({'out': 'other'}, 'out:=other'), ({'robots': '2'}, 'robots:=2.*has robots 1'),
    ({'episodes': '3'}, 'all of its 3 episodes are done.*above 3'),
    ({'episodes': '2'}, 'all of its 2 episodes are done.*above 3')])
def test_only_a_few_arguments_may_change(given, words, begun):
    before = sorted(path.name for path in begun.iterdir())
    with pytest.raises(SettingsError, match=words):
        go_on(begun, **given)
    assert sorted(path.name for path in begun.iterdir()) == before


def test_what_the_run_has_anyway_may_be_given(begun):
    run = go_on(begun, seed='3', mode='lockstep', headless='true', report='false')
    assert run.settings['sim_node'].seed == 3 and run.arguments['report'] == 'false'


def test_a_folder_that_is_no_live_run_of_the_task(begun, tmp_path):
    with pytest.raises(SettingsError, match="a run of 'push', not of hook"):
        go_on(begun, 'hook')
    with pytest.raises(SettingsError, match='not the folder of a run'):
        go_on(tmp_path)
    (begun / 'run.yaml').write_text('task: push\nmethod: residual\n')
    with pytest.raises(SettingsError, match='a run of rpl train'):
        go_on(begun)


@pytest.mark.parametrize('place', ['', 'checkpoints'])
def test_a_run_that_is_in_use(place, begun):
    with lock_folder(begun / place), pytest.raises(SettingsError, match='in use'):
        go_on(begun)
    go_on(begun)


def test_a_run_that_was_stopped_while_it_started(begun):
    (begun / 'run.yaml').unlink()
    with pytest.raises(SettingsError, match='no run.yaml: this run was stopped while it started'):
        go_on(begun)
    with lock_folder(begun), pytest.raises(SettingsError, match='in use'):  # it starts just now
        go_on(begun)


def test_a_configuration_that_was_edited_names_both_values(begun):
    path = begun / 'config.yaml'
    path.write_text(path.read_text().replace('hidden_size: 256', 'hidden_size: 64'))
    with pytest.raises(SettingsError, match='hidden_size of learner_node is 64.*began with 256'):
        go_on(begun)


def test_damaged_files_give_one_error(begun):
    keep = {name: (begun / name).read_text() for name in ('run.yaml', 'metrics.csv')}
    for name, text in (('run.yaml', 'parts: 3\n'), ('run.yaml', '{'),
                       ('metrics.csv', 'a,b\n1,2\n')):
        (begun / name).write_text(text)
        with pytest.raises(SettingsError, match=str(begun / name)):
            go_on(begun)
        (begun / name).write_text(keep[name])
    (begun / 'run.yaml').write_text(keep['run.yaml'] + 'parts: [5]\n')
    assert go_on(begun).resumed.part == 3


def test_launch_ros_gives_all_arguments_most_of_them_with_their_defaults(begun):
    defaults = {one.name: one.default for one in describe('push').arguments}
    run = go_on(begun, **{**defaults, 'resume': str(begun), 'episodes': '7'})
    assert run.settings['sim_node'].seed == 3 and run.settings['sim_node'].episodes == 4


def test_a_missing_bag_does_not_cost_rows(begun):
    shutil.rmtree(begun / 'bag', ignore_errors=True)
    assert go_on(begun).settings['sim_node'].first_episode == 3
    assert Path(begun / 'metrics.csv').read_text().count('\n') == 4


def test_a_bag_that_cannot_be_read_is_an_error_and_one_without_a_message_is_not(begun):
    bag = begun / 'bag'
    bag.mkdir()
    for content in (None, b''):
        if content is not None:
            (bag / 'bag_0.mcap').write_bytes(content)
        shutil.copy(begun / 'metrics.csv', begun / 'kept.csv')
        assert go_on(begun).settings['sim_node'].first_episode == 0  # no episode is recorded
        shutil.copy(begun / 'kept.csv', begun / 'metrics.csv')
    (bag / 'bag_0.mcap').write_bytes(b'no bag at all')
    with pytest.raises(SettingsError, match='bag_0.mcap: is neither.*cannot go on'):
        go_on(begun)
    assert (begun / 'metrics.csv').read_text() == (begun / 'kept.csv').read_text()


@pytest.fixture
def both(tmp_path):
    """Return the folder of a run of two robots, without bags: 3 and 1 of 4 episodes each."""
    folder = tmp_path / 'both'
    prepare(resolve('push', {'out': str(folder), 'robots': '2', 'episodes': '8'})).close()
    numbers = (10_000_000, 20_000_000, 10_000_001, 10_000_002)
    (folder / 'metrics.csv').write_text(HEADER + ''.join(
        f'{number},50,{50 * place + 50},base,0,1,-9.0,0,0,2.0,0.01,0,1,1,,{number // 10**7},'
        f'{2.0 * place + 2.0}\r\n' for place, number in enumerate(numbers)), newline='')
    for robot, number in ((1, 10_000_003), (2, 20_000_001)):  # these were under way
        (folder / f'robot{robot}').mkdir()
        (folder / f'robot{robot}' / 'last_episode').write_text(f'{number}\n')
    (folder / 'checkpoints').mkdir()
    (folder / 'checkpoints' / 'next_episodes').write_text('10000004 20000002\n')
    return folder


def own(run, name):
    """Return the settings of a process in which it differs from the configuration."""
    process = next(one for one in run.processes if one.name == name)
    return robots.parameters(run, process)


def test_each_of_several_robots_goes_on_with_its_own_number(both):
    run = go_on(both)
    assert run.shares == {1: (10_000_003, 1), 2: (20_000_001, 3)}
    assert own(run, 'robot1/sim_node') == {
        'first_episode': 10_000_003, 'episodes': 1, 'window': False,
        'last_episode_file': str(both / 'robot1/last_episode')}
    assert own(run, 'robot2/sim_node')['first_episode'] == 20_000_001
    assert own(run, 'robot2/recorder_node') == {'out': str(both / 'robot2/bag_2')}
    learner = load_settings(both / 'config_2.yaml')['learner_node']
    assert (learner.robots, learner.catch_up_to) == (2, '10000003 20000001')
    assert [int(row['episode']) for row in rows_of(both)] == [
        10_000_000, 20_000_000, 10_000_001, 10_000_002]
    # What was under way is played again: no file may say that its number is used.
    assert not [*both.glob('robot*/last_episode'), *both.glob('checkpoints/next_episodes')]
    assert read_facts(both)['parts'][0]['first_episode'] == [10_000_003, 20_000_001]
    assert 'goes on with episode 10000003, 20000001: part 2' in next(run.resumed.lines)


def test_a_robot_that_has_played_its_share_is_left_out(both):
    run = go_on(both, episodes='6', robots='2')
    assert run.shares == {2: (20_000_001, 2)}
    assert {one.robot for one in run.processes} == {0, 2}
    assert run.settings['learner_node'].robots == 2
    assert go_on(both, episodes='0').shares == {1: (10_000_003, 0), 2: (20_000_001, 0)}
    with pytest.raises(SettingsError, match='all of its 2 episodes are done.*above 4'):
        go_on(both, episodes='2')
    with pytest.raises(SettingsError, match='robots:=3.*has robots 2'):
        go_on(both, robots='3')


def test_the_bags_of_a_part_have_the_same_number_for_all_robots(both):
    for name in ('robot1/bag', 'robot1/bag_2', 'robot1/bag_3', 'robot2/bag'):
        (both / name).mkdir(parents=True)  # a recorder was restarted twice
    run = go_on(both)
    assert {own(run, f'robot{robot}/recorder_node')['out'] for robot in (1, 2)} == {
        str(both / f'robot{robot}/bag_4') for robot in (1, 2)}
    assert run.settings['learner_node'].catch_up == ':'.join(
        str(both / name) for name in ('robot1/bag', 'robot1/bag_2', 'robot1/bag_3', 'robot2/bag'))


def test_a_run_on_several_machines_is_refused(tmp_path):
    folder = tmp_path / 'part'
    prepare(resolve('push', {'out': str(folder), 'robots': '2', 'part': 'learner'})).close()
    with pytest.raises(SettingsError, match='a run on several machines cannot go on'):
        go_on(folder)


def result(number):
    """Return an EpisodeResult without success."""
    return SimpleNamespace(
        episode=number, steps=50, mode=Mode.BASE, policy_version=0, success=False,
        episode_return=-50.0, missed=0, fallbacks=0, duration=2.0, command_age_max=0.01,
        problem='')


def test_rows_that_the_bags_have_are_added_in_time_and_those_played_again_removed(both):
    """Robot 2 has one result more in its bag, at 5 s; the last one of robot 1 is not there."""
    def at(seconds, item):
        return round((1000 + seconds) * 1e9), item
    status = SimpleNamespace(updates=7, burn_in=True, on_trial=False)
    played = (
        Played(1, (), (at(2, result(10_000_000)), at(6, result(10_000_001))), 10_000_002),
        Played(2, (), (at(4, result(20_000_000)), at(4.5, status), at(5, result(20_000_001)),
                       at(9, result(20_000_002))), 20_000_002))
    repair_metrics(both, 'kept.csv', played, {1: 10_000_002, 2: 20_000_002}, SUCCESS)
    assert [(int(row['episode']), row['robot'], int(row['total_steps']), row['success'],
             float(row['wall_time_s']), int(row['updates'])) for row in rows_of(both)] == [
        (10_000_000, '1', 50, '1', 2.0, 0), (20_000_000, '2', 100, '1', 4.0, 0),
        (20_000_001, '2', 150, '0', 5.0, 7), (10_000_001, '1', 200, '1', 6.0, 0)]
    assert (both / 'kept.csv').read_text().count('\n') == 5
