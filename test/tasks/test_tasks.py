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

"""Every task: the same episode whenever it is played, saved states, rewards, ends."""

import re

import numpy as np
import pytest
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.rewards import has_reached, is_success, task_reward
from rpl_ros.tasks.specs import TASKS


@pytest.fixture(scope='module', params=TASKS)
def task(request):
    """Return each task in turn, with seed 3."""
    return make_task(request.param, 3)


def drive(task, steps, rng):
    """Return the states of `steps` random steps."""
    return [task.step(rng.uniform(-1, 1, task.spec.action_size)) for _ in range(steps)]


def assert_same(first, second):
    """Compare the observations, goals and rewards of two lists of states to the last bit."""
    for one, two in zip(first, second, strict=True):
        assert (one.episode, one.step, one.reward) == (two.episode, two.step, two.reward)
        np.testing.assert_array_equal(one.observation, two.observation)
        np.testing.assert_array_equal(one.desired_goal, two.desired_goal)


def episode(task, number, seed, steps=12):
    """Return the first states of an episode driven at random."""
    return [task.reset(number), *drive(task, steps, np.random.default_rng(seed))]


def test_an_episode_is_the_same_whatever_was_played_before(task):
    first = episode(task, 5, 0)
    episode(task, 6, 1)
    assert_same(first, episode(task, 5, 0))
    assert_same(first, episode(make_task(task.spec.name, 3), 5, 0))
    other = make_task(task.spec.name, 4).reset(5)
    assert not np.array_equal(first[0].observation, other.observation)


def test_a_restored_state_goes_on_as_the_saved_one(task):
    episode(task, 2, 3)
    saved = task.save()
    first = drive(task, 5, np.random.default_rng(4))
    task.restore(saved)
    second = drive(task, 5, np.random.default_rng(4))
    for one, two in zip(first, second, strict=True):  # not the observation: noise is no physics
        np.testing.assert_array_equal(one.achieved_goal, two.achieved_goal)


def test_rewinding_goes_back_to_all_of_a_snapshot_in_any_object(task):
    episode(task, 2, 3)
    taken = task.snapshot()
    first = drive(task, 5, np.random.default_rng(4))
    episode(task, 3, 3)
    other = make_task(task.spec.name, 8)
    for again in (task, other):
        again.rewind(taken)
        assert again.seed == 3
        assert_same(first, drive(again, 5, np.random.default_rng(4)))
    assert [(state.episode, state.step) for state in first] == [
        (2, step) for step in range(13, 18)]


def test_a_goal_from_outside_replaces_the_tasks_own_and_nothing_else(task):
    task.seed, spec = 3, task.spec
    if spec.goals is None:
        with pytest.raises(ValueError, match='mbrl_pusher takes no goal from outside'):
            spec.checked_goal([0.0, 0.0, 0.0])
        return
    own = [task.reset(number) for number in range(50)]
    for state in own:  # each goal of its own may also come from outside
        np.testing.assert_array_equal(spec.checked_goal(state.desired_goal), state.desired_goal)
    goal = spec.checked_goal(np.mean(spec.goals, axis=0))
    state = task.reset(7, goal)
    np.testing.assert_array_equal(state.desired_goal, goal)
    np.testing.assert_array_equal(state.observation, own[7].observation)
    np.testing.assert_array_equal(task.step(np.zeros(4)).desired_goal, goal)
    taken = task.snapshot()
    task.reset(8)
    task.rewind(taken)
    np.testing.assert_array_equal(task.step(np.zeros(4)).desired_goal, goal)
    np.testing.assert_array_equal(task.reset(7).desired_goal, own[7].desired_goal)


@pytest.mark.parametrize('given, why', [
    ([1.65, 0.75], 'the goal is [1.65, 0.75], expected 3 finite numbers, m'),
    ([1.65, 0.75, float('nan')], 'expected 3 finite numbers, m'),
    ([1.65, 0.75, 0.5], 'the goal is [1.65, 0.75, 0.5], expected [1.59, 0.69, 0.41] to '
     '[1.71, 0.81, 0.43], m, for the task hook')])
def test_a_goal_that_cannot_be_used_is_refused(given, why):
    spec = task_spec('hook')
    assert spec.checked_goal([]) is None
    with pytest.raises(ValueError, match=re.escape(why)):
        spec.checked_goal(given)


def test_success_of_one_goal_is_that_of_many_to_the_last_bit():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(20000, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    places = np.array([1.3, 0.7, 0.4])
    goals = places + 0.05 * directions  # half a rounding error decides for each of them
    expected = is_success(places, goals, 0.05)
    assert 0.1 < expected.mean() < 0.9
    assert [has_reached(places, goal, 0.05) for goal in goals] == expected.tolist()


def test_reward_success_and_end_follow_from_the_state(task):
    spec, rng = task.spec, np.random.default_rng(2)
    state = task.reset(1)
    assert (state.step, state.last, state.applied, state.reward) == (0, False, False, 0.0)
    assert state.observation.shape == (spec.observation_size,)
    for step in range(1, spec.horizon + 1):
        sent = rng.uniform(-1, 1, spec.action_size)
        state = task.step(sent)
        assert (state.step, state.last, state.applied) == (step, step == spec.horizon, True)
        assert state.reward == pytest.approx(task_reward(
            spec, state.achieved_goal, state.desired_goal, state.observation, sent), abs=1e-12)
        assert state.success == is_success(state.achieved_goal, state.desired_goal, spec.reach)
