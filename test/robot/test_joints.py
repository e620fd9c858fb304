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

"""Joint states in parts: any order, extra, missing and renamed joints, ages."""

from hypothesis import given, strategies as st
import numpy as np
import pytest
from rpl_ros.robot.history import BASELINE, History
from rpl_ros.robot.joints import JointStates
from rpl_ros.tasks.fetch_facts import ARM, FINGERS, TORSO

NEEDED = (*ARM, *FINGERS, TORSO)


def state(names):
    """Return a message with a number for each name that tells which joint it is."""
    known = [NEEDED.index(name) if name in NEEDED else 99 for name in names]
    return names, [0.1 * place for place in known], [-0.2 * place for place in known]


@given(st.permutations((*NEEDED, 'bellows_joint', 'l_wheel_joint')), st.integers(0, 12))
def test_parts_in_any_order_with_extra_joints_give_the_same(names, cut):
    joints = JointStates(NEEDED)
    joints.update(*state(names[:cut]), 1.0)
    joints.update(*state(names[cut:]), 2.0)
    np.testing.assert_allclose(joints.positions, 0.1 * np.arange(len(NEEDED)))
    np.testing.assert_allclose(joints.velocities, -0.2 * np.arange(len(NEEDED)))
    assert joints.problem(2.0, 1.5) == ''


def test_missing_and_renamed_joints_are_named():
    joints = JointStates(NEEDED)
    assert joints.problem(0.0, 1.0).startswith(f'no joint state of {", ".join(NEEDED)}')
    renamed = [name.replace('elbow_flex', 'elbow_flexion') for name in NEEDED
               if name != 'l_gripper_finger_joint']
    joints.update(*state(renamed), 1.0)
    assert joints.problem(1.0, 1.0) == (
        'no joint state of elbow_flex_joint, l_gripper_finger_joint (did you mean '
        "'elbow_flexion_joint'?); other joints received: elbow_flexion_joint")


def test_each_joint_keeps_its_own_age():
    joints = JointStates(NEEDED)
    joints.update(*state(NEEDED), 1.0)
    joints.update(*state(ARM), 3.0)
    assert joints.ages(3.5).tolist() == [0.5] * len(ARM) + [2.5] * 3
    assert joints.problem(3.5, 3.0) == ''
    assert joints.problem(3.5, 2.0) == ('the joint state of r_gripper_finger_joint is 2.500 s '
                                        'old, allowed are 2 s')


def test_an_older_message_changes_nothing():
    joints = JointStates(ARM)
    joints.update(*state(ARM), 3.0)
    joints.update(ARM, np.ones(7), np.ones(7), 2.0)
    np.testing.assert_allclose(joints.positions, 0.1 * np.arange(7))
    assert joints.ages(3.0).max() == 0.0


@pytest.mark.parametrize('names, positions, velocities, reason', [
    (ARM, np.ones(7), np.ones(6), '7 names, 7 positions and 6 velocities'),
    (ARM[:2], [0, 0, 0], [0, 0], '2 names, 3 positions'),
    (ARM[:3], [0, 0], [], '3 names, 2 positions'),
    (ARM[:3], [], [0.0, 0.0], '3 names, 0 positions and 2 velocities'),
    ((ARM[0], ARM[1], ARM[0]), np.ones(3), np.ones(3), 'shoulder_pan_joint twice'),
    ((ARM[0], 'x', ARM[0]), np.ones(3), [], 'shoulder_pan_joint twice'),
    (ARM[:2], [0.0, np.nan], [0.0, 0.0], 'shoulder_lift_joint has position nan'),
    (ARM[:2], [0.0, np.nan], [], 'shoulder_lift_joint has position nan'),
    (ARM[:2], [0.0, 1e300], [0.0, 0.0], 'shoulder_lift_joint has position 1e.300'),
    (ARM[:2], [0.0, 0.0], [np.inf, 0.0], 'shoulder_pan_joint has .* velocity inf')])
def test_a_bad_message_is_refused_whole(names, positions, velocities, reason):
    joints = JointStates(ARM)
    with pytest.raises(ValueError, match=reason):
        joints.update(names, positions, velocities, 1.0)
    assert np.isnan(joints.positions).all() and not np.isfinite(joints.ages(1.0)).any()


@pytest.mark.parametrize('names, positions, velocities', [
    (('bellows_joint',), [np.nan], [np.inf]), (('x', 'x'), [1.0, 2.0], []),
    (('x', 'y', 'z'), [1.0, 2.0], [0.0]), (('x',), [], []), ((), [], []), ((), [1.0], [2.0])])
def test_what_nobody_needs_may_be_broken(names, positions, velocities):
    joints = JointStates(ARM)
    joints.update(names, positions, velocities, 1.0)
    assert not np.isfinite(joints.ages(1.0)).any()
    joints.update((*ARM, *ARM[:0]), [*range(7)], np.zeros(7), 1.0)
    joints.update(names, positions, velocities, 2.0)
    assert joints.problem(1.0, 1.0) == '' and joints.positions.tolist() == [*range(7)]


def test_joints_nobody_needs_may_stand_beside_needed_ones():
    joints = JointStates(ARM)
    joints.update((*ARM, 'wheel', 'wheel'), [*range(7), np.nan, np.inf], [*range(7), np.nan, 1], 1)
    assert joints.problem(1.0, 1.0) == ''
    assert joints.velocities.tolist() == [*range(7)]


@pytest.mark.parametrize('velocities', [[], [np.nan, np.nan]])
def test_velocities_that_are_missing_are_worked_out_from_positions(velocities):
    joints = JointStates(FINGERS)
    joints.update(FINGERS, [0.01, 0.02], velocities, 1.0)
    assert not np.isfinite(joints.ages(1.0)).any()
    assert joints.problem(1.0, 0.1).startswith('no velocity of r_gripper_finger_joint, l_gripper')
    joints.update(FINGERS, [0.01, 0.02], velocities, 1.0)  # the same message again has no effect
    joints.update(FINGERS, [0.0105, 0.02], velocities, 1.000003)  # 0.5 mm in 3 us: noise
    assert not np.isfinite(joints.ages(1.0)).any()
    joints.update(FINGERS, [0.012, 0.019], velocities, 1.02)
    assert joints.problem(1.02, 0.1) == ''
    np.testing.assert_allclose(joints.velocities, [0.1, -0.05])
    joints.update(FINGERS, [0.013, 0.018], velocities, 1.03)
    np.testing.assert_allclose(joints.velocities, [0.1, -0.1])
    joints.update(FINGERS, [9.0, 9.0], velocities, 0.5)  # late: ignored
    assert joints.positions.tolist() == [0.013, 0.018]


def test_a_joint_may_lose_its_velocities_and_have_them_again():
    joints = JointStates(ARM[:2])
    joints.update(ARM[:2], [1.0, 2.0], [0.5, -0.5], 1.0)
    joints.update(ARM[:2], [1.1, 2.2], [np.nan, -0.4], 1.1)  # each by itself
    np.testing.assert_allclose(joints.velocities, [1.0, -0.4])
    joints.update(ARM[:2], [1.2, 2.2], [0.3, 0.2], 1.2)
    np.testing.assert_array_equal(joints.velocities, [0.3, 0.2])
    joints.update(ARM[:2], [1.2, 2.2], [], 1.200001)  # too near to be measured: as before
    np.testing.assert_array_equal(joints.velocities, [0.3, 0.2])
    assert joints.problem(1.2, 1.0) == ''


def test_needed_joints_without_positions_have_no_effect_and_are_named():
    joints = JointStates(ARM[:1])
    joints.update(ARM[:1], [], [0.1], 1.0)
    assert joints.problem(1.0, 1.0) == 'the joint states of shoulder_pan_joint have no positions'
    joints.update(ARM[:1], [0.3], [0.1], 1.0)
    joints.update(ARM[:1], [], [], 2.0)
    assert joints.ages(2.0).tolist() == [1.0]


@given(st.lists(st.tuples(st.floats(-0.01, 0.05), st.floats(-1, 1)), max_size=60))
def test_no_worked_out_velocity_is_faster_than_the_way_in_the_shortest_time(moments):
    joints, time = JointStates(ARM[:1]), 1e9
    for later, position in moments:
        time += later
        joints.update(ARM[:1], [position], [], time)
        speed = joints.velocities[0]
        assert np.isnan(speed) or abs(speed) <= 2.0 / BASELINE * (1 + 1e-9)


@given(st.lists(st.tuples(st.floats(0, 0.03), st.floats(-1, 1)), min_size=1, max_size=200),
       st.floats(0, 1e-5))
def test_what_is_compared_with_is_old_enough_and_the_memory_is_bounded(moments, squeeze):
    history, time, known = History(), 1e9, []
    for later, value in moments:
        time += later * squeeze if squeeze > 1e-6 else later
        found = history.compare(time, value)
        older = [(at, before) for at, before in known if time - at >= BASELINE]
        assert (found is not None) == bool(older)
        if older:
            seconds, before = found
            assert seconds >= BASELINE and (time - seconds, before) in [
                (pytest.approx(at, abs=1e-6), before) for at, before in older]
            # At most a spacing older than the newest one that would do.
            assert seconds <= time - older[-1][0] + BASELINE / 8 + 1e-6
        known.append((time, value))
        assert len(history._known) < 20


@given(st.lists(st.floats(0.01, 0.1), min_size=1, max_size=50))
def test_a_stream_of_10_ms_and_slower_is_compared_with_the_one_before(periods):
    history, time = History(), 1.7e9
    assert history.compare(time, 0) is None
    for number, period in enumerate(periods):
        assert history.compare(time + period, number + 1) == (time + period - time, number)
        time += period
