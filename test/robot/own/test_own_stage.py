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

"""The limits of each element hold for any sequence of actions."""

from dataclasses import replace

from hypothesis import given, strategies as st
import numpy as np
import pytest
from rpl_ros.robot.own.contract import Channel, ElementLimits
from rpl_ros.robot.own.stage import decide, limits_of, Memory, Person
from rpl_ros.robot.safety.modes import Machine, Mode, Output
from rpl_ros.robot.safety.reasons import Reason

PERIOD = 0.05
WHOLE = ElementLimits(-1.0, 1.0, 1e6, 1e12, None, (-1e9, 1e9), 0.0)
JOINT = replace(WHOLE, rate=4.0, rate_change=40.0, moves=Channel('joints', 'elbow'),
                keep=(-0.5, 0.5), margin=0.05)
ACTIONS = st.lists(st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=2), min_size=1,
                   max_size=80)


def limits(*elements, velocity=True):
    return limits_of(elements, [velocity] * len(elements), PERIOD)


def one(action, memory=Memory(), of=limits(WHOLE, WHOLE), measured=(0.0, 0.0), now=0.0,
        age=(0.0, 0.0), **person):
    """Return what decide() does with an action at a time, s."""
    return decide(None if action is None else np.array(action), (), np.array(measured, float),
                  np.array(age, float), now, memory, of, 3, 0.2, Person(**person))


def test_an_action_without_limits_goes_through_to_the_last_bit():
    element = replace(WHOLE, low=-0.5, high=1.5)
    decision, memory = one([0.1, -0.3], of=limits(element, element))
    np.testing.assert_array_equal(decision.numbers, -0.5 + (np.array([0.1, -0.3]) + 1) / 2 * 2.0)
    assert decision.output == Output.TWIST and not decision.reasons
    assert memory.machine.mode == Mode.MOVING


def test_changes_by_hand():
    # 4 rad/s^2 over 0.05 s are 0.2 rad/s; 40 rad/s^3 let that grow by 0.1 rad/s in each step.
    found, memory = [], Memory()
    element = replace(JOINT, keep=(-1e6, 1e6))
    for step in range(9):
        decision, memory = one([1.0, 0.0], memory, limits(element, WHOLE), now=step * PERIOD)
        found.append(decision.numbers[0])
    np.testing.assert_allclose(found[:6], [0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    assert found[6:] == [1.0, 1.0, 1.0]


@given(ACTIONS, st.floats(0.0, 0.05), st.sampled_from([0.0, 0.3, -0.44]))
def test_a_joint_never_passes_its_limits_and_commands_change_slowly(actions, age, start):
    of, memory = limits(JOINT, JOINT), Memory()
    joints, before, change = np.full(2, start), np.zeros(2), np.zeros(2)
    for step, action in enumerate(actions):
        # The joint follows at once; it was measured `age` ago.
        decision, memory = one(action, memory, of, joints - age * before, step * PERIOD,
                               (age, age))
        if decision.output != Output.TWIST:
            assert Reason.KEEP_STOP in decision.reasons
            before, change = np.zeros(2), np.zeros(2)
            continue
        sent = decision.numbers
        assert (np.abs(sent) <= 1.0 + 1e-9).all()
        if before.any():
            assert (np.abs(sent - before) <= 4.0 * PERIOD + 1e-9).all()
            assert (np.abs(sent - before - change) <= 40.0 * PERIOD ** 2 + 1e-9).all()
        change, before = sent - before, sent
        joints = joints + sent * PERIOD
        assert (np.abs(joints) <= 0.5 + 1e-9).all()


@given(st.lists(st.tuples(st.sampled_from([-1.0, 0.3, 1.0]), st.floats(0.5, 1.8)), max_size=80),
       st.floats(0.0, 0.05), st.sampled_from([1e12, 40.0, 4.0, 1.0]))
def test_no_margin_is_needed_for_old_measurements_and_late_decisions(actions, age, rate_change):
    # A decision at once, then one for a command that does not come: 1.75 periods between them.
    of = limits(replace(JOINT, rate_change=rate_change, margin=0.0))
    memory, joint, before, now = Memory(), 0.0, 0.0, 0.0
    for action, periods in actions:
        decision, memory = one([action], memory, of, [joint - age * before], now, [age])
        if decision.output != Output.NOTHING:
            before = 0.0 if decision.numbers is None else decision.numbers[0]
        joint, now = joint + before * periods * PERIOD, now + periods * PERIOD
        assert abs(joint) <= 0.5 + 1e-9


@given(ACTIONS)
def test_a_position_starts_where_the_joint_is_and_keeps_its_limits(actions):
    element = replace(JOINT, low=-2.0, high=2.0)
    of, memory, joints, change = limits(element, element, velocity=False), Memory(), np.array(
        [0.4, -0.2]), np.zeros(2)
    for step, action in enumerate(actions):
        decision, memory = one(action, memory, of, joints, step * PERIOD)
        assert decision.output == Output.TWIST
        assert (np.abs(decision.numbers) <= 0.45 + 1e-9).all()
        assert (np.abs(decision.numbers - joints) <= 4.0 * PERIOD + 1e-9).all()
        assert (np.abs(decision.numbers - joints - change) <= 40.0 * PERIOD ** 2 + 1e-9).all()
        change, joints = decision.numbers - joints, decision.numbers


@pytest.mark.parametrize('velocity', [True, False])
def test_a_joint_outside_its_limits_may_only_come_back(velocity):
    element = replace(JOINT, low=-2.0, high=2.0)
    of = limits(element, replace(WHOLE, moves=JOINT.moves), velocity=velocity)
    out, _ = one([1.0, 0.0], of=of, measured=(0.7, 0.0))
    back, _ = one([-1.0, 0.0], of=of, measured=(0.7, 0.0))
    assert back.output == Output.TWIST and back.numbers[0] < (0.0 if velocity else 0.7)
    assert out.numbers is None or out.numbers[0] <= (0.0 if velocity else 0.7)


@pytest.mark.parametrize('action, age, reason', [
    ([np.nan, 0.0], (0.0, 0.0), Reason.BASE_BAD), ([np.inf, 0.0], (0.0, 0.0), Reason.BASE_BAD),
    ([1.0, 0.0], (np.inf, 0.0), Reason.KEEP_UNKNOWN),
    ([1.0, 0.0], (np.nan, 0.0), Reason.KEEP_UNKNOWN)])
def test_numbers_that_are_not_finite_are_a_stop(action, age, reason):
    moving = Memory(Machine(Mode.MOVING), np.zeros(2), np.zeros(2), 0.0)
    decision, _ = one(action, moving, limits(JOINT, WHOLE), now=0.05, age=age)
    assert decision.output == Output.STOP and decision.reasons == (reason,)


def test_what_is_not_measured_is_a_stop():
    moving = Memory(Machine(Mode.MOVING), np.zeros(2), np.zeros(2), 0.0)
    decision, memory = one([0.0, 0.0], moving, limits(JOINT, WHOLE), (np.nan, 0.0), 0.05)
    assert decision.output == Output.STOP and decision.reasons == (Reason.KEEP_UNKNOWN,)
    assert memory.sent is None


@pytest.mark.parametrize('action, now, person, output, reason', [
    (None, 0.05, {}, Output.STOP, None),
    ([0, 0], 0.01, {}, Output.NOTHING, Reason.TOO_SOON),
    ([0, 0], np.nan, {}, Output.STOP, Reason.CLOCK_BAD),
    ([0, 0], -1.0, {}, Output.STOP, Reason.CLOCK_BAD),
    ([0, 0], 0.05, {'run_stop': True}, Output.STOP, Reason.RUN_STOP),
    ([0, 0], 0.05, {'estop': True}, Output.STOP, Reason.ESTOP)])
def test_what_leads_to_a_stop(action, now, person, output, reason):
    moving = Memory(Machine(Mode.MOVING), np.zeros(2), np.zeros(2), 0.0)
    decision, memory = one(action, moving, now=now, **person)
    assert decision.output == output and decision.numbers is None
    assert decision.reasons == (() if reason is None else (reason,))
    assert memory.machine.mode.needs_reset == bool(person)


def test_after_a_stop_the_limits_begin_at_rest():
    of = limits(replace(JOINT, keep=(-1e6, 1e6)), WHOLE)
    fast = Memory(Machine(Mode.MOVING), np.array([1.0, 0.0]), np.zeros(2), 0.0)
    assert one([1.0, 0.0], fast, of, now=0.05)[0].numbers[0] == 1.0
    assert one([1.0, 0.0], fast, of, now=0.3)[0].numbers[0] == pytest.approx(0.1)  # it has stopped
    _, memory = one(None, fast, of, now=0.05)
    assert one([1.0, 0.0], memory, of, now=0.1)[0].numbers[0] == pytest.approx(0.1)


def test_a_reset_lets_it_move_again():
    _, memory = one([0, 0], estop=True)
    assert one([0, 0], memory, now=0.1)[0].output == Output.STOP  # the second of three
    decision, memory = one([0, 0], memory, now=0.2, reset=True)
    assert Reason.RESET in decision.reasons and memory.machine.mode == Mode.SILENT
    assert one([0, 0], memory, now=0.3)[0].output == Output.TWIST
