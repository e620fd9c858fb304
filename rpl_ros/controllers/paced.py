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

"""Chunks of actions, and controllers of a lower rate than the residual."""

from typing import Any

import numpy as np
from rpl_ros.common.brief import brief
from rpl_ros.contracts import Controller
from rpl_ros.controllers.function import ControllerError

MOST_STEPS = 10_000
"""Most control steps for which an action is held."""


class Paced:
    """
    Calls a controller only in the control steps in which a new action is due.

    The controller returns one action (A,), or a chunk (n, A), one row for each of its own steps.
    One of its steps is `every` control steps, in which the action is held. Its other attributes
    are those of this object, too.
    """

    def __init__(self, controller: Controller, every: int) -> None:
        """Pace a controller; see paced() for one that says itself how often it is called."""
        self.controller, self.every = controller, every
        self._due: list[np.ndarray] = []  # actions of the next control steps

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the controller, such as prepare."""
        return getattr(self.controller, name)

    def forget(self) -> None:
        """Call the controller in the next control step, whatever is left of its last answer."""
        self._due = []

    def reset(self, episode: int) -> None:
        """Begin an episode: forget the rest of a chunk."""
        self.forget()
        self.controller.reset(episode)

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray,
                 *achieved_goal: np.ndarray) -> np.ndarray:
        """
        Return the base action (A,) of this control step, as given: not clipped.

        ValueError for an answer that is empty or not finite, of which nothing is then executed.
        """
        if not self._due:
            call: Any = self.controller
            found = call(observation, desired_goal, *achieved_goal)
            self._due = self._steps(np.array(found, dtype=np.float64))
        return self._due.pop(0)

    def _steps(self, found: np.ndarray) -> list[np.ndarray]:
        """Return the action of each control step until the controller is called again."""
        if not found.size or not np.isfinite(found).all():
            raise ValueError(f'it returned {brief(found.tolist())}, expected finite numbers: an '
                             'action (A,), or a chunk of actions (n, A)')
        rows = found if found.ndim == 2 else found[None]
        return [row.copy() for row in rows for _ in range(self.every)]


def paced(controller: Controller, every: Any, text: str) -> Paced:
    """
    Return a controller that is called in each `every`-th control step.

    None: as its attribute `every` says, or else in each one. ControllerError for another value.
    """
    if every is None:
        every = getattr(controller, 'every', 1)
    if type(every) is not int or not 1 <= every <= MOST_STEPS:
        raise ControllerError(f'controller {text!r}: every is {brief(every)}, expected a whole '
                              f'number from 1 to {MOST_STEPS}')
    return Paced(controller, every)
