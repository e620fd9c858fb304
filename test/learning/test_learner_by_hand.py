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

"""What the learner counts, against numbers that were worked out by hand: moments, versions."""

import dataclasses

import numpy as np
import pytest
from rpl_ros.data import Episode
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.normalizer import Normalizer
from rpl_ros.policy.weights import unpack
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from task_tools import register, small_spec
import torch

LINE = small_spec('line', 1, 1, 1, 10)
SMALL = {'hidden_layers': 1, 'hidden_size': 2, 'batch_size': 4, 'burn_in': 'none'}


@pytest.fixture
def make(monkeypatch):
    """Return a function that makes a Learner of the task 'line', whose numbers are single."""
    register(monkeypatch, LINE)
    return lambda **values: Learner(dataclasses.replace(
        make_settings(LearnerSettings, {**SMALL, **values}), task='line'))


def episode():
    """Return an Episode of four steps: observations 0 to 4, goals 11 to 14 achieved, 99 asked."""
    after = np.arange(5.0)[:, None]
    return Episode(0, after, 10 + after, np.array([99.0]), 0 * after, 0 * after[:-1],
                   0 * after[:-1], 0 * after[:-1], np.ones(4, bool), False)


def test_rows_count_with_their_weight():
    """3 * 1 + 1 * 5 over 4 is 2; the squares, 3 * 1 + 25 over 4, are 7: variance 7 - 2 * 2."""
    moments = Normalizer(1)
    moments.add(np.array([[1.0]]), 3.0)
    moments.add(np.array([[5.0], [np.nan]]))
    assert moments.moments() == (pytest.approx(2.0), pytest.approx(3.0 ** 0.5))


def test_what_never_changes_is_not_divided_by_nothing():
    moments = Normalizer(1)
    assert moments.moments() == (0.0, 1.0)
    moments.add(np.full((3, 1), 0.5))
    assert moments.moments() == (0.5, pytest.approx(0.01))


def test_goals_count_as_often_as_batches_hold_them(make):
    """
    Of the goals of four transitions a share of 0.8 are achieved ones, 0.2 the desired one.

    (0.8 * (11 + 12 + 13 + 14) + 0.2 * 4 * 99) / 4 = 29.8; of 0 to 4 the mean is 2, the
    variance (4 + 1 + 0 + 1 + 4) / 5 = 2.
    """
    learner = make(her_ratio=0.8)
    assert learner.add(episode()) == 4
    tensors = learner.policy_tensors()
    assert tensors['goal_mean'] == pytest.approx(29.8)
    assert tensors['observation_mean'] == pytest.approx(2.0)
    assert tensors['observation_std'] == pytest.approx(2.0 ** 0.5)


def test_each_publication_has_the_next_version_and_none_is_used_again(make):
    learner = make()
    versions = []
    for skip in (0, 0, 7, 3):
        learner.skip_to(skip)
        learner.new_version()
        versions.append(learner.version)
    assert versions == [1, 2, 8, 9]


def test_targets_move_at_every_third_update(make):
    learner = make(target_every=3, updates_per_step=1.0)
    learner.add(episode())
    moved = []
    for _ in range(7):
        before = torch.nn.utils.parameters_to_vector(learner.ddpg._targets)
        learner.update()
        after = torch.nn.utils.parameters_to_vector(learner.ddpg._targets)
        moved.append(bool((before != after).any()))
    assert moved == [False, False, True, False, False, True, False]


def test_each_transition_asks_for_a_share_of_an_update(make):
    """4 transitions at 0.75 are 3 updates; after 2 of them and 4 more, 1 + 3 = 4."""
    learner = make(updates_per_step=0.75)
    learner.add(episode())
    assert learner.owed == 3
    learner.update()
    learner.update()
    learner.add(episode())
    assert learner.owed == 4


def test_on_trial_the_policy_for_use_is_the_base_controller(make):
    learner = make(trial_episodes=2, zero_last_layer=False)
    learner.add(episode())
    last = 'layer1.weight'
    assert not unpack(learner.policy())[0][last].any()
    assert unpack(learner.new_version())[0][last].any()
    learner.trial.passed = True
    assert unpack(learner.policy())[0][last].any()
