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
Limits of speed, acceleration, jerk and workspace: one velocity per period that keeps all of them.

A *planned* velocity lies on the straight line from the one before to the target, at most one
acceleration step away. The mean of the last n planned velocities is sent, which bounds the jerk.
A planned velocity is accepted only if the grip can still stop inside the workspace by *braking*:
shortening the velocity by one acceleration step per period, in its own direction. Braking keeps
every limit as long as the arm executes the commands, so there is always a velocity to send.

Twists are (6,): linear, m/s, then angular, rad/s, along the axes of the world. `earlier` are
planned twists (n - 1, 6), newest first.
"""

from collections.abc import Callable
import math

import numpy as np
from rpl_ros.robot.safety.limits import Limits, Pair
from rpl_ros.robot.safety.reasons import Reason

PARTS = slice(0, 3), slice(3, 6)
HALVINGS = 20
"""Bisections between braking and the wanted twist: to a millionth of the step."""
NEARLY = 1 + 1e-9
"""Factor on limits that allows for rounding."""


def length(vector: np.ndarray) -> float:
    """Return the length of a vector as a float; cheaper than numpy's on three elements."""
    return math.sqrt(vector.dot(vector))


def shortened(vector: np.ndarray, limit: float) -> np.ndarray:
    """Return a vector of the same direction, whose length is at most `limit`."""
    long = length(vector)
    return vector if long <= limit else vector * (limit / long)


def slowed(twist: np.ndarray, speeds: Pair) -> np.ndarray:
    """Return a twist whose linear and angular velocity are at most `speeds`, a pair."""
    return np.concatenate([shortened(twist[part], most) for part, most in zip(PARTS, speeds)])


def approached(previous: np.ndarray, target: np.ndarray, steps: Pair) -> np.ndarray:
    """Return the twist on the line from `previous` to `target`, at most `steps` away."""
    # The target itself where it is near enough: previous + change would round.
    return np.concatenate([
        target[part] if length(target[part] - previous[part]) <= step
        else previous[part] + shortened(target[part] - previous[part], step)
        for part, step in zip(PARTS, steps)])


def braked(previous: np.ndarray, steps: Pair) -> np.ndarray:
    """Return the next twist while braking: both velocities are shortened by `steps`."""
    velocities = [previous[part] for part in PARTS]
    return np.concatenate([
        velocity * (0.0 if length(velocity) <= step else 1 - step / length(velocity))
        for velocity, step in zip(velocities, steps)])


def braking_distance(speed: float, step: float, period: float) -> float:
    """
    Return the distance, m, of braking after a period at `speed`, m/s.

    Each period of braking is `step`, m/s, slower than the one before.
    """
    periods = math.floor(speed / step)
    return period * (periods * speed - step * periods * (periods + 1) / 2)


def travel(planned: np.ndarray, earlier: np.ndarray,
           limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """
    Return (up, down): the distance until the grip stops, along each axis (3,), m, both positive.

    It includes this period at `planned`, the part of the earlier planned velocities that is still
    to be executed, and braking. Motion in opposite directions does not cancel.
    """
    velocity = planned[:3]
    speed = length(velocity)
    ahead = velocity * limits.period
    if speed > limits.step[0]:
        # Braking keeps the direction: it lengthens the distance of this period.
        ahead = ahead * (1 + braking_distance(speed, limits.step[0], limits.period)
                         / (speed * limits.period))
    up, down = np.maximum(ahead, 0.0), np.maximum(-ahead, 0.0)
    if len(earlier):
        rest = earlier[:, :3] * (limits.weights * limits.period)
        up = up + np.maximum(rest, 0.0).sum(axis=0)
        down = down + np.maximum(-rest, 0.0).sum(axis=0)
    return up, down


def fits(planned: np.ndarray, earlier: np.ndarray, room: tuple[np.ndarray, np.ndarray],
         limits: Limits) -> bool:
    """Return whether the grip stops within `room`: (up, down) along each axis (3,), m."""
    return all(bool((distance <= most + 1e-9).all())
               for distance, most in zip(travel(planned, earlier, limits), room))


def stays(planned: np.ndarray, earlier: np.ndarray, position: np.ndarray,
          limits: Limits) -> bool:
    """
    Return whether the grip at `position` (3,) can stop in the workspace.

    Outside the workspace: whether it moves no farther out.
    """
    room = np.maximum(limits.high - position, 0.0), np.maximum(position - limits.low, 0.0)
    return fits(planned, earlier, room, limits)


def inside(target: np.ndarray, earlier: np.ndarray, position: np.ndarray,
           limits: Limits) -> np.ndarray:
    """
    Return the target twist, slowed axis by axis where it leads out of the soft workspace.

    Near a face, the velocity is at most that from which the grip can still brake.
    """
    velocity = target[:3]
    # The continuous form of braking_distance(), which is a little longer.
    time = limits.period + length(velocity) / (2 * limits.step[0]) * limits.period
    still = np.zeros(6)
    up, down = travel(still, earlier, limits)
    most = np.maximum(limits.soft_high - position - up, 0.0) / time
    least = -np.maximum(position - limits.soft_low - down, 0.0) / time
    return np.concatenate([np.clip(velocity, least, most), target[3:]])


def mean(planned: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Return the twist to send: the mean of the planned and the earlier twists."""
    if not len(earlier):
        return planned
    return (planned + earlier.sum(axis=0)) / (len(earlier) + 1)


def within(twist: np.ndarray, sent: np.ndarray, limits: Limits) -> bool:
    """
    Return whether `twist` keeps the limits of speed, acceleration and jerk.

    `sent` (2, 6) are the two twists before it, newest first.
    """
    first = twist - sent[0]
    second = first - (sent[0] - sent[1])
    return all(
        length(twist[part]) <= limits.speed[index] * NEARLY
        and length(first[part]) <= limits.acceleration[index] * limits.period * NEARLY
        and length(second[part]) <= limits.jerk[index] * limits.period ** 2 * NEARLY
        for index, part in enumerate(PARTS))


def next_planned(target: np.ndarray, previous: np.ndarray, earlier: np.ndarray,
                 position: np.ndarray, limits: Limits, allowed: Callable[[np.ndarray], bool],
                 ) -> tuple[np.ndarray, list[Reason]]:
    """
    Return (planned (6,), Reasons) for a target within the speed limits.

    `previous` is the planned twist before: `earlier[0]`, if there is one. `allowed(planned)`
    tells whether the joint limits allow a twist. The result lies between braking and the wanted
    twist, and leads no farther out of the soft workspace than braking.
    """
    wish = inside(target, earlier, position, limits)
    reasons = [Reason.BOX_SLOWED] if (wish != target).any() else []
    planned, braking = approached(previous, wish, limits.step), braked(previous, limits.step)
    if (planned != wish).any():
        reasons.append(Reason.ACCELERATION_LIMITED)
    up, down = travel(braking, earlier, limits)
    room = (np.maximum(limits.soft_high - position, up),
            np.maximum(position - limits.soft_low, down))

    def good(twist: np.ndarray) -> bool:
        return fits(twist, earlier, room, limits) and allowed(twist)
    if good(planned):
        return planned, reasons
    if good(braking):
        for _ in range(HALVINGS):
            middle = (braking + planned) / 2
            braking, planned = (middle, planned) if good(middle) else (braking, middle)
    return braking, [*reasons, Reason.BRAKED]
