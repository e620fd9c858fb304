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

"""The limits of a contract as the arrays that each command is compared with."""

from dataclasses import dataclass
import math

import numpy as np
from rpl_ros.settings.robot import AdapterSettings

MAX_WINDOW = 10
"""Most periods over which a command may be spread: with more, the arm lags too far behind."""
Pair = tuple[float, float]  # (linear, angular)


def window(settings: AdapterSettings) -> int:
    """
    Return over how many periods commands are averaged to keep the jerk limits.

    The mean of n velocities, each at most a * T from the one before, has a jerk of at most
    2 * a / (n * T): that is when the newest velocity accelerates and the oldest one brakes.
    """
    period = 1.0 / settings.command_rate
    needed = max(2 * settings.acceleration_limit / (settings.jerk_limit * period),
                 2 * settings.turn_acceleration_limit / (settings.turn_jerk_limit * period))
    return max(1, math.ceil(needed - 1e-9))


@dataclass(frozen=True)
class Limits:
    """
    The limits of a command: m, rad and s; pairs are (linear, angular).

    Attributes
    ----------
    period: time between commands
    window: number of commands over which velocities are averaged
    weights: (window - 1, 1), share of each earlier command that is still to be executed
    speed, acceleration, jerk: pairs
    step: pair, largest change per period of the velocity before it is averaged
    low, high: (3,), the workspace above the table
    soft_low, soft_high: (3,), the workspace less its margin, in which the grip stops
    residual: (4,), largest difference between action and base action
    joint_low, joint_high, joint_speed: (J,)
    settings: the settings that these limits are computed from

    """

    period: float
    window: int
    weights: np.ndarray
    speed: Pair
    acceleration: Pair
    jerk: Pair
    step: Pair
    low: np.ndarray
    high: np.ndarray
    soft_low: np.ndarray
    soft_high: np.ndarray
    residual: np.ndarray
    joint_low: np.ndarray
    joint_high: np.ndarray
    joint_speed: np.ndarray
    settings: AdapterSettings


def limits_of(settings: AdapterSettings, contract: AdapterSettings | None = None) -> Limits:
    """
    Return the Limits of checked settings.

    `contract` are the settings at the start, where `settings` were tightened since: the window
    stays that of the contract.
    """
    period, count = 1.0 / settings.command_rate, window(contract or settings)
    acceleration = settings.acceleration_limit, settings.turn_acceleration_limit
    jerk = settings.jerk_limit, settings.turn_jerk_limit
    low, high = np.array(settings.workspace_low), np.array(settings.workspace_high)
    low[2] = max(low[2], settings.table_height + settings.table_clearance)
    # With a window that stays, a tightened jerk limit is kept by accelerating less.
    linear, angular = (min(a * period, j * period ** 2 * count / 2)
                       for a, j in zip(acceleration, jerk))
    return Limits(
        period=period, window=count,
        weights=np.arange(count - 1, 0, -1).reshape(-1, 1) / count,
        speed=(settings.speed_limit, settings.turn_speed_limit),
        acceleration=acceleration, jerk=jerk, step=(linear, angular),
        low=low, high=high, soft_low=low + settings.workspace_margin,
        soft_high=high - settings.workspace_margin,
        residual=np.minimum(settings.max_residual, settings.residual_bounds),
        joint_low=np.array(settings.joint_low), joint_high=np.array(settings.joint_high),
        joint_speed=np.array(settings.joint_speed_limit), settings=settings)
