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

"""The limits of a contract as the arrays that each command is held against."""

from dataclasses import dataclass
import math

import numpy as np

MAX_WINDOW = 10
"""Most periods over which a command may be spread: beyond, an arm lags too far behind."""


def window(settings):
    """
    Return over how many periods commands are averaged so that the jerk limits hold.

    The mean of n velocities, each at most a * T from the one before, has a jerk of at most
    2 * a / (n * T): when the acceleration turns round between the newest and the one that leaves.
    """
    period = 1.0 / settings.command_rate
    needed = max(2 * settings.acceleration_limit / (settings.jerk_limit * period),
                 2 * settings.turn_acceleration_limit / (settings.turn_jerk_limit * period))
    return max(1, math.ceil(needed - 1e-9))


@dataclass(frozen=True)
class Limits:
    """
    What a command may be. m, rad and s; pairs are (linear, angular).

    Attributes
    ----------
    period: time between commands
    window: commands over which velocities are averaged
    weights: (window - 1, 1), share of each earlier command that is still to be driven
    speed, acceleration, jerk: pairs
    step: pair, largest change of the velocity before it is averaged, per period
    low, high: (3,), the workspace above the table
    soft_low, soft_high: (3,), the same less its margin: where the grip comes to rest
    residual: (4,), largest difference between action and base action
    joint_low, joint_high, joint_speed: (J,)
    settings: the AdapterSettings that these are from

    """

    period: float
    window: int
    weights: np.ndarray
    speed: tuple
    acceleration: tuple
    jerk: tuple
    step: tuple
    low: np.ndarray
    high: np.ndarray
    soft_low: np.ndarray
    soft_high: np.ndarray
    residual: np.ndarray
    joint_low: np.ndarray
    joint_high: np.ndarray
    joint_speed: np.ndarray
    settings: object


def limits_of(settings, contract=None):
    """
    Return the Limits of checked AdapterSettings.

    `contract` are those of the start, where `settings` were tightened since: the window stays.
    """
    period, count = 1.0 / settings.command_rate, window(contract or settings)
    acceleration = settings.acceleration_limit, settings.turn_acceleration_limit
    jerk = settings.jerk_limit, settings.turn_jerk_limit
    low, high = np.array(settings.workspace_low), np.array(settings.workspace_high)
    low[2] = max(low[2], settings.table_height + settings.table_clearance)
    return Limits(
        period=period, window=count,
        weights=np.arange(count - 1, 0, -1).reshape(-1, 1) / count,
        speed=(settings.speed_limit, settings.turn_speed_limit),
        acceleration=acceleration, jerk=jerk,
        # A jerk limit that was tightened since is kept by accelerating less.
        step=tuple(min(a * period, j * period ** 2 * count / 2)
                   for a, j in zip(acceleration, jerk)),
        low=low, high=high, soft_low=low + settings.workspace_margin,
        soft_high=high - settings.workspace_margin,
        residual=np.minimum(settings.max_residual, settings.residual_bounds),
        joint_low=np.array(settings.joint_low), joint_high=np.array(settings.joint_high),
        joint_speed=np.array(settings.joint_speed_limit), settings=settings)
