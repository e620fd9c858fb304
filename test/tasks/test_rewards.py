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

"""Rewards that were worked out by hand."""

import numpy as np
import pytest
from rpl_ros.data import Episode
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.mbrl_pusher import pusher_reward
from rpl_ros.tasks.rewards import has_reached, rewards_of, sparse_reward


@pytest.mark.parametrize('away, reward', [
    (0.03, 0.0),     # twice 3 cm are 4.2 cm, up to 5 count
    (0.04, -1.0)])   # twice 4 cm are 5.7 cm
def test_the_sparse_reward(away, reward):
    goal = np.array([1.0, 2.0, 3.0])
    place = goal + [away, 0.0, -away]
    assert sparse_reward(place, goal, 0.05) == reward
    assert has_reached(place, goal, 0.05) == (reward == 0.0)


def test_the_reward_of_mbrl_pusher():
    """1.25 * (0.1 + 0.2 + 0) + 0.5 * 0.2 + 0.1 * (1 + 4) = 0.375 + 0.1 + 0.5."""
    reward = pusher_reward([0.1, 0.2, 0.3], [0.2, 0.0, 0.3], [0.1, 0.2, 0.1],
                           [1.0, -2.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert reward == pytest.approx(-0.975)


def test_a_reward_is_that_of_the_state_after_the_step():
    """1 m, 0.5 m and 2 cm away: the first state has no reward."""
    places = np.array([[1.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.02, 0.0, 0.0]])
    nothing = np.zeros((2, 4))
    episode = Episode(0, np.zeros((3, 25)), places, np.zeros(3), np.zeros((3, 4)), nothing,
                      nothing, nothing, np.ones(2, bool), True)
    assert rewards_of(task_spec('push'), episode).tolist() == [-1.0, 0.0]
