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
The base controller: resolved rates towards the target, on a model of its own of the arm.

Its model of the arm is calibrated badly: the zeros of two joints are off by 0.05 rad, and the
tool is 2.5 cm longer than the model has it. So it ends up to 3 cm beside the target; how far
and where depends on the pose. The observation has the tool's true position, as a tracker sees it.
The controller does not use that. From it, the residual can tell the difference.
"""

import numpy as np
from ur_reach.environment import SPEED

D = np.array([0.1625, 0.0, 0.0, 0.1333, 0.0997, 0.0996])
A = np.array([0.0, -0.425, -0.3922, 0.0, 0.0, 0.0])
ALPHA = np.array([np.pi / 2, 0.0, 0.0, np.pi / 2, -np.pi / 2, 0.0])
"""DH parameters of a UR5e (6,), m and rad; arm.xml names the source."""
TOOL = 0.15
"""Length of the tool, m."""

OFFSETS = np.array([0.0, 0.05, 0.0, -0.05, 0.0, 0.0])
"""The fault: what the model adds to the measured position of each joint (6,), rad."""
SHORT = 0.025
"""The fault: how much too short the model's tool is, m."""

GAIN = 2.5
"""Speed towards the target per distance, 1/s."""
DAMPING = 0.05
"""Of the least squares, m: smaller is more exact, larger is slower near a singular pose."""


def tool_and_jacobian(positions: np.ndarray, offsets: np.ndarray = OFFSETS,
                      short: float = SHORT) -> tuple[np.ndarray, np.ndarray]:
    """
    Return where the model has the tool (3,), m, base_link, and its Jacobian (3, 6), m/rad.

    `positions` (6,), rad, are as measured. `offsets`, rad, and `short`, m, are the fault: with
    zeros the model is that of the true arm.
    """
    turn, place = np.diag([-1.0, -1.0, 1.0]), np.zeros(3)  # half a turn: base_link
    axes, origins = [], []
    for angle, d, a, alpha in zip(positions + offsets, D, A, ALPHA):
        axes.append(turn[:, 2])
        origins.append(place)
        c, s, ca, sa = np.cos(angle), np.sin(angle), np.cos(alpha), np.sin(alpha)
        place = place + turn @ np.array([a * c, a * s, d])
        turn = turn @ np.array([[c, -s * ca, s * sa], [s, c * ca, -c * sa], [0.0, sa, ca]])
    tool = place + turn[:, 2] * (TOOL - short)
    return tool, np.cross(np.array(axes), tool - np.array(origins)).T


def rates(positions: np.ndarray, target: np.ndarray, offsets: np.ndarray = OFFSETS,
          short: float = SHORT) -> np.ndarray:
    """
    Return velocities of the joints (6,), rad/s, that bring the tool to a target (3,), m.

    They are damped least squares, all slowed alike where one would be above SPEED. `positions`
    (6,), rad; `offsets` and `short` as in tool_and_jacobian().
    """
    tool, jacobian = tool_and_jacobian(positions, offsets, short)
    damped = jacobian @ jacobian.T + DAMPING ** 2 * np.eye(3)
    found = jacobian.T @ np.linalg.solve(damped, GAIN * (target - tool))
    return found / max(1.0, float(np.abs(found).max()) / SPEED)


def act(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return an action (6,) in [-1, 1] for an observation (15,) and a target (3,), m."""
    return rates(observation[:6], desired_goal) / SPEED
