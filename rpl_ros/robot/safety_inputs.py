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

"""What comes in: whether it is usable, fresh and plausible, and which action follows from it."""

from dataclasses import dataclass
import math

import numpy as np

from rpl_ros.robot.safety_reasons import Reason


def usable(values, size):
    """Return whether `values` is an array of `size` finite numbers."""
    return (isinstance(values, np.ndarray) and values.shape == (size,)
            and bool(np.isfinite(values).all()))


def ages(now, ros_now, arrival, header):
    """
    Return (age by arrival, age by header time), s, for timeout().

    `now` and `arrival` are by the steady clock, `ros_now` and `header` by the clock of the
    messages. Nothing has come yet where `arrival` is None: then both are inf.
    """
    if arrival is None:
        return math.inf, math.inf
    return now - arrival, ros_now - header


def timeout(both, limit, stale, old):
    """
    Return `stale`, `old` or None for what ages() returned and a limit, s.

    A header time that is ahead by more than the limit is as bad as an old one: a clock is wrong,
    and ages mean nothing.
    """
    arrival, header = both
    if not 0.0 <= arrival <= limit:  # not a NaN either
        return stale
    return None if abs(header) <= limit else old


@dataclass(frozen=True)
class PoseTrack:
    """
    What check_pose() remembers of a tracked body.

    `position` (3,), m, is the last one received; `shaky_until`, s by the steady clock, is when it
    may be trusted again after a jump.
    """

    position: np.ndarray = None
    shaky_until: float = -math.inf


def check_pose(track, pose, frame, frames, now, both, limits):
    """
    Return (PoseTrack, Reason or None) for a pose (7,): m, and a quaternion in any order.

    `frame` must be one of `frames`; `both` is what ages() returned. To be called once a message
    (pose_timeout() looks at the time between); a bad pose is never compared with the next.
    """
    if not usable(pose, 7):
        return track, Reason.POSE_BAD
    if frame not in frames:
        return track, Reason.POSE_FRAME
    if abs(math.hypot(*pose[3:]) - 1.0) > limits.settings.quaternion_tolerance:
        return track, Reason.POSE_QUATERNION
    position, shaky = pose[:3].copy(), track.shaky_until
    if track.position is not None and (math.dist(position, track.position)
                                       > limits.settings.pose_jump):
        shaky = now + limits.settings.pose_settle
    track = PoseTrack(position, shaky)
    return track, pose_fault(track, now, both, limits)


def pose_fault(track, now, both, limits):
    """Return why a tracked body cannot be trusted at `now`, or None."""
    if track.position is None:
        return Reason.POSE_MISSING
    late = timeout(both, limits.settings.pose_timeout, Reason.POSE_STALE, Reason.POSE_OLD)
    return late or (Reason.POSE_JUMP if now < track.shaky_until else None)


def bounded(action, base_action, bounds):
    """
    Return `action` (A,), at most `bounds` (A,) away from the base action, both in [-1, 1].

    What is within the bounds is returned bit for bit.
    """
    action, base_action = np.clip(action, -1.0, 1.0), np.clip(base_action, -1.0, 1.0)
    return np.clip(action, base_action - bounds, base_action + bounds).clip(-1.0, 1.0)


def choose_action(base_action, sent, base_ages, command_ages, residual_on, limits):
    """
    Return (action (4,) in [-1, 1] or None for a stop, Reasons): the order of fall-backs.

    `base_action` and `sent` are None where there is none for this step. Without a usable base
    action there is nothing to hold the residual against: a stop, whatever was sent.
    """
    settings, size = limits.settings, len(limits.residual)
    if base_action is None:
        return None, [Reason.BASE_MISSING]
    if not usable(base_action, size):
        return None, [Reason.BASE_BAD]
    late = timeout(base_ages, settings.base_action_timeout, Reason.BASE_STALE, Reason.BASE_OLD)
    if late:
        return None, [late]
    fault = _command_fault(sent, command_ages, residual_on, size, settings)
    if fault:
        return np.clip(base_action, -1.0, 1.0), [fault]
    action = bounded(sent, base_action, limits.residual)
    kept = (action == np.clip(sent, -1.0, 1.0)).all()
    return action, [] if kept else [Reason.RESIDUAL_BOUNDED]


def _command_fault(sent, command_ages, residual_on, size, settings):
    """Return why a command cannot be used, or None."""
    if not residual_on:
        return Reason.RESIDUAL_OFF
    if sent is None:
        return Reason.COMMAND_MISSING
    if not usable(sent, size):
        return Reason.COMMAND_BAD
    return timeout(command_ages, settings.command_timeout, Reason.COMMAND_STALE,
                   Reason.COMMAND_OLD)
