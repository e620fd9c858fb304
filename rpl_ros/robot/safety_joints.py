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
Joint limits, joint speeds and singularities: one factor for the whole twist keeps its path.

The joints are taken to move by the pseudo-inverse of the Jacobian, as the Fetch's twist controller
and MoveIt Servo do it. Near a singularity the motion counts that raises the condition number;
away from it the arm is free. Jacobians are (6, J), linear rows, then angular, in the axes of the
twist; joints (J,), rad.
"""

import numpy as np

from rpl_ros.robot.safety_motion import length, NEARLY

HEADROOM = 0.9
"""Share of the joint speed limits that is asked for: braking at the limits takes the rest."""


class Arm:
    """The arm as it stands: positions, condition number, joint speeds of a twist."""

    def __init__(self, joints, jacobian, limits):
        """
        Take joints (J,), a function from joints to the Jacobian, and Limits.

        ValueError where a Jacobian is not finite, of another shape or not to be decomposed.
        """
        self._joints, self._jacobian, self._limits = joints, jacobian, limits
        left, values, right = decomposed(jacobian(joints), len(joints))
        self.condition = condition(values)
        kept = values > 1e-9 * max(values[0], 1e-12)
        self._inverse = (right[kept].T / values[kept]) @ left[:, kept].T

    def speeds(self, twist):
        """Return the speed of each joint, (J,), rad/s, for a twist (6,)."""
        return self._inverse @ twist

    def condition_after(self, twist):
        """Return the condition number after a period at a twist (6,)."""
        ahead = self._joints + self.speeds(twist) * self._limits.period
        return condition(decomposed(self._jacobian(ahead), len(ahead))[1])

    def joint_factor(self, twist):
        """
        Return the factor, 0 to 1, by which a twist must shrink for the joints' limits.

        A joint that nears its limit comes to rest at the margin before it.
        """
        limits, speeds = self._limits, self.speeds(twist)
        # The slope with which any speed can still be braked at the acceleration limit.
        periods = max(limits.speed[0] / limits.step[0], limits.speed[1] / limits.step[1])
        time = limits.period * (limits.window + periods)
        margin = limits.settings.joint_margin
        room = np.where(speeds > 0, limits.joint_high - margin - self._joints,
                        self._joints - limits.joint_low - margin)
        most = np.minimum(np.maximum(room, 0.0) / time, HEADROOM * limits.joint_speed)
        return _factor(np.abs(speeds), most)

    def singularity_factor(self, twist):
        """
        Return the factor, 0 to 1, by which a twist must shrink for the condition number.

        What counts is where the twist leads to, since the arm answers a period later.
        """
        low, high = self._limits.settings.singularity_slow, self._limits.settings.singularity_stop
        after = self.condition_after(twist)
        if after <= low or after < self.condition:
            return 1.0
        return max(0.0, (high - after) / (high - low))

    def joints_keep(self, twist, planned):
        """Return whether no joint passes a limit with `twist` and braking from `planned`."""
        limits, speeds = self._limits, self.speeds(twist)
        periods = max(length(planned[:3]) / limits.step[0], length(planned[3:]) / limits.step[1])
        ahead = self._joints + speeds * limits.period * (1 + (limits.window - 1 + periods) / 2)
        past = ((speeds > 0) & (ahead > limits.joint_high)
                | (speeds < 0) & (ahead < limits.joint_low))
        return not past.any() and bool((np.abs(speeds) <= limits.joint_speed * NEARLY).all())

    def singular(self, twist):
        """Return whether a twist leads towards a singularity that is already too near."""
        return (self.condition >= self._limits.settings.singularity_stop and bool(twist.any())
                and self.condition_after(twist) >= self.condition)


def decomposed(jacobian, joints):
    """
    Return the singular value decomposition of a Jacobian for so many joints.

    ValueError where it is not finite, of another shape or cannot be computed.
    """
    jacobian = np.asarray(jacobian, dtype=float)
    if jacobian.shape != (6, joints) or not (np.abs(jacobian) < 1e6).all():
        raise ValueError(f'Jacobian of shape {jacobian.shape}, expected finite numbers and '
                         f'(6, {joints})')
    try:
        return np.linalg.svd(jacobian, full_matrices=False)
    except np.linalg.LinAlgError as error:
        raise ValueError(f'Jacobian: {error}') from error


def condition(values):
    """
    Return the condition number of six singular values, largest first; inf if one is nought.

    An arm of fewer than six joints cannot move its tool freely: it is always singular.
    """
    if len(values) < 6 or values[-1] <= 1e-9 * values[0]:
        return np.inf
    return float(values[0] / values[-1])


def _factor(values, most):
    """Return the largest factor up to 1 by which no value is above its `most`."""
    over = values > most
    return float((most[over] / values[over]).min()) if over.any() else 1.0
