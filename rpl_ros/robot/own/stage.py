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
The safety stage of any robot, the last one before it: from an action to the numbers to send.

Every number that is sent keeps the limits of its element, given those before it. The stage is a
pure function: its state is a Memory, an argument and a part of the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from rpl_ros.robot.own.contract import ElementLimits
from rpl_ros.robot.safety.modes import advance, Machine, Mode, Output, START
from rpl_ros.robot.safety.reasons import Reason

EPSILON = 1e-9
"""What rounding may add, as a share of a limit."""
LATEST = 2
"""Periods until the next decision: one at once may be followed by one that waits in vain."""


@dataclass(frozen=True)
class Limits:
    """
    The limits of all elements as arrays (A,), in the units of the outputs and s.

    `velocity` tells whether a number is a velocity, `known` whether it is measured what it moves.
    `keep_low` and `keep_high` limit that, `margin` is the distance before them at which it stops.
    """

    period: float
    low: np.ndarray
    high: np.ndarray
    rate: np.ndarray
    rate_change: np.ndarray
    velocity: np.ndarray
    known: np.ndarray
    keep_low: np.ndarray
    keep_high: np.ndarray
    margin: np.ndarray


def limits_of(elements: Sequence[ElementLimits], velocity: Sequence[bool],
              period: float) -> Limits:
    """Return the Limits of the elements of a contract."""
    def column(name: str) -> np.ndarray:
        return np.array([getattr(one, name) for one in elements], np.float64)
    keep = column('keep')
    return Limits(period, column('low'), column('high'), column('rate'), column('rate_change'),
                  np.array(velocity), np.array([one.moves is not None for one in elements]),
                  keep[:, 0], keep[:, 1], column('margin'))


@dataclass(frozen=True)
class Memory:
    """
    The state between two decisions.

    `sent` (A,) are the last numbers, `change` (A,) how they differed from those before; both are
    None after a stop. `time`, s, is when they were sent, by the steady clock.
    """

    machine: Machine = START
    sent: np.ndarray | None = None
    change: np.ndarray | None = None
    time: float = -math.inf


@dataclass(frozen=True)
class Decision:
    """What to send: `numbers` (A,) unless it is a stop or nothing; and why."""

    output: Output
    numbers: np.ndarray | None
    reasons: tuple[Reason, ...]
    mode: Mode


@dataclass(frozen=True)
class Person:
    """What a person wants: see modes.advance()."""

    run_stop: bool = False
    estop: bool = False
    reset: bool = False


def decide(action: np.ndarray | None, reasons: Sequence[Reason], measured: np.ndarray,
           age: np.ndarray, now: float, memory: Memory, limits: Limits, stop_messages: int,
           robot_timeout: float, person: Person) -> tuple[Decision, Memory]:
    """
    Return (Decision, the next Memory); call it for each command and each tick of the watchdog.

    `action` (A,) is in [-1, 1], or None for a stop. `measured` (A,) is what each element moves,
    NaN where that is unknown, and `age` (A,), s, how old. `reasons` say why the action is what it
    is. Bad numbers raise no error: they are a stop with a Reason.
    """
    found = list(reasons)
    moving = memory.machine.mode == Mode.MOVING
    if person.run_stop or person.estop or memory.machine.mode.needs_reset:
        action = None
    if not math.isfinite(now) or now < memory.time:
        action = None
        found.append(Reason.CLOCK_BAD)
    if action is not None and moving and now - memory.time < limits.period / 2:
        return Decision(Output.NOTHING, None, (Reason.TOO_SOON,), Mode.MOVING), memory
    if not moving or now - memory.time > robot_timeout:  # the robot has stopped
        memory = Memory(memory.machine, time=memory.time)
    motion = None
    if action is not None:
        motion, more = _move(action, measured, age, memory, limits)
        found += more
    machine, output = advance(memory.machine, motion is not None, stop_messages, person.run_stop,
                              person.estop, person.reset)
    if machine.mode.needs_reset:
        found.append(Reason.RUN_STOP if machine.mode == Mode.RUN_STOPPED else Reason.ESTOP)
    elif memory.machine.mode.needs_reset:
        found.append(Reason.RESET)
    if motion is None or output != Output.TWIST:
        return (Decision(output, None, tuple(found), machine.mode),
                Memory(machine, time=memory.time))
    numbers, change = motion
    return (Decision(output, numbers, tuple(found), machine.mode),
            Memory(machine, numbers, change, now))


def _move(action: np.ndarray, measured: np.ndarray, age: np.ndarray, memory: Memory,
          limits: Limits) -> tuple[tuple[np.ndarray, np.ndarray] | None, list[Reason]]:
    """Return ((numbers, their change) or None for a stop, Reasons) for an action (A,)."""
    if not np.isfinite(action).all():
        return None, [Reason.BASE_BAD]
    if not np.isfinite([measured[limits.known], age[limits.known]]).all():
        return None, [Reason.KEEP_UNKNOWN]
    wish = limits.low + (np.clip(action, -1.0, 1.0) + 1.0) / 2 * (limits.high - limits.low)
    reasons = []
    kept = _kept(wish, measured, age, limits)
    if (kept != wish).any():
        reasons.append(Reason.KEEP_SLOWED)
    sent, change = memory.sent, memory.change
    if sent is None or change is None:  # a robot that rests
        sent, change = np.where(limits.velocity, 0.0, measured), np.zeros(len(wish))
    change = _change(kept - sent, change, limits)
    numbers = np.where(change == kept - sent, kept, sent + change)
    if (numbers != kept).any():
        reasons.append(Reason.CHANGE_LIMITED)
    if not _within(numbers, sent, measured, age, limits):
        return None, [*reasons, Reason.KEEP_STOP]
    return (numbers, change), reasons


def _kept(wish: np.ndarray, measured: np.ndarray, age: np.ndarray,
          limits: Limits) -> np.ndarray:
    """
    Return `wish` (A,), no faster towards a limit of what it moves than can be braked.

    A velocity v is braked by `rate`, after the time t that the measurement is old and the robot
    keeps it: v t + v^2 / (2 rate) must not be longer than the way to the limit.
    """
    low, high = limits.keep_low + limits.margin, limits.keep_high - limits.margin
    time = np.maximum(age, 0.0) + LATEST * limits.period

    def fastest(way: np.ndarray) -> np.ndarray:
        brake = limits.rate * time
        return np.sqrt(brake ** 2 + 2 * limits.rate * np.maximum(way, 0.0)) - brake
    with np.errstate(invalid='ignore'):
        slowed = np.clip(wish, -fastest(measured - low), fastest(high - measured))
    slowed = np.where(limits.known, slowed, wish)
    return np.where(limits.velocity, slowed, np.clip(wish, low, high))


def _change(wanted: np.ndarray, before: np.ndarray, limits: Limits) -> np.ndarray:
    """
    Return the change (A,) of the numbers: at most `rate`, and its own change `rate_change`.

    It is never so large that the numbers could not come to rest at the wanted ones: with a step c,
    a change d leads to d + (d - c) + (d - 2 c) + ... in all. For k c <= d <= (k + 1) c, these are
    (k + 1) d - c k (k + 1) / 2.
    """
    step = limits.rate_change * limits.period ** 2
    way = np.abs(wanted)
    whole = np.floor((np.sqrt(1.0 + 8.0 * way / step) - 1.0) / 2.0)
    largest = (way + step * whole * (whole + 1.0) / 2.0) / (whole + 1.0)
    change = np.sign(wanted) * np.minimum(np.minimum(way, largest), limits.rate * limits.period)
    return np.clip(change, before - step, before + step)


def _within(numbers: np.ndarray, before: np.ndarray, measured: np.ndarray, age: np.ndarray,
            limits: Limits) -> bool:
    """
    Return whether all stays within its limits until the next decision, or comes nearer.

    Since it was measured, a robot has moved with the numbers before, `before` (A,).
    """
    age, coming = np.maximum(age, 0.0), numbers * LATEST * limits.period
    highest, lowest = (measured + age * extreme(numbers, before) + coming
                       for extreme in (np.maximum, np.minimum))
    outside = limits.known & ((highest > limits.keep_high) & (numbers > 0.0) | (
        lowest < limits.keep_low) & (numbers < 0.0))
    low, high = (np.where(limits.velocity, bound, keep) for bound, keep in (
        (limits.low, np.maximum(limits.low, limits.keep_low)),
        (limits.high, np.minimum(limits.high, limits.keep_high))))
    room = EPSILON * (limits.high - limits.low)
    beyond = (numbers > high + room) & (numbers > before) | (numbers < low - room) & (
        numbers < before)
    return not (beyond | outside & limits.velocity).any()
