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

"""The trial of a learned policy: who passes it, who fails again, and what is used meanwhile."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st
from learning_tools import synthetic_episode
import numpy as np
import pytest
from rpl_ros import data
from rpl_ros.bags.legacy import MODES, UNKNOWN_MODE
from rpl_ros.data import Mode, Status
from rpl_ros.learning.earliest import earliest, in_words, live_in_words, offline_in_words
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.learner_file import dump, restore
from rpl_ros.learning.trial import Trial
from rpl_ros.policy.weights import unpack
from rpl_ros.runs.learned_in import is_base
from rpl_ros.settings.fields import make_settings, SettingsError
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, recipe_file
from rpl_ros.tasks.find import task_spec
from rpl_ros.training.loop import Loop
from rpl_ros.transitions import mode_of

SMALL = {'task': 'hook', 'hidden_layers': 2, 'hidden_size': 16, 'batch_size': 16,
         'burn_in': 'none', 'trial_episodes': 3}
outcomes = st.lists(st.tuples(st.sampled_from(list(data.MODE_NAMES)), st.booleans()), max_size=60)


def after(episodes, observed):
    """Return a Trial that has seen pairs of mode and score."""
    trial = Trial(episodes)
    for mode, score in observed:
        trial.observe(mode, float(score))
    return trial


def on(mode, *scores):
    """Return pairs of a mode and scores."""
    return [(mode, score) for score in scores]


@given(st.integers(1, 10), outcomes)
@settings(max_examples=200, deadline=None)
def test_a_policy_passes_with_enough_better_episodes_alone(episodes, observed):
    trial = after(episodes, observed)
    evaluated = [score for mode, score in observed if mode == Mode.EVALUATE]
    base = [score for mode, score in observed if mode == Mode.BASE]
    if len(evaluated) < episodes or not base:
        assert not trial.passed
    else:
        last = evaluated[-episodes:]
        lead, error = np.mean(last) - np.mean(base), np.std(last) / np.sqrt(episodes)
        if lead > error + 1e-9:
            assert trial.passed
        elif lead < -error - 1e-9:
            assert not trial.passed


@given(outcomes)
def test_exploring_episodes_do_not_count(observed):
    without = [item for item in observed if item[0] != Mode.EXPLORE]
    assert vars(after(3, observed)) == vars(after(3, without))


@given(outcomes)
def test_without_a_trial_every_policy_has_passed(observed):
    assert after(0, observed).passed


def test_luck_counts_as_little_for_passing_as_for_failing():
    base, good = on(Mode.BASE, 1, 0, 1, 0, 0), on(Mode.EVALUATE, 1, 0, 1, 1)
    assert not after(4, base + on(Mode.EVALUATE, 1, 0, 1, 0)).passed  # 0.5 - 0.25, base 0.4
    assert after(4, base + good).passed  # 0.75 - 0.22
    assert after(4, on(Mode.BASE, 1, 1) + on(Mode.EVALUATE, 1, 1, 1, 1)).passed
    assert after(4, base + good + on(Mode.EVALUATE, 0, 0, 0)).passed  # 0.25 + 0.22, base 0.4
    assert not after(4, base + good + on(Mode.EVALUATE, 0, 0, 0, 0)).passed


@pytest.mark.parametrize('statuses, mode', [
    ([Status.EXPLORING, Status.EXPLORING, Status.EPISODE_END], Mode.EXPLORE),
    ([Status.RESIDUAL, Status.BAD_RESIDUAL, Status.EPISODE_END], Mode.EVALUATE),
    ([Status.BASE_EPISODE, Status.BASE_EPISODE, Status.EPISODE_END], Mode.BASE),
    ([Status.NO_POLICY, Status.EPISODE_END], Mode.BASE)])
def test_commands_tell_how_an_episode_was_driven(statuses, mode):
    assert mode_of({MODES.get(status, UNKNOWN_MODE) for status in statuses}) == mode


def driven_episode(number, mode, success, moved=True):
    """Return an Episode of the hook task that was driven so."""
    episode = replace(synthetic_episode(task_spec('hook'), number), mode=mode, success=success)
    return episode if moved else replace(episode, residuals=np.zeros_like(episode.residuals))


def moved_learner():
    """Return a Learner whose actor has moved, on trial."""
    learner = Learner(make_settings(LearnerSettings, SMALL))
    for number in range(4):
        learner.add(driven_episode(number, Mode.EXPLORE, False))
    for _ in range(20):
        learner.update()
    return learner


def last_layer(content):
    """Return the weights of the last layer of a policy given as bytes."""
    return unpack(content)[0]['layer2.weight']


def test_on_trial_the_policy_to_use_is_the_base_and_the_one_to_try_is_not():
    learner = moved_learner()
    assert learner.prefer_base
    assert not last_layer(learner.policy()).any() and last_layer(learner.new_version()).any()
    learner.add(driven_episode(4, Mode.BASE, False, moved=False))
    for number in range(5, 8):
        learner.add(driven_episode(number, Mode.EVALUATE, True))
    assert not learner.prefer_base
    np.testing.assert_array_equal(last_layer(learner.policy()), last_layer(learner.new_version()))
    for number in range(8, 11):
        learner.add(driven_episode(number, Mode.EVALUATE, False))
    assert not learner.prefer_base  # the base solved none of its one episode either


def test_episodes_before_the_actor_moves_are_those_of_the_base():
    learner = moved_learner()
    learner.add(driven_episode(4, Mode.EVALUATE, True, moved=False))
    assert (learner.trial.base_count, learner.trial.base_sum) == (1, 1.0)
    assert not learner.trial.recent


def test_a_trial_goes_on_from_a_checkpoint():
    learner = moved_learner()
    learner.add(driven_episode(4, Mode.BASE, True, moved=False))
    learner.add(driven_episode(5, Mode.EVALUATE, True))
    again = Learner(make_settings(LearnerSettings, SMALL))
    restore(again, dump(learner))
    assert vars(again.trial) == vars(learner.trial)
    assert again.policy() == learner.policy()


def test_on_trial_the_base_drives_as_many_episodes_as_during_burn_in():
    given_ = {'task': 'hook', 'burn_in': 'none', 'trial_episodes': 1000, 'hidden_size': 16,
              'updates_per_step': 0.01, 'burn_in_base_probability': 1.0, 'base_every': 0,
              'evaluate_every': 3, 'horizon': 5}
    loop = Loop(load_settings(recipe_file('hook', DEFAULT), given_))
    modes = [loop.advance().mode for _ in range(6)]
    assert modes == [Mode.BASE, Mode.BASE, Mode.EVALUATE] * 2
    assert loop.weights().prefer_base and loop.learner.prefer_base


@pytest.mark.parametrize('given_', [{'evaluate_every': 0},
                                    {'base_every': 0, 'burn_in_base_probability': 0.0}])
def test_a_trial_that_nobody_could_pass_is_refused(given_):
    path = recipe_file('hook', DEFAULT)
    with pytest.raises(SettingsError, match=f'trial_episodes is 20, but {list(given_)[0]}'):
        load_settings(path, given_)
    load_settings(path, {**given_, 'trial_episodes': 0})


def test_a_trial_says_how_it_stands():
    assert str(after(2, on(Mode.EVALUATE, 1))) == 'nothing to compare yet'
    assert str(after(2, on(Mode.BASE, 1, 0) + on(Mode.EVALUATE, 1, 1))) == (
        '1 over the last 2 episodes of the policy, 0.5 over 2 of the base')


def test_an_episode_of_which_a_part_was_lost_is_no_part_of_the_trial():
    learner = moved_learner()
    learner.add(replace(driven_episode(4, Mode.EVALUATE, False), ended=False))
    assert not learner.trial.recent
    learner.add(driven_episode(5, Mode.EVALUATE, False))
    assert list(learner.trial.recent) == [0.0]


def test_a_return_with_lost_states_is_no_part_of_the_trial():
    learner = Learner(make_settings(LearnerSettings, {**SMALL, 'task': 'mbrl_pusher'}))
    whole = replace(synthetic_episode(task_spec('mbrl_pusher'), 0), mode=Mode.EVALUATE)
    achieved = whole.achieved_goals.copy()
    achieved[5] = np.nan
    learner.add(replace(whole, achieved_goals=achieved))
    assert not learner.trial.recent
    learner.add(whole)
    assert np.isfinite(learner.trial.recent).all() and len(learner.trial.recent) == 1


def settings_with(**given_):
    """Return the settings of a small run of the hook task."""
    return load_settings(recipe_file('hook', DEFAULT), {
        'hidden_size': 16, 'hidden_layers': 1, 'batch_size': 16, 'horizon': 5,
        'burn_in': 'updates', 'burn_in_check': 6, 'updates_per_step': 0.4, 'evaluate_every': 4,
        'base_every': 10, 'trial_episodes': 3, **given_})


@pytest.mark.parametrize('given_, burn_in, counts', [
    # Burn-in of 6 updates at 0.4 a step: 15 steps. The 7th moves the actor, at step 18, in episode
    # 3 of 5 steps each. Then 7, 11 and 19 are without exploration, 15 is the base's: base_every.
    ({}, 15, 100), ({'trial_episodes': 4}, 15, 120), ({'trial_episodes': 0}, 15, 20),
    # The first update needs 3 steps; then 3, 7 and 11.
    ({'burn_in': 'none', 'trial_episodes': 0}, 0, 5), ({'burn_in': 'none'}, 0, 60),
    # 6 episodes, then 7, 11 and 19.
    ({'warmup_transitions': 30}, 30, 100), ({'first_episode': 4}, 15, 100),
    ({'updates_per_step': 0.0}, None, None), ({'warmup_transitions': 10**9}, None, None),
    ({'base_every': 2}, 15, None)])
def test_from_when_on_a_residual_can_count(given_, burn_in, counts):
    found = earliest(settings_with(**given_))
    assert (found.burn_in, found.used) == (burn_in, counts)


@given(st.fixed_dictionaries({
    'burn_in': st.sampled_from(['updates', 'none']), 'burn_in_check': st.integers(1, 9),
    'updates_per_step': st.sampled_from([0.2, 0.4, 1.0]), 'evaluate_every': st.integers(2, 5),
    'base_every': st.sampled_from([0, 3, 5]), 'trial_episodes': st.integers(0, 4),
    'warmup_transitions': st.integers(0, 30), 'first_episode': st.integers(0, 20),
    'burn_in_base_probability': st.just(1.0)}))
@settings(max_examples=25, deadline=None)
def test_no_policy_counts_earlier_and_one_that_is_as_good_as_the_base_counts_then(given_):
    """In episodes of five steps nobody solves anything: policy and base are equal."""
    run = settings_with(**given_)
    found, loop = earliest(run), Loop(run)
    while loop.learner.prefer_base or is_base(loop.learner.policy()):
        loop.advance()
        assert loop.learner.transitions < 1000
    assert loop.learner.transitions == found.used


def test_a_run_that_is_too_short_says_how_long_it_must_be():
    recipe = load_settings(recipe_file('complex_hook', DEFAULT), {'episodes': 100})
    # 5,000 updates at 0.5 a step, then 20 of the episodes 103, 107, ... that are not the base's.
    found = earliest(recipe)
    assert (found.burn_in, found.used) == (10_000, 20_000)
    line = in_words(found, 10_000, '--steps {}')
    assert line.startswith('warning: ') and 'more than --steps 20000; with --steps 40000 ' in line
    assert 'burn-in until step 10,000' in line and 'a trial of 20 episodes' in line
    assert in_words(found, 20_000, '--steps {}').startswith('warning')
    line = in_words(found, 20_001, '--steps {}')
    assert line.startswith('the base controller is in use until step 20,000 or later: ')
    # Weights after the burn-in are published with update 5,200, at step 10,400: 107, 111, ...
    line = live_in_words(recipe)
    assert 'burn-in until step 10,000' in line
    assert 'more than episodes:=204; with episodes:=408 ' in line
    # Four robots are there after 26 episodes each; then each plays five: 27, 31, 39, 43 and 47.
    four = load_settings(recipe_file('complex_hook', DEFAULT), {'episodes': 100, 'robots': 4})
    assert 'from step 19,200 or later' in live_in_words(four)
    assert not in_words(found, 0, 'episodes:={}', 100).startswith('warning')  # it has no end
    never = earliest(settings_with(updates_per_step=0.0))
    assert 'never used' in in_words(never, 100, '--steps {}')


def test_a_run_from_bags_alone_that_is_too_short_says_so():
    learner = load_settings(recipe_file('hook', 'offline'))['learner_node']
    line, = offline_in_words(learner, 4000)
    assert 'the first 4,000 (burn-in). Give --updates 8000' in line
    assert not list(offline_in_words(learner, 4001))
    line, = offline_in_words(replace(learner, trial_episodes=20), 16_000)
    assert 'never used' in line
