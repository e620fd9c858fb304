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

"""The composed last stage: hostile inputs, drives into every wall, stops and what ends them."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from rpl_ros.common.assets import share
from rpl_ros.robot.contract import read_contract, tightened
from rpl_ros.robot.safety import inputs as age_checks, joints as joint_limits, modes, motion, stage
from rpl_ros.robot.safety.limits import limits_of
from rpl_ros.robot.safety.modes import Machine, Mode, Output
from rpl_ros.robot.safety.reasons import moderates, Reason, stops
from rpl_ros.robot.safety.stage import at_rest, Inputs, safe_twist
from rpl_ros.settings.robot import AdapterSettings
from safety_fuzz import fuzz

CONTRACT = AdapterSettings(task='hook')
LIMITS = limits_of(CONTRACT)
FREE = limits_of(replace(CONTRACT, check_joints=False))
MIDDLE = (LIMITS.low + LIMITS.high) / 2
FRESH = (0.0, 0.0)


def gantry(joints):
    """Return the Jacobian of an arm whose first six joints are the axes of the twist."""
    return np.eye(6, 7)


def inputs(now=0.0, action=(0, 0, 0, 0), **changes):
    """Return usable Inputs."""
    action = np.array(action, float)
    return Inputs(**{'now': now, 'grip': MIDDLE, 'joints': np.zeros(7), 'jacobian': gantry,
                     'base_action': action, 'sent': action, 'state_ages': FRESH,
                     'base_ages': FRESH, 'command_ages': FRESH, **changes})


def drive(actions, limits, grip=MIDDLE, joints=np.zeros(7), jacobian=gantry, **changes):
    """
    Send actions to an arm that does what it is told; yield (Verdict, grip, joints) after each.

    A function of the grip may give the actions.
    """
    memory, now = at_rest(limits), 0.0
    for action in actions:
        now += limits.period
        action = action(grip) if callable(action) else action
        verdict, memory = safe_twist(
            inputs(now, action, grip=grip, joints=joints, jacobian=jacobian, **changes), memory,
            limits)
        if verdict.twist is not None:
            grip = grip + verdict.twist[:3] * limits.period
            speeds = np.linalg.pinv(jacobian(joints)) @ verdict.twist
            joints = joints + speeds * limits.period
        yield verdict, grip, joints


@pytest.mark.parametrize('name', ['fetch', 'moveit_servo'])
def test_no_hostile_input_gets_past(name):
    contract = read_contract(share('config') / 'robot' / f'{name}.yaml')
    with np.errstate(all='ignore'):
        found, _ = fuzz(contract, 2000, seed=1, stretch=500)
    assert found['TWIST'] > 1000 and found['STOP'] > 100 and found['NOTHING'] > 100
    assert found['BRAKED'] and found['BOX_SLOWED'] and found['STATE_BAD'] and found['ESTOP']


WITHOUT = {  # part that is taken out -> (module, name, what is there instead)
    'the mean': [(stage, 'mean', lambda planned, earlier: planned),
                 (stage, 'within', lambda *_: True)],
    'the acceleration limit': [(motion, 'approached', lambda previous, target, _: target),
                               (stage, 'within', lambda *_: True)],
    'the speed limit': [(stage, 'slowed', lambda twist, speeds: twist),
                        (stage, 'within', lambda *_: True)],
    'the workspace': [(stage, 'stays', lambda *_: True)],
    'the residual bound': [(age_checks, 'bounded', lambda action, *_: action.clip(-1, 1))],
    'the joint limits': [(joint_limits.Arm, 'joints_keep', lambda *_: True)],
    'the singularity': [(joint_limits.Arm, 'singular', lambda *_: False)],
    'the silence': [(modes, '_send_stop', lambda mode, *_: (Machine(mode), Output.STOP))]}


@pytest.mark.parametrize('part', WITHOUT)
def test_the_check_of_the_fuzz_sees_when_a_part_is_missing(part, monkeypatch):
    for place, name, instead in WITHOUT[part]:
        monkeypatch.setattr(place, name, instead)
    with np.errstate(all='ignore'), pytest.raises(AssertionError, match='of seed 3'):
        fuzz(CONTRACT, 3000, seed=3, stretch=1000)


DRIVES = st.lists(st.tuples(st.lists(st.floats(-1, 1), min_size=4, max_size=4),
                            st.integers(1, 50)), min_size=1, max_size=5)


@settings(max_examples=15, deadline=None)
@given(DRIVES, st.floats(0.5, 20))
def test_an_arm_that_obeys_is_never_stopped_by_the_workspace_and_can_always_brake(drives, jerk):
    # From anywhere on any drive, zero action brings it to rest inside, without a stop.
    contract = replace(CONTRACT, check_joints=False, jerk_limit=max(jerk, 2.6))
    limits = limits_of(contract)
    actions = [action for action, count in drives for _ in range(count)] + [(0, 0, 0, 0)] * 40
    for verdict, grip, _ in drive(actions, limits):
        assert verdict.output == Output.TWIST and all(map(moderates, verdict.reasons))
        assert (grip <= limits.soft_high + 1e-6).all() and (grip >= limits.soft_low - 1e-6).all()
    assert not verdict.twist.any()


@pytest.mark.parametrize('axis, sign', [(axis, sign) for axis in range(3) for sign in (-1, 1)])
def test_a_drive_into_a_face_ends_at_its_margin(axis, sign):
    action = np.zeros(4)
    action[axis] = sign
    *_, (verdict, grip, _) = drive([action] * 400, FREE)
    face = (FREE.soft_high if sign > 0 else FREE.soft_low)[axis]
    assert grip[axis] == pytest.approx(face, abs=1e-4)
    assert Reason.BOX_SLOWED in verdict.reasons


def test_from_outside_the_arm_comes_back_in_and_goes_no_farther_out():
    start = np.array([FREE.high[0] + 0.05, *MIDDLE[1:]])
    *_, (verdict, grip, _) = drive([(1, 0, 0, 0)] * 50, FREE, grip=start)
    np.testing.assert_allclose(grip, start)
    *_, (verdict, grip, _) = drive([(-1, 0, 0, 0)] * 50, FREE, grip=start)
    assert grip[0] < FREE.soft_high[0]


def test_a_grip_that_is_suddenly_outside_and_moves_out_is_a_stop():
    memory = at_rest(FREE)
    for step in range(10):
        _, memory = safe_twist(inputs(0.04 * step, (1, 0, 0, 0)), memory, FREE)
    verdict, memory = safe_twist(
        inputs(0.4, (1, 0, 0, 0), grip=MIDDLE + [0.5, 0, 0]), memory, FREE)
    assert (verdict.output, verdict.reasons[-1]) == (Output.STOP, Reason.BOX_STOP)
    assert not memory.sent.any() and not memory.planned.any()


def test_a_drive_into_a_joint_limit_ends_at_its_margin_and_can_turn_round():
    actions = [(0, 1, 0, 0)] * 400 + [(0, -1, 0, 0)] * 20
    limits = limits_of(replace(CONTRACT, workspace_low=(-9, -9, 0), workspace_high=(9, 9, 9),
                               table_height=0.0))
    for step, (verdict, _, joints) in enumerate(drive(actions, limits)):
        assert verdict.output == Output.TWIST
        if step == 399:
            assert joints[1] == pytest.approx(CONTRACT.joint_high[1] - 0.05, abs=1e-3)
            assert Reason.JOINTS_SLOWED in verdict.reasons
    assert joints[1] < CONTRACT.joint_high[1] - 0.06


def test_a_drive_into_a_singularity_ends_before_it_and_can_turn_round():
    def slide(joints):
        jacobian = np.eye(6, 7)
        jacobian[0, 0] = joints[0]
        return jacobian
    actions = [(-1, 0, 0, 0)] * 300 + [(1, 0, 0, 0)] * 20
    drives = drive(actions, LIMITS, joints=np.array([0.2, 0, 0, 0, 0, 0, 0]), jacobian=slide)
    for step, (verdict, _, joints) in enumerate(drives):
        assert verdict.output == Output.TWIST
        if step == 299:
            rest = joints[0]
            assert Reason.SINGULARITY_SLOWED in verdict.reasons
    assert 1 / 30 < rest < 1 / 17 and joints[0] > rest + 0.01


def test_what_breaks_no_limit_is_only_averaged():
    memory, action = at_rest(LIMITS), (0.1, -0.05, 0.02, 1.0)
    for step in range(5):
        verdict, memory = safe_twist(inputs(0.04 * step, action), memory, LIMITS)
    assert verdict.reasons == () and verdict.action[3] == 1.0
    np.testing.assert_array_equal(verdict.twist[:3], CONTRACT.max_ee_speed * np.array(action[:3]))


@pytest.mark.parametrize('change, reason', [
    ({'grip': MIDDLE * np.nan}, Reason.STATE_BAD), ({'grip': MIDDLE[:2]}, Reason.STATE_BAD),
    ({'grip': MIDDLE * 1e308}, Reason.STATE_BAD), ({'joints': None}, Reason.STATE_BAD),
    ({'joints': np.zeros(6)}, Reason.STATE_BAD), ({'turn': np.ones(3) * np.inf}, Reason.TURN_BAD),
    ({'state_ages': (0.1, 0.0)}, Reason.STATE_STALE),
    ({'state_ages': (0.0, 0.1)}, Reason.STATE_OLD),
    ({'base_ages': (0.1, 0.0)}, Reason.BASE_STALE), ({'base_action': None}, Reason.BASE_MISSING),
    ({'faults': (Reason.POSE_JUMP,)}, Reason.POSE_JUMP),
    ({'faults': (Reason.RUN_STOP_STALE,)}, Reason.RUN_STOP_STALE),
    ({'faults': (Reason.CLOCK_JUMPED,)}, Reason.CLOCK_JUMPED), ({'stop': True}, Reason.STOP_ASKED),
    ({'jacobian': lambda joints: np.eye(6)}, Reason.JACOBIAN_BAD),
    ({'now': 0.1}, Reason.CLOCK_BAD),
    ({'now': np.nan}, Reason.CLOCK_BAD), ({'now': np.inf}, Reason.CLOCK_BAD),
    ({'run_stop': True}, Reason.RUN_STOP), ({'estop': True}, Reason.ESTOP)])
def test_each_fault_stops_a_moving_arm_at_once_three_times_then_silence(change, reason):
    memory, action = at_rest(LIMITS), (1, 0, 0, 0)
    for step in range(10):
        verdict, memory = safe_twist(inputs(0.04 * step, action), memory, LIMITS)
    outputs = []
    for step in range(10, 16):
        event = {} if 'estop' in change and step > 10 else change
        verdict, memory = safe_twist(inputs(**{'now': 0.04 * step, 'action': action, **event}),
                                     memory, LIMITS)
        outputs.append(verdict.output)
        assert reason in verdict.reasons and any(map(stops, verdict.reasons))
    assert outputs == [Output.STOP] * 3 + [Output.NOTHING] * 3
    # When all is well again, the arm starts from rest; after a latched stop it does not.
    verdict, memory = safe_twist(inputs(1.0, action), memory, LIMITS)
    if memory.machine.mode == Mode.MOVING:
        assert np.linalg.norm(verdict.twist[:3]) == pytest.approx(LIMITS.step[0] / 2)
    else:
        assert reason in (Reason.RUN_STOP, Reason.ESTOP) and verdict.reasons == (reason,)
        verdict, memory = safe_twist(inputs(1.04, action, reset=True), memory, LIMITS)
        assert (verdict.output, verdict.reasons) == (Output.NOTHING, (Reason.RESET,))
        assert safe_twist(inputs(1.08, action), memory, LIMITS)[0].output == Output.TWIST


def test_a_command_too_soon_is_not_executed_and_forgets_nothing():
    _, memory = safe_twist(inputs(0.0, (1, 0, 0, 0)), at_rest(LIMITS), LIMITS)
    verdict, same = safe_twist(inputs(0.01, (1, 0, 0, 0)), memory, LIMITS)
    assert (verdict.output, verdict.reasons) == (Output.NOTHING, (Reason.TOO_SOON,))
    assert same is memory
    assert safe_twist(inputs(0.01, stop=True), memory, LIMITS)[0].output == Output.STOP


def test_after_a_gap_in_which_the_robot_stopped_by_itself_the_arm_starts_from_rest():
    memory = at_rest(LIMITS)
    for step in range(20):
        _, memory = safe_twist(inputs(0.04 * step, (1, 0, 0, 0)), memory, LIMITS)
    verdict, _ = safe_twist(inputs(2.0, (1, 0, 0, 0)), memory, LIMITS)
    assert np.linalg.norm(verdict.twist[:3]) == pytest.approx(LIMITS.step[0] / 2)


def test_limits_tightened_below_what_is_driven_are_a_stop():
    memory = at_rest(LIMITS)
    for step in range(20):
        _, memory = safe_twist(inputs(0.04 * step, (1, 0, 0, 0)), memory, LIMITS)
    slower = limits_of(tightened(CONTRACT, CONTRACT, {'speed_limit': 0.05}), CONTRACT)
    verdict, memory = safe_twist(inputs(0.8, (1, 0, 0, 0)), memory, slower)
    assert (verdict.output, verdict.reasons[-1]) == (Output.STOP, Reason.LIMITS_STOP)
    for step in range(21, 40):
        verdict, memory = safe_twist(inputs(0.04 * step, (1, 0, 0, 0)), memory, slower)
    assert verdict.twist[0] == pytest.approx(0.05)
