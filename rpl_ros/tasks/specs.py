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
What each task is, without a simulator: names, units and sizes of its arrays, reward, controller.

No MuJoCo here and in the modules of the tasks: residual, learner and controllers read the TaskSpec
on machines that have no simulator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
import math
import re
from typing import Any, NamedTuple

import numpy as np
from rpl_ros.tasks.score import Measure, SUCCESS

CONTROL_PERIOD = 0.04
"""Time of one control step, s: 25 Hz (paper, section V)."""

UNSEEN = 'unseen'
"""Value of `objects` of complex_hook: objects of the library's kinds that no training uses."""

FILE_ENDINGS = ('.yaml', '.yml')

TASKS = {
    'mbrl_pusher': 'rpl_ros.tasks.mbrl_pusher:Pusher',
    'push': 'rpl_ros.tasks.push:Push',
    'slippery_push': 'rpl_ros.tasks.push:SlipperyPush',
    'pick_and_place': 'rpl_ros.tasks.pick_and_place:PickAndPlace',
    'hook': 'rpl_ros.tasks.hook:Hook',
    'noisy_hook': 'rpl_ros.tasks.hook:NoisyHook',
    'complex_hook': 'rpl_ros.tasks.hook:ComplexHook',
}
"""Name of each task -> module:class of its SimulatedTask."""


class TaskError(ValueError):
    """A task that cannot be used: says which, where, what is wrong and what was expected."""


class Element(NamedTuple):
    """One element of an observation, goal or action: its name and unit, '1' for none."""

    name: str
    unit: str


def vectors(unit: str, *names: str) -> tuple[Element, ...]:
    """Return the elements x, y, z of some vectors that have one unit."""
    return tuple(Element(f'{name}_{axis}', unit) for name in names for axis in 'xyz')


SPARSE = 'sparse'
"""The reward that is 0 at the goal and -1 elsewhere."""
RECORDED = 'recorded'
"""A reward that only the robot or the simulator knows: it is in the states, not computed anew."""


@dataclass(frozen=True)
class DenseReward:
    """
    A reward that changes with the distances, not only at the goal.

    `name` is written into bags. `function` takes the achieved and the desired goal, (..., G), and
    as keywords the `inputs`: vectors of the observation after the step, or 'observation' for the
    whole, and 'action', the executed one. It returns the reward (...). `highest`: no reward is
    above it.
    """

    name: str
    function: Callable[..., np.ndarray]
    inputs: tuple[str, ...] = ()
    highest: float = 0.0


@dataclass(frozen=True)
class Environment:
    """
    The Gymnasium environment that simulates a task.

    Attributes
    ----------
    make: id for gymnasium.make(), or package.module:function, which returns an environment.
    options: keyword arguments.
    repeat: steps of the environment in one control step, all with the same action.
    low, high: (A,) bounds of its actions: an action of -1 and 1.
    python: the interpreter that has the environment, in a process of its own; '' for this one.

    """

    make: str
    options: Mapping[str, Any]
    repeat: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    python: str = ''


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """
    What a task is.

    Attributes
    ----------
    text: what the robot has to do, for policies that read it.
    env_id: id of its Gymnasium environment.
    observation, goal, action: their elements, in order.
    horizon: control steps in an episode.
    controller: name of the base controller that the paper improves on.
    reach: distance between object and goal, m, up to which the goal is reached.
    dense_reward: None for the sparse reward, 0 at the goal and -1 elsewhere, or a recorded one.
    recorded_reward: whether the reward is that in the states: goals are then not relabelled.
    measure: the score of a policy: success of the last state, or return of the episode.
    robot: the arm; 'fetch' for the tasks that a real Fetch can do.
    bodies: what a tracker has to measure the poses of.
    tool: the vector in the observation that is the position of the tool, m.
    goals: lowest and highest x, y, z, m, of a goal from outside; None: the task has its own goal.
    control_period: time of one control step, s.
    environment: the Gymnasium environment of a task that is not built in; otherwise None.

    """

    name: str
    text: str
    env_id: str
    observation: tuple[Element, ...]
    goal: tuple[Element, ...] = vectors('m', 'object')
    action: tuple[Element, ...]
    horizon: int
    controller: str
    reach: float = 0.05
    dense_reward: DenseReward | None = None
    recorded_reward: bool = False
    measure: Measure = SUCCESS
    robot: str = 'fetch'
    bodies: tuple[str, ...] = ('object', 'goal')
    tool: str = 'gripper'
    goals: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    control_period: float = CONTROL_PERIOD
    environment: Environment | None = None

    @property
    def short_name(self) -> str:
        """Return the name as part of a file name."""
        return re.sub('[^A-Za-z0-9._-]+', '_', self.name)

    @property
    def observation_size(self) -> int:
        """Return the number O of elements of an observation."""
        return len(self.observation)

    @property
    def goal_size(self) -> int:
        """Return the number G of elements of a goal."""
        return len(self.goal)

    @property
    def action_size(self) -> int:
        """Return the number A of elements of an action, base action or residual."""
        return len(self.action)

    @property
    def reward(self) -> str:
        """Return the name of the reward, as it is written into bags."""
        if self.recorded_reward:
            return RECORDED
        return self.dense_reward.name if self.dense_reward else SPARSE

    @property
    def highest_reward(self) -> float:
        """Return a bound that no reward exceeds."""
        if self.recorded_reward:
            return math.inf
        return self.dense_reward.highest if self.dense_reward else 0.0

    def columns(self, vector: str) -> slice:
        """Return which elements of the observation are a vector; ValueError if there is none."""
        if f'{vector}_x' not in self._places:
            raise ValueError(f'task {self.name} observes no vector {vector!r}')
        first = self._places[f'{vector}_x']
        return slice(first, first + 3)

    def checked_goal(self, values: Sequence[float] | np.ndarray) -> np.ndarray | None:
        """
        Return a goal from outside as (G,), m, or None for an empty one: the task's own.

        ValueError says why the goal cannot be used.
        """
        goal = np.array(values, dtype=np.float64)
        if not goal.size:
            return None
        if self.goals is None:
            raise ValueError(f'task {self.name} takes no goal from outside: leave it empty')
        if goal.shape != (self.goal_size,) or not np.isfinite(goal).all():
            raise ValueError(f'the goal is {goal.tolist()}, expected {self.goal_size} finite '
                             'numbers, m')
        low, high = self.goals
        if (goal < low).any() or (goal > high).any():
            raise ValueError(f'the goal is {goal.tolist()}, expected {list(low)} to {list(high)}, '
                             f'm, for the task {self.name}')
        return goal

    @cached_property
    def _places(self) -> dict[str, int]:
        return {element.name: index for index, element in enumerate(self.observation)}
