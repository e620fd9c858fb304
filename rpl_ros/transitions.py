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
Joins states and commands into episodes by (episode, step): for live topics and for bags.

Messages of the two topics may come in any order and more than once; what does not fit is
counted and named, never guessed.
"""

from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from rpl_ros import data
from rpl_ros.data import Episode

# How many newer episodes may begin, on both topics, before one that is not complete is joined as
# it is. On both: a reader may get all states of a while before it gets their commands.
PATIENCE = 2
MOST_OPEN = 100  # in case that one of the topics falls silent
MAY_BE_EMPTY = ('executed', 'motion')
ROUNDING = 1e-9  # no unit: a residual at its limit, worked out from the action it led to


def mode_of(modes):
    """
    Return data.EXPLORE, BASE or EVALUATE for the modes of an episode's commands.

    All are the same, but in bags of version 0.1, where some commands do not tell.
    """
    return next((mode for mode in (data.EXPLORE, data.BASE) if mode in modes), data.EVALUATE)


def executed_by(command, state):
    """
    Return (action, residual), each (A,): what the robot executed of a Command, by its State.

    The residual is that with which the policy would have sent this action, so that a learner
    learns from what was done: zero where the robot fell back to the base action. None where
    nothing was executed, or what no residual within [-1, 1] explains. `state` follows `command`.
    """
    action = state.executed
    if not state.applied:
        return None
    if not action.size or np.array_equal(action, command.sent):
        return command.sent, command.residual
    scale, before = command.residual_scale, command.base_action
    if scale == 1.0 and np.array_equal(command.total, command.residual):
        before = np.zeros_like(action)  # the policy gives the whole action
    # Element by element: what is the base action, clipped as it may be, has no residual in it.
    moved = action != np.clip(before, -1.0, 1.0)
    if not moved.any():
        return action, np.zeros_like(action)
    if not scale or (np.abs(action - before)[moved] > scale * (1.0 + ROUNDING)).any():
        return None
    return action, np.where(moved, np.clip((action - before) / scale, -1.0, 1.0), 0.0)


def join(spec, states, commands):
    """
    Return the Episode of {step: State} and {step: Command}, or None without any transition.

    Transition t is valid where states t and t + 1 and commands t and t + 1 are there and an action
    was executed in between: see executed_by(). Command t + 1 carries the next base action.
    """
    if not states or not commands:
        return None
    steps = min(max(states), spec.horizon)
    if steps < 1:
        return None
    first = states[min(states)]
    observations = np.full((steps + 1, spec.observation_size), np.nan)
    achieved = np.full((steps + 1, spec.goal_size), np.nan)
    base = np.full((steps + 1, spec.action_size), np.nan)
    residuals, sent, executed = np.zeros((3, steps, spec.action_size))
    done, commanded = np.zeros(steps, bool), np.zeros(steps + 1, bool)
    for step, state in states.items():
        observations[step], achieved[step] = state.observation, state.achieved_goal
    for step, command in commands.items():
        if step <= steps and command.base_action.shape == (spec.action_size,):
            base[step], commanded[step] = command.base_action, True
            if step < steps:
                residuals[step], sent[step] = command.residual, command.sent
                what = step + 1 in states and executed_by(command, states[step + 1])
                if what:
                    (executed[step], residuals[step]), done[step] = what, True
    seen = np.isfinite(observations).all(axis=1) & np.isfinite(achieved).all(axis=1)
    whole = seen & commanded & np.isfinite(base).all(axis=1)
    valid = whole[:-1] & whole[1:] & done
    end = states[max(states)]
    # A copy: of a bag it is a row of an array that would be kept alive as a whole.
    return Episode(first.episode, observations, achieved, first.desired_goal.copy(), base,
                   residuals, sent, executed, valid, bool(end.success), bool(end.last),
                   mode_of({command.mode for command in commands.values()}),
                   bool(end.terminated))


def _sizes(spec):
    """
    Return {kind: [(name, shape)]} of the arrays that must be right in each message.

    Those in MAY_BE_EMPTY may be left out.
    """
    goal, action = (spec.goal_size,), (spec.action_size,)
    return {'state': [('observation', (spec.observation_size,)), ('achieved_goal', goal),
                      ('desired_goal', goal), ('executed', action), ('motion', action)],
            'command': [('residual', action), ('total', action), ('sent', action)]}


def _problem(horizon, sizes, item):
    """Return what is wrong with the sizes or numbers of a State or Command, or ''."""
    for name, shape in sizes:
        value = getattr(item, name)
        if not value.size and name in MAY_BE_EMPTY:
            continue
        if value.shape != shape:
            return f'{name} has {value.size} values, expected {shape[0]}'
        # The product is quick, and is finite only where all values are; huge ones overflow.
        if not isfinite(value.dot(value)) and not np.isfinite(value).all():
            return f'{name} holds a value that is not finite'
    if item.step > horizon:
        return f'the step is beyond the horizon of {horizon}'
    return ''


@dataclass
class Joiner:
    """
    Collects states and commands and gives back whole episodes.

    `problems` counts what could not be used, by reason.
    """

    spec: object
    problems: dict = field(default_factory=dict)
    _open: dict = field(default_factory=dict)
    _newest: dict = field(default_factory=lambda: {'state': -1, 'command': -1})
    _done: int = -1

    def __post_init__(self):
        self._arrays = _sizes(self.spec)

    def add(self, kind, item):
        """
        Take a State (kind 'state') or Command ('command').

        Return (episodes, problem): the Episodes that are now complete, oldest first, and what was
        wrong with `item`, or ''.
        """
        with np.errstate(over='ignore'):  # of huge numbers, which are finite
            problem = _problem(self.spec.horizon, self._arrays[kind], item)
        if not problem and item.episode <= self._done:
            problem = 'the episode is over already'
        store = self._open.setdefault(item.episode, ({}, {})) if not problem else None
        if store is not None:
            column = store[0 if kind == 'state' else 1]
            if item.step in column:
                problem = 'it was received before'
            else:
                column[item.step] = item
        if problem:
            self.problems[problem] = self.problems.get(problem, 0) + 1
            return [], f'{kind} ({item.episode}, {item.step}): {problem}'
        self._newest[kind] = max(self._newest[kind], item.episode)
        return self._collect(), ''

    def _collect(self):
        """Return the episodes that are complete, or that were overtaken by newer ones."""
        ready = []
        overtaken = min(self._newest.values()) - PATIENCE
        for number in sorted(self._open):
            states, commands = self._open[number]
            # Where all steps are there, their number says which is the last one.
            end = len(states) - 1
            complete = (len(commands) == end + 1 and end in states and states[end].last
                        and end == max(states))
            if not complete and number > overtaken and len(self._open) <= MOST_OPEN:
                break
            del self._open[number]
            self._done = max(self._done, number)
            episode = join(self.spec, states, commands)
            if episode is not None:
                ready.append(episode)
        return ready

    def flush(self):
        """Return the episodes that are still open, as far as they came."""
        joined = [join(self.spec, *self._open.pop(number)) for number in sorted(self._open)]
        return [episode for episode in joined if episode is not None]
