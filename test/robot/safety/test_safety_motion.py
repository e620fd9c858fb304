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

"""Speed, acceleration, jerk, workspace, joints: each function alone."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from rpl_ros.robot.safety.joints import Arm, condition
from rpl_ros.robot.safety.limits import limits_of, window
from rpl_ros.robot.safety.motion import (approached, braked, braking_distance, inside, length,
                                         mean, shortened, slowed, stays, travel, within)
from rpl_ros.settings.robot import AdapterSettings

CONTRACT = AdapterSettings(task='hook')
LIMITS = limits_of(CONTRACT)
WIDE = limits_of(replace(CONTRACT, jerk_limit=12.0))  # averages over more periods
VECTORS = hnp.arrays(float, 3, elements=st.floats(-10, 10))
TWISTS = hnp.arrays(float, 6, elements=st.floats(-2, 2))
SLOW = TWISTS.map(lambda twist: slowed(twist, LIMITS.speed))


@given(VECTORS, st.floats(0, 5))
def test_shortened_keeps_the_direction(vector, limit):
    found = shortened(vector, limit)
    assert length(found) <= limit * (1 + 1e-12)
    assert length(np.cross(found, vector)) <= 1e-12 * (1 + vector.dot(vector))
    assert found.dot(vector) >= 0
    if length(vector) <= limit:
        assert found is vector


@given(SLOW, SLOW)
def test_approached_is_on_the_straight_line_and_at_most_a_step_away(previous, target):
    found = approached(previous, target, LIMITS.step)
    for part, step in zip((slice(3), slice(3, 6)), LIMITS.step):
        change, whole = found[part] - previous[part], target[part] - previous[part]
        assert length(change) <= step * (1 + 1e-9)
        assert length(np.cross(change, whole)) <= 1e-12
        if length(whole) <= step:
            np.testing.assert_array_equal(found[part], target[part])


@given(SLOW, st.floats(0, 3))
def test_approached_keeps_the_direction_of_a_velocity_that_only_gets_longer_or_shorter(
        previous, factor):
    found = approached(previous, factor * previous, LIMITS.step)
    assert length(np.cross(found[:3], previous[:3])) <= 1e-12
    assert found[:3].dot(previous[:3]) >= -1e-15


@given(SLOW)
def test_braking_keeps_the_direction_and_ends_at_exactly_zero(twist):
    distance, periods, speed = 0.0, 0, length(twist[:3])
    while twist.any():
        slower = braked(twist, LIMITS.step)
        assert length(slower[:3]) == pytest.approx(
            max(length(twist[:3]) - LIMITS.step[0], 0), abs=1e-12)
        assert length(np.cross(slower[:3], twist[:3])) <= 1e-12
        twist, periods = slower, periods + 1
        distance += length(twist[:3]) * LIMITS.period
        assert periods < 30
    assert braking_distance(speed, LIMITS.step[0], LIMITS.period) == pytest.approx(
        distance, abs=1e-9)


@pytest.mark.parametrize('limits', [LIMITS, WIDE], ids=['two', 'five'])
def test_the_mean_of_planned_velocities_keeps_speed_acceleration_and_jerk(limits):
    rng, planned, sent = np.random.default_rng(0), np.zeros((limits.window, 6)), np.zeros((2, 6))
    worst = 0.0
    for _ in range(3000):
        target = slowed(rng.uniform(-2, 2, 6) * rng.choice([0.01, 1.0]), limits.speed)
        for _ in range(rng.integers(1, 12)):
            new = approached(planned[0], target, limits.step)
            twist = mean(new, planned[:-1])
            assert within(twist, sent, limits)
            jerk = length((twist - 2 * sent[0] + sent[1])[:3]) / limits.period ** 2
            worst = max(worst, jerk / limits.jerk[0])
            planned = np.concatenate([[new], planned[:-1]])
            sent = np.stack([twist, sent[0]])
    assert worst > 0.8  # the limit is reached, not only kept
    assert limits.window == window(limits.settings)


@settings(max_examples=200)
@given(SLOW, hnp.arrays(float, (4, 6), elements=st.floats(-0.1, 0.1)))
def test_travel_counts_all_of_the_way_until_rest(planned, earlier):
    up, down = travel(planned, earlier, WIDE)
    place, queue, current = np.zeros(3), list(earlier), planned
    for _ in range(40):
        place = place + mean(current, np.array(queue))[:3] * WIDE.period
        assert (place <= up + 1e-9).all() and (place >= -down - 1e-9).all()
        queue = [current, *queue[:-1]]
        current = braked(current, WIDE.step)
    assert WIDE.window == 5 and not current.any()


@settings(max_examples=200)
@given(SLOW, hnp.arrays(float, 3, elements=st.floats(-0.2, 1.2)))
def test_inside_only_slows_what_leads_out(target, share):
    position = LIMITS.low + share * (LIMITS.high - LIMITS.low)
    found = inside(target, np.zeros((0, 6)), position, LIMITS)
    changed = found != target
    assert (np.abs(found) <= np.abs(target)).all() and (found * target >= 0).all()
    outwards = np.where(target[:3] > 0, position > LIMITS.soft_high - 0.05,
                        position < LIMITS.soft_low + 0.05)
    assert not (changed[:3] & ~outwards).any() and not changed[3:].any()
    # From rest, what is left can be braked before the face; outside, nothing leads out.
    beyond = (position > LIMITS.soft_high) & (found[:3] > 0)
    beyond |= (position < LIMITS.soft_low) & (found[:3] < 0)
    assert not beyond.any()
    assert stays(found, np.zeros((0, 6)), position, LIMITS)


@pytest.mark.parametrize('velocity, good', [([-0.05, 0, 0], True), ([0.05, 0, 0], False),
                                            ([0, 0.05, 0], True), ([0, 0, 0], True)])
def test_outside_of_the_workspace_only_the_way_back_is_open(velocity, good):
    position = np.array([LIMITS.high[0] + 0.1, 0.7, 0.5])
    assert stays(np.array([*velocity, 0, 0, 0]), np.zeros((1, 6)), position, LIMITS) == good


def test_the_table_is_a_face_of_the_workspace():
    table = limits_of(replace(CONTRACT, table_clearance=0.02))
    assert table.low[2] == pytest.approx(0.42) and CONTRACT.workspace_low[2] == 0.38
    above = limits_of(replace(CONTRACT, workspace_low=(1.0, 0.3, 0.45)))
    assert above.low[2] == pytest.approx(0.45)


def slide(joints):
    """Return the Jacobian of an arm with its x axis the weaker the nearer joint 0 is to 0."""
    jacobian = np.eye(6, 7)
    jacobian[0, 0] = joints[0]
    return jacobian


def arm(*joints, jacobian=slide):
    """Return an Arm with the first joints given."""
    return Arm(np.array([*joints, *[0.0] * (7 - len(joints))]), jacobian, LIMITS)


def along(axis, speed=0.1):
    """Return a twist along one axis."""
    return speed * np.eye(6)[axis]


@given(TWISTS, st.floats(-1.7, 1.7), st.floats(-1.3, 1.6))
def test_the_joint_factor_keeps_speed_limits_and_margins(twist, first, second):
    found = arm(first, second, jacobian=lambda joints: np.eye(6, 7))
    factor = found.joint_factor(twist)
    assert 0 <= factor <= 1
    speeds = found.speeds(factor * twist)
    assert (np.abs(speeds) <= 0.5).all()
    for index, place in enumerate((first, second)):
        low, high = CONTRACT.joint_low[index] + 0.05, CONTRACT.joint_high[index] - 0.05
        after = place + speeds[index] * LIMITS.period
        assert min(low, place) - 1e-9 <= after <= max(high, place) + 1e-9


@pytest.mark.parametrize('joint, speed, keeps', [
    (1.6, 0.1, False), (1.6, -0.1, True), (1.7, -0.1, True), (1.7, 0.01, False), (1.0, 0.1, True),
    (1.0, 0.51, False), (-1.6, -0.1, False)])
def test_no_joint_passes_its_limit_or_its_speed(joint, speed, keeps):
    twist = along(0, speed)
    assert arm(joint, jacobian=lambda joints: np.eye(6, 7)).joints_keep(twist, twist) == keeps


@pytest.mark.parametrize('place, factor', [(1 / 16.9, 1.0), (1 / 20.25, 0.75), (1 / 23.5, 0.5),
                                           (1 / 30, 0.0), (1 / 50, 0.0)])
def test_towards_a_singularity_the_arm_slows_and_away_from_it_is_free(place, factor):
    found = arm(place)
    assert found.condition == pytest.approx(1 / place)
    assert found.singularity_factor(along(0, -1e-6)) == pytest.approx(factor, abs=1e-3)
    # The result depends on where the twist leads to.
    assert found.singularity_factor(along(0, -1e-3)) <= factor - 0.005 * (factor > 0)
    assert found.singularity_factor(along(0, 1e-3)) == 1.0
    assert found.singular(along(0, -1e-3)) == (place <= 1 / 30)
    assert not found.singular(along(0, 1e-3)) and not found.singular(np.zeros(6))


def test_an_exactly_singular_arm_may_not_move():
    found = arm(0.0)
    assert found.condition == np.inf == condition(np.ones(5))
    assert found.singularity_factor(along(1)) == 0.0 and found.singular(along(1))


@pytest.mark.parametrize('jacobian', [np.full((6, 7), np.nan), np.full((6, 7), 1e308),
                                      np.eye(6), np.zeros(7), np.full((6, 7), -np.inf)])
def test_an_unusable_jacobian_is_refused(jacobian):
    with pytest.raises(ValueError, match='Jacobian'):
        arm(1.0, jacobian=lambda joints: jacobian)
