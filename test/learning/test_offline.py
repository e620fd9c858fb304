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

"""Learning from bags: alone, as a head start, and going on with it as if nobody had stopped."""

import csv
import os
import signal
import subprocess
import sys

from bag_tools import encode, encoded, episode_items, write_mcap
from hypothesis import given, settings, strategies as st
from mcap.writer import CompressionType
import numpy as np
import pytest
from rpl_ros.bags.files import bags_setting
from rpl_ros.bags.reader import read_episodes
from rpl_ros.bags.writer import Bag
from rpl_ros.learning.from_bags import take_bags
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.replay import Batch
from rpl_ros.policy.weights import unpack
from rpl_ros.reports.curves import find_runs
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.rewards import bag_metadata
from rpl_ros.training import train
from rpl_ros.transitions import Joiner
import torch
import yaml

TASK = 'slippery_push'
SPEC = task_spec(TASK)
EPISODES = 6
SMALL = {'hidden_size': 16, 'batch_size': 32, 'burn_in': 'none'}
WORDS = [TASK, *(f'{name}:={value}' for name, value in SMALL.items()), '--actors', '0',
         '--evaluate-episodes', '1']


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Return a bag of six episodes of random numbers, 300 transitions."""
    return write_mcap(tmp_path_factory.mktemp('bag') / 'six.mcap', encoded(SPEC, EPISODES))


def rpl_train(bag, folder, *words):
    """Call `rpl train` on a bag; return its exit code."""
    return train.main([*WORDS, '--bag', str(bag), '--out', str(folder), *words])


def rows(path):
    """Return the rows of a CSV file, without the time they took."""
    with open(path, newline='') as file:
        return [{name: value for name, value in row.items() if name != 'wall_time_s'}
                for row in csv.DictReader(file)]


def learner_of(bag='', **values):
    """Return a small Learner with what is in a bag."""
    bags = bags_setting([bag]) if bag else ''
    learner = Learner(make_settings(LearnerSettings, {
        **SMALL, 'task': TASK, 'bags': bags, **values}))
    take_bags(learner)
    return learner


def test_a_run_from_a_bag_alone(bag, tmp_path, capsys):
    folder, words = tmp_path / 'run', ('--evaluate-every', '120')
    assert rpl_train(bag, folder, '--updates', '240', *words) == 0
    text = capsys.readouterr().out
    assert '1 bag: 6 episodes, 300 transitions' in text and 'after 240 updates' in text
    evaluations = rows(folder / 'evaluation.csv')
    assert [(row['updates'], row['env_steps'], row['policy']) for row in evaluations] == [
        ('0', '0', 'base'), ('120', '0', 'policy_0000120.safetensors'),
        ('240', '0', 'policy_0000240.safetensors')]
    metrics = rows(folder / 'metrics.csv')
    assert [row['updates'] for row in metrics] == ['100', '120', '200', '240']
    assert all(float(row['critic_loss']) > 0 > float(row['mean_q']) for row in metrics)
    assert float(metrics[-1]['mean_residual']) > 0
    run = yaml.safe_load((folder / 'run.yaml').read_text())
    assert run['bags'] == {str(bag): bag.stat().st_size} and run['recipe'] == 'offline'
    assert (run['updates'], run['steps']) == (240, 0)
    found, notes = find_runs([folder])
    assert not found and 'learned from bags alone' in notes[0]

    assert rpl_train(bag, folder, '--updates', '240', *words) == 0
    assert 'is complete: to continue it, give more --updates' in capsys.readouterr().out
    assert rpl_train(bag, folder, '--online') == 2
    assert 'offline is True there, False asked for' in capsys.readouterr().err
    assert rpl_train(bag, folder, '--updates', '250', *words) == 0
    assert rows(folder / 'metrics.csv')[-1]['updates'] == '250'


def test_a_recipe_with_a_trial_has_none_where_nobody_plays(bag, tmp_path):
    folder = tmp_path / 'run'
    assert rpl_train(bag, folder, '--recipe', 'robot_hour', '--updates', '20') == 0
    content = (folder / 'checkpoints' / 'policy_0000020.safetensors').read_bytes()
    tensors, shape = unpack(content)
    assert tensors[f'layer{shape.hidden_layers}.weight'].any()


def test_no_simulator_and_no_ros_are_needed(bag, tmp_path):
    words = [*WORDS, '--evaluate-episodes', '0', '--bag', str(bag), '--updates', '20', '--out',
             str(tmp_path)]
    code = (f'import sys; from rpl_ros.training import train; code = train.main({words}); '
            'print(code, sorted({"mujoco", "rclpy", "rpl_msgs"} & set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == '0 []', done.stdout + done.stderr
    assert (tmp_path / 'checkpoints/policy_0000020.safetensors').is_file()
    assert rows(tmp_path / 'evaluation.csv') == [] and (tmp_path / 'summary.yaml').is_file()


@pytest.mark.parametrize('words', [('--updates', '150', '--evaluate-every', '60'),
                                   ('--online', '--steps', '200', '--evaluate-every', '100')])
def test_an_interrupted_run_ends_as_one_that_was_not(bag, tmp_path, words, monkeypatch):
    """Ctrl-C within a batch of updates, then the same command: equal bits and equal tables."""
    words = ('checkpoint_every:=30', *words)
    assert rpl_train(bag, tmp_path / 'whole', *words) == 0
    update, left = Learner.update, [37, 50]

    def interrupted(learner):
        update(learner)
        left[0] -= 1
        if not left[0]:
            left.pop(0)
            os.kill(os.getpid(), signal.SIGINT)
    monkeypatch.setattr(Learner, 'update', interrupted)
    assert rpl_train(bag, tmp_path / 'parts', *words) == 130
    assert left == [50]
    if '--online' not in words:
        assert rpl_train(bag, tmp_path / 'parts', *words) == 130
    monkeypatch.undo()
    assert rpl_train(bag, tmp_path / 'parts', *words) == 0
    one, two = ((tmp_path / name / 'checkpoints/learner.safetensors').read_bytes()
                for name in ('whole', 'parts'))
    assert one == two
    for table in ('metrics.csv', 'evaluation.csv'):
        assert rows(tmp_path / 'whole' / table) == rows(tmp_path / 'parts' / table)


def test_a_bag_that_changed_is_noticed(tmp_path, capsys):
    """The same path and size, other content: the checkpoint knows."""
    plain = {'compression': CompressionType.NONE}
    path = write_mcap(tmp_path / 'a.mcap', encoded(SPEC, 2), **plain)
    folder, size = tmp_path / 'run', path.stat().st_size
    assert rpl_train(path, folder, '--updates', '10') == 0
    write_mcap(path, encoded(SPEC, 2, seed=1), **plain)
    assert path.stat().st_size == size
    assert rpl_train(path, folder, '--updates', '20') == 2
    assert 'learner.safetensors: it was made with other bags' in capsys.readouterr().err
    write_mcap(path, encoded(SPEC, 3))
    assert rpl_train(path, folder, '--updates', '20') == 2
    assert f'bags.{path} is {size} there' in capsys.readouterr().err


@settings(max_examples=40, deadline=None)
@given(ratio=st.floats(0, 1), size=st.integers(1, 64), seed=st.integers(0, 1000))
def test_the_share_of_the_bags_is_exact(ratio, size, seed):
    learner = Learner(make_settings(LearnerSettings, {
        **SMALL, 'task': TASK, 'batch_size': size, 'bag_ratio': ratio, 'seed': seed}))
    first, second = made_up_episodes(2)
    first.residuals[:], second.residuals[:] = 1.0, -1.0

    def share():
        batch = learner.sample()
        assert {len(array) for array in vars(batch).values()} == {size}
        return int((batch.residual == 1.0).all(axis=1).sum())
    learner.add(second)
    assert share() == 0
    learner.add_recorded(first)
    assert share() == round(ratio * size)
    assert 0 <= share() - ratio * size + 0.5 <= 1


def test_without_fresh_episodes_all_comes_from_the_bags():
    learner = Learner(make_settings(LearnerSettings, {**SMALL, 'task': TASK, 'bag_ratio': 0.1}))
    (episode,) = made_up_episodes(1)
    learner.add_recorded(episode)
    assert len(learner.sample().reward) == SMALL['batch_size']
    assert learner.owed == learner.transitions == learner.episodes == 0


def made_up_episodes(count):
    """Return whole Episodes of random numbers."""
    joiner, episodes, rng = Joiner(SPEC), [], np.random.default_rng(0)
    for number in range(count):
        for topic, item in episode_items(SPEC, number, rng):
            episodes += joiner.add(topic, item)[0]
    return episodes


def test_the_moments_see_bags_and_fresh_episodes_alike():
    one, two = learner_of(), learner_of()
    first, second = made_up_episodes(2)
    one.add(first)
    one.add(second)
    two.add_recorded(first)
    two.add(second)
    for name, value in one.policy_tensors().items():
        np.testing.assert_array_equal(two.policy_tensors()[name], value)


def batch_of(rng, size=8):
    """Return a Batch of random numbers for the task."""
    sizes = {'observation': SPEC.observation_size, 'goal': SPEC.goal_size}
    return Batch(**{name: rng.uniform(-1, 1, size if name == 'reward' else (size, next(
        (sizes[part] for part in sizes if name.endswith(part)), SPEC.action_size)))
        .astype(np.float32) for name in Batch.__dataclass_fields__})


def actor_gradient(learner, batch):
    """Return ([gradient of each actor tensor], mean |Q|) of one update's loss."""
    ddpg = learner.ddpg
    batch = Batch(**{name: torch.from_numpy(array) for name, array in vars(batch).items()})
    inputs = ddpg._inputs(batch.observation, batch.remembered, batch.goal, batch.base_action)
    ddpg._actor_gradient(batch, inputs, True)
    judged = ddpg._critic_action(ddpg.actor(inputs), batch.base_action)
    size = ddpg.critics(inputs, judged).amin(dim=0).abs().mean().item()
    return [parameter.grad.numpy().copy() for parameter in ddpg.actor.parameters()], size


@pytest.mark.parametrize('whole', [False, True])
def test_the_loss_that_stays_close_to_the_data(whole):
    """By hand, at the zero residual: d/dbias of w mean((r - d)^2) is -2 w mean(d) / A."""
    batch = batch_of(np.random.default_rng(0))
    learner = learner_of(data_weight=0.7, action_l2=0.3, whole_action=whole)
    learner.set_moments()
    with torch.no_grad():
        for parameter in learner.ddpg.critics.parameters():
            parameter.zero_()  # Q is 0 for every action, and so is its gradient
    gradients, _ = actor_gradient(learner, batch)
    recorded = batch.executed if whole else batch.residual
    np.testing.assert_allclose(gradients[-1], -2 * 0.7 * recorded.mean(axis=0) / SPEC.action_size,
                               rtol=1e-4, atol=1e-7)


def test_the_critic_counts_by_its_own_size():
    """Where data and residual are 0 only the Q term is left: as without, but by mean |Q|."""
    batch = batch_of(np.random.default_rng(1))
    batch.residual[:] = 0
    found = []
    for weight in (0.0, 0.7):
        learner = learner_of(data_weight=weight, action_l2=0.0)
        learner.set_moments()
        found.append(actor_gradient(learner, batch))
    (plain, size), (scaled, _) = found
    assert max(np.abs(gradient).max() for gradient in plain) > 0
    for one, two in zip(plain, scaled):
        np.testing.assert_allclose(two, one / size, rtol=1e-4, atol=1e-9)


def test_the_actor_follows_the_data():
    """With a heavy weight, the residual comes to the mean of the recorded ones."""
    learner = learner_of(data_weight=100.0, actor_learning_rate=3e-2)
    (episode,) = made_up_episodes(1)
    episode.residuals[:] = [0.5, -0.3, 0.0, 0.2]
    learner.add_recorded(episode)
    for _ in range(100):
        learner.update()
    assert abs(learner.figures['mean_residual'] - 0.25) < 0.03


def test_scratch_learns_from_bags_too(bag, tmp_path):
    assert rpl_train(bag, tmp_path, '--method', 'scratch', '--updates', '20') == 0
    assert [row['policy'] for row in rows(tmp_path / 'evaluation.csv')] == [
        'untrained', 'policy_0000020.safetensors']


def test_several_bags_and_what_is_kept(bag, tmp_path, capsys):
    second = write_mcap(tmp_path / 'second.mcap', encoded(SPEC, 2, seed=1))
    assert rpl_train(bag, tmp_path / 'run', '--bag', str(second), '--updates', '5',
                     'buffer_transitions:=250') == 0
    text = capsys.readouterr().out
    assert '2 bags: 8 episodes, 400 transitions' in text
    assert 'only the newest 5 episodes are kept' in text


def lost_bag(path):
    """Write a bag in which no command was executed."""
    rng = np.random.default_rng(0)
    messages = []
    for topic, item in episode_items(SPEC, 0, rng):
        if topic == 'state':
            item = type(item)(**{**vars(item), 'applied': False})
        messages.append((topic, encode(topic, item, **({'task': TASK} if topic == 'state'
                                                       else {})), len(messages)))
    return write_mcap(path, messages)


def reach_bag(folder):
    """Write a bag whose episodes succeed only within 2 cm of the goal."""
    bag = Bag(folder, {}, about={**bag_metadata(SPEC), 'rpl_ros.reach': '0.02 m'})
    bag.close()
    return folder


@pytest.mark.parametrize('words, expected', [
    (['--bag', 'no/such/bag'], 'no/such/bag: does not exist'),
    (['--bag', 'EMPTY'], 'is empty, 0 bytes'), (['--bag', 'FOLDER'], 'is no bag'),
    (['--bag', 'PUSH'], "task is 'push', expected 'slippery_push'"),
    (['--bag', 'LOST'], 'holds no transition'),
    (['--bag', 'BAG', '--bag', 'BAG'], 'a bag is named twice'),
    (['--bag', 'REACH'], "metadata.yaml says rpl_ros.reach is '0.02 m', expected '0.05 m'"),
    (['--bag', 'BAG', 'residual_scale:=0.5'], 'recorded with another residual_scale'),
    (['--bag', 'BAG', '--steps', '5'], 'give its length by --updates'),
    (['--bag', 'BAG', '--online', '--updates', '5'], 'give its length by --steps'),
    (['--updates', '5'], 'give its length by --steps'),
    (['--online'], 'without bags every run is online'),
    (['--bag', 'BAG', '--method', 'initial'], 'learns nothing')])
def test_rpl_train_names_what_is_wrong(words, expected, bag, tmp_path, capsys):
    (tmp_path / 'empty.mcap').touch()
    (tmp_path / 'folder').mkdir()
    places = {'BAG': bag, 'EMPTY': tmp_path / 'empty.mcap', 'FOLDER': tmp_path / 'folder',
              'PUSH': write_mcap(tmp_path / 'push.mcap', encoded(task_spec('push'), 1)),
              'LOST': lost_bag(tmp_path / 'lost.mcap'), 'REACH': reach_bag(tmp_path / 'reach')}
    words = [str(places.get(word, word)) for word in words]
    assert train.main([*WORDS, '--out', str(tmp_path / 'run'), *words]) == 2
    error = capsys.readouterr().err
    assert expected in error and error.count('\n') == 1


def test_the_bags_reach_the_learner_episode_by_episode(bag):
    learner = learner_of(bag)
    episodes = list(read_episodes(bag, SPEC))
    assert learner.recorded.size == len(episodes) == EPISODES
    np.testing.assert_array_equal(learner.recorded.executed[3],
                                  episodes[3].executed.astype(np.float32))
