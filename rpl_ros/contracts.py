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
The contracts: what a task, a controller, a policy and a learner must offer to work together.

Read this file first. One control step goes through them from top to bottom: a Task gives a State,
a Controller gives the base action for it, a Policy makes a Command of both, and the Task executes
the command. A Learner turns the episodes into new weights for the policy.

Any object with these attributes and methods fits; none has to inherit from a class in this file.
Arrays are numpy arrays of float64. O, G and A are the sizes of observation, goal and action in the
TaskSpec; docs/observations.md describes each element, with its unit and frame.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from rpl_ros.data import Command, Episode, Mode, State
from rpl_ros.tasks.specs import TaskSpec


@runtime_checkable
class Task(Protocol):
    """
    A robot and its scene, one control step (40 ms) at a time.

    Attributes
    ----------
    spec: sizes, horizon in control steps, reward, name of the base controller.
    problem: why the present episode had to end early (an unstable simulation); otherwise ''.

    """

    spec: TaskSpec
    problem: str

    def warm_up(self) -> None:
        """Prepare what would make the first reset slow. A realtime loop calls this first."""

    def reset(self, episode: int, goal: np.ndarray | None = None, /) -> State:
        """
        Set up the scene of an episode and return its State at step 0.

        The scene follows from the task's seed and `episode` (0 or more) alone: the same number
        gives the same scene in each process. `goal` (G,), m, replaces its desired goal, for tasks
        that take one from outside: see TaskSpec.checked_goal().
        """

    def step(self, action: np.ndarray, /) -> State:
        """
        Execute an action (A,), clipped to [-1, 1], for one control step; return the next State.

        An action has no unit: docs/observations.md says what 1 stands for. The last state of an
        episode is `terminated` or `truncated`; the next call must then be reset().
        """


@runtime_checkable
class Controller(Protocol):
    """
    The base controller: the given one, which the residual improves.

    A plain function (observation, desired_goal) -> base action is enough: as_controller() of
    rpl_ros.controllers.function gives it an empty reset(). __call__() may be called act() instead.

    Optional attributes
    -------------------
    prepare(): called once in each process before the first action, to load or build what takes
        long.
    for_task(spec): called once with the TaskSpec before that; raises where it does not fit.
    observation_size: the only O that the controller accepts.
    every: control steps from one call to the next, in which the action is held; 1 without it.
    sees_achieved_goal: true: the achieved goal (G,) is its third argument.

    """

    def reset(self, episode: int) -> None:
        """
        Begin an episode: forget an integrator, a phase, a warm start, a chunk of actions.

        Called once in each episode, before its first action: in the graph, and in each process
        that plays episodes. Each process has its own controller, and episodes come in any order:
        random numbers must follow from `episode`, not from the episodes before.
        """

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """
        Return the base action (A,) for an observation (O,) and a goal (G,).

        Called once in each control step in which an action is due, even when a node receives the
        same state twice. A chunk (n, A) is executed row by row, and then it is called again. The
        action need not be clipped. Where this raises, or returns a wrong shape or a number that
        is not finite, the robot stops for one step; 50 failures in a row end the run.
        """


@runtime_checkable
class Policy(Protocol):
    """
    Composes base action and residual to the command: the paper's pi(s) + f(s).

    Attributes
    ----------
    mode: how the present episode is driven: Mode.EXPLORE, Mode.BASE or Mode.EVALUATE.
    version: of the weights that the present episode uses; 0 before the first.

    """

    mode: Mode
    version: int

    def command(self, state: State, base_action: np.ndarray | None) -> Command:
        """
        Return the Command for a State and the base action (A,), or None where none came in time.

        A state of another episode than before begins that episode: newest weights, mode and
        exploration noise. Never raises: a bad policy leaves the base action, a bad state or base
        action gives a stop, and the status says why.
        """


@runtime_checkable
class Learner(Protocol):
    """
    Learns the residual from episodes and hands out weights; knows neither ROS nor a simulator.

    Attributes
    ----------
    version: of the weights that new_version() returned last; 0 before the first.

    """

    version: int

    @property
    def owed(self) -> int:
        """Return how many gradient updates the transitions so far still require."""

    @property
    def prefer_base(self) -> bool:
        """Return whether the base controller should still drive: during burn-in and trial."""

    def add(self, episode: Episode) -> int:
        """
        Store an episode and return the number of its complete transitions.

        ValueError for an episode that is longer than the task's horizon.
        """

    def update(self) -> None:
        """Do one gradient update; ArithmeticError where a number is no longer finite."""

    def new_version(self) -> bytes:
        """Increase `version` by one and return the weights: see docs/weights.md."""
