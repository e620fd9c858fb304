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

"""
The last stage before the robot: what comes in, what was sent before, and what is sent now.

A twist that is sent keeps every limit of the contract, after the ones before it. Where no twist
can, the answer is a stop. Pure: all that lasts is in a Memory, which goes in and comes out.
"""

from dataclasses import dataclass, field
import math

import numpy as np

from rpl_ros.robot.safety_inputs import choose_action, timeout, usable
from rpl_ros.robot.safety_joints import Arm
from rpl_ros.robot.safety_modes import advance, Machine, Mode, Output
from rpl_ros.robot.safety_motion import mean, next_planned, slowed, stays, within
from rpl_ros.robot.safety_reasons import Reason

NEVER = (math.inf, math.inf)
LATCHED = {Mode.RUN_STOPPED: Reason.RUN_STOP, Mode.ESTOPPED: Reason.ESTOP}
ABSURD = 1e6  # m, rad, rad/s: larger numbers are no measurement


@dataclass(frozen=True)
class Inputs:
    """
    All that one decision depends on. Vectors are in the axes of the world, m, rad, s.

    Attributes
    ----------
    now: the steady clock
    grip: (3,), the grip; joints: (J,), of the arm, None where check_joints is off
    jacobian: function from joints (J,) to the grip's Jacobian (6, J), linear rows first
    turn: (3,), angular velocity that holds the orientation
    base_action, sent: (4,) of the present step, or None
    state_ages, base_ages, command_ages: pairs, see safety_inputs.ages
    faults: Reasons found elsewhere, by check_pose for one; any of them is a stop
    residual_on: whether commands count; otherwise base actions do
    stop: whether the command itself is a stop, or there is no episode
    run_stop, estop, reset: see safety_modes.advance

    """

    now: float
    grip: np.ndarray
    joints: np.ndarray = None
    jacobian: object = None
    turn: np.ndarray = field(default_factory=lambda: np.zeros(3))
    base_action: np.ndarray = None
    sent: np.ndarray = None
    state_ages: tuple = NEVER
    base_ages: tuple = NEVER
    command_ages: tuple = NEVER
    faults: tuple = ()
    residual_on: bool = True
    stop: bool = False
    run_stop: bool = False
    estop: bool = False
    reset: bool = False


@dataclass(frozen=True)
class Memory:
    """
    What lasts from one decision to the next.

    `planned` (n, 6) are the twists before averaging and `sent` (2, 6) those on the wire, newest
    first, all zero after a stop; `time`, s, is when the last one was sent.
    """

    planned: np.ndarray
    sent: np.ndarray
    machine: Machine = Machine()
    time: float = -math.inf


@dataclass(frozen=True)
class Verdict:
    """
    What goes to the robot: a twist (6,) and the fingers' action, a stop, or nothing; and why.

    `action` (4,), in [-1, 1], is what the twist carries out, within the limits of motion: the
    command after the limits of the residual, or the base action; its last element is the fingers'.
    None, as `twist`, where no twist is sent.
    """

    output: Output
    twist: np.ndarray
    action: np.ndarray
    reasons: tuple
    mode: Mode


def at_rest(limits, machine=Machine(), time=-math.inf):
    """Return the Memory of an arm that was told to stop, or nothing yet."""
    return Memory(np.zeros((limits.window, 6)), np.zeros((2, 6)), machine, time)


def safe_twist(inputs, memory, limits):
    """
    Return (Verdict, Memory): what is sent now, once a command and once a watchdog's tick.

    Never raises for bad numbers: they are a stop with a reason.
    """
    settings = limits.settings
    reasons = _faults(inputs, memory, settings)
    action, found = None, []
    if not reasons:
        action, found = choose_action(inputs.base_action, inputs.sent, inputs.base_ages,
                                      inputs.command_ages, inputs.residual_on, limits)
        reasons += found
    if inputs.run_stop or inputs.estop or memory.machine.mode in LATCHED:
        action = None
    moving = memory.machine.mode == Mode.MOVING
    if action is not None and moving and inputs.now - memory.time < limits.period / 2:
        return Verdict(Output.NOTHING, None, None, (Reason.TOO_SOON,), Mode.MOVING), memory
    if not moving or inputs.now - memory.time > settings.robot_timeout:
        memory = at_rest(limits, memory.machine, memory.time)  # by now the robot has stopped
    planned = twist = None
    if action is not None:
        planned, twist, found = _move(action, inputs, memory, limits)
        reasons += found
    machine, output = advance(memory.machine, twist is not None, settings.stop_messages,
                              inputs.run_stop, inputs.estop, inputs.reset)
    if machine.mode in LATCHED:
        reasons.append(LATCHED[machine.mode])
    elif memory.machine.mode in LATCHED:
        reasons.append(Reason.RESET)
    reasons = tuple(reasons)
    if output != Output.TWIST:
        return (Verdict(output, None, None, reasons, machine.mode),
                at_rest(limits, machine, memory.time))
    memory = Memory(np.concatenate([[planned], memory.planned[:-1]]),
                    np.stack([twist, memory.sent[0]]), machine, inputs.now)
    return Verdict(output, twist, action, reasons, machine.mode), memory


def _faults(inputs, memory, settings):
    """Return the Reasons for which there is no motion, whatever the action."""
    reasons = list(inputs.faults)
    if inputs.stop:
        reasons.append(Reason.STOP_ASKED)
    if not math.isfinite(inputs.now) or inputs.now < memory.time:
        reasons.append(Reason.CLOCK_BAD)
    late = timeout(inputs.state_ages, settings.state_timeout, Reason.STATE_STALE,
                   Reason.STATE_OLD)
    if late:
        reasons.append(late)
    if not _measured(inputs.grip, 3) or settings.check_joints and not _measured(
            inputs.joints, len(settings.arm_joints)):
        reasons.append(Reason.STATE_BAD)
    if not _measured(inputs.turn, 3):
        reasons.append(Reason.TURN_BAD)
    return reasons


def _measured(values, size):
    """Return whether `values` are `size` numbers that a sensor can have given."""
    return usable(values, size) and bool((np.abs(values) < ABSURD).all())


def _move(action, inputs, memory, limits):
    """Return (planned, twist, Reasons) for an action (4,); a twist of None is a stop."""
    target = np.concatenate([limits.settings.max_ee_speed * action[:3], inputs.turn])
    reasons, wish = [], slowed(target, limits.speed)
    if (wish[:3] != target[:3]).any():
        reasons.append(Reason.SPEED_LIMITED)
    arm = None
    try:
        if limits.settings.check_joints:
            arm = Arm(inputs.joints, inputs.jacobian, limits)
            wish, found = _slow_joints(wish, arm)
            reasons += found
        earlier = memory.planned[:-1]
        # The arm has moved on since it was measured.
        grip = inputs.grip + memory.sent[0, :3] * inputs.state_ages[0]

        def allowed(planned):
            return arm is None or not _joint_fault(mean(planned, earlier), planned, arm)
        planned, found = next_planned(wish, memory.planned[0], earlier, grip, limits, allowed)
        reasons += found
        twist = mean(planned, earlier)
        fault = arm and _joint_fault(twist, planned, arm)
    except ValueError:
        return None, None, [*reasons, Reason.JACOBIAN_BAD]
    if not within(twist, memory.sent, limits):
        fault = Reason.LIMITS_STOP
    elif not stays(planned, earlier, grip, limits):
        fault = Reason.BOX_STOP
    return (None, None, [*reasons, fault]) if fault else (planned, twist, reasons)


def _slow_joints(wish, arm):
    """Return (twist, Reasons): the wish, slowed for joint limits, then for singularities."""
    reasons = []
    for factor_of, reason in ((arm.joint_factor, Reason.JOINTS_SLOWED),
                              (arm.singularity_factor, Reason.SINGULARITY_SLOWED)):
        factor = factor_of(wish)
        if factor < 1.0:
            wish, reasons = wish * factor, [*reasons, reason]
    return wish, reasons


def _joint_fault(twist, planned, arm):
    """Return why the joints forbid a twist, or None."""
    if not arm.joints_keep(twist, planned):
        return Reason.JOINTS_STOP
    return Reason.SINGULARITY_STOP if arm.singular(twist) else None
