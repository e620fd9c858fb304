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

"""Tests of rpl report: the files it writes, runs without checkpoints, damaged files."""

import csv
import shutil

from experiment_tools import make_run
from hypothesis import given, strategies as st
import imageio
import numpy as np
import pytest
from rpl_ros.common.files import lock_folder
from rpl_ros.evaluation.stretch import lowest_stretch, STRETCH
from rpl_ros.policy.weights import pack, unpack
from rpl_ros.reports import plot
from rpl_ros.reports.plot import burn_in_end, learning_curve, running_mean
from rpl_ros.reports.proportion import plan
from rpl_ros.reports.report import main
from rpl_ros.reports.video import telling_episode, typical_episode
from rpl_ros.runs.layout import BAG_METRICS, GRAPH_METRICS
from rpl_ros.runs.record import read_metrics, thin
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.score import SUCCESS
from rpl_ros.training import train
import yaml

FAST = ['--episodes', '2', '--workers', '2', '--no-video']


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Return a run folder with three checkpoints."""
    return make_run(tmp_path_factory.mktemp('runs') / 'run')


@pytest.fixture
def run(made, tmp_path):
    """Return a copy of the run folder."""
    return shutil.copytree(made, tmp_path / 'run')


def rows_of(run):
    """Return the rows of the report's evaluation.csv."""
    with (run / 'report/evaluation.csv').open(newline='') as file:
        return list(csv.DictReader(file))


def test_writes_all(run, capsys):
    assert main([str(run), *FAST, '--checkpoints', '2']) == 0
    rows = rows_of(run)
    assert [row['env_steps'] for row in rows] == ['0', '100', '300']
    assert [row['policy'] for row in rows][::2] == ['base', 'policy_0000300.safetensors']
    assert all(0 <= float(row['low']) <= float(row['success']) <= float(row['high']) <= 1
               for row in rows)
    assert imageio.v2.imread(run / 'report/learning_curve.png').shape[:2] == (700, 1200)
    summary = yaml.safe_load((run / 'report/summary.yaml').read_text())
    assert summary['task'] == 'hook' and summary['controller'] == 'reactive_hook'
    assert summary['episodes'] == 2 and summary['notes'] == []
    assert summary['difference']['policy'] == 'policy_0000300.safetensors'
    out = ' '.join(capsys.readouterr().out.split())
    assert 'The residual is ' in out and 'solved by residual only: ' in out
    assert not list(run.rglob('*.part*'))


def test_a_policy_on_trial_is_named_as_such(run, capsys):
    path = run / 'checkpoints' / 'policy_0000300.safetensors'
    path.write_bytes(pack(*unpack(path.read_bytes()), version=3, prefer_base=True))
    assert main([str(run), *FAST]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'burn-in or on trial' in out and 'base (on' in out
    assert 'The residual is not used yet' in out and 'distinguishable' not in out
    assert [row['on_trial'] for row in rows_of(run)] == ['0', '0', '0', '1']
    note, = yaml.safe_load((run / 'report/summary.yaml').read_text())['notes']
    assert 'the saved policy is the base controller' in note


def test_without_checkpoints(run, capsys):
    shutil.rmtree(run / 'checkpoints')
    assert main([str(run), *FAST]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'no usable checkpoint' in out and 'after 300 environment steps' in out
    assert len(rows_of(run)) == 1 and (run / 'report/learning_curve.png').exists()
    assert yaml.safe_load((run / 'report/summary.yaml').read_text())['residual'] is None


def test_without_learner(run, capsys):
    shutil.rmtree(run / 'checkpoints')
    (run / 'metrics.csv').unlink()
    (run / 'run.yaml').write_text('arguments: {learn: "false", base: "true"}\n')
    assert main([str(run), *FAST]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'learn:=false' in out and 'no curves of the training episodes' in out


def test_controller_node_of_the_user(run, capsys):
    (run / 'run.yaml').write_text('arguments: {learn: "true", base: "false"}\n')
    assert main([str(run), *FAST]) == 0
    assert 'base:=false' in capsys.readouterr().out
    assert {path.name for path in (run / 'report').iterdir()} == {'learning_curve.png',
                                                                  'summary.yaml'}


def test_damaged_checkpoint_is_left_out(run, capsys):
    damaged = run / 'checkpoints' / 'policy_0000200.safetensors'
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert main([str(run), *FAST]) == 0
    note, = yaml.safe_load((run / 'report/summary.yaml').read_text())['notes']
    assert str(damaged) in note and '\n' not in note
    assert ''.join(str(damaged).split()) in ''.join(capsys.readouterr().out.split())
    assert [row['env_steps'] for row in rows_of(run)] == ['0', '100', '300']


@pytest.mark.parametrize('spoil, expected', [
    (lambda run: (run / 'config.yaml').unlink(), 'it has no config.yaml'),
    (lambda run: (run / 'config.yaml').write_text('['), 'cannot be read'),
    (lambda run: (run / 'config.yaml').write_text('/**: {ros__parameters: {controller: no}}'),
     'controller'),
    (lambda run: (run / 'run.yaml').write_text('['), 'run.yaml: cannot be read'),
    (lambda run: (run / 'run.yaml').write_text('offline: 1'),
     'run.yaml: offline is 1, expected a value of type bool')])
def test_bad_run_folder(spoil, expected, run, capsys):
    spoil(run)
    assert main([str(run), *FAST]) == 2
    assert expected in capsys.readouterr().err


def test_damaged_metrics_are_kept_up_to_the_damage(run):
    path = run / 'metrics.csv'
    path.write_text(path.read_text() + '3,100,')  # a row that is being written is no damage
    assert len(read_metrics(run, task_spec('hook').measure)[0]) == 3
    assert read_metrics(run, task_spec('hook').measure)[1] == ''
    path.write_text(path.read_text() + '\n')
    rows, problem = read_metrics(run, task_spec('hook').measure)
    assert len(rows) == 3 and 'row 4' in problem


def test_the_report_says_how_many_episodes_could_not_continue(run, capsys):
    with (run / 'metrics.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    rows[1]['problem'] = 'the simulation is unstable, for a test'
    with (run / 'metrics.csv').open('w', newline='') as file:
        writer = csv.DictWriter(file, GRAPH_METRICS)
        writer.writeheader()
        writer.writerows(rows)
    assert main([str(run), *FAST, '--checkpoints', '1']) == 0
    words = ('1 of 3 training episodes could not continue, so nothing was learned from them; the '
             'first because the simulation is unstable, for a test')
    assert f'note: {words}' in ' '.join(capsys.readouterr().out.split())
    assert words in yaml.safe_load((run / 'report/summary.yaml').read_text())['notes']


@given(st.integers(1, 200), st.integers(1, 50))
def test_thin(length, most):
    chosen = thin(list(range(length)), most)
    assert chosen[-1] == length - 1 and len(chosen) == min(length, most)
    gaps = {b - a for a, b in zip(chosen, chosen[1:])}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_running_mean():
    rows = [{'mode': 'base' if n % 2 else 'explore', 'value': n % 2, 'env_steps': n,
             'burn_in': n < 4} for n in range(20)]
    steps, means = running_mean(rows, 'base', 6)
    assert steps == [9, 11, 13, 15, 17, 19] and set(means) == {1.0}
    assert running_mean(rows, 'evaluate', 6) == ([], []) and burn_in_end(rows) == 3


def test_the_level_of_a_policy_that_does_not_change_is_a_line_through_the_run(monkeypatch):
    monkeypatch.setattr(plot, 'image_of', lambda figure: figure)
    points = [{'env_steps': 0, **dict.fromkeys(SUCCESS.figures, value)} for value in (0.5, 0.75)]
    rows = [{'mode': 'evaluate', 'value': 1.0, 'env_steps': 50 * n, 'burn_in': 0, 'robot': 0}
            for n in range(1, 9)]
    for fixed, wanted in ((True, [0, 400]), (False, [0])):
        axes = learning_curve('', points, rows, 50, SUCCESS, fixed=fixed).axes[0]
        lines = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
        assert lines['base + residual, fresh episodes'] == wanted
        assert ('in this run: residual, no noise (last 50)' in lines) == fixed


def test_telling_episode():
    assert telling_episode([True, False, False], [True, True, False]) == 1
    assert telling_episode([False, True], [False, True]) == 1
    assert telling_episode([False, True], [False, False]) == 1
    assert telling_episode([False], [False]) == 0


def test_typical_episode():
    assert typical_episode([-9.0, -9.0, -9.0, -9.0], [-9.0, -3.0, -9.0, -7.5]) == 3
    assert typical_episode([-9.0], [-9.0]) == 0


def test_a_task_that_is_judged_by_return(tmp_path, capsys):
    run = make_run(tmp_path / 'run', task='mbrl_pusher')
    assert main([str(run), *FAST]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'mean return' in out and 'of return (95 % interval' in out
    assert 'success' not in out and 'solved' not in out
    summary = yaml.safe_load((run / 'report/summary.yaml').read_text())
    difference = summary['difference']
    assert summary['measure'] == 'return' and summary['controller'] == 'cached_pets'
    assert difference['value'] == pytest.approx(
        summary['residual']['mean_return'] - summary['base']['mean_return'])
    assert {'higher_with_base', 'higher_with_residual', 'verdict'} < set(difference)
    assert all(float(row['return_low']) <= float(row['mean_return']) <= float(row['return_high'])
               for row in rows_of(run))
    rows, _ = read_metrics(run, task_spec('mbrl_pusher').measure)
    assert len(rows) == 3 and all(-400 < row['value'] < -40 for row in rows)
    assert imageio.v2.imread(run / 'report/learning_curve.png').shape[:2] == (700, 1200)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=STRETCH - 2, max_size=3 * STRETCH))
def test_the_lowest_stretch_is_no_better_than_any_other(values):
    found = lowest_stretch(values)
    if len(values) < STRETCH:
        assert found is None
        return
    means = [np.mean(values[first:first + STRETCH]) for first in range(len(values) - STRETCH + 1)]
    assert found['mean'] == pytest.approx(min(means), abs=1e-6)
    assert means[found['first']] == pytest.approx(min(means), abs=1e-9)
    assert found['last'] - found['first'] == STRETCH - 1


def test_the_report_says_what_training_cost_on_the_way(run, capsys):
    path = run / 'metrics.csv'
    head, first = path.read_text().splitlines()[:2]
    names, values = head.split(','), first.split(',')
    successes = [1] * 30 + [0] * 60 + [1] * 60
    path.write_text('\n'.join([head, *(
        ','.join(str(success) if name == 'success' else value
                 for name, value in zip(names, values)) for success in successes)]) + '\n')
    assert main([str(run), *FAST, '--checkpoints', '1']) == 0
    found = yaml.safe_load((run / 'report/summary.yaml').read_text())['lowest_in_training']
    assert found['mean'] == pytest.approx(0.4) and found['first'] <= 30 and found['last'] >= 89
    assert 'lowest success of 100 in a row 40.0%' in ' '.join(capsys.readouterr().out.split())


def test_a_training_run_goes_on_after_a_report_as_if_there_had_been_none(tmp_path):
    words = ['hook', 'hidden_size:=16', 'batch_size:=32', 'burn_in:=none', 'trial_episodes:=0',
             '--actors', '0', '--evaluate-every', '200', '--evaluate-episodes', '2', '--out']
    one, two = tmp_path / 'whole', tmp_path / 'parts'
    for folder, steps in ((one, 400), (two, 200)):
        assert train.main([*words, str(folder), '--steps', str(steps)]) == 0
    before = {path: path.read_bytes() for path in two.rglob('*') if path.is_file()}
    assert main([str(two), *FAST]) == 0
    assert before == {path: path.read_bytes() for path in before}
    assert [row['policy'] for row in rows_of(two)] == ['base', 'policy_0000200.safetensors']
    assert train.main([*words, str(two), '--steps', '400']) == 0
    for name in ('learner.safetensors', 'policy_0000400.safetensors'):
        assert (one / 'checkpoints' / name).read_bytes() == (
            two / 'checkpoints' / name).read_bytes(), name
    for table in ('metrics.csv', 'evaluation.csv'):
        rows = [[{name: value for name, value in row.items() if name != 'wall_time_s'}
                 for row in csv.DictReader((folder / table).read_text().splitlines())]
                for folder in (one, two)]
        assert rows[0] == rows[1], table


@pytest.mark.parametrize('most, checkpoints, found', [
    (600.0, 12, (100, 12, 65.0)),  # 13 x 100 episodes of 0.1 s on two processors
    (40.0, 12, (100, 7, 40.0)),  # room for 800
    (15.0, 12, (100, 2, 15.0)), (10.0, 12, (100, 1, 10.0)), (5.0, 12, (50, 1, 5.0)),
    (0.0, 12, (10, 1, 1.0)), (5.0, 1, (50, 1, 5.0))])
def test_a_report_in_proportion_leaves_out_checkpoints_first(most, checkpoints, found):
    made = plan(most, 0.1, 2, 100, checkpoints)
    assert (made.episodes, made.checkpoints, made.seconds) == pytest.approx(found)


@given(st.floats(0.0, 1e4), st.floats(0.01, 10.0), st.integers(1, 64), st.integers(1, 500),
       st.integers(1, 50))
def test_a_report_in_proportion_is_never_longer_than_wanted(most, each, workers, episodes, number):
    made = plan(most, each, workers, episodes, number)
    assert 1 <= made.checkpoints <= number and 1 <= made.episodes <= episodes
    assert made.seconds <= most * (1 + 1e-9) or made.episodes == min(10, episodes)


def test_after_a_short_run_the_report_is_short(run, capsys):
    path, words = run / 'metrics.csv', [str(run), *FAST, '--in-proportion']
    assert main(words) == 0  # a run of 0 s
    assert [row['env_steps'] for row in rows_of(run)] == ['0', '300']
    out = ' '.join(capsys.readouterr().out.split())
    assert 'base and the last checkpoint on 2 fresh episodes each, about ' in out
    assert 'report:=false makes none' in out and f'For more: rpl report {run}' in out
    head, *rows = path.read_text().splitlines()
    path.write_text('\n'.join([head, *(row.rpartition(',')[0] + ',1000' for row in rows)]) + '\n')
    assert main(words) == 0
    assert [row['env_steps'] for row in rows_of(run)] == ['0', '100', '200', '300']
    assert 'For more' not in capsys.readouterr().out


def test_after_a_run_that_learned_nothing_the_base_is_not_evaluated(run, capsys):
    for path in (run / 'checkpoints').iterdir():
        tensors, shape = unpack(path.read_bytes())
        still = {name: np.zeros_like(value) if name.startswith('layer3') else value
                 for name, value in tensors.items()}
        path.write_bytes(pack(still, shape, 1, prefer_base=True))
    for _ in range(2):
        assert main([str(run), *FAST, '--in-proportion']) == 0
        assert f'For its success on fresh episodes: rpl report {run}' in ' '.join(
            capsys.readouterr().out.split())
        assert not (run / 'report/evaluation.csv').exists()
        shutil.rmtree(run / 'checkpoints', ignore_errors=True)


def bag_with(run, results):
    """Give a run folder the metadata of a bag with so many results."""
    (run / 'bag').mkdir()
    (run / 'bag/metadata.yaml').write_text(yaml.safe_dump({'rosbag2_bagfile_information': {
        'topics_with_message_count': [
            {'topic_metadata': {'name': '/robot1/state'}, 'message_count': 900},
            {'topic_metadata': {'name': '/robot1/episode_result'}, 'message_count': results}]}}))


@pytest.mark.parametrize('episodes, results, words', [
    ([0, 1, 2], 3, ''), ([0, 1, 2], None, ''), ([1, 2], 3, 'does not have episodes 0:'),
    ([0, 2, 5], None, 'does not have episodes 1, 3 to 4:'),
    ([0, 1, 2], 10, 'does not have the last 7 episodes of the bag:'),
    ([0, 2], 10, 'does not have episodes 1 and the last 7 episodes of the bag:'),
    ([], 4, 'does not have the last 4 episodes of the bag:')])
def test_a_report_says_which_episodes_the_table_lacks(episodes, results, words, run, capsys):
    if results is not None:
        bag_with(run, results)
    head, row, *_ = (run / 'metrics.csv').read_text().splitlines()
    (run / 'metrics.csv').write_text('\n'.join([head, *(
        f'{number},{row.partition(",")[2]}' for number in episodes)]) + '\n')
    shutil.rmtree(run / 'checkpoints')
    assert main([str(run), *FAST, '--in-proportion']) == 0
    notes = yaml.safe_load((run / 'report/summary.yaml').read_text())['notes']
    assert [note for note in notes if 'metrics.csv' in note] == [
        note for note in notes if words and note.startswith(f'metrics.csv {words}')]
    assert bool(words) == any('dashboard_node' in note for note in notes)


def test_a_run_from_bags_alone_is_counted_in_updates(run, capsys):
    (run / 'run.yaml').write_text('{task: hook, offline: true}\n')
    (run / 'metrics.csv').write_text(','.join(BAG_METRICS) + '\n100,0,1,-2,0.1,9\n')
    assert main([str(run), *FAST, '--checkpoints', '1']) == 0
    assert [row['updates'] for row in rows_of(run)] == ['0', '300']
    out = ' '.join(capsys.readouterr().out.split())
    assert 'no episodes of training: it learned from bags alone' in out and '300 updates' in out


def test_several_robots_have_figures_each_and_no_number_between_their_blocks_is_missing(
        run, capsys):
    path = run / 'metrics.csv'
    with path.open(newline='') as file:
        rows = list(csv.DictReader(file))
    for row, number in zip(rows, (10_000_000, 20_000_000, 20_000_002), strict=True):
        row.update(episode=number, robot=number // 10_000_000, success=int(number < 20_000_000))
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, GRAPH_METRICS)
        writer.writeheader()
        writer.writerows(rows)
    assert main([str(run), *FAST, '--checkpoints', '1']) == 0
    summary = yaml.safe_load((run / 'report/summary.yaml').read_text())
    assert summary['robots'] == {'robot1': {'episodes': 1, 'explore': 1.0},
                                 'robot2': {'episodes': 2, 'explore': 0.0}}
    note, = summary['notes']
    assert 'does not have episodes 20000001:' in note
    assert 'robot2: 2 episodes; success of the last 50' in capsys.readouterr().out


def test_a_run_that_goes_on_is_reported_as_far_as_it_is(run, capsys):
    """The last row is being written, and another process has the lock."""
    lines = (run / 'metrics.csv').read_text().splitlines(keepends=True)
    (run / 'metrics.csv').write_text(''.join(lines) + lines[-1].strip()[:-1])
    with lock_folder(run):
        assert main([str(run), *FAST, '--checkpoints', '1']) == 0
    note, = yaml.safe_load((run / 'report/summary.yaml').read_text())['notes']
    assert note == f'the run goes on: this report shows its {len(lines) - 1} episodes so far'
    assert 'replaces the report' not in capsys.readouterr().out
    (run / 'run.yaml').write_text('parts: [{first_episode: 2}]\n')
    assert main([str(run), *FAST, '--checkpoints', '1']) == 0
    note, = yaml.safe_load((run / 'report/summary.yaml').read_text())['notes']
    assert note == 'the run was resumed with episode 2'
    assert 'replaces the report of 20' in capsys.readouterr().out
