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

"""`rpl train`: methods, the run folder, and that a run continues as if it had not been stopped."""

import csv
from dataclasses import replace
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from rpl_ros.common.assets import share
from rpl_ros.common.files import lock_folder
from rpl_ros.learning.checkpoint import resume, save
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, METHODS, recipe_file, recipes, settings_of
from rpl_ros.tasks.specs import TASKS
from rpl_ros.training import train
from rpl_ros.training.loop import Loop
from sweep_tools import wait_for
import torch
import yaml

QUICK = {'hidden_size': 16, 'batch_size': 32, 'updates_per_step': 0.1, 'burn_in': 'none'}
WORDS = [f'{name}:={value}' for name, value in QUICK.items()]


def read(path):
    """Return the rows of a CSV file as dicts."""
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def call(folder, *words, task='hook'):
    """Start `rpl train` for 8 episodes in `folder` as a process group; return the Popen."""
    return subprocess.Popen(
        [sys.executable, '-m', 'rpl_ros.cli', 'train', task, *WORDS, 'checkpoint_every:=200',
         '--steps', '800', '--evaluate-every', '400', '--evaluate-episodes', '1', '--out',
         str(folder), *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True)


def test_a_seeded_run_repeats_exactly():
    settings = load_settings(share('config') / 'noisy_hook.yaml', {**QUICK, 'seed': 3})
    policies = []
    for _ in range(2):
        loop = Loop(settings)
        for _ in range(4):
            loop.advance()
        policies.append(loop.learner.policy())
    assert policies[0] == policies[1]
    assert loop.learner.transitions == 400 and loop.learner.updates == 40


@pytest.mark.parametrize('actors', [0, 2])
def test_an_interrupted_run_ends_as_one_that_was_not(actors, tmp_path):
    """Stopped by Ctrl-C, killed, and left alone: the same networks, replay and tables."""
    words = ['--actors', str(actors)]
    assert call(tmp_path / 'whole', *words).wait() == 0
    wanted = read(tmp_path / 'whole/metrics.csv')
    for number, moment in ((signal.SIGINT, 2), (signal.SIGKILL, 4)):
        process = call(tmp_path / 'parts', *words)
        wait_for(lambda process=process, moment=moment: process.poll() is not None
                 or len(_lines(tmp_path / 'parts/metrics.csv')) > moment)
        process.send_signal(number)
        assert process.wait(timeout=60) == (130 if number == signal.SIGINT else -signal.SIGKILL)
        _wait_for_the_end_of_its_children(process.pid)
    assert 0 < len(read(tmp_path / 'parts/metrics.csv')) < 8
    assert call(tmp_path / 'parts', *words).wait() == 0
    for name in ('learner.safetensors', 'policy_0000800.safetensors'):
        one, two = ((tmp_path / run / 'checkpoints' / name).read_bytes()
                    for run in ('whole', 'parts'))
        assert one == two, name
    found = read(tmp_path / 'parts/metrics.csv')
    for row in (*wanted, *found):
        del row['wall_time_s']
    assert found == wanted


def test_a_player_that_dies_ends_the_run_with_one_line(tmp_path):
    process = call(tmp_path / 'run', '--actors', '1')
    wait_for(lambda: process.poll() is not None
             or len(_lines(tmp_path / 'run/metrics.csv')) > 2)
    for child in Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split():
        if b'spawn_main' in Path(f'/proc/{child}/cmdline').read_bytes():
            os.kill(int(child), signal.SIGKILL)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert 'a process that plays died' in error and 'the same command continues' in error
    assert 'Traceback' not in error


def test_the_seed_is_that_of_the_command_line_or_of_the_file(tmp_path):
    (tmp_path / 'own.yaml').write_text('/**:\n  ros__parameters: {task: hook, seed: 4}\n')
    words = ['hook', '--params-file', str(tmp_path / 'own.yaml')]
    for more, seed in (([], 4), (['--seed', '0'], 0), (['seed:=6'], 6)):
        options = train.make_parser().parse_intermixed_args([*words, *more])
        train.complete(options)
        assert train.run_of(options)[1]['seed'] == seed


def _wait_for_the_end_of_its_children(group, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f'processes of group {group} are left')


def _lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_the_run_folder_and_going_on_in_it(tmp_path, capsys):
    words = ['hook', *WORDS, '--evaluate-every', '200', '--evaluate-episodes', '2', '--actors',
             '0', '--out', str(tmp_path / 'run')]
    assert train.main([*words, '--steps', '400']) == 0
    rows = read(tmp_path / 'run/evaluation.csv')
    assert [(row['env_steps'], row['updates']) for row in rows] == [
        ('0', '0'), ('200', '20'), ('400', '40')]
    assert [row['policy'] for row in rows] == ['base', 'policy_0000200.safetensors',
                                               'policy_0000400.safetensors']
    assert all(0 <= float(row['low']) <= float(row['success']) <= float(row['high']) <= 1
               for row in rows)
    run = yaml.safe_load((tmp_path / 'run/run.yaml').read_text())
    assert (run['task'], run['method'], run['seed'], run['steps']) == ('hook', 'residual', 0, 400)
    assert run['command'] and run['versions']['torch']
    assert load_settings(tmp_path / 'run/config.yaml')['learner_node'].hidden_size == 16
    assert list((tmp_path / 'run/tensorboard').iterdir())

    capsys.readouterr()
    assert train.main([*words, '--steps', '400']) == 0
    assert 'is complete' in capsys.readouterr().out
    assert train.main([*words, '--steps', '500', '--seed', '1']) == 2
    assert 'seed is 0 there, 1 asked for' in capsys.readouterr().err
    assert train.main([*words, '--steps', '600']) == 0
    assert [row['env_steps'] for row in read(tmp_path / 'run/evaluation.csv')] == [
        '0', '200', '400', '600']


def test_a_task_that_is_judged_by_return(tmp_path, capsys):
    assert train.main(['mbrl_pusher', *WORDS, '--steps', '300', '--evaluate-every', '300',
                       '--actors', '0', '--evaluate-episodes', '2', '--out', str(tmp_path)]) == 0
    assert -400 < float(read(tmp_path / 'metrics.csv')[-1]['return']) < -40
    assert 'mbrl_pusher, base: mean return -' in capsys.readouterr().out


def test_two_runs_do_not_share_a_folder(tmp_path):
    first = call(tmp_path, '--steps', '1000000')
    wait_for((tmp_path / 'metrics.csv').exists)
    second = call(tmp_path)
    assert second.wait(timeout=60) == 2
    assert 'in use by process' in second.stderr.read()
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=60) == 130


@pytest.mark.parametrize('method', METHODS)
def test_each_method_learns_what_it_should(method, tmp_path):
    """The initial policy: the base controller, or nothing at all for the baselines."""
    assert train.main(['hook', *WORDS, '--method', method, '--steps', '300', '--evaluate-every',
                       '300', '--evaluate-episodes', '2', '--actors', '0', '--out',
                       str(tmp_path)]) == 0
    rows = read(tmp_path / 'evaluation.csv')
    baseline = method in ('scratch', 'expert_explore')
    assert float(rows[0]['success']) == (0.0 if baseline else 1.0)
    assert len(rows) == (1 if method == 'initial' else 2)
    assert len(read(tmp_path / 'metrics.csv')) == (0 if method == 'initial' else 3)


@pytest.mark.parametrize('method, share_of_base', [('scratch', 0.0), ('expert_explore', 0.48)])
def test_how_the_baselines_explore(method, share_of_base):
    """expert_explore sends the base action in epsilon * alpha = 0.6 * 0.8 of the steps."""
    settings = settings_of('hook', method, recipe_file('hook', DEFAULT),
                           {name: str(value) for name, value in QUICK.items()})
    loop, sent, base = Loop(settings), [], []
    for _ in range(4):
        episode = loop.advance().episode
        sent.append(episode.sent)
        base.append(np.clip(episode.base_actions[:-1], -1, 1))
    sent, base = np.concatenate(sent), np.concatenate(base)
    equal = (sent == base).all(axis=1).mean()
    assert abs(equal - share_of_base) < 0.1
    np.testing.assert_array_equal(loop.learner.replay.residuals[:4].reshape(-1, 4),
                                  sent.astype(np.float32))


def test_every_recipe_has_a_file_for_every_task():
    assert {'robot_hour', 'paper', 'offline'} == set(recipes())
    for recipe in recipes():
        for task in TASKS:
            path = recipe_file(task, recipe)
            settings = load_settings(path)
            assert settings['sim_node'].task == task or path.stem == 'any_task', (recipe, task)


def test_the_recipe_offline_is_one_file_and_noisy_hook_adds_its_history():
    files = {task: recipe_file(task, 'offline') for task in TASKS}
    assert {path.stem for path in files.values()} == {'any_task', 'noisy_hook'}
    for task, path in files.items():
        learner = settings_of(task, 'residual', path, {})['learner_node']
        assert (learner.task, learner.history) == (task, int(task == 'noisy_hook'))
        assert replace(learner, task='push', history=0) == settings_of(
            'push', 'residual', files['push'], {})['learner_node']


@pytest.mark.parametrize('words, expected', [
    (['hook', 'sed:=1'], "did you mean 'seed'"), (['hook', 'seed'], 'expected name:=value'),
    (['hook', 'seed:=-1'], 'expected 0 to'), (['hook', '--params-file', 'no.yaml'], 'no.yaml'),
    (['push', 'controller:=reactive_hook'], 'of 40 numbers, those of push have 25'),
    (['hook', 'objects:=nowhere'], 'for complex_hook only'),
    (['hook', '--method', 'scrach'], "did you mean 'scratch'"),
    (['hook', '--recipe', 'papr'], "did you mean 'paper'")])
def test_rpl_train_names_what_is_wrong(words, expected, capsys, tmp_path):
    assert train.main([*words, '--out', str(tmp_path)]) == 2
    assert expected in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named_and_left_alone(tmp_path, capsys):
    words = ['hook', *WORDS, '--actors', '0', '--evaluate-episodes', '1', '--out', str(tmp_path)]
    assert train.main([*words, '--steps', '200']) == 0
    path = tmp_path / 'checkpoints/learner.safetensors'
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert train.main([*words, '--steps', '400']) == 2
    assert f'{path}: its digest is wrong' in capsys.readouterr().err
    assert path.read_bytes() == content


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(tmp_path, capsys):
    words = ['hook', *WORDS, 'checkpoint_every:=100', '--actors', '0', '--evaluate-episodes', '0',
             '--out']
    assert train.main([*words, str(tmp_path / 'whole'), '--steps', '400']) == 0
    assert train.main([*words, str(tmp_path / 'parts'), '--steps', '300']) == 0
    checkpoints = tmp_path / 'parts/checkpoints'
    (checkpoints / 'learner.safetensors').write_bytes(b'')
    with lock_folder(checkpoints):  # as a learner_node would
        assert train.main([*words, str(tmp_path / 'parts'), '--steps', '400']) == 2
    assert f'{checkpoints} is in use by process {os.getpid()} on ' in capsys.readouterr().err
    assert train.main([*words, str(tmp_path / 'parts'), '--steps', '400']) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert f'warning: {checkpoints}/learner.safetensors: these bytes are no safetensors' in out
    assert 'continues from learner_before.safetensors' in out
    policies = [(tmp_path / name / 'checkpoints/policy_0000400.safetensors').read_bytes()
                for name in ('whole', 'parts')]
    assert policies[0] == policies[1]


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    """A limit on the size of files stands for the full disk: the system refuses the write."""
    out = tmp_path / 'run'
    limited = ['bash', '-c', 'ulimit -f 60; trap "" XFSZ; exec "$@"', '-']
    words = ['train', 'hook', *WORDS, 'checkpoint_every:=100', '--steps', '800', '--actors', '0',
             '--evaluate-every', '100', '--evaluate-episodes', '1', '--out', str(out)]
    done = subprocess.run([*limited, sys.executable, '-m', 'rpl_ros.cli', *words],
                          capture_output=True, text=True, env={**os.environ, 'COLUMNS': '200'})
    assert done.returncode == 2 and 'File too large' in done.stderr, done.stderr
    assert 'is the last good checkpoint' in done.stderr
    assert not list(out.rglob('*.part'))


def test_numbers_that_are_not_finite_stop_the_run_and_are_named(tmp_path, capsys):
    words = ['hook', *WORDS, '--actors', '0', '--evaluate-episodes', '1', '--out', str(tmp_path)]
    assert train.main([*words, '--steps', '200']) == 0
    loop = Loop(load_settings(tmp_path / 'config.yaml'))
    loop.restore(resume(tmp_path / 'checkpoints', loop.learner))
    with torch.no_grad():
        next(loop.learner.ddpg.critics.parameters())[0, 0] = 3e38  # finite, but no update of it is
    save(tmp_path / 'checkpoints', loop.learner, loop.state())
    before = (tmp_path / 'checkpoints/learner.safetensors').read_bytes()
    assert train.main([*words, '--steps', '400']) == 2
    assert 'after update 20 critics has members.0.0.weight that is not finite' in (
        capsys.readouterr().err)
    assert (tmp_path / 'checkpoints/learner.safetensors').read_bytes() == before


def scalars(folder):
    """Return {tag: [(step, value)]} of what a run wrote for TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(str(folder / 'tensorboard')).Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)]
            for tag in events.Tags()['scalars']}


def test_a_policy_on_trial_is_called_so_everywhere(tmp_path, capsys):
    """On the screen, in the tables and in TensorBoard; the hook's base controller solves it."""
    assert train.main(['hook', *WORDS, 'trial_episodes:=20', 'checkpoint_every:=200', '--steps',
                       '600', '--evaluate-every', '300', '--evaluate-episodes', '2', '--actors',
                       '0', '--out', str(tmp_path)]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert 'warning: this run of 600 steps is too short to use the residual' in out
    assert '0 steps: base: success 100.0%' in out
    assert '300 steps: base (on trial): success 100.0%' in out
    assert 'the policy is on trial, ' in out and 'give more --steps' in out
    rows = read(tmp_path / 'evaluation.csv')
    assert [(row['policy'], row['on_trial']) for row in rows] == [
        ('base', '0'), ('policy_0000300.safetensors', '1'), ('policy_0000600.safetensors', '1')]
    assert {row['on_trial'] for row in read(tmp_path / 'metrics.csv')} == {'1'}
    found = scalars(tmp_path)
    assert found['evaluation/base_success'] == [(0, 1.0), (300, 1.0), (600, 1.0)]
    assert found['evaluation/on_trial'] == [(0, 0.0), (300, 1.0), (600, 1.0)]
    assert [step for step, _ in found['evaluation/success']] == [0, 300, 600]
    assert {value for _, value in found['trial/passed']} == {0.0}
    assert found['training/on_trial'][-1][1] == 1.0
    assert 0.0 <= found['trial/residual'][-1][1] <= 1.0 and 'trial/base' in found
    assert found['training_success/residual'][-1][1] == found['trial/residual'][-1][1]


def test_a_policy_that_passed_is_the_residual(tmp_path, capsys):
    assert train.main(['hook', *WORDS, 'trial_episodes:=0', '--steps', '200', '--actors', '0',
                       '--evaluate-episodes', '1', '--out', str(tmp_path)]) == 0
    out = ' '.join(capsys.readouterr().out.split())
    assert '; residual: success' in out and 'warning' not in out and 'on trial' not in out
    assert [row['on_trial'] for row in read(tmp_path / 'evaluation.csv')] == ['0', '0']


def test_a_folder_of_before_there_was_a_column_goes_on(tmp_path):
    words = ['hook', *WORDS, '--actors', '0', '--evaluate-episodes', '1', '--out', str(tmp_path)]
    assert train.main([*words, '--steps', '200']) == 0
    path = tmp_path / 'evaluation.csv'
    table = [line.split(',') for line in path.read_text().splitlines()]
    column = table[0].index('on_trial')
    path.write_text(''.join(','.join(row[:column] + row[column + 1:]) + '\n' for row in table))
    assert train.main([*words, '--steps', '300']) == 0
    assert [row['on_trial'] for row in read(path)] == ['', '', '1']


def test_the_folder_of_a_launch_is_left_alone(tmp_path, capsys):
    (tmp_path / 'run.yaml').write_text('{task: hook, seed: 0, arguments: {learn: "true"}}\n')
    (tmp_path / 'config.yaml').write_text('/**: {ros__parameters: {task: hook}}\n')
    (tmp_path / 'summary.yaml').write_text('base: 1\n')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert train.main(['hook', '--out', str(tmp_path)]) == 2
    assert 'it is one of rpl launch; give another folder' in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()
                      if path.name != 'run.lock'}
