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

"""The messages of any robot: usable ones are the measurements, others are faults."""

import math

import numpy as np
import pytest
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.joints import JointMessage
from rpl_ros.robot.own.contract import Channel
from rpl_ros.robot.own.contract_file import parse_robot_contract
from rpl_ros.robot.own.measurements import Measurements
from rpl_ros.robot.safety.inputs import PoseMessage
from rpl_ros.robot.safety.reasons import Reason
from test_own_contract import CONTRACT, SPEC

SOURCES = parse_robot_contract(CONTRACT, SPEC, 'here').sources
START = 100.0  # the clock of the messages is ahead of the steady clock, s


class Robot:
    """Measurements and two clocks, s."""

    def __init__(self):
        self.measured, self.now = Measurements(SOURCES), 0.0
        self.measured.forget(START)

    def instant(self):
        return Instant(self.now, START + self.now)

    def take(self, name, store, age=0.0):
        stamp = START + self.now - age
        return self.measured.take(name, stamp, self.instant(), lambda one: store(one, stamp))

    def joints(self, positions=(0.3, 0.02), velocities=(0.1, 0.0), names=('slide', 'finger'),
               **more):
        return self.take('joints', lambda one, stamp: one.on_joints(
            JointMessage(names, positions, velocities, stamp), self.instant()), **more)

    def wrench(self, values=(0, 0, -5, 0, 0, 0), frame='tool', **more):
        return self.take('tool', lambda one, stamp: one.on_numbers(
            np.array(values, float), stamp, self.instant(), frame), **more)

    def pose(self, x=0.5, quaternion=(1, 0, 0, 0), frame='base_link', **more):
        return self.take('target', lambda one, stamp: one.on_pose(
            PoseMessage(np.array([x, 0, 0, *quaternion], float), frame, stamp), self.instant()),
            **more)

    def every(self):
        assert not self.joints() and not self.wrench() and not self.pose()

    def faults(self):
        return self.measured.faults(self.instant())

    def value(self, source, name):
        return self.measured.value(Channel(source, name))


@pytest.fixture
def robot():
    return Robot()


def test_what_is_measured(robot):
    assert set(robot.faults()) == {Reason.INPUT_MISSING}
    assert 'no joint state of slide, finger' in robot.faults()[Reason.INPUT_MISSING]
    assert 'no message on wrench' in robot.faults()[Reason.INPUT_MISSING]
    robot.every()
    assert not robot.faults()
    assert robot.value('joints', 'slide') == 0.3 and robot.value('joints', 'slide.velocity') == 0.1
    assert robot.value('tool', 'fz') == -5 and robot.value('target', 'x') == 0.5
    assert robot.value('target', 'qw') == 1 and robot.value('target', 'vx') == 0


def test_the_velocity_of_a_pose(robot):
    for x in (0.5, 0.501, 0.502, 0.503):
        robot.pose(x)
        robot.now += 0.01
    assert robot.value('target', 'vx') == pytest.approx(0.1)


def test_joints_that_come_in_parts_and_without_velocities(robot):
    robot.wrench(), robot.pose()
    for position in (0.3, 0.302):
        robot.joints((position,), (), ('slide',))
        assert Reason.INPUT_MISSING in robot.faults()
        robot.joints((0.02, 7.0), (), ('finger', 'other'))
        robot.now += 0.02
    assert not robot.faults()
    assert robot.value('joints', 'slide.velocity') == pytest.approx(0.1)
    robot.now += 0.09
    robot.joints((0.3,), (), ('slide',))  # the other joint is too old now
    robot.wrench(), robot.pose()
    assert set(robot.faults()) == {Reason.INPUT_STALE}


def test_each_joint_has_its_own_age(robot):
    robot.every()
    robot.now += 0.09
    robot.joints((0.02,), (0.0,), ('finger',))
    now = robot.instant()
    assert robot.measured.age(Channel('joints', 'slide'), now) == pytest.approx(0.09)
    assert robot.measured.age(Channel('joints', 'finger'), now) == 0.0
    assert robot.measured.age(Channel('tool', 'fz'), now) == pytest.approx(0.09)
    assert robot.measured.age(None, now) == 0.0


@pytest.mark.parametrize('message', [
    lambda robot: robot.joints((math.nan, 0.0)), lambda robot: robot.joints((0.0,)),
    lambda robot: robot.joints((0.0, 0.0), (0.0, 1e9)),
    lambda robot: robot.joints((0.0, 0.0), (), ('slide', 'slide')),
    lambda robot: robot.wrench((0.0,) * 5), lambda robot: robot.wrench((math.inf,) * 6),
    lambda robot: robot.wrench(frame='base_link'), lambda robot: robot.pose(math.nan),
    lambda robot: robot.pose(quaternion=(0, 0, 0, 0)), lambda robot: robot.pose(frame='map'),
    lambda robot: robot.pose(1e7), lambda robot: robot.pose(age=1.0),
    lambda robot: robot.pose(age=-1.0)])
def test_a_bad_message_is_a_fault_until_a_good_one_comes(robot, message):
    robot.every()
    assert message(robot)
    (reason, text), = robot.faults().items()
    assert reason == Reason.INPUT_BAD and text.startswith('input ')
    assert robot.value('tool', 'fz') == -5  # what was known is kept
    robot.now += 0.01
    robot.every()
    assert not robot.faults()


def test_silence_and_old_stamps(robot):
    robot.every()
    robot.now += 0.15
    robot.pose()
    assert set(robot.faults()) == {Reason.INPUT_STALE}
    robot.now += 0.15
    robot.wrench(), robot.pose(), robot.joints(age=0.09)
    robot.now += 0.02
    assert robot.faults()[Reason.INPUT_OLD].startswith('input joints: its stamp is 0.11')


def test_a_pose_that_jumps_is_not_used_until_it_is_steady(robot):
    robot.every()
    robot.pose(0.8)
    assert set(robot.faults()) == {Reason.INPUT_JUMP}
    for _ in range(30):
        robot.now += 0.02
        robot.joints(), robot.wrench(), robot.pose(0.8)
    assert not robot.faults()


def test_after_a_jump_of_the_clock_all_must_come_again(robot):
    robot.every()
    robot.measured.check_clocks(robot.instant())
    later = Instant(robot.now, START + robot.now + 30.0)
    assert set(robot.measured.faults(later)) == {Reason.INPUT_MISSING, Reason.CLOCK_JUMPED}


def test_messages_of_the_time_before_the_episode_are_ignored(robot):
    robot.measured.forget(START + 1.0)
    robot.now = 1.05
    assert not robot.joints(age=0.09)
    assert set(robot.faults()) == {Reason.INPUT_MISSING}
