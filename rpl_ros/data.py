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
The data between the parts: states, base actions, commands and whole episodes.

The dataclasses have the fields of the messages with the same names in `rpl_msgs` (which document
units and frames), as numpy arrays in place of wire types.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

NOTHING = np.empty(0)
"""An action that is unknown, or equal to the command: see State.msg, `executed`."""


class Status(IntEnum):
    """What a Command is, as in Command.msg (a test compares them)."""

    RESIDUAL = 0
    EXPLORING = 1
    BASE_EPISODE = 2
    NO_POLICY = 3
    BAD_RESIDUAL = 4
    STOP_BAD_BASE = 5
    STOP_NO_BASE = 6
    EPISODE_END = 7
    STOP_BAD_STATE = 8
    PERSON = 9
    RESIDUAL_OFF = 10


class Mode(IntEnum):
    """How an episode is driven, as in EpisodeResult.msg (a test compares them)."""

    EXPLORE = 0
    BASE = 1
    EVALUATE = 2


MODE_NAMES = {mode: mode.name.lower() for mode in Mode}


@dataclass(frozen=True)
class State:
    """The robot and its scene after `step` control steps: see State.msg."""

    episode: int
    step: int
    observation: np.ndarray
    achieved_goal: np.ndarray
    desired_goal: np.ndarray
    reward: float = 0.0
    success: bool = False
    terminated: bool = False
    truncated: bool = False
    applied: bool = False
    command_age: float = 0.0
    executed: np.ndarray = field(default_factory=lambda: NOTHING)
    motion: np.ndarray = field(default_factory=lambda: NOTHING)
    problem: str = ''

    @property
    def last(self) -> bool:
        """Return whether the episode ends here."""
        return self.terminated or self.truncated


@dataclass(frozen=True)
class BaseAction:
    """What the base controller would do: see BaseAction.msg."""

    episode: int
    step: int
    action: np.ndarray
    controller: str = ''


@dataclass(frozen=True)
class Command:
    """What the robot must do, and why: see Command.msg."""

    episode: int
    step: int
    mode: int
    policy_version: int
    base_action: np.ndarray
    residual: np.ndarray
    residual_scale: float
    total: np.ndarray
    sent: np.ndarray
    status: int


@dataclass(frozen=True)
class Episode:
    """
    One recorded episode of T steps; transition t leads from row t to row t + 1.

    Attributes
    ----------
    observations: (T + 1, O), achieved_goals: (T + 1, G), base_actions: (T + 1, A)
        Rows that were lost are NaN, and `valid` is false on both sides of them.
    sent, executed, residuals: (T, A)
        The action that was sent, the one that the robot executed, and the residual in the
        executed one: see transitions.executed_by().
    desired_goal: (G,)
    valid: (T,) bool
        Whether transition t is complete: both states, both commands with their base actions
        arrived, and an action was executed. Never where there is a `problem`.
    success: whether the last state was a success.
    ended: whether the episode ended there; otherwise the record stops before its end.
    terminated: whether the task ended it: there is no return after the last state.
    mode: how it was driven.
    problem: why it could not continue, as in State.msg, or ''.
    rewards: (T,)
        As the states gave them; empty where nobody recorded them.

    """

    episode: int
    observations: np.ndarray
    achieved_goals: np.ndarray
    desired_goal: np.ndarray
    base_actions: np.ndarray
    residuals: np.ndarray
    sent: np.ndarray
    executed: np.ndarray
    valid: np.ndarray
    success: bool
    ended: bool = True
    mode: int = Mode.EXPLORE
    terminated: bool = False
    problem: str = ''
    rewards: np.ndarray = field(default_factory=lambda: NOTHING)

    @property
    def steps(self) -> int:
        """Return the number of control steps T."""
        return len(self.valid)
