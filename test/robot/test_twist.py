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

"""Commands to twists: speed, the held orientation, the wrist's lever, the gripper's changes."""

from hypothesis import given, settings, strategies as st
import mujoco
import numpy as np
from rpl_ros.robot.twist import grip_velocity, gripper_opening, hold_orientation, twist_at_wrist
from rpl_ros.tasks.poses import matrix

NUMBERS = st.floats(-3, 3)
VECTORS = st.lists(NUMBERS, min_size=3, max_size=3).map(np.array)
ROTATIONS = st.integers(0, 2**31).map(
    lambda seed: np.random.default_rng(seed).normal(size=4)).map(
    lambda drawn: drawn / np.linalg.norm(drawn))


@given(st.lists(NUMBERS, min_size=4, max_size=4))
def test_an_action_of_one_asks_for_the_speed(action):
    velocity = grip_velocity(np.array(action), 0.15)
    np.testing.assert_allclose(velocity, np.clip(0.15 * np.array(action[:3]), -0.15, 0.15))


@settings(max_examples=15, deadline=None)
@given(ROTATIONS, ROTATIONS)
def test_the_gripper_turns_back_to_its_reference(quaternion, reference):
    left = []
    for _ in range(400):  # 4 s of 10 ms
        spin = hold_orientation(quaternion, reference, 2.0, 3.0)
        assert np.linalg.norm(spin) <= 3.0 + 1e-9
        turn, angle = np.empty(4), np.linalg.norm(spin)
        mujoco.mju_axisAngle2Quat(turn, spin / max(angle, 1e-12), 0.01 * angle)
        turned = np.empty(4)
        mujoco.mju_mulQuat(turned, turn, quaternion)
        quaternion = turned
        left.append(2 * np.arccos(min(1.0, abs(quaternion @ reference))))
    assert left[-1] < 0.01 and np.all(np.diff(left) < 1e-6)


def test_no_error_asks_for_no_turn():
    down = np.array([0.5, 0.5, -0.5, 0.5])
    for same in (down, -down):
        np.testing.assert_allclose(hold_orientation(same, down, 2.0, 0.5), np.zeros(3), atol=1e-9)


@given(VECTORS, VECTORS, ROTATIONS)
def test_the_wrists_twist_moves_the_grip_as_asked(linear, angular, quaternion):
    lever = matrix(quaternion).reshape(3, 3) @ [0.1864, 0.0, 0.0]
    twist = twist_at_wrist(linear, angular, lever)
    np.testing.assert_allclose(twist[:3] + np.cross(twist[3:], lever), linear, atol=1e-12)
    np.testing.assert_array_equal(twist[3:], angular)


def test_the_gripper_is_asked_only_where_it_should_change():
    opening, asked = 0.0, []
    for signal in (0.0, 0.4, 0.6, 1.0, 0.2, 0.0, -0.4, -0.6, -1.0, 0.0, 0.4, 1.0):
        wanted = gripper_opening(np.array([0, 0, 0, signal]), opening, 0.1)
        if wanted != opening:
            opening = wanted
            asked.append((signal, wanted))
    assert asked == [(0.6, 0.1), (-0.6, 0.0), (1.0, 0.1)]
