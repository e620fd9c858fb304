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
Limits of joint positions and speeds, and singularities: one factor slows the whole twist.

Joint velocities are computed with the pseudo-inverse of the Jacobian, as the twist controller of
the Fetch and MoveIt Servo do it. Near a singularity only motion that raises the condition number
is slowed. Jacobians are (6, J), linear rows, then angular, in the axes of the twist; joint
positions are (J,), rad.
"""

from collections.abc import Callable
import math

import numpy as np
from rpl_ros.robot.safety.limits import Limits
from rpl_ros.robot.safety.motion import length, NEARLY

HEADROOM = 0.9
"""Share of the joint speed limits that is used: the rest is for braking at joint limits."""


Jacobian = Callable[[np.ndarray], np.ndarray]  # from joint positions (J,) to (6, J)


class Arm:
    """
    The arm at its present joint positions: its condition number, and the joint speeds of a twist.

    ValueError, from each method too, if a Jacobian is not finite or not (6, J).
    """

    def __init__(self, joints: np.ndarray, jacobian: Jacobian, limits: Limits) -> None:
        """Decompose the Jacobian at the positions `joints` (J,)."""
        self._joints, self._jacobian, self._limits = joints, jacobian, limits
        left, values, right = decomposed(jacobian(joints), len(joints))
        self.condition = condition(values)
        kept = values > 1e-9 * max(values[0], 1e-12)
        self._inverse = (right[kept].T / values[kept]) @ left[:, kept].T

    def speeds(self, twist: np.ndarray) -> np.ndarray:
        """Return the speed of each joint, (J,), rad/s, for a twist (6,)."""
        return self._inverse @ twist

    def condition_after(self, twist: np.ndarray) -> float:
        """Return the condition number after a period at a twist (6,)."""
        ahead = self._joints + self.speeds(twist) * self._limits.period
        return condition(decomposed(self._jacobian(ahead), len(ahead))[1])

    def joint_factor(self, twist: np.ndarray) -> float:
        """
        Return the factor, 0 to 1, that slows a twist to keep the limits of the joints.

        A joint near its limit decelerates to a stop at the margin before the limit.
        """
        limits, speeds = self._limits, self.speeds(twist)
        # With this time constant, every speed can still be braked at the acceleration limit.
        periods = max(limits.speed[0] / limits.step[0], limits.speed[1] / limits.step[1])
        time = limits.period * (limits.window + periods)
        margin = limits.settings.joint_margin
        room = np.where(speeds > 0, limits.joint_high - margin - self._joints,
                        self._joints - limits.joint_low - margin)
        most = np.minimum(np.maximum(room, 0.0) / time, HEADROOM * limits.joint_speed)
        return _factor(np.abs(speeds), most)

    def singularity_factor(self, twist: np.ndarray) -> float:
        """
        Return the factor, 0 to 1, that slows a twist to limit the condition number.

        It depends on the condition number after the twist: the arm reacts a period later.
        """
        low, high = self._limits.settings.singularity_slow, self._limits.settings.singularity_stop
        after = self.condition_after(twist)
        if after <= low or after < self.condition:
            return 1.0
        return max(0.0, (high - after) / (high - low))

    def joints_keep(self, twist: np.ndarray, planned: np.ndarray) -> bool:
        """Return whether all joints keep their limits: with `twist`, then braking `planned`."""
        limits, speeds = self._limits, self.speeds(twist)
        periods = max(length(planned[:3]) / limits.step[0], length(planned[3:]) / limits.step[1])
        ahead = self._joints + speeds * limits.period * (1 + (limits.window - 1 + periods) / 2)
        past = ((speeds > 0) & (ahead > limits.joint_high)
                | (speeds < 0) & (ahead < limits.joint_low))
        return not past.any() and bool((np.abs(speeds) <= limits.joint_speed * NEARLY).all())

    def singular(self, twist: np.ndarray) -> bool:
        """Return whether a twist leads towards a singularity that is too near already."""
        return (self.condition >= self._limits.settings.singularity_stop and bool(twist.any())
                and self.condition_after(twist) >= self.condition)


def decomposed(jacobian: np.ndarray,
               joints: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Return the singular value decomposition of a Jacobian (6, `joints`).

    ValueError if it is not finite, of another shape or cannot be decomposed.
    """
    jacobian = np.asarray(jacobian, dtype=float)
    if jacobian.shape != (6, joints) or not (np.abs(jacobian) < 1e6).all():
        raise ValueError(f'Jacobian of shape {jacobian.shape}, expected finite numbers and '
                         f'(6, {joints})')
    try:
        return np.linalg.svd(jacobian, full_matrices=False)
    except np.linalg.LinAlgError as error:
        raise ValueError(f'Jacobian: {error}') from error


def condition(values: np.ndarray) -> float:
    """
    Return the condition number for six singular values, largest first; inf if one is zero.

    An arm of fewer than six joints cannot move its tool freely: it is always singular.
    """
    if len(values) < 6 or values[-1] <= 1e-9 * values[0]:
        return math.inf
    return float(values[0] / values[-1])


def _factor(values: np.ndarray, most: np.ndarray) -> float:
    """Return the largest factor, up to 1, that brings all `values` to at most `most`."""
    over = values > most
    return float((most[over] / values[over]).min()) if over.any() else 1.0
