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

"""MBRLPusher: scenes, observation, reward and physics."""

import mujoco
import numpy as np
import pytest
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.mbrl_pusher import pusher_reward
from rpl_ros.tasks.rewards import sparse_reward, task_reward

GOAL = np.array([0.45, -0.05, -0.323])


@pytest.fixture(scope='module')
def task():
    """Return the task with seed 3."""
    return make_task('mbrl_pusher', 3)


def drive(task, episode, steps, rng):
    """Return states and actions of `steps` random steps; one action more than fits the limits."""
    states, actions = [task.reset(episode)], rng.uniform(-1.2, 1.2, (steps, 7))
    return states + [task.step(action) for action in actions], actions


def test_scenes_are_drawn_as_the_authors_do(task):
    starts = np.array([task.reset(n).observation for n in range(400)])
    assert not starts[:, :7].any()
    assert np.abs(starts[:, 7:14]).max() <= 0.005 and starts[:, 7:14].std() > 0.0025
    np.testing.assert_allclose(starts[:, 17:].mean(0), [0.6, -0.3, -0.275], atol=0.005)
    np.testing.assert_allclose(starts[:, 17:19].std(0), 0.025, rtol=0.15)
    assert not np.ptp(starts[:, 19])


def test_the_reward_is_the_formula_on_the_executed_torques(task):
    states, actions = drive(task, 1, 150, np.random.default_rng(2))
    assert states[0].reward == 0.0 and not states[0].applied and states[1].applied
    assert [state.last for state in states] == [False] * 150 + [True]
    assert np.abs(actions).max() > 1.0
    for state, action in zip(states[1:], actions):
        thing, tip = state.observation[17:20], state.observation[14:17]
        expected = (-1.25 * np.abs(thing - GOAL).sum() - 0.5 * np.abs(thing - tip).sum()
                    - 0.1 * (np.clip(action, -1, 1) ** 2).sum())
        assert state.reward == pytest.approx(expected)
        np.testing.assert_array_equal(state.achieved_goal, thing)
        np.testing.assert_allclose(state.desired_goal, GOAL)


def test_task_reward_is_one_function_for_states_and_for_relabelled_batches(task):
    states, actions = drive(task, 1, 10, np.random.default_rng(2))
    achieved = np.array([state.achieved_goal for state in states[1:]])
    seen = np.array([state.observation for state in states[1:]])
    rewards = task_reward(task.spec, achieved, GOAL, seen, np.clip(actions, -1, 1))
    np.testing.assert_allclose(rewards, [state.reward for state in states[1:]])
    goals = achieved[::-1]
    relabelled = task_reward(task.spec, achieved, goals, seen, np.zeros((10, 7)))
    np.testing.assert_allclose(relabelled, pusher_reward(achieved, goals, seen[:, 14:17],
                                                         np.zeros((10, 7))))
    hook = task_reward(task_spec('hook'), achieved, goals, None, None)
    np.testing.assert_array_equal(hook, sparse_reward(achieved, goals, 0.05))


def test_observation_elements_are_what_they_say(task):
    state = drive(task, 2, 30, np.random.default_rng(4))[0][-1]
    model, data = task.model, task.data
    mujoco.mj_forward(model, data)  # the poses must belong to this very state
    seen = state.observation
    np.testing.assert_array_equal(seen[:7], data.qpos[:7])
    np.testing.assert_array_equal(seen[7:14], data.qvel[:7])
    np.testing.assert_allclose(seen[14:17], data.body('tip').xpos, atol=1e-12)
    np.testing.assert_allclose(seen[17:20], data.body('object').xpos, atol=1e-12)
    assert np.abs(seen[7:14]).max() > 0.5  # rad/s, not per step


def test_without_torques_everything_comes_to_rest(task):
    state = task.reset(0)
    for _ in range(150):
        before, state = state, task.step(np.zeros(7))
    assert np.abs(state.observation[7:14]).max() < 1e-3
    np.testing.assert_array_equal(state.achieved_goal, before.achieved_goal)


def test_the_gripper_pushes_the_cylinder_and_does_not_go_through_it(task):
    task.reset(0)
    data, slides, deepest = task.data, slice(7, 9), 0.0
    data.qpos[1] = 0.38  # rad, lift: the gripper is at the height of the cylinder
    mujoco.mj_forward(task.model, data)
    palm = data.body('tip').xpos
    assert -0.325 < palm[2] < -0.225
    data.qpos[slides] = palm[1] + 0.1 + 0.08 + 0.05, palm[0] + 0.05 - 0.45  # beside a finger
    start = data.qpos[slides].copy()
    for _ in range(40):
        task.step(np.array([1.0, 0, 0, 0, 0, 0, 0]))
        deepest = min([deepest, *(data.contact[n].dist for n in range(data.ncon))])
    assert data.qpos[7] - start[0] > 0.02
    assert deepest > -0.01


def test_objects_of_ones_own_are_refused():
    with pytest.raises(ValueError, match='only'):
        make_task('mbrl_pusher', 0, '/some/folder')
