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

"""A controller whose failures stop the robot, and say what was wrong in which line."""

from pathlib import Path
import sysconfig
import traceback

import numpy as np

MOST_FAILURES = 50
"""Actions in a row that a controller may fail to give."""
_OURS = (Path(__file__).parents[1], *(Path(sysconfig.get_path(name))
                                      for name in ('stdlib', 'platlib', 'purelib')))


class ControllerError(ValueError):
    """A controller of the user's own that is of no use: says what, and in which line."""


class Guard:
    """
    A controller whose failures end in NaN, with which the policy stops the robot.

    `problem` says what was wrong first since it was last set to '', `failures` how many actions
    in a row were of no use.
    """

    def __init__(self, controller, action_size, name=''):
        """
        Take a function (observation, desired_goal) -> base action.

        With a `name`, MOST_FAILURES in a row are a ControllerError.
        """
        self.controller, self._size, self._name = controller, action_size, name
        self.problem, self.failures = '', 0
        self._unready = ''  # why the controller does not know that an episode began

    def reset(self):
        """
        Tell the controller that an episode begins, if it wants to know.

        Where it fails it is not asked in this episode: it would act on what is past.
        """
        self._unready = ''
        try:
            begin_episode(self.controller)
        except Exception as error:  # a user's own function may raise anything
            self._unready = f'its reset() failed: {described(error)}'

    def __call__(self, observation, desired_goal):
        """Return the base action (A,), or NaNs; notes the first problem."""
        problem = self._unready
        try:
            if not problem:
                action = np.asarray(self.controller(observation, desired_goal), dtype=np.float64)
                if action.shape == (self._size,) and np.isfinite(action).all():
                    self.failures = 0
                    return action
                problem = f'it returned {action}, expected {self._size} finite numbers'
        except Exception as error:  # a user's own function may raise anything
            problem = described(error)
        self._note(problem)
        return np.full(self._size, np.nan)

    def _note(self, problem):
        self.problem, self.failures = self.problem or problem, self.failures + 1
        if self._name and self.failures >= MOST_FAILURES:
            raise ControllerError(f'controller {self._name} gave no usable action {self.failures} '
                                  f'times in a row: {self.problem}')


def begin_episode(controller):
    """Tell a controller that an episode begins, where it has a function reset()."""
    reset = getattr(controller, 'reset', None)
    if reset is not None:
        reset()


def described(error):
    """Return an exception in one line, with the place in the user's code that raised it."""
    if isinstance(error, SyntaxError) and error.filename:
        return f'{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})'
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if not frame.filename.startswith('<frozen')]
    # The deepest line is often one of a library, or of ours, that the user's code has called.
    theirs = [frame for frame in frames if not any(Path(frame.filename).is_relative_to(place)
                                                   for place in _OURS)]
    place = (theirs or frames)[-1:]
    return f'{type(error).__name__}: {" ".join(str(error).split())}' + ''.join(
        f' ({frame.filename}:{frame.lineno})' for frame in place)
