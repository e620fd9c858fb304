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

"""A controller whose failures stop the robot and are reported with file and line."""

from typing import cast

import numpy as np
from rpl_ros.common.described import described
from rpl_ros.common.watch import Watch
from rpl_ros.contracts import Controller
from rpl_ros.controllers.function import Act, as_controller, ControllerError

MOST_FAILURES = 50
"""Failures in a row that end a run."""


class Guard:
    """
    Returns NaN where the controller in it fails, with which the policy stops the robot.

    `problem` is the first failure since it was last set to '', `failures` the number of failures
    in a row.
    """

    def __init__(self, controller: Controller | Act, action_size: int, name: str = '') -> None:
        """
        Guard a controller of actions (action_size,).

        With a `name`, MOST_FAILURES in a row raise ControllerError, and a call that takes long is
        told on the standard error.
        """
        self.controller, self._size, self._name = as_controller(controller), action_size, name
        self.sees_achieved_goal: bool = getattr(self.controller, 'sees_achieved_goal', False)
        self.problem, self.failures = '', 0
        self._watch = Watch(f'a step of the controller {name}') if name else None
        self._unready = ''  # why the controller could not begin the episode

    def reset(self, episode: int) -> None:
        """
        Begin an episode.

        A controller whose reset() fails is not called in this episode: it would act on the last.
        """
        self._unready = ''
        try:
            self.controller.reset(episode)
        except Exception as error:  # a user's own function may raise anything
            self._unready = f'its reset() failed: {described(error)}'

    def forget(self) -> None:
        """Forget the rest of a chunk of actions: see Paced."""
        getattr(self.controller, 'forget', lambda: None)()

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray,
                 *achieved_goal: np.ndarray) -> np.ndarray:
        """Return the base action (A,), or NaNs after a failure, which sets `problem`."""
        problem, call = self._unready, cast(Act, self.controller)
        try:
            if not problem:
                if self._watch:
                    self._watch.begin()
                action = np.asarray(call(observation, desired_goal, *achieved_goal),
                                    dtype=np.float64)
                if self._watch:
                    self._watch.end()
                if action.shape == (self._size,) and np.isfinite(action).all():
                    self.failures = 0
                    return action
                problem = f'it returned {action}, expected {self._size} finite numbers'
        except Exception as error:  # a user's own function may raise anything
            problem = described(error)
        if self._watch:
            self._watch.end()
        self._note(problem)
        return np.full(self._size, np.nan)

    def _note(self, problem: str) -> None:
        self.problem, self.failures = self.problem or problem, self.failures + 1
        if self._name and self.failures >= MOST_FAILURES:
            raise ControllerError(f'controller {self._name} gave no usable action {self.failures} '
                                  f'times in a row: {self.problem}')
