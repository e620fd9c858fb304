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

"""Checks of the inputs: usable, recent and plausible; and the action that follows from them."""

from dataclasses import dataclass
import math
from typing import NamedTuple, TypeVar

import numpy as np
from rpl_ros.robot.clocks import Ages, ages, Instant
from rpl_ros.robot.safety.limits import Limits
from rpl_ros.robot.safety.reasons import Reason

MAX_PLAUSIBLE = 1e6  # m, rad, m/s, rad/s: no sensor measures more
Stale = TypeVar('Stale')


def usable(values: object, size: int) -> bool:
    """Return whether `values` is an array of `size` finite numbers."""
    return (isinstance(values, np.ndarray) and values.shape == (size,)
            and bool(np.isfinite(values).all()))


def timeout(age: Ages, limit: float, stale: Stale, old: Stale) -> Stale | None:
    """
    Return `stale` if nothing arrived within `limit`, s, `old` if the stamp is farther away.

    None if both are within the limit. A stamp in the future is as bad as an old one: a clock is
    wrong, and ages have no meaning.
    """
    arrival, stamp = age
    if not 0.0 <= arrival <= limit:  # also a NaN is stale
        return stale
    return None if abs(stamp) <= limit else old


@dataclass(frozen=True)
class PoseTrack:
    """
    What check_pose() remembers of a tracked body.

    `position` (3,), m, is the last one received. After a jump the poses are not trusted until
    `steady_from`, s, by the steady clock.
    """

    position: np.ndarray | None = None
    steady_from: float = -math.inf


class PoseMessage(NamedTuple):
    """A pose (7,), m and a quaternion in any order, with frame and stamp of its header."""

    pose: np.ndarray
    frame: str
    stamp: float


def check_pose(track: PoseTrack, message: PoseMessage, frames: tuple[str, ...], now: Instant,
               limits: Limits) -> tuple[PoseTrack, Reason | None]:
    """
    Return (the next PoseTrack, why the pose cannot be used or None).

    Its frame must be one of `frames`. Call it once for each message. A bad pose is never compared
    with the next one.
    """
    pose = message.pose
    if not usable(pose, 7):
        return track, Reason.POSE_BAD
    if message.frame not in frames:
        return track, Reason.POSE_FRAME
    if abs(math.hypot(*pose[3:]) - 1.0) > limits.settings.quaternion_tolerance:
        return track, Reason.POSE_QUATERNION
    position, steady_from = pose[:3].copy(), track.steady_from
    if track.position is not None and (math.dist(position, track.position)
                                       > limits.settings.pose_jump):
        steady_from = now.steady + limits.settings.pose_settle
    track = PoseTrack(position, steady_from)
    return track, pose_fault(track, now, Instant(now.steady, message.stamp), limits)


def pose_fault(track: PoseTrack, now: Instant, received: Instant,
               limits: Limits) -> Reason | None:
    """Return why a body cannot be trusted whose newest pose arrived at `received`, or None."""
    if track.position is None:
        return Reason.POSE_MISSING
    late = timeout(ages(now, received), limits.settings.pose_timeout, Reason.POSE_STALE,
                   Reason.POSE_OLD)
    return late or (Reason.POSE_JUMP if now.steady < track.steady_from else None)


def bounded(action: np.ndarray, base_action: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """
    Return `action` (A,), at most `bounds` (A,) away from the base action, both in [-1, 1].

    An action within the bounds stays the same to the last bit.
    """
    action, base_action = np.clip(action, -1.0, 1.0), np.clip(base_action, -1.0, 1.0)
    return np.clip(action, base_action - bounds, base_action + bounds).clip(-1.0, 1.0)


class ActionRules(NamedTuple):
    """
    What a contract says of actions.

    `residual` (A,) is the largest difference between action and base action, without a unit.
    """

    residual: np.ndarray
    base_action_timeout: float
    command_timeout: float


def choose_action(base_action: np.ndarray | None, sent: np.ndarray | None, base_ages: Ages,
                  command_ages: Ages, residual_on: bool,
                  rules: ActionRules) -> tuple[np.ndarray | None, list[Reason]]:
    """
    Return (action (A,) in [-1, 1], Reasons): the command, else the base action, else None.

    `base_action` and `sent`, the command, are None if this step has none. Without a usable base
    action the residual cannot be bounded: the action is None, which is a stop.
    """
    size = len(rules.residual)
    if base_action is None:
        return None, [Reason.BASE_MISSING]
    if not usable(base_action, size):
        return None, [Reason.BASE_BAD]
    late = timeout(base_ages, rules.base_action_timeout, Reason.BASE_STALE, Reason.BASE_OLD)
    if late:
        return None, [late]
    fault = _command_fault(sent, command_ages, residual_on, size,
                           rules.command_timeout)
    if fault:
        return np.clip(base_action, -1.0, 1.0), [fault]
    assert sent is not None  # for the type checker: without it, there is a fault
    action = bounded(sent, base_action, rules.residual)
    kept = (action == np.clip(sent, -1.0, 1.0)).all()
    return action, [] if kept else [Reason.RESIDUAL_BOUNDED]


def _command_fault(sent: np.ndarray | None, command_ages: Ages, residual_on: bool, size: int,
                   limit: float) -> Reason | None:
    """Return why a command cannot be used, or None."""
    if not residual_on:
        return Reason.RESIDUAL_OFF
    if sent is None:
        return Reason.COMMAND_MISSING
    if not usable(sent, size):
        return Reason.COMMAND_BAD
    return timeout(command_ages, limit, Reason.COMMAND_STALE, Reason.COMMAND_OLD)
