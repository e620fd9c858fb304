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

"""The Fetch arm's kinematics against the simulator's own poses, velocities and differences."""

import mujoco
import numpy as np
import pytest
from rpl_ros.robot.kinematics import into, Kinematics, SIM_BASE
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch_facts import ARM
from rpl_ros.tasks.poses import matrix

STATES = 300


@pytest.fixture(scope='module')
def arm():
    """Return the kinematics."""
    return Kinematics()


@pytest.fixture(scope='module')
def task():
    """Return a hook task at the start of an episode."""
    built = make_task('hook', 0)
    built.reset(0)
    return built


def joint(task, name):
    """Return a joint's view of the task's data."""
    return task.data.joint(f'robot0:{name}')


def draw(task, rng):
    """Put the simulator into a random state; return (positions, velocities, torso, base)."""
    positions, velocities = rng.uniform(-2, 2, 7), rng.normal(size=7)
    for name, position, velocity in zip(ARM, positions, velocities):
        joint(task, name).qpos[0], joint(task, name).qvel[0] = position, velocity
    torso = joint(task, 'torso_lift_joint').qpos[0] = rng.uniform(0.0, 0.386)
    joint(task, 'torso_lift_joint').qvel[0] = 0.0
    for axis in range(3):
        joint(task, f'slide{axis}').qpos[0] = rng.normal()
        joint(task, f'slide{axis}').qvel[0] = 0.0
    mujoco.mj_forward(task.model, task.data)
    base = np.r_[task.data.body('robot0:base_link').xpos, 1, 0, 0, 0]
    return positions, velocities, torso, base


def test_poses_and_velocities_are_the_simulators(arm, task):
    rng = np.random.default_rng(0)
    for _ in range(STATES):
        positions, velocities, torso, base = draw(task, rng)
        grip = into(base, arm.grip(positions, velocities, torso))
        site, velocity = task.data.site('robot0:grip'), np.empty(6)
        np.testing.assert_allclose(grip.position, site.xpos, atol=1e-9)
        np.testing.assert_allclose(matrix(grip.quaternion), site.xmat, atol=1e-9)
        mujoco.mj_objectVelocity(task.model, task.data, mujoco.mjtObj.mjOBJ_SITE, site.id,
                                 velocity, 0)
        np.testing.assert_allclose(grip.angular, velocity[:3], atol=1e-9)
        np.testing.assert_allclose(grip.linear, velocity[3:], atol=1e-9)
        wrist = task.data.body('robot0:wrist_roll_link').xpos
        np.testing.assert_allclose(grip.position - grip.from_wrist, wrist, atol=1e-9)


def test_the_jacobian_is_the_slope_of_the_position(arm):
    rng, step = np.random.default_rng(1), 1e-6
    for _ in range(20):
        positions = rng.uniform(-2, 2, 7)
        jacobian, still = arm.jacobian(positions, 0.1).copy(), np.zeros(7)
        for index in range(7):
            aside = step * np.eye(7)[index]
            slope = (arm.grip(positions + aside, still, 0.1).position
                     - arm.grip(positions - aside, still, 0.1).position) / (2 * step)
            np.testing.assert_allclose(jacobian[:3, index], slope, atol=1e-8)


def test_a_turned_base_turns_everything(arm):
    rng = np.random.default_rng(2)
    grip = arm.grip(rng.uniform(-1, 1, 7), rng.normal(size=7), 0.0)
    quarter = np.array([1.0, 2.0, 3.0, np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])  # left about z
    turned = into(quarter, grip)
    for name in ('linear', 'angular', 'from_wrist'):
        x, y, z = getattr(grip, name)
        np.testing.assert_allclose(getattr(turned, name), [-y, x, z], atol=1e-12)
    x, y, z = grip.position
    np.testing.assert_allclose(turned.position, [1 - y, 2 + x, 3 + z], atol=1e-12)


def test_the_tasks_robot_stands_where_it_is_said_to(task):
    task.reset(1)
    np.testing.assert_allclose(task.data.body('robot0:base_link').xpos, SIM_BASE[:3], atol=1e-6)
