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

"""Replay, hindsight, burn-in, DDPG and checkpoints; and that it learns."""

import dataclasses
import subprocess
import sys

from hypothesis import given, settings, strategies as st
from learning_tools import eager_twin, filled_learner, RECIPES
import numpy as np
import pytest
from rpl_ros.data import Episode
from rpl_ros.learning import her
from rpl_ros.learning.burn_in import BurnIn
from rpl_ros.learning.checkpoint import resume, save
from rpl_ros.learning.ddpg import NETWORKS
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.learner_file import dump, restore
from rpl_ros.learning.normalizer import Normalizer
from rpl_ros.learning.replay import Replay
from rpl_ros.policy.actor import Actor, normalise, remember
from rpl_ros.policy.weights import unpack, WeightsError
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.rewards import sparse_reward
from task_tools import register, small_spec
import torch

POINT = small_spec('point', 2, 2, 2, 10)
SMALL = {'hidden_layers': 2, 'hidden_size': 32, 'batch_size': 64, 'buffer_transitions': 20_000}


@pytest.fixture
def point(monkeypatch):
    """Make the toy task 'point' known: a point in the plane that goes where it is sent."""
    register(monkeypatch, POINT)


def learner_settings(**values):
    """Return LearnerSettings of the toy task (its name is not among the choices of real ones)."""
    return dataclasses.replace(make_settings(LearnerSettings, {**SMALL, **values}), task='point')


def play(rng, number, actor=None, noise=0.0):
    """Return an Episode of the point: it starts near 0, the goal is near, no base action."""
    place, goal = rng.uniform(-0.1, 0.1, 2), rng.uniform(-0.5, 0.5, 2)
    places, sent = [place], []
    for _ in range(POINT.horizon):
        action = actor.act(place, place, goal, np.zeros(2)) if actor else np.zeros(2)
        action = np.clip(action + noise * rng.standard_normal(2), -1, 1)
        place = place + 0.1 * action
        places.append(place)
        sent.append(action)
    places, sent = np.array(places), np.array(sent)
    success = bool(np.linalg.norm(place - goal) <= POINT.reach)
    return Episode(number, places, places, goal, np.zeros((len(places), 2)), sent, sent, sent,
                   np.ones(len(sent), bool), success)


def filled_replay(rng, episodes=5, capacity=100):
    """Return a Replay of the toy task with some episodes in it."""
    replay = Replay(POINT, capacity)
    for number in range(episodes):
        replay.add(play(rng, number, noise=1.0))
    return replay


@given(st.integers(0, 2**32), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_hindsight_goals_were_achieved_later_in_the_same_episode(seed, ratio):
    rng = np.random.default_rng(seed)
    replay = filled_replay(rng)
    slot, step = replay.draw(64, rng)
    goals = her.hindsight_goals(replay, slot, step, ratio, 'future', rng)
    for goal, row, first in zip(goals, slot, step):
        later = replay.achieved_goals[row, first + 1:POINT.horizon + 1]
        assert (goal == later).all(1).any() or (goal == replay.desired_goals[row]).all()


@pytest.mark.parametrize('keep', [0.0, 0.8])
def test_the_replay_remembers_what_the_policy_would_also_when_it_was_saved(keep):
    rng = np.random.default_rng(0)
    replay, again = Replay(POINT, 40, keep), Replay(POINT, 40, keep)
    for number in range(6):
        episode = play(rng, number, noise=1.0)
        episode.observations[[0, 4]], episode.valid[[0, 3, 4]] = np.nan, False
        replay.add(episode)
    assert again.put(replay.rows(0, 6), replay.added) == 4
    for slot in range(4):
        rows, past = replay.observations[slot], None
        for step in range(POINT.horizon + 1):
            expected = rows[step] if past is None else past
            for found in (replay, again):
                np.testing.assert_allclose(found.remembered[slot, step], expected, rtol=1e-6)
            if np.isfinite(rows[step]).all():  # the robot side remembers no other
                past = remember(past, rows[step], keep)


@pytest.mark.parametrize('ratio', [0.0, 1.0])
def test_hindsight_ratio_is_kept_at_its_ends(ratio):
    rng = np.random.default_rng(0)
    replay = filled_replay(rng)
    slot, step = replay.draw(500, rng)
    kept = (her.hindsight_goals(replay, slot, step, ratio, 'future', rng)
            == replay.desired_goals[slot]).all(1)
    assert kept.all() if ratio == 0.0 else not kept.any()


def test_sampling_leaves_the_replay_alone_and_rewards_fit_the_goals():
    rng = np.random.default_rng(0)
    replay = filled_replay(rng)
    before = {name: value.copy() for name, value in vars(replay).items()
              if isinstance(value, np.ndarray)}
    batch = her.sample(replay, 200, 0.8, 'future', POINT, rng)
    batch.goal[:] = np.nan
    batch.observation[:] = np.nan
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(replay, name)[:5], value[:5], err_msg=name)
    batch = her.sample(replay, 200, 0.8, 'future', POINT, rng)
    reached = sparse_reward(batch.next_observation, batch.goal, POINT.reach)
    np.testing.assert_array_equal(batch.reward, reached)  # the toy's observation is its goal
    assert 0.05 < (batch.reward == 0).mean() < 0.95


def test_replay_forgets_the_oldest_and_never_draws_what_is_incomplete():
    rng = np.random.default_rng(0)
    replay = Replay(POINT, 30)
    for number in range(7):
        episode = play(rng, number)
        marked = dataclasses.replace(
            episode, observations=np.full_like(episode.observations, number),
            valid=np.arange(POINT.horizon) % 3 == number % 3)
        assert replay.add(marked) == marked.valid.sum()
    slot, step = replay.draw(1000, rng)
    assert set(replay.observations[slot, step, 0]) == {4.0, 5.0, 6.0}
    assert replay.valid[slot, step].all()
    nothing = dataclasses.replace(play(rng, 8), valid=np.zeros(POINT.horizon, bool))
    assert replay.add(nothing) == 0
    with pytest.raises(ValueError, match='has 20 steps, expected at most 10'):
        replay.add(dataclasses.replace(nothing, valid=np.zeros(20, bool)))


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_normaliser_is_that_of_all_rows_at_once(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(3, 2, (50, 4))
    moments = Normalizer(4)
    for part in np.array_split(rows, 5):
        moments.add(np.vstack([part, np.full(4, np.nan)]))
    mean, std = moments.moments()
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(std, rows.std(0), rtol=1e-4)


def test_robot_and_learner_normalise_alike_to_the_last_bit(point):
    learner, rng = Learner(learner_settings()), np.random.default_rng(3)
    moments = [(rng.normal(size=2).astype(np.float32), rng.uniform(0.01, 3, 2).astype(np.float32))
               for _ in range(2)]
    learner.ddpg.set_moments(*moments)
    rows, goals = rng.normal(0, 9, (2, 200, 2)).astype(np.float32)
    found = learner.ddpg._inputs(torch.from_numpy(rows), None, torch.from_numpy(goals), None)
    expected = np.hstack([normalise(rows, *moments[0]), normalise(goals, *moments[1])])
    np.testing.assert_array_equal(found.numpy(), expected)
    assert (np.abs(expected) == 5).any() and (np.abs(expected) < 1).any()


def test_the_untrained_residual_is_zero_everywhere(point):
    learner = Learner(learner_settings())
    learner.add(play(np.random.default_rng(0), 0))
    actor = Actor(*unpack(learner.new_version()))
    for row in np.random.default_rng(1).normal(0, 100, (20, 2)):
        assert not actor.act(row, row, row, row).any()


@pytest.mark.parametrize('values', [
    {}, {'history': 1, 'actor_sees_base': True, 'critic_action': 'sent', 'critics': 2,
         'layer_norm': True},
    {'history': 1, 'history_features': 'averaged'}, {'history': 1, 'history_keep': 0.8},
    {'history': 1, 'history_features': 'averaged', 'actor_sees_base': True, 'critics': 2},
    {'whole_action': True, 'normalise': False, 'zero_last_layer': False}])
def test_the_numpy_actor_is_the_trained_one(point, values):
    rng = np.random.default_rng(0)
    learner = Learner(learner_settings(burn_in='none', **values))
    for number in range(5):
        learner.add(play(rng, number, noise=1.0))
    for _ in range(30):
        learner.update()
    batch = her.sample(learner.replay, 32, 0.8, 'future', POINT, rng)
    tensors = [torch.from_numpy(value) for value in (
        batch.observation, batch.remembered, batch.goal, batch.base_action)]
    inputs = learner.ddpg._inputs(*tensors)
    with torch.no_grad():
        expected = learner.ddpg.actor(inputs).numpy()
    assert np.abs(expected).max() > 0.01
    actor = Actor(*unpack(learner.new_version()))
    found = [actor.act(*rows) for rows in zip(batch.observation, batch.remembered,
                                              batch.goal, batch.base_action)]
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize('threads', [1, 2])
@pytest.mark.parametrize('recipe', RECIPES)
def test_updates_are_those_of_plain_float32(recipe, threads):
    learner = filled_learner(recipe, 40, threads)
    ours, plain = learner.ddpg, eager_twin(learner)
    rng = np.random.default_rng(0)
    for number in range(10):  # later, rounding turns some unit off here and not there
        batch = her.sample(learner.replay, 256, 0.8, 'future', learner.spec, rng)
        figures, expected = ours.update(batch, train_actor=True), plain.update(batch)
        np.testing.assert_allclose(list(figures.values()), list(expected.values()), rtol=1e-4)
        if number % 4 == 3:
            ours.update_targets()
            plain.update_targets()
    for name in NETWORKS:
        one, two = (torch.nn.utils.parameters_to_vector(getattr(ddpg, name).parameters())
                    for ddpg in (ours, plain))
        assert torch.linalg.norm(one - two) < 1e-4 * torch.linalg.norm(two), name


@pytest.mark.parametrize('rule, losses, values, active', [
    ('none', [9, 9, 9], [0, -5, -9], [False, False, False]),
    ('updates', [9, 9, 9], [0, -5, -9], [False, False, False]),
    ('critic_loss', [9, 0.5, 9], [0, 0, 0], [True, False, False]),
    ('q_change', [0, 0, 0], [-5, -5.5, -9], [True, False, True]),
])
def test_burn_in_rules(rule, losses, values, active):
    burn_in = BurnIn(make_settings(LearnerSettings, {'burn_in': rule, 'burn_in_check': 10}))
    assert burn_in.active == (rule != 'none')
    found = []
    for loss, value in zip(losses, values):
        for _ in range(10):
            burn_in.observe(loss, value)
        found.append(burn_in.active)
    assert found == active


def test_the_actor_stands_still_during_burn_in(point):
    rng = np.random.default_rng(0)
    learner = Learner(learner_settings(burn_in_check=10**6))
    learner.add(play(rng, 0, noise=1.0))
    critic = [value.clone() for value in learner.ddpg.critics.parameters()]
    actor = [value.clone() for value in learner.ddpg.actor.parameters()]
    for _ in range(5):
        learner.update()
    assert all(map(torch.equal, actor, learner.ddpg.actor.parameters()))
    assert not any(map(torch.equal, critic, learner.ddpg.critics.parameters()))


def train_point(seed, episodes=150, **values):
    """Return (learner, successes) of a training run on the toy task."""
    rng, successes = np.random.default_rng(seed), []
    learner = Learner(learner_settings(seed=seed, burn_in='none', updates_per_step=1.0,
                                       action_l2=0.1, **values))
    for number in range(episodes):
        actor = Actor(*unpack(learner.new_version()))
        successes.append(play(rng, number, actor).success)
        learner.add(play(rng, number, actor, noise=0.5))
        while learner.owed:
            learner.update()
    return learner, successes


@pytest.mark.parametrize('values', [
    {}, {'critics': 2, 'layer_norm': True, 'critic_action': 'sent', 'target_every': 1,
         'discount': 0.9}])
def test_it_learns_to_reach_the_goal(point, values):
    _, successes = train_point(1, **values)
    assert np.mean(successes[:15]) < 0.3 < 0.8 < np.mean(successes[-30:]), successes


def test_a_seeded_run_repeats_exactly(point):
    first, second = (train_point(3, episodes=10)[0].policy() for _ in range(2))
    assert first == second
    assert train_point(4, episodes=10)[0].policy() != first


@pytest.mark.parametrize('capacity', [100, 20_000])
def test_a_restored_learner_goes_on_as_the_saved_one(capacity, point, tmp_path):
    """Also where the replay has forgotten a part, of which the files are gone then."""
    saved, _ = train_point(5, episodes=8, buffer_transitions=capacity)
    rng = np.random.default_rng(0)
    for _ in range(6):
        save(tmp_path, saved)
        saved.add(play(rng, 8, noise=1.0))
        saved.add(play(rng, 9, noise=1.0))
    save(tmp_path, saved, {'more': np.arange(3)})
    fresh = Learner(saved.settings)
    assert resume(tmp_path, fresh)['more'].tolist() == [0, 1, 2]
    assert fresh.policy() == saved.policy()
    assert (fresh.updates, fresh.transitions) == (saved.updates, saved.transitions) == (80, 200)
    for learner in (saved, fresh):
        for _ in range(5):
            learner.update()
    assert dump(fresh) == dump(saved)
    pieces = sorted(tmp_path.glob('replay_*'))
    # Those that the checkpoint before needs are there as well.
    assert len(pieces) == (6 if capacity == 100 else 7)


def test_no_checkpoint_is_none(point, tmp_path):
    assert resume(tmp_path, Learner(learner_settings())) is None


def test_a_damaged_or_foreign_checkpoint_is_refused(point):
    learner = Learner(learner_settings())
    content = bytearray(dump(learner))
    content[-5] ^= 1
    with pytest.raises(WeightsError, match='damaged'):
        restore(learner, bytes(content))
    with pytest.raises(WeightsError, match='expected'):
        restore(Learner(learner_settings(hidden_size=16)), dump(learner))


def test_the_robot_may_wait_for_a_warm_replay(point):
    learner = Learner(learner_settings(updates_per_step=0.5, warmup_transitions=20))
    learner.add(play(np.random.default_rng(0), 0))
    assert learner.owed == 0
    learner.add(play(np.random.default_rng(0), 1))
    assert learner.owed == 10


def test_only_the_last_step_of_a_terminated_episode_is_terminal():
    rng, replay = np.random.default_rng(0), Replay(POINT, 100)
    for number in range(4):
        episode = dataclasses.replace(play(rng, number, noise=1.0), terminated=number % 2 == 1)
        replay.add(dataclasses.replace(
            episode, observations=episode.observations + 1000.0 * number))
    batch = her.sample(replay, 400, 0.8, 'future', POINT, rng)
    number = np.floor(batch.observation[:, 0] / 1000 + 0.5)
    last = {n: replay.observations[n, POINT.horizon].tobytes() for n in range(4)}
    ends = [row.tobytes() == last[n] for row, n in zip(batch.next_observation, number)]
    np.testing.assert_array_equal(batch.terminal, (number % 2 == 1) & np.array(ends))
    assert 0 < batch.terminal.sum() < 100


@pytest.mark.parametrize('terminated, value', [(True, -1.0), (False, -2.0)])
def test_nothing_follows_what_the_task_has_ended(point, terminated, value):
    """By hand: a reward of -1 for ever is worth -1 / (1 - 0.5) = -2; for one step it is -1."""
    learner = Learner(learner_settings(her_ratio=0.0, discount=0.5, burn_in_check=10**6,
                                       burn_in='updates', target_keep=0.8, target_every=1))
    far, rng = np.array([50.0, 50.0]), np.random.default_rng(0)
    for number in range(5):
        one = play(rng, number)
        learner.add(dataclasses.replace(
            one, observations=one.observations[:2], achieved_goals=one.achieved_goals[:2],
            desired_goal=far, base_actions=one.base_actions[:2], residuals=one.residuals[:1],
            sent=one.sent[:1], executed=one.executed[:1], valid=one.valid[:1],
            terminated=terminated))
    for _ in range(600):
        learner.update()
    assert learner.figures['mean_q'] == pytest.approx(value, abs=0.1)


def test_a_learner_leaves_the_settings_of_the_process_alone():
    code = """
import torch
from rpl_ros.learning.process import tune_process
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.learning.learner import Learner
from rpl_ros.pets.controller import make_pets
def state():
    return torch.get_num_threads(), torch.get_float32_matmul_precision()
torch.set_num_threads(2)
before = state()
Learner(LearnerSettings(hidden_size=4))
make_pets()
assert state() == before == (2, 'highest'), state()
tune_process()
assert torch.get_num_threads() == 1
"""
    subprocess.run([sys.executable, '-c', code], check=True)
