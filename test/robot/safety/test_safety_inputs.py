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

"""What comes in before the last stage: numbers, ages, poses, residuals; and the fall-backs."""

import math

from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from rpl_ros.robot.clocks import ages, Instant, NOT_RECEIVED
from rpl_ros.robot.safety.inputs import (ActionRules, bounded, check_pose, choose_action,
                                         pose_fault, PoseMessage, PoseTrack, timeout, usable)
from rpl_ros.robot.safety.limits import limits_of
from rpl_ros.robot.safety.modes import advance, Machine, Mode, Output
from rpl_ros.robot.safety.reasons import moderates, Reason, stops
from rpl_ros.settings.robot import AdapterSettings

LIMITS = limits_of(AdapterSettings(task='hook'))
RULES = ActionRules(LIMITS.residual, 0.08, 0.08)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
ACTIONS = hnp.arrays(float, 4, elements=st.floats(-1e308, 1e308))
FRESH = (0.01, 0.01)
POSE = np.array([1.3, 0.7, 0.5, 0.0, 0.0, 0.0, 1.0])


def at(steady, ros=0.0):
    """Return the Instant at `steady`, s, with a clock of messages that is `ros`, s, beyond it."""
    return Instant(steady, steady + ros)


def check(pose, frame='world', track=None, now=0.0):
    """Return the result of check_pose() for a pose whose stamp is 10 ms old."""
    return check_pose(track or PoseTrack(), PoseMessage(np.array(pose), frame, now - 0.01),
                      ('world', 'base_link'), at(now), LIMITS)


@given(st.lists(NUMBERS, max_size=9), st.integers(0, 8))
def test_usable_is_finite_and_of_the_right_length(values, size):
    expected = len(values) == size and all(math.isfinite(value) for value in values)
    assert usable(np.array(values, float), size) == expected
    assert not usable(None, size) and not usable(values, size)


@given(NUMBERS, NUMBERS)
def test_timeout_lets_only_young_ages_pass(arrival, header):
    found = timeout((arrival, header), 0.08, 'stale', 'old')
    assert (found is None) == (0 <= arrival <= 0.08 and -0.08 <= header <= 0.08)
    assert found != 'old' or 0 <= arrival <= 0.08


def test_ages_are_by_two_clocks_and_nothing_is_infinitely_old():
    assert ages(Instant(10.0, 1e9), Instant(9.5, 1e9 - 2)) == (0.5, 2.0)
    assert ages(Instant(10.0, 1e9), NOT_RECEIVED) == (math.inf, math.inf)


@pytest.mark.parametrize('pose, frame, reason', [
    ([*POSE[:6], 1.0], 'map', Reason.POSE_FRAME), ([*POSE[:6], 1.0], '', Reason.POSE_FRAME),
    ([*POSE[:6], 0.0], 'world', Reason.POSE_QUATERNION),
    ([*POSE[:6], 0.9], 'world', Reason.POSE_QUATERNION),
    ([*POSE[:6], 1e308], 'world', Reason.POSE_QUATERNION),
    ([*POSE[:6], math.nan], 'world', Reason.POSE_BAD),
    ([math.inf, *POSE[1:]], 'world', Reason.POSE_BAD), (POSE[:6], 'world', Reason.POSE_BAD),
    (POSE, 'base_link', None), (POSE, 'world', None)])
def test_each_bad_pose_has_its_reason(pose, frame, reason):
    assert check(pose, frame)[1] == reason


def test_a_pose_that_jumps_a_metre_is_trusted_after_it_was_steady():
    track, fault = check(POSE)
    assert fault is None
    there = POSE + [1, 0, 0, 0, 0, 0, 0]
    track, fault = check(there, track=track, now=1.0)
    assert fault == Reason.POSE_JUMP
    track, fault = check(there + [0.01, 0, 0, 0, 0, 0, 0], track=track, now=1.4)
    assert fault == Reason.POSE_JUMP
    assert pose_fault(track, at(1.6), at(1.59), LIMITS) is None
    # There and back: the time begins anew.
    track, _ = check(POSE, track=track, now=1.4)
    assert pose_fault(track, at(1.6), at(1.59), LIMITS) == Reason.POSE_JUMP


def test_a_bad_pose_is_not_what_the_next_one_is_compared_with():
    track, _ = check(POSE)
    unchanged, _ = check(POSE * [9, 9, 9, 0, 0, 0, 0], track=track)
    assert unchanged is track
    assert pose_fault(PoseTrack(), at(0.0), at(0.0), LIMITS) == Reason.POSE_MISSING
    assert pose_fault(track, at(0.3, -0.3), at(0.0), LIMITS) == Reason.POSE_STALE
    assert pose_fault(track, at(0.0, 0.3), at(0.0), LIMITS) == Reason.POSE_OLD
    assert pose_fault(track, at(0.0, -0.3), at(0.0), LIMITS) == Reason.POSE_OLD


@given(ACTIONS, ACTIONS, hnp.arrays(float, 4, elements=st.floats(0, 2)))
def test_a_residual_never_exceeds_its_bounds(action, base, bounds):
    found, base = bounded(action, base, bounds), np.clip(base, -1, 1)
    assert (np.abs(found) <= 1).all() and (np.abs(found - base) <= bounds + 1e-15).all()
    inside = np.abs(np.clip(action, -1, 1) - base) <= bounds - 1e-15
    np.testing.assert_array_equal(found[inside], np.clip(action, -1, 1)[inside])


@given(ACTIONS)
def test_without_a_residual_the_base_action_goes_through_bit_for_bit(base):
    clipped = np.clip(base, -1, 1)
    for sent, on in ((clipped, True), (np.full(4, np.nan), True), (-clipped, False),
                     (None, True)):
        action, _ = choose_action(base, sent, FRESH, FRESH, on, RULES)
        assert action.tobytes() == clipped.tobytes()


BASE, SENT = np.array([0.5, 0.0, -0.5, 1.0]), np.array([0.6, 0.1, -0.4, 1.0])


@pytest.mark.parametrize('change, reason', [
    ({'base_action': None}, Reason.BASE_MISSING), ({'base_action': BASE[:3]}, Reason.BASE_BAD),
    ({'base_action': BASE * np.nan}, Reason.BASE_BAD),
    ({'base_ages': (0.1, 0)}, Reason.BASE_STALE),
    ({'base_ages': (math.nan, 0)}, Reason.BASE_STALE), ({'base_ages': (0, 0.1)}, Reason.BASE_OLD),
    ({'sent': None}, Reason.COMMAND_MISSING), ({'sent': SENT * np.inf}, Reason.COMMAND_BAD),
    ({'sent': SENT[:2]}, Reason.COMMAND_BAD), ({'residual_on': False}, Reason.RESIDUAL_OFF),
    ({'command_ages': (0.1, 0)}, Reason.COMMAND_STALE),
    ({'command_ages': (0, -0.1)}, Reason.COMMAND_OLD),
    ({'sent': -BASE}, Reason.RESIDUAL_BOUNDED), ({}, None)])
def test_each_fault_leads_to_its_fall_back(change, reason):
    fields = {'base_action': BASE, 'sent': SENT, 'base_ages': FRESH, 'command_ages': FRESH,
              'residual_on': True, **change}
    action, reasons = choose_action(**fields, rules=RULES)
    assert reasons == ([] if reason is None else [reason])
    if reason is None:
        np.testing.assert_array_equal(action, SENT)
    elif stops(reason):
        assert action is None
    elif moderates(reason):
        assert (np.abs(action - BASE) <= 0.3 + 1e-15).all() and (action != BASE).any()
    else:
        np.testing.assert_array_equal(action, BASE)


def test_each_reason_has_a_text_that_says_what_is_done():
    assert len({reason.text for reason in Reason}) == len(Reason) > 35
    for reason in Reason:
        assert Reason(int(reason)) is reason
        assert not (moderates(reason) and stops(reason))
        if stops(reason):
            assert 'stop' in reason.text
        elif not moderates(reason):
            assert reason.text.endswith('base action')


EVENTS = st.tuples(*[st.booleans()] * 4)


@given(st.lists(EVENTS, max_size=40), st.integers(1, 5))
def test_the_machine_stops_so_often_then_is_silent_and_latches(events, count):
    machine, run, latched = Machine(), 0, None
    for good, run_stop, estop, reset in events:
        before = machine.mode
        machine, output = advance(machine, good, count, run_stop, estop, reset)
        latched = None if reset else latched
        latched = Mode.ESTOPPED if estop else latched or (Mode.RUN_STOPPED if run_stop else None)
        assert latched in (None, machine.mode)
        if latched:
            assert output != Output.TWIST
        else:
            leaves = before in (Mode.RUN_STOPPED, Mode.ESTOPPED)
            assert (output == Output.TWIST) == (good and not leaves)
        if output == Output.TWIST:
            assert machine == Machine(Mode.MOVING)
        else:  # a stop at once, then more of them, then silence
            assert before != Mode.MOVING or output == Output.STOP
        run = 0 if output == Output.TWIST or machine.mode != before or estop else run
        run += output == Output.STOP
        assert run <= count


@pytest.mark.parametrize('count', [1, 3])
def test_after_the_last_good_command_there_are_so_many_stops_and_nothing_after(count):
    machine, _ = advance(Machine(), True, count)
    outputs = []
    for _ in range(count + 5):
        machine, output = advance(machine, False, count)
        outputs.append(output)
    assert outputs == [Output.STOP] * count + [Output.NOTHING] * 5
    assert advance(machine, True, count)[1] == Output.TWIST


def test_a_reset_does_nothing_while_the_run_stop_is_pressed_and_waits_for_the_next_command():
    machine, output = advance(Machine(Mode.MOVING), True, 2, run_stop=True)
    assert (machine.mode, output) == (Mode.RUN_STOPPED, Output.STOP)
    machine, _ = advance(machine, True, 2, run_stop=True, reset=True)
    assert machine.mode == Mode.RUN_STOPPED
    machine, output = advance(machine, True, 2)
    assert (machine.mode, output) == (Mode.RUN_STOPPED, Output.NOTHING)
    machine, output = advance(machine, True, 2, reset=True)
    assert (machine.mode, output) == (Mode.SILENT, Output.NOTHING)
    assert advance(machine, True, 2)[1] == Output.TWIST
    machine, output = advance(machine, True, 2, estop=True, reset=True)
    assert (machine.mode, output) == (Mode.ESTOPPED, Output.STOP)
