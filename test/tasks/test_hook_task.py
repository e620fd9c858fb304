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

"""The hook tasks and ReactiveHook: observations, seeding, noise, base rates."""

import mujoco
import numpy as np
import pytest
from rpl_ros.controllers import find_controller
from rpl_ros.controllers.reactive_hook import reactive_hook
from rpl_ros.evaluation.episodes import evaluate
from rpl_ros.scene import greedy_policy
from rpl_ros.tasks import make_task
from rpl_ros.tasks.hook import NOISE_STD
from rpl_ros.tasks.objects.bumps import draw_bumps, MOST
from rpl_ros.tasks.poses import euler
from rpl_ros.tasks.specs import CONTROL_PERIOD

NAMES = ('hook', 'noisy_hook', 'complex_hook')


@pytest.fixture(scope='module')
def tasks():
    """Return the three tasks with seed 3."""
    return {name: make_task(name, 3) for name in NAMES}


def test_warming_up_changes_nothing(tasks):
    warm = make_task('complex_hook', 3)
    warm.warm_up()
    for episode in range(3):
        np.testing.assert_array_equal(warm.reset(episode).observation,
                                      tasks['complex_hook'].reset(episode).observation)


def test_observation_elements_are_what_they_say(tasks):
    task = tasks['hook']
    task.reset(2)
    for _ in range(3):
        state = task.step(np.array([0.6, -0.4, 0.3, 1.0]))
    seen = state.observation
    np.testing.assert_array_equal(seen[3:6], state.achieved_goal)
    np.testing.assert_allclose(seen[6:9], seen[3:6] - seen[0:3])
    np.testing.assert_allclose(seen[37:40], seen[25:28] - seen[0:3])
    model, data = task.model, task.data
    mujoco.mj_forward(model, data)  # poses and velocities must belong to this very state
    np.testing.assert_allclose(seen[0:3], data.site('robot0:grip').xpos, atol=1e-12)
    fingers = [data.joint(f'robot0:{side}_gripper_finger_joint').qpos[0] for side in 'rl']
    np.testing.assert_allclose(seen[9:11], fingers, atol=1e-12)
    jacobian = np.zeros((3, model.nv))
    mujoco.mj_jacSite(model, data, jacobian, None, model.site('robot0:grip').id)
    np.testing.assert_allclose(seen[20:23], jacobian @ data.qvel * CONTROL_PERIOD, atol=1e-12)
    np.testing.assert_allclose(seen[14:17], -seen[20:23], atol=1e-4)  # the block lies still


def test_the_gripper_starts_where_gyms_does_and_moves_as_measured(tasks):
    task = tasks['hook']
    state = task.reset(0)
    np.testing.assert_allclose(state.observation[:3], [1.3419, 0.7491, 0.5347], atol=2e-4)
    moved = task.step(np.array([1.0, 0, 0, 0])).observation[:3] - state.observation[:3]
    np.testing.assert_allclose(moved, [0.031, 0, 0], atol=2e-3)  # soft weld: 3.1 cm, not 5


def test_euler_angles_turn_back_into_the_matrix():
    rng = np.random.default_rng(0)
    for _ in range(50):
        quaternion = rng.normal(size=4)
        quaternion /= np.linalg.norm(quaternion)
        matrix = np.empty(9)
        mujoco.mju_quat2Mat(matrix, quaternion)
        back = np.empty(4)
        mujoco.mju_euler2Quat(back, euler(matrix), 'xyz')
        again = np.empty(9)
        mujoco.mju_quat2Mat(again, back)
        np.testing.assert_allclose(again, matrix, atol=1e-9)


def test_noise_is_on_the_poses_only_and_has_its_size():
    noisy, clean = make_task('noisy_hook', 0), make_task('hook', 0)
    difference = np.array([noisy.reset(n).observation - clean.reset(n).observation
                           for n in range(400)])
    noised = [3, 4, *range(11, 14), *range(25, 31)]
    np.testing.assert_allclose(difference[:, noised].std(0), NOISE_STD, rtol=0.15)
    derived = [6, 7, 37, 38, 39]
    others = sorted(set(range(40)) - set(noised) - set(derived))
    assert not difference[:, others].any()
    np.testing.assert_allclose(difference[:, 6:8], difference[:, 3:5], atol=1e-12)
    np.testing.assert_allclose(difference[:, 37:40], difference[:, 25:28], atol=1e-12)
    state = noisy.reset(7)
    np.testing.assert_array_equal(state.achieved_goal, clean.reset(7).achieved_goal)


def test_objects_and_bumps_change_from_episode_to_episode(tasks):
    task = tasks['complex_hook']
    names, bumps = [], []
    for episode in range(30):
        task.reset(episode)
        names.append(task.thing.name)
        first = task.model.geom('bump0').id
        bumps.append(task.model.geom_pos[first:first + MOST].copy())
    assert len(set(names)) > 20
    assert not any(np.array_equal(one, two) for one, two in zip(bumps, bumps[1:]))


def test_bumps_are_drawn_as_measured_in_the_authors_scenes():
    rng = np.random.default_rng(0)
    drawn = [draw_bumps(rng) for _ in range(2000)]
    counts = np.array([len(bumps) for bumps in drawn])
    assert counts.min() == 5 and counts.max() == MOST
    assert abs(counts.mean() - 9.95) < 0.15 and abs(counts.var() - 4.3) < 0.6
    x, y, half_x, half_y, half_z = np.vstack(drawn).T
    assert x.min() >= 1.35 and x.max() <= 1.95 and y.min() >= 0.45 and y.max() <= 1.05
    assert min(half_x.min(), half_y.min()) >= 0.001 and max(half_x.max(), half_y.max()) <= 0.05
    assert half_z.min() > 0 and half_z.max() <= 0.005


def test_objects_start_at_rest_on_the_table(tasks):
    task = tasks['complex_hook']
    for episode in range(20):
        start = task.reset(episode)
        for _ in range(5):
            state = task.step(np.zeros(4))
        assert np.abs(state.achieved_goal - start.achieved_goal).max() < 0.02, task.thing.name


@pytest.mark.parametrize('name, episodes, low, high', [
    ('hook', 60, 0.97, 1.0), ('noisy_hook', 200, 0.10, 0.25), ('complex_hook', 200, 0.45, 0.60)])
def test_reactive_hook_scores_what_the_paper_reports(name, episodes, low, high):
    task = make_task(name, 0)
    outcomes = evaluate(task, reactive_hook, greedy_policy(task.spec, None, 1.0), episodes)
    assert low <= np.mean([outcome.success for outcome in outcomes]) <= high


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match='expected one of mbrl_pusher, push, .*, complex_hook'):
        make_task('hok', 0)
    with pytest.raises(ValueError, match='for complex_hook only'):
        make_task('hook', 0, '/tmp')
    with pytest.raises(ValueError, match='expected one of reactive_push, .*, reactive_hook'):
        find_controller('hok')
    with pytest.raises(ValueError, match='cannot be imported'):
        find_controller('no.such.module:act')
    assert find_controller('numpy:zeros').function is np.zeros
