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
What flows between the parts: states, base actions, commands and whole episodes.

The dataclasses carry the fields of the messages of the same names in `rpl_msgs` (units and
frames are documented there), as numpy arrays instead of wire types.
"""

from dataclasses import dataclass, field

import numpy as np

NOTHING = np.empty(0)
"""An action that nobody knows, or that needs no words: see State.msg, `executed`."""

# Status of a command and mode of an episode: equal to the constants in Command.msg and
# EpisodeResult.msg (a test compares them); repeated here because plain Python has no rpl_msgs.
RESIDUAL, EXPLORING, BASE_EPISODE, NO_POLICY, BAD_RESIDUAL = range(5)
STOP_BAD_BASE, STOP_NO_BASE, EPISODE_END, STOP_BAD_STATE, PERSON = range(5, 10)
EXPLORE, BASE, EVALUATE = range(3)
MODE_NAMES = {EXPLORE: 'explore', BASE: 'base', EVALUATE: 'evaluate'}


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

    @property
    def last(self):
        """Return whether the episode ends here."""
        return self.terminated or self.truncated


@dataclass(frozen=True)
class BaseAction:
    """What the given controller would do: see BaseAction.msg."""

    episode: int
    step: int
    action: np.ndarray
    controller: str = ''


@dataclass(frozen=True)
class Command:
    """What the robot is told to do, and why: see Command.msg."""

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
        The action that was asked for, the one that the robot executed, and the residual in the
        latter: see transitions.executed_by().
    desired_goal: (G,)
    valid: (T,) bool
        Whether transition t is complete: both states, the command, its base action and the
        next one arrived, and an action was executed.
    success: whether the last state was a success.
    ended: whether the episode ended there; otherwise nothing more was recorded.
    terminated: whether the task ended it: there is no return after the last state.
    mode: EXPLORE, BASE or EVALUATE: how it was driven.

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
    mode: int = EXPLORE
    terminated: bool = False

    @property
    def steps(self):
        """Return the number of control steps T."""
        return len(self.valid)
