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

"""The observation from joints and poses against the one that the simulator builds itself."""

from hypothesis import given, strategies as st
import mujoco
import numpy as np
import pytest
from rpl_ros.robot.kinematics import into, Kinematics
from rpl_ros.robot.view import RobotView, Track
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch_facts import ARM, FINGERS, TORSO
from rpl_ros.tasks.fetch_observation import observe
from rpl_ros.tasks.poses import euler, matrix, motion_between
from rpl_ros.tasks.specs import CONTROL_PERIOD

TURNED = [range(11, 14), range(28, 31)]


def pose_of(task, site):
    """Return the pose (7,) of a site."""
    quaternion, view = np.empty(4), task.data.site(site)
    mujoco.mju_mat2Quat(quaternion, view.xmat)
    return np.r_[view.xpos, quaternion]


def motion_of(task, site):
    """Return the true (angular, linear) displacement of a site per control step."""
    velocity = np.empty(6)
    mujoco.mj_objectVelocity(task.model, task.data, mujoco.mjtObj.mjOBJ_SITE,
                             task.model.site(site).id, velocity, 0)
    return velocity[:3] * CONTROL_PERIOD, velocity[3:] * CONTROL_PERIOD


def joint_state(task, names):
    """Return (names, positions, velocities) of joints."""
    joints = [task.data.joint(f'robot0:{name}') for name in names]
    return names, [joint.qpos[0] for joint in joints], [joint.qvel[0] for joint in joints]


@pytest.mark.parametrize('name', ['hook', 'pick_and_place'])
def test_joints_and_poses_give_the_simulators_observation(name):
    task, rng = make_task(name, 2), np.random.default_rng(0)
    task.reset(1)
    things = {'object': 'object0', **({'hook': 'hook'} if name == 'hook' else {})}
    view = None
    for step in range(40):
        expected = task.step(rng.uniform(-1, 1, 4)).observation
        # The plain task's base and torso move a little: their present poses are handed in.
        base = np.r_[task.data.body('robot0:base_link').xpos, 1, 0, 0, 0]
        view = RobotView(view._kinematics if view else Kinematics(), things, base)
        view.joints.update(*joint_state(task, (*ARM, *FINGERS, TORSO)), step)
        for key, site in things.items():
            view.tracks[key].pose = pose_of(task, site)
            view.tracks[key].motion = motion_of(task, site)
        seen = view.observation()
        for place in TURNED:
            place = place if name == 'hook' else range(11, 14)
            np.testing.assert_allclose(matrix_of(seen[place]), matrix_of(expected[place]),
                                       atol=1e-9)
        slow = [place for place in range(len(expected)) if 14 <= place < 17 or 20 <= place < 23
                or 31 <= place < 34]  # torso and base: 3 mm/s at the most, not in the arm's joints
        exact = sorted(set(range(len(expected))) - set(slow))
        np.testing.assert_allclose(seen[exact], expected[exact], atol=1e-9)
        np.testing.assert_allclose(seen[slow], expected[slow], atol=2e-4)


def matrix_of(angles):
    """Return the rotation matrix of Euler angles."""
    quaternion = np.empty(4)
    mujoco.mju_euler2Quat(quaternion, angles, 'xyz')
    return matrix(quaternion)


def test_the_simulator_builds_its_own_with_the_same_function():
    task = make_task('hook', 0)
    task.reset(0)
    state = task.step(np.array([0.3, -0.2, -0.5, 1.0]))
    data = task.data
    fingers = [data.joint(f'robot0:{name}') for name in FINGERS]
    sites = {name: (data.site(name).xpos, euler(data.site(name).xmat), *motion_of(task, name))
             for name in ('object0', 'hook', 'robot0:grip')}
    again = observe(sites['robot0:grip'][0], sites['robot0:grip'][3],
                    np.array([joint.qpos[0] for joint in fingers]),
                    np.array([joint.qvel[0] for joint in fingers]) * CONTROL_PERIOD,
                    sites['object0'], sites['hook'])
    np.testing.assert_array_equal(again, state.observation)


def test_motion_between_two_poses_is_what_led_from_one_to_the_other():
    rng = np.random.default_rng(0)
    for _ in range(100):
        before = np.r_[rng.normal(size=3), rng.normal(size=4)]
        before[3:] /= np.linalg.norm(before[3:])
        spin, speed, seconds = rng.normal(size=3), rng.normal(size=3), rng.uniform(0.01, 0.2)
        after = before.copy()
        after[:3] += speed * seconds
        turn, angle = np.empty(4), np.linalg.norm(spin)
        mujoco.mju_axisAngle2Quat(turn, spin / angle, angle * seconds)  # in the frame world
        mujoco.mju_mulQuat(after[3:], turn, before[3:])
        for sign in (1, -1):  # a quaternion and its negative are one rotation
            turned, moved = motion_between(before, np.r_[after[:3], sign * after[3:]], seconds)
            np.testing.assert_allclose(turned, spin * CONTROL_PERIOD, atol=1e-9)
            np.testing.assert_allclose(moved, speed * CONTROL_PERIOD, atol=1e-12)


def test_a_track_keeps_the_newest_pose_and_the_motion_that_led_to_it():
    track, still = Track(), np.array([1.0, 0, 0, 1, 0, 0, 0])
    track.update(still, 1.0)
    assert not np.any(track.motion)
    track.update(still + [0.1, 0, 0, 0, 0, 0, 0], 1.04)
    track.update(still + [9.0, 0, 0, 0, 0, 0, 0], 1.02)  # late: ignored
    np.testing.assert_allclose(track.motion[1], [0.1, 0, 0])
    assert track.time == 1.04 and track.pose[0] == pytest.approx(1.1)


def test_jittering_stamps_are_no_motion():
    # 0.5 mm of a tracker's noise in 3 us is no 6.7 m per step.
    track, still = Track(), np.array([1.7, 0.75, 0.42, 1, 0, 0, 0])
    noise = np.array([0.0005, 0, 0, 0, 0, 0, 0])
    track.update(still, 1.0)
    track.update(still + noise, 1.000003)
    assert not np.any(track.motion)
    track.update(still, 1.02)
    track.update(still + noise, 1.020003)
    np.testing.assert_allclose(track.motion[1], [0.001, 0, 0], rtol=1e-3)  # 0.5 mm in 20 ms
    assert track.time == 1.020003 and track.pose[0] == 1.7005
    turned = np.array([1.7, 0.75, 0.42, np.cos(0.01), 0, 0, np.sin(0.01)])  # by 0.02 rad
    track.update(turned, 1.03)
    track.update(turned, 1.030001)
    np.testing.assert_allclose(track.motion[0], [0, 0, 0.08], rtol=1e-3)  # in 10 ms


@given(st.lists(st.floats(0.01, 0.1), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_the_motion_of_a_regular_stream_is_that_from_the_pose_before_bit_for_bit(periods, seed):
    rng, track, time = np.random.default_rng(seed), Track(), 1.7e9
    poses = np.c_[rng.normal(size=(len(periods) + 1, 3)), np.tile([1.0, 0, 0, 0], (
        len(periods) + 1, 1))]
    track.update(poses[0], time)
    for before, after, period in zip(poses, poses[1:], periods):
        expected = motion_between(before, after, time + period - time)
        time += period
        track.update(after, time)
        np.testing.assert_array_equal(track.motion, expected)


def test_the_view_says_what_is_missing_or_old():
    base = np.array([0.0, 0, 0, 1, 0, 0, 0])
    view = RobotView(Kinematics(), ('object', 'goal'), base)
    assert view.problem(0.0, 0.1) == 'no pose of object yet'
    for name in ('object', 'goal'):
        view.tracks[name].update(base, 5.0)
    assert view.problem(5.0, 0.1).startswith('no joint state of shoulder_pan_joint')
    view.joints.update((*ARM, *FINGERS, TORSO), np.zeros(10), np.zeros(10), 5.0)
    assert view.problem(5.05, 0.1) == ''
    view.tracks['goal'].update(base, 5.1)
    view.joints.update((*ARM, *FINGERS, TORSO), np.zeros(10), np.zeros(10), 5.1)
    assert view.problem(5.15, 0.1) == 'the pose of object is 0.150 s old, allowed are 0.1 s'
    view.forget()
    assert view.problem(5.15, 0.1) == 'no pose of object yet'


def test_the_offset_moves_the_hook_alone():
    base, pose = np.array([0.0, 0, 0, 1, 0, 0, 0]), np.array([1.0, 2, 3, 1, 0, 0, 0])
    seen = []
    for offset in (np.zeros(3), np.array([0.0, 0.0, 0.03])):
        view = RobotView(Kinematics(), ('object', 'hook'), base, offset)
        view.joints.update((*ARM, *FINGERS, TORSO), np.zeros(10), np.zeros(10), 0.0)
        for track in view.tracks.values():
            track.update(pose, 0.0)
        seen.append(view.observation())
    moved = np.zeros(40)
    moved[[27, 39]] = 0.03
    np.testing.assert_allclose(seen[1] - seen[0], moved, atol=1e-12)


def test_a_quarter_turn_about_z_is_that_euler_angle():
    turned = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])
    np.testing.assert_allclose(euler(matrix(turned)), [0, 0, np.pi / 2], atol=1e-12)


ANGLE = np.arctan2(0.6, 0.8)  # of a turn with the cosine 0.8 and the sine 0.6


@pytest.mark.parametrize('rotation, angles', [
    ([1, 0, 0, 0, 0.8, -0.6, 0, 0.6, 0.8], [ANGLE, 0, 0]),
    ([0.8, 0, 0.6, 0, 1, 0, -0.6, 0, 0.8], [0, ANGLE, 0]),
    ([0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1], [0, 0, ANGLE]),
    # About x, then by 90 degrees about the turned y: y goes to (0, 0.8, 0.6), z to x.
    ([0, 0, 1, 0.6, 0.8, 0, -0.8, 0.6, 0], [0, np.pi / 2, ANGLE]),
    # About x, then about the turned z: x goes to 0.8 x + 0.6 (0, 0.8, 0.6).
    ([0.8, -0.6, 0, 0.48, 0.64, -0.6, 0.36, 0.48, 0.8], [ANGLE, 0, ANGLE])])
def test_euler_angles_of_rotations_that_were_written_down_by_hand(rotation, angles):
    np.testing.assert_allclose(euler(np.array(rotation, float)), angles, atol=1e-12)


def test_into_leaves_the_lever_of_the_wrist():
    arm = Kinematics()
    grip = into(np.array([0.0, 0, 0, 1, 0, 0, 0]), arm.grip(np.zeros(7), np.zeros(7), 0.0))
    np.testing.assert_allclose(grip.from_wrist, [0.1864, 0, 0], atol=1e-9)  # arm straight ahead
