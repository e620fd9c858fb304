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
Speed, acceleration, jerk and the workspace: one velocity a period that keeps them all.

A *planned* velocity goes in a straight line from the one before towards the target, at most an
acceleration step far. What is sent is the mean of the last n planned ones, which bounds the jerk.
A planned velocity is taken only if the grip can still be brought to rest inside the workspace by
*braking*: shortening it by an acceleration step a period, in its own direction. Braking keeps
every limit for as long as the arm does what it is told, so there is always something to send.

Twists are (6,): linear, m/s, then angular, rad/s. `earlier` are planned twists (n - 1, 6), newest
first. Frames: all in the world's axes.
"""

import math

import numpy as np

from rpl_ros.robot.safety_reasons import Reason

PARTS = slice(0, 3), slice(3, 6)
HALVINGS = 20
"""Of the interval between braking and the wish: a millionth of the step remains."""
NEARLY = 1 + 1e-9
"""Limits are kept up to rounding."""


def length(vector):
    """Return the length of a vector as a float; cheaper than numpy's on three elements."""
    return math.sqrt(vector.dot(vector))


def shortened(vector, limit):
    """Return `vector` with at most the length `limit`: same direction."""
    long = length(vector)
    return vector if long <= limit else vector * (limit / long)


def slowed(twist, speeds):
    """Return a twist whose linear and angular velocity are at most `speeds`, a pair."""
    return np.concatenate([shortened(twist[part], most) for part, most in zip(PARTS, speeds)])


def approached(previous, target, steps):
    """
    Return the twist on the straight line from one to the other, at most `steps` (pair) away.

    Where the target is a multiple of the previous velocity, so is the result; elsewhere the
    change, not the velocity, has the direction that was asked for.
    """
    # Not previous + change where the step is long enough: that would round.
    return np.concatenate([
        target[part] if length(target[part] - previous[part]) <= step
        else previous[part] + shortened(target[part] - previous[part], step)
        for part, step in zip(PARTS, steps)])


def braked(previous, steps):
    """Return the twist that comes next when both velocities are shortened by `steps`, a pair."""
    velocities = [previous[part] for part in PARTS]
    return np.concatenate([
        velocity * (0.0 if length(velocity) <= step else 1 - step / length(velocity))
        for velocity, step in zip(velocities, steps)])


def braking_distance(speed, step, period):
    """
    Return how far, m, periods of braking go that follow one at `speed`, m/s.

    Each is by `step`, m/s, slower than the one before.
    """
    periods = math.floor(speed / step)
    return period * (periods * speed - step * periods * (periods + 1) / 2)


def travel(planned, earlier, limits):
    """
    Return (up, down): how far the grip may go along each axis (3,), m, until it rests.

    Counted are this period at `planned`, what of the earlier planned velocities is still to be
    driven, and braking; motion the other way is not counted against it.
    """
    velocity = planned[:3]
    speed = length(velocity)
    ahead = velocity * limits.period
    if speed > limits.step[0]:
        # Braking keeps the direction, so that it only lengthens this period's way.
        ahead = ahead * (1 + braking_distance(speed, limits.step[0], limits.period)
                         / (speed * limits.period))
    up, down = np.maximum(ahead, 0.0), np.maximum(-ahead, 0.0)
    if len(earlier):
        rest = earlier[:, :3] * (limits.weights * limits.period)
        up = up + np.maximum(rest, 0.0).sum(axis=0)
        down = down + np.maximum(-rest, 0.0).sum(axis=0)
    return up, down


def fits(planned, earlier, room, limits):
    """Return whether the way until rest fits into `room`: (up, down) along each axis (3,), m."""
    return all(bool((way <= most + 1e-9).all())
               for way, most in zip(travel(planned, earlier, limits), room))


def stays(planned, earlier, position, limits):
    """
    Return whether the grip at `position` (3,) can come to rest in the workspace.

    From outside, only motion that does not lead farther out counts as staying.
    """
    room = np.maximum(limits.high - position, 0.0), np.maximum(position - limits.low, 0.0)
    return fits(planned, earlier, room, limits)


def inside(target, earlier, position, limits):
    """
    Return the target twist with what leads out of the soft workspace slowed, axis by axis.

    The nearer to a face, the slower: as fast as one can still brake along this direction.
    """
    velocity = target[:3]
    # Of braking_distance this is the continuous form, a little longer.
    time = limits.period + length(velocity) / (2 * limits.step[0]) * limits.period
    still = np.zeros(6)
    up, down = travel(still, earlier, limits)
    most = np.maximum(limits.soft_high - position - up, 0.0) / time
    least = -np.maximum(position - limits.soft_low - down, 0.0) / time
    return np.concatenate([np.clip(velocity, least, most), target[3:]])


def mean(planned, earlier):
    """Return what is sent: the mean of the planned and the earlier twists."""
    if not len(earlier):
        return planned
    return (planned + earlier.sum(axis=0)) / (len(earlier) + 1)


def within(twist, sent, limits):
    """
    Return whether speed, acceleration and jerk are kept by `twist` after `sent` (2, 6).

    `sent` are the two twists before, newest first.
    """
    first = twist - sent[0]
    second = first - (sent[0] - sent[1])
    return all(
        length(twist[part]) <= limits.speed[index] * NEARLY
        and length(first[part]) <= limits.acceleration[index] * limits.period * NEARLY
        and length(second[part]) <= limits.jerk[index] * limits.period ** 2 * NEARLY
        for index, part in enumerate(PARTS))


def next_planned(target, previous, earlier, position, limits, allowed):
    """
    Return (planned (6,), Reasons) for a target within the speed limits.

    `previous` is the planned twist before, `earlier[0]` where there is one. `allowed` is a
    function of the planned twist and tells whether the joints agree. What is planned is on the
    way from braking to the wish, and leads no farther beyond the soft workspace than braking.
    """
    wish = inside(target, earlier, position, limits)
    reasons = [Reason.BOX_SLOWED] if (wish != target).any() else []
    planned, braking = approached(previous, wish, limits.step), braked(previous, limits.step)
    if (planned != wish).any():
        reasons.append(Reason.ACCELERATION_LIMITED)
    up, down = travel(braking, earlier, limits)
    room = (np.maximum(limits.soft_high - position, up),
            np.maximum(position - limits.soft_low, down))

    def good(twist):
        return fits(twist, earlier, room, limits) and allowed(twist)
    if good(planned):
        return planned, reasons
    if good(braking):
        for _ in range(HALVINGS):
            middle = (braking + planned) / 2
            braking, planned = (middle, planned) if good(middle) else (braking, middle)
    return braking, [*reasons, Reason.BRAKED]
