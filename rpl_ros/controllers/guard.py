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

"""A controller whose failures stop the robot, and say what was wrong."""

import traceback

import numpy as np


class Guard:
    """
    A controller whose failures end in NaN, with which the policy stops the robot.

    `problem` says what was wrong first since it was last set to ''.
    """

    def __init__(self, controller, action_size):
        """Take a function (observation, desired_goal) -> base action."""
        self.controller, self._size = controller, action_size
        self.problem = ''

    def reset(self):
        """Tell the controller that an episode begins, if it wants to know."""
        try:
            begin_episode(self.controller)
        except Exception as error:  # a user's own function may raise anything
            self._note(_described(error))

    def __call__(self, observation, desired_goal):
        """Return the base action (A,), or NaNs; notes the first problem."""
        try:
            action = np.asarray(self.controller(observation, desired_goal), dtype=np.float64)
            if action.shape == (self._size,) and np.isfinite(action).all():
                return action
            self._note(f'it returned {action}, expected {self._size} finite numbers')
        except Exception as error:  # a user's own function may raise anything
            self._note(_described(error))
        return np.full(self._size, np.nan)

    def _note(self, problem):
        self.problem = self.problem or problem


def begin_episode(controller):
    """Tell a controller that an episode begins, where it has a function reset()."""
    reset = getattr(controller, 'reset', None)
    if reset is not None:
        reset()


def _described(error):
    """Return an exception in words, with the line of the code that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f'{type(error).__name__}: {error} ({place.filename}, line {place.lineno})'
