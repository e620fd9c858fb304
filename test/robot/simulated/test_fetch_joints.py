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

"""The Fetch driven by its joints: start, twists, limits, timeout, gripper, run-stop, states."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from rpl_ros.robot.joints import JointStates
from rpl_ros.robot.simulated.joints import (ACCELERATION_LIMIT, FetchJoints, limit_acceleration,
                                            limit_velocity, TIMEOUT, TORSO_HEIGHT, UPDATE_PERIOD,
                                            VELOCITY_LIMIT)
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch_facts import ARM, FINGERS, TORSO

ROOT = 'torso_lift_link'
VELOCITIES = st.lists(st.floats(-50, 50), min_size=7, max_size=7).map(np.array)


class Bench:
    """A robot at the start of an episode, and what is measured of it."""

    def __init__(self, name='hook'):
        self.task = make_task(name, 0)
        self.task.reset(0)
        self.plain_grip = self.task.physics.grip.copy()
        self.plain_quat = self.task.physics.gripper_quat.copy()
        self.robot = FetchJoints(self.task.model, self.task.data)
        self.restart()

    def restart(self):
        """Begin the episode again."""
        self.robot.release()
        self.task.reset(0)
        self.robot.start()

    def run(self, seconds, twist=None):
        """Let time pass, with `twist` sent at 25 Hz; return where the grip went, (3,), m."""
        before = self.grip()
        for update in range(round(seconds / UPDATE_PERIOD)):
            if twist is not None and update % 4 == 0:
                self.robot.command(np.array(twist, float), ROOT)
            self.robot.update()
        return self.grip() - before

    def grip(self):
        """Return where the grip is."""
        self.task.physics.refresh()
        return self.task.physics.grip.copy()

    def tilt(self):
        """Return the angle, rad, by which the gripper is turned from the start."""
        inner = abs(self.task.physics.gripper_quat @ self.plain_quat)
        return 2 * np.arccos(min(1.0, inner))

    def joints(self):
        """Return positions and velocities (7,) of the arm."""
        states = JointStates(ARM)
        states.update(*self.robot.arm_state(), 0.0)
        return states.positions, states.velocities


@pytest.fixture(scope='module')
def built():
    """Return a Bench."""
    return Bench()


@pytest.fixture
def bench(built):
    """Return the Bench at the start."""
    built.robot.run_stop(False)
    built.restart()
    return built


@pytest.mark.parametrize('name', ['hook', 'complex_hook', 'pick_and_place', 'push'])
def test_the_gripper_starts_where_the_plain_tasks_does(name):
    bench = Bench(name)
    np.testing.assert_allclose(bench.grip(), bench.plain_grip, atol=1e-6)
    assert bench.tilt() < 1e-6
    limits = bench.robot._range
    assert np.all((bench.joints()[0] > limits[:, 0]) & (bench.joints()[0] < limits[:, 1]))


def test_an_arm_that_nothing_commands_floats(bench):
    bench.run(2.0)
    assert np.linalg.norm(bench.grip() - bench.plain_grip) < 1e-3


@pytest.mark.parametrize('axis', range(6))
def test_a_small_twist_moves_the_wrist_as_asked(bench, axis):
    twist = np.zeros(6)
    twist[axis] = -0.05 if axis < 3 else 0.1
    bench.run(0.6, twist)
    body = bench.task.data.body('robot0:wrist_roll_link')
    before, turned = body.xpos.copy(), body.xmat.copy().reshape(3, 3)
    bench.run(1.0, twist)
    np.testing.assert_allclose(body.xpos - before, twist[:3], atol=2e-3)
    turn = body.xmat.reshape(3, 3) @ turned.T
    spin = 0.5 * np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0],
                           turn[1, 0] - turn[0, 1]])
    np.testing.assert_allclose(spin, np.sin(0.1) / 0.1 * twist[3:], atol=2e-3)


@given(VELOCITIES, VELOCITIES)
def test_limits_keep_the_way(before, wanted):
    before, slowed = limit_velocity(before), limit_velocity(wanted)
    assert np.abs(slowed).max() <= VELOCITY_LIMIT + 1e-12
    np.testing.assert_allclose(np.outer(slowed, wanted), np.outer(wanted, slowed), atol=1e-9)
    change = limit_acceleration(before, slowed) - before
    assert np.abs(change).max() <= ACCELERATION_LIMIT * UPDATE_PERIOD + 1e-12
    np.testing.assert_allclose(np.outer(change, slowed - before),
                               np.outer(slowed - before, change), atol=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31))
def test_no_twist_breaks_the_joints_limits(built, seed):
    built.restart()
    rng, robot = np.random.default_rng(seed), built.robot
    before = robot._velocity.copy()
    for _ in range(40):
        robot.command(rng.normal(size=6) * 10.0 ** rng.uniform(-2, 4), ROOT)
        for _ in range(4):
            robot.update()
            assert np.abs(robot._velocity).max() <= VELOCITY_LIMIT + 1e-9
            assert np.abs(robot._velocity - before).max() <= (
                ACCELERATION_LIMIT * UPDATE_PERIOD + 1e-9)
            before = robot._velocity.copy()
            assert np.all(robot._target >= robot._range[:, 0])
            assert np.all(robot._target <= robot._range[:, 1])


def test_the_arm_cannot_be_driven_beyond_a_joints_limit(bench):
    bench.run(6.0, [-0.3, 0.0, 0.1, 0.0, 0.0, 0.0])  # towards the robot: the elbow folds
    elbow = bench.joints()[0][ARM.index('elbow_flex_joint')]
    assert 2.2 < elbow < 2.251 + 0.02


def test_the_controller_stops_half_a_second_after_the_last_command(bench):
    bench.run(1.0, [0, 0.1, 0, 0, 0, 0])
    went_on = bench.run(TIMEOUT)
    assert went_on[1] > 0.04
    coasted = bench.run(2.0)  # floating, it is stopped by its friction alone
    assert 0.0 < coasted[1] < 0.04
    assert np.abs(bench.run(0.5)).max() < 1e-3
    assert bench.run(1.0, [0, -0.1, 0, 0, 0, 0])[1] < -0.04  # a new command starts it again


def test_an_empty_frame_stops_at_once(bench):
    bench.run(1.0, [0, 0.1, 0, 0, 0, 0])
    bench.robot.command(np.array([0, 0.1, 0, 0, 0, 0]), '')
    assert 0.0 < bench.run(2.0)[1] < 0.04
    assert np.abs(bench.run(0.5)).max() < 1e-3


def test_numbers_that_are_not_finite_count_as_zero(bench):
    moved = bench.run(1.0, [np.nan, 0.05, np.inf, 0, -np.inf, 0])
    assert abs(moved[0]) < 1e-3 and abs(moved[2]) < 1e-3 and moved[1] > 0.03
    assert np.isfinite(bench.task.data.qpos).all()


def test_nothing_moves_while_the_run_stop_is_pressed(bench):
    bench.run(1.0, [0, 0.1, 0, 0, 0, 0])
    bench.robot.run_stop(True)
    bench.robot.command_gripper(0.1)
    bench.run(2.0, [0, 0.1, 0, 0, 0, 0])
    assert np.abs(bench.run(0.5, [0, 0.1, 0, 0, 0, 0])).max() < 1e-3
    assert bench.robot.gripper_state()[1].max() < 1e-3
    bench.robot.run_stop(False)
    assert np.abs(bench.run(0.5)).max() < 1e-3  # released, it waits for a command
    assert bench.run(1.0, [0, 0.1, 0, 0, 0, 0])[1] > 0.03


def test_the_gripper_goes_to_a_position_at_its_speed(bench):
    bench.robot.command_gripper(0.1)
    bench.run(0.5)
    half = bench.robot.gripper_state()[1]
    assert np.all((half > 0.01) & (half < 0.03))
    bench.run(1.5)
    np.testing.assert_allclose(bench.robot.gripper_state()[1], 0.05, atol=1e-3)
    bench.robot.command_gripper(-3.0)
    bench.run(2.0)
    np.testing.assert_allclose(bench.robot.gripper_state()[1], 0.0, atol=1e-3)


def test_the_drivers_joint_states_are_partial_and_in_their_own_order(bench):
    (arm, *_), (gripper, *_) = bench.robot.arm_state(), bench.robot.gripper_state()
    assert set(arm) & set(FINGERS) == set() and gripper == FINGERS[::-1]
    states = JointStates((*ARM, *FINGERS, TORSO))
    states.update(*bench.robot.gripper_state(), 0.0)
    assert states.problem(0.0, 1.0).startswith('no joint state of shoulder_pan_joint')
    states.update(*bench.robot.arm_state(), 0.0)
    assert states.problem(0.0, 1.0) == ''
    assert states.positions[-1] == pytest.approx(TORSO_HEIGHT, abs=1e-6)


def test_the_plain_task_is_as_before_once_it_is_released(bench):
    bench.run(0.5, [0, 0.1, 0, 0, 0, 0])
    bench.robot.release()
    fresh, action = make_task('hook', 0), np.array([0.3, -0.5, -0.2, 1.0])
    for task in (bench.task, fresh):
        task.reset(4)
    for _ in range(10):
        np.testing.assert_array_equal(bench.task.step(action).observation,
                                      fresh.step(action).observation)
