# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Joins states and commands into episodes by (episode, step): for live topics and for bags.

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


def driven(statuses):
    """Return data.EXPLORE, BASE or EVALUATE for the statuses of an episode's commands."""
    if data.EXPLORING in statuses:
        return data.EXPLORE
    alone = data.BASE_EPISODE in statuses or data.NO_POLICY in statuses
    return data.BASE if alone else data.EVALUATE


def join(spec, states, commands):
    """Return the Episode of {step: State} and {step: Command}, or None without any transition.

    Transition t is valid where states t and t + 1 and commands t and t + 1 are there and command t
    was executed (`State.applied`); command t + 1 carries the next base action.
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
    residuals, sent = np.zeros((steps, spec.action_size)), np.zeros((steps, spec.action_size))
    applied, commanded = np.zeros(steps + 1, bool), np.zeros(steps + 1, bool)
    for step, state in states.items():
        observations[step], achieved[step] = state.observation, state.achieved_goal
        applied[step] = state.applied
    for step, command in commands.items():
        if step <= steps and command.base_action.shape == (spec.action_size,):
            base[step], commanded[step] = command.base_action, True
            if step < steps:
                residuals[step], sent[step] = command.residual, command.sent
    seen = np.isfinite(observations).all(axis=1) & np.isfinite(achieved).all(axis=1)
    whole = seen & commanded & np.isfinite(base).all(axis=1)
    valid = whole[:-1] & whole[1:] & applied[1:]
    end = states[max(states)]
    # A copy: of a bag it is a row of an array that would be kept alive as a whole.
    return Episode(first.episode, observations, achieved, first.desired_goal.copy(), base,
                   residuals, sent, valid, bool(end.success), bool(end.last),
                   driven({command.status for command in commands.values()}))


def _sizes(spec):
    """Return {kind: [(name, shape)]} of the arrays that must be right in each message."""
    return {'state': [('observation', (spec.observation_size,)),
                      ('achieved_goal', (spec.goal_size,)), ('desired_goal', (spec.goal_size,))],
            'command': [('residual', (spec.action_size,)), ('sent', (spec.action_size,))]}


def _problem(horizon, sizes, item):
    """Return what is wrong with the sizes or numbers of a State or Command, or ''."""
    for name, shape in sizes:
        value = getattr(item, name)
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
    """Collects states and commands and gives back whole episodes.

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
        """Take a State (kind 'state') or Command ('command').

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
