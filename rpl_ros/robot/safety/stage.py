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
The safety stage, the last one before the robot: from inputs and memory to a verdict.

Every twist that is sent keeps every limit of the contract, given the twists before it. If no
twist can, the verdict is a stop. The stage is a pure function: its state is a Memory, an argument
and a part of the result.
"""

from dataclasses import dataclass, field
import math

import numpy as np
from rpl_ros.robot.clocks import Ages
from rpl_ros.robot.safety.inputs import ActionRules, choose_action, MAX_PLAUSIBLE, timeout, usable
from rpl_ros.robot.safety.joints import Arm, Jacobian
from rpl_ros.robot.safety.limits import Limits
from rpl_ros.robot.safety.modes import advance, Machine, Mode, Output, START
from rpl_ros.robot.safety.motion import mean, next_planned, slowed, stays, within
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.settings.robot import AdapterSettings

NEVER = Ages(math.inf, math.inf)
RESET_REASONS = {Mode.RUN_STOPPED: Reason.RUN_STOP, Mode.ESTOPPED: Reason.ESTOP}
"""Why a mode needs a reset."""


@dataclass(frozen=True)
class Inputs:
    """
    The inputs of one decision; vectors along the axes of the world, m, rad, s.

    Attributes
    ----------
    now: time by the steady clock
    grip: (3,), position of the grip
    joints: (J,), positions of the arm's joints; None if check_joints is off
    jacobian: function from joints (J,) to the grip's Jacobian (6, J), linear rows first
    turn: (3,), angular velocity that holds the orientation
    base_action, sent: (4,), base action and command of the present step, or None
    state_ages, base_ages, command_ages: how old joint states, base action and command are
    faults: Reasons that other checks have found, such as check_pose(); each of them is a stop
    residual_on: whether to execute commands; if not, base actions are executed
    stop: whether the command itself is a stop, or there is no episode
    run_stop, estop, reset: see modes.advance()

    """

    now: float
    grip: np.ndarray
    joints: np.ndarray | None = None
    jacobian: Jacobian | None = None
    turn: np.ndarray = field(default_factory=lambda: np.zeros(3))
    base_action: np.ndarray | None = None
    sent: np.ndarray | None = None
    state_ages: Ages = NEVER
    base_ages: Ages = NEVER
    command_ages: Ages = NEVER
    faults: tuple[Reason, ...] = ()
    residual_on: bool = True
    stop: bool = False
    run_stop: bool = False
    estop: bool = False
    reset: bool = False


@dataclass(frozen=True)
class Memory:
    """
    The state between two decisions.

    `planned` (n, 6) are the last twists before averaging, `sent` (2, 6) the last ones that were
    sent, newest first, all zero after a stop. `time`, s, is when the last twist was sent.
    """

    planned: np.ndarray
    sent: np.ndarray
    machine: Machine = START
    time: float = -math.inf


@dataclass(frozen=True)
class Verdict:
    """
    What to send to the robot, and why.

    `twist` (6,) executes `action` (4,), in [-1, 1], within the limits of motion. The action is
    the command within the limits of the residual, or the base action; its last element is for the
    fingers. Both are None unless `output` is a twist.
    """

    output: Output
    twist: np.ndarray | None
    action: np.ndarray | None
    reasons: tuple[Reason, ...]
    mode: Mode


def at_rest(limits: Limits, machine: Machine = START, time: float = -math.inf) -> Memory:
    """Return the Memory after a stop, or at the start."""
    return Memory(np.zeros((limits.window, 6)), np.zeros((2, 6)), machine, time)


def safe_twist(inputs: Inputs, memory: Memory, limits: Limits) -> tuple[Verdict, Memory]:
    """
    Return (Verdict, the next Memory); call it for each command and each tick of the watchdog.

    Bad numbers raise no error: they are a stop with a Reason.
    """
    settings = limits.settings
    reasons = _faults(inputs, memory, settings)
    action = None
    if not reasons:
        action, found = choose_action(inputs.base_action, inputs.sent, inputs.base_ages,
                                      inputs.command_ages, inputs.residual_on, ActionRules(
                                          limits.residual, settings.base_action_timeout,
                                          settings.command_timeout))
        reasons += found
    if inputs.run_stop or inputs.estop or memory.machine.mode.needs_reset:
        action = None
    moving = memory.machine.mode == Mode.MOVING
    if action is not None and moving and inputs.now - memory.time < limits.period / 2:
        return Verdict(Output.NOTHING, None, None, (Reason.TOO_SOON,), Mode.MOVING), memory
    if not moving or inputs.now - memory.time > settings.robot_timeout:
        memory = at_rest(limits, memory.machine, memory.time)  # the robot has stopped
    motion = None
    if action is not None:
        motion, found = _move(action, inputs, memory, limits)
        reasons += found
    machine, output = advance(memory.machine, motion is not None, settings.stop_messages,
                              inputs.run_stop, inputs.estop, inputs.reset)
    if machine.mode.needs_reset:
        reasons.append(RESET_REASONS[machine.mode])
    elif memory.machine.mode.needs_reset:
        reasons.append(Reason.RESET)
    if motion is None or output != Output.TWIST:
        return (Verdict(output, None, None, tuple(reasons), machine.mode),
                at_rest(limits, machine, memory.time))
    planned, twist = motion
    memory = Memory(np.concatenate([[planned], memory.planned[:-1]]),
                    np.stack([twist, memory.sent[0]]), machine, inputs.now)
    return Verdict(output, twist, action, tuple(reasons), machine.mode), memory


def _faults(inputs: Inputs, memory: Memory, settings: AdapterSettings) -> list[Reason]:
    """Return the Reasons that forbid motion, whatever the action."""
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


def _measured(values: np.ndarray | None, size: int) -> bool:
    """Return whether `values` are `size` numbers that a sensor can measure."""
    return (values is not None and usable(values, size)
            and bool((np.abs(values) < MAX_PLAUSIBLE).all()))


def _move(action: np.ndarray, inputs: Inputs, memory: Memory, limits: Limits,
          ) -> tuple[tuple[np.ndarray, np.ndarray] | None, list[Reason]]:
    """Return ((planned twist, twist to send) or None for a stop, Reasons) for an action (4,)."""
    target = np.concatenate([limits.settings.max_ee_speed * action[:3], inputs.turn])
    reasons: list[Reason] = []
    wish = slowed(target, limits.speed)
    if (wish[:3] != target[:3]).any():
        reasons.append(Reason.SPEED_LIMITED)
    arm = None
    try:
        if limits.settings.check_joints:
            if inputs.joints is None or inputs.jacobian is None:
                raise ValueError('no joints or no Jacobian')
            arm = Arm(inputs.joints, inputs.jacobian, limits)
            wish, found = _slow_joints(wish, arm)
            reasons += found
        earlier = memory.planned[:-1]
        # The arm has moved since it was measured.
        grip = inputs.grip + memory.sent[0, :3] * inputs.state_ages[0]

        def allowed(planned: np.ndarray) -> bool:
            return arm is None or not _joint_fault(mean(planned, earlier), planned, arm)
        planned, found = next_planned(wish, memory.planned[0], earlier, grip, limits, allowed)
        reasons += found
        twist = mean(planned, earlier)
        fault = arm and _joint_fault(twist, planned, arm)
    except ValueError:
        return None, [*reasons, Reason.JACOBIAN_BAD]
    if not within(twist, memory.sent, limits):
        fault = Reason.LIMITS_STOP
    elif not stays(planned, earlier, grip, limits):
        fault = Reason.BOX_STOP
    return (None, [*reasons, fault]) if fault else ((planned, twist), reasons)


def _slow_joints(wish: np.ndarray, arm: Arm) -> tuple[np.ndarray, list[Reason]]:
    """Return (twist, Reasons): the wanted twist, slowed near joint limits and singularities."""
    reasons: list[Reason] = []
    for factor_of, reason in ((arm.joint_factor, Reason.JOINTS_SLOWED),
                              (arm.singularity_factor, Reason.SINGULARITY_SLOWED)):
        factor = factor_of(wish)
        if factor < 1.0:
            wish, reasons = wish * factor, [*reasons, reason]
    return wish, reasons


def _joint_fault(twist: np.ndarray, planned: np.ndarray, arm: Arm) -> Reason | None:
    """Return why the joint limits forbid a twist, or None."""
    if not arm.joints_keep(twist, planned):
        return Reason.JOINTS_STOP
    return Reason.SINGULARITY_STOP if arm.singular(twist) else None
