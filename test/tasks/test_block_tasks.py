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

"""Push, SlipperyPush and PickAndPlace: observations, scenes, blocked gripper, friction."""

import mujoco
import numpy as np
import pytest
from rpl_ros.tasks import make_task
from rpl_ros.tasks.specs import CONTROL_PERIOD

NAMES = ('push', 'slippery_push', 'pick_and_place')
FINGERS = [f'robot0:{side}_gripper_finger_joint' for side in 'rl']


@pytest.fixture(scope='module')
def tasks():
    """Return the three tasks with seed 3."""
    return {name: make_task(name, 3) for name in NAMES}


@pytest.mark.parametrize('name', NAMES)
def test_observation_elements_are_what_they_say(tasks, name):
    task = tasks[name]
    task.reset(2)
    for _ in range(3):
        seen = task.step(np.array([0.6, -0.4, 0.3, 1.0])).observation
    assert seen.shape == (25,)
    model, data = task.model, task.data
    mujoco.mj_forward(model, data)  # poses and velocities must belong to this very state
    np.testing.assert_allclose(seen[0:3], data.site('robot0:grip').xpos, atol=1e-12)
    np.testing.assert_allclose(seen[3:6], data.body('object0').xpos, atol=1e-12)
    np.testing.assert_allclose(seen[6:9], seen[3:6] - seen[0:3])
    joints = [data.joint(name) for name in FINGERS]
    np.testing.assert_allclose(seen[9:11], [joint.qpos[0] for joint in joints], atol=1e-12)
    np.testing.assert_allclose(seen[23:25], [joint.qvel[0] * CONTROL_PERIOD for joint in joints],
                               atol=1e-12)
    jacobian = np.zeros((3, model.nv))
    mujoco.mj_jacSite(model, data, jacobian, None, model.site('robot0:grip').id)
    np.testing.assert_allclose(seen[20:23], jacobian @ data.qvel * CONTROL_PERIOD, atol=1e-12)
    np.testing.assert_allclose(seen[14:17], -seen[20:23], atol=1e-4)  # the block lies still
    np.testing.assert_allclose(seen[11:13], 0.0, atol=1e-3)


@pytest.mark.parametrize('name', NAMES)
def test_scenes_are_drawn_as_in_gym(tasks, name):
    starts = [tasks[name].reset(episode) for episode in range(300)]
    grip = starts[0].observation[:3]
    block, goal = (np.array([getattr(start, field) for start in starts])
                   for field in ('achieved_goal', 'desired_goal'))
    for place in (block, goal):
        assert np.abs(place[:, :2] - grip[:2]).max() <= 0.15
        assert np.abs(place[:, :2] - grip[:2]).max() > 0.145
    assert np.linalg.norm(block[:, :2] - grip[:2], axis=1).min() >= 0.1
    np.testing.assert_allclose(block[:, 2], 0.4249, atol=2e-4)
    in_air = goal[:, 2] > 0.43
    if name == 'pick_and_place':
        assert 0.4 < in_air.mean() < 0.6 and 0.8 < goal[:, 2].max() < 0.875
        np.testing.assert_allclose(grip, [1.3419, 0.7491, 0.5347], atol=2e-4)
    else:
        assert not in_air.any()
        np.testing.assert_allclose(grip, [1.3627, 0.7491, 0.4160], atol=1e-3)


def test_the_gripper_is_blocked_where_there_is_nothing_to_grasp(tasks):
    for name in NAMES:
        tasks[name].reset(0)
        for _ in range(4):
            seen = tasks[name].step(np.array([0, 0, 0, 1.0])).observation
        expected = 0.05 if name == 'pick_and_place' else 0.0
        np.testing.assert_allclose(seen[9:11], expected, atol=1e-3)


def test_slippery_push_differs_from_push_in_friction_only(tasks):
    push, slippery = tasks['push'], tasks['slippery_push']
    for field in ('qpos0', 'geom_size', 'body_mass', 'dof_damping', 'geom_contype'):
        np.testing.assert_array_equal(getattr(push.model, field), getattr(slippery.model, field))
    np.testing.assert_array_equal(push.reset(4).observation, slippery.reset(4).observation)
    gone = []
    for task in (push, slippery):
        task.reset(4)
        task.data.joint('object0:joint').qvel[:2] = [0.0, 0.5]  # m/s
        before = task.step(np.zeros(4)).achieved_goal
        for _ in range(20):
            after = task.step(np.zeros(4)).achieved_goal
        gone.append(np.linalg.norm(after - before))
    assert gone[1] > 3 * gone[0]


@pytest.mark.parametrize('name', NAMES)
def test_objects_belong_to_complex_hook(name):
    with pytest.raises(ValueError, match='for complex_hook only'):
        make_task(name, 0, '/tmp')
