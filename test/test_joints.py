# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Joint states in parts: any order, extra, missing and renamed joints, ages."""

from hypothesis import given, strategies as st
import numpy as np
import pytest

from rpl_ros.robot.joints import ARM, FINGERS, JointStates, TORSO

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
        "no joint state of elbow_flex_joint, l_gripper_finger_joint (did you mean "
        "'elbow_flexion_joint'?); other joints seen: elbow_flexion_joint")


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
    ((ARM[0], ARM[1], ARM[0]), np.ones(3), np.ones(3), 'shoulder_pan_joint twice'),
    (ARM[:2], [0.0, np.nan], [0.0, 0.0], 'shoulder_lift_joint has position nan'),
    (ARM[:2], [0.0, 0.0], [np.inf, 0.0], 'shoulder_pan_joint has .* velocity inf')])
def test_a_bad_message_is_refused_whole(names, positions, velocities, reason):
    joints = JointStates(ARM)
    with pytest.raises(ValueError, match=reason):
        joints.update(names, positions, velocities, 1.0)
    assert np.isnan(joints.positions).all() and not np.isfinite(joints.ages(1.0)).any()


def test_what_nobody_needs_may_be_broken():
    joints = JointStates(ARM)
    joints.update((*ARM, 'bellows_joint'), [*range(7), np.nan], np.zeros(8), 1.0)
    assert joints.problem(1.0, 1.0) == ''
