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

"""How an episode failed, in episodes made by hand."""

import numpy as np
import pytest
from rpl_ros.data import Episode
from rpl_ros.evaluation.episodes import count_failures, Outcome
from rpl_ros.evaluation.failures import how_it_failed
from rpl_ros.tasks.find import task_spec

GOAL = np.array([1.65, 0.75, 0.42])
STEPS = 100


def episode(task, places, hook=0.02, success=False):
    """Return an Episode with the object at `places` (T + 1, 3) and a distance of the hook."""
    observations = np.zeros((STEPS + 1, task_spec(task).observation_size))
    where = task_spec('hook').columns('hook_minus_gripper')
    observations[:, where] = np.array([1.0, 0.0, 0.0]) * np.reshape(hook, (-1, 1))
    actions = np.zeros((STEPS, 4))
    return Episode(0, observations, places, GOAL, np.zeros((STEPS + 1, 4)), actions, actions,
                   actions, np.ones(STEPS, bool), success)


def way(start, end, steps=STEPS):
    """Return places (T + 1, 3) on a line from one x offset of the goal to another, then rest."""
    x = np.interp(np.arange(STEPS + 1), [0, steps], [start, end])
    return GOAL + np.column_stack([x, 0 * x, 0 * x])


FALLEN = way(0.3, 0.2)
FALLEN[-20:, 2] = 0.2
DROPPED = np.concatenate([np.full(50, 0.02), np.full(51, 0.3)])


@pytest.mark.parametrize('places, hook, expected', [
    (FALLEN, 0.3, 'off the table'), (way(0.3, -0.1), 0.02, 'left the goal again'),
    (way(0.3, 0.2), DROPPED, 'hook lost'), (way(0.3, 0.2), 0.2, 'hook lost'),
    (way(0.3, 0.29), 0.02, 'never moved'), (way(0.3, 0.1), 0.02, 'on its way'),
    (way(0.3, 0.1, 50), 0.02, 'stuck')], ids=str)
def test_how_it_failed(places, hook, expected):
    assert how_it_failed(task_spec('hook'), episode('hook', places, hook)) == expected
    assert how_it_failed(task_spec('hook'), episode('hook', places, hook, True)) == ''


def test_a_state_that_is_missing_is_told():
    places = way(0.3, 0.1)
    places[7] = np.nan
    assert how_it_failed(task_spec('hook'), episode('hook', places)) == 'states are missing'


def test_failures_are_counted():
    outcomes = [Outcome(not how, 0.0, 100, failure=how) for how in ('', 'stuck', '', 'b', 'stuck')]
    assert list(count_failures(outcomes).items()) == [('stuck', 2), ('b', 1)]
