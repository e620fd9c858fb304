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


"""Plain functions (observation, desired_goal) -> base action as Controllers."""

from collections.abc import Callable
from functools import update_wrapper
from inspect import signature
from typing import Any

import numpy as np
from rpl_ros.contracts import Controller
from rpl_ros.data import State

Act = Callable[..., np.ndarray]
"""A function of observation (O,) and desired goal (G,) that returns the base action (A,)."""

OPTIONAL = ('prepare', 'observation_size', 'every', 'sees_achieved_goal', 'for_task')
"""Attributes that a controller may have: see contracts.Controller."""


class ControllerError(ValueError):
    """A user's controller that cannot be used: says what is wrong, and in which line."""


def check_size(observation: np.ndarray, size: int, name: str) -> None:
    """Raise ValueError where an observation has not `size` numbers; `name` is the controller's."""
    if np.shape(observation) != (size,):
        raise ValueError(f'{name} expects an observation of {size} numbers, was given one of '
                         f'shape {np.shape(observation)}: it is for another task')


class FunctionController:
    """
    A Controller without memory, made of a function or of an object that has no reset().

    The attributes of the function are those of the controller, too: see contracts.Controller.
    """

    observation_size: int | None = None
    prepare: Callable[[], Any] = staticmethod(lambda: None)
    sees_achieved_goal = False

    def __init__(self, function: Act, observation_size: int | None = None) -> None:
        """Refuse observations of other sizes than `observation_size`, if it is given."""
        update_wrapper(self, function)
        self.function, self.name = function, getattr(function, '__name__', str(function))
        take_optional(self, function)
        if observation_size is not None:
            self.observation_size = observation_size

    def reset(self, episode: int) -> None:
        """Do nothing: the next action depends on the observation alone."""

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray,
                 *achieved_goal: np.ndarray) -> np.ndarray:
        """Return the base action (A,); ValueError for an observation of another size."""
        if self.observation_size is not None:
            check_size(observation, self.observation_size, self.name)
        return self.function(observation, desired_goal, *achieved_goal)


def take_optional(controller: Any, given: Any) -> None:
    """Give a controller those attributes in OPTIONAL that `given` has."""
    for name in OPTIONAL:
        if hasattr(given, name):
            setattr(controller, name, getattr(given, name))


def for_observations(size: int) -> Callable[[Act], FunctionController]:
    """Return a decorator that makes a controller for observations of `size` numbers."""
    return lambda function: FunctionController(function, size)


def as_controller(given: Any) -> Controller:
    """
    Return an object with reset(episode) as it is, a plain function as a FunctionController.

    The method of an object may be called act() in place of __call__(). ControllerError where
    reset() does not take the number of the episode.
    """
    if not callable(given):
        by_act: Any = FunctionController(given.act)
        take_optional(by_act, given)
        by_act.reset = getattr(given, 'reset', by_act.reset)
        given = by_act
    if not isinstance(given, Controller):
        return FunctionController(given)
    _require_arguments(given.reset, (0,), f'reset() of {type(given).__name__} must take the '
                       'number of the episode, as in `def reset(self, episode)`')
    return given


def _require_arguments(function: Callable, arguments: tuple, what: str) -> None:
    """Raise ControllerError, which begins with `what`, where a function does not take these."""
    try:
        signature(function).bind(*arguments)
    except TypeError as error:
        raise ControllerError(f'{what}: {error}') from None
    except ValueError:  # compiled code does not tell its arguments
        pass


def checked(given: Any, text: str) -> Controller:
    """Return the Controller of what a user gave; ControllerError where it can be none."""
    if isinstance(given, type) or not (callable(given) or callable(getattr(given, 'act', None))):
        kind = f'the class {given.__name__}' if isinstance(given, type) else (
            f'a {type(given).__name__}')
        raise ControllerError(f'controller {text!r} is {kind}, expected a function (observation, '
                              'desired_goal) -> base action, or an object with reset() and act()')
    achieved = (None,) if getattr(given, 'sees_achieved_goal', False) else ()
    _require_arguments(given if callable(given) else given.act, (None, None, *achieved),
                       f'controller {text!r} must take (observation, desired_goal'
                       f'{", achieved_goal" if achieved else ""})')
    return as_controller(given)


def base_action(controller: Controller, state: State) -> np.ndarray:
    """Return what a controller answers to a State: with the achieved goal if it asks for that."""
    call: Any = controller
    achieved = [state.achieved_goal] if getattr(controller, 'sees_achieved_goal', False) else []
    return call(state.observation, state.desired_goal, *achieved)
