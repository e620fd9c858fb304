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

Messages of the two topics may arrive in any order. A robot that waits for a command sends its
state again, and gets the same answer: the same message again changes nothing. A message that does
not fit is counted and reported, never guessed.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
from rpl_ros.data import Command, Episode, Mode, State
from rpl_ros.tasks.specs import TaskSpec

# An incomplete episode is joined as it is when this many newer episodes have begun on both topics.
# On both: a reader may receive many states before it receives their commands.
PATIENCE = 2
MOST_OPEN = 100  # incomplete episodes, in case one of the topics falls silent
MAY_BE_EMPTY = ('executed', 'motion')
ROUNDING = 1e-9  # no unit, of a residual that is computed back from an action at its limit


def mode_of(modes: Collection[int]) -> Mode:
    """
    Return the Mode of an episode for the modes of its commands.

    They are all the same, except in bags of version 0.1, where some commands have none.
    """
    return next((mode for mode in (Mode.EXPLORE, Mode.BASE) if mode in modes), Mode.EVALUATE)


def executed_by(command: Command, state: State) -> tuple[np.ndarray, np.ndarray] | None:
    """
    Return (action, residual), each (A,): what the robot executed of a Command, by its State.

    The residual is the one with which the policy would have sent this action, so that a learner
    learns from what the robot did: zero where the robot fell back to the base action. None where
    no action was executed, or no residual within [-1, 1] explains it. `state` is the State of the
    step after `command`.
    """
    action = state.executed
    if not state.applied:
        return None
    if not action.size or np.array_equal(action, command.sent):
        return command.sent, command.residual
    scale, before = command.residual_scale, command.base_action
    if scale == 1.0 and np.array_equal(command.total, command.residual):
        before = np.zeros_like(action)  # the policy gives the whole action
    # Element by element: where the base action, possibly clipped, was executed, the residual is 0.
    moved = action != np.clip(before, -1.0, 1.0)
    if not moved.any():
        return action, np.zeros_like(action)
    if not scale or (np.abs(action - before)[moved] > scale * (1.0 + ROUNDING)).any():
        return None
    return action, np.where(moved, np.clip((action - before) / scale, -1.0, 1.0), 0.0)


def join(spec: TaskSpec, states: dict[int, State],
         commands: dict[int, Command]) -> Episode | None:
    """
    Return the Episode of {step: State} and {step: Command}, or None without any transition.

    Transition t is valid where states t and t + 1 and commands t and t + 1 have arrived and an
    action was executed between them: see executed_by(). Command t + 1 has the next base action.
    None is valid where the last state has a `problem`: nobody knows when the fault began.
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
    rewards = np.zeros(steps + 1)
    for step, state in states.items():
        observations[step], achieved[step] = state.observation, state.achieved_goal
        rewards[step] = state.reward
    for step, command in commands.items():
        if step <= steps and command.base_action.shape == (spec.action_size,):
            base[step], commanded[step] = command.base_action, True
            if step < steps:
                residuals[step], sent[step] = command.residual, command.sent
                action = executed_by(command, states[step + 1]) if step + 1 in states else None
                if action:
                    (executed[step], residuals[step]), done[step] = action, True
    seen = np.isfinite(observations).all(axis=1) & np.isfinite(achieved).all(axis=1)
    whole = seen & commanded & np.isfinite(base).all(axis=1)
    end = states[max(states)]
    valid = whole[:-1] & whole[1:] & done & (not end.problem)
    # A copy: a row of a bag would keep its whole array in memory.
    return Episode(first.episode, observations, achieved, first.desired_goal.copy(), base,
                   residuals, sent, executed, valid, bool(end.success), bool(end.last),
                   mode_of({command.mode for command in commands.values()}),
                   bool(end.terminated), end.problem, rewards[1:])


def held(episode: Episode, steps: int) -> Episode:
    """
    Return an Episode whose transitions each span `steps` control steps, the last one the rest.

    For a residual that is held so long while the base action changes: base action, executed action
    and residual are those of the first step, rewards are added. A transition is valid where all
    its steps are, and the residual in all of them was the same.
    """
    if steps == 1:
        return episode
    begins = np.arange(0, episode.steps, steps)
    rows = [*begins, episode.steps]
    first = np.repeat(episode.residuals[begins], steps, axis=0)[:episode.steps]
    same = (np.abs(first - episode.residuals) <= ROUNDING).all(axis=1)
    rewards = episode.rewards
    return replace(
        episode, observations=episode.observations[rows],
        achieved_goals=episode.achieved_goals[rows], base_actions=episode.base_actions[rows],
        residuals=episode.residuals[begins], sent=episode.sent[begins],
        executed=episode.executed[begins],
        valid=np.logical_and.reduceat(episode.valid & same, begins),
        rewards=np.add.reduceat(rewards, begins) if rewards.size else rewards)


def _sizes(spec: TaskSpec) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Return {kind: [(name, shape)]} of the arrays in messages; see also MAY_BE_EMPTY."""
    goal, action = (spec.goal_size,), (spec.action_size,)
    return {'state': [('observation', (spec.observation_size,)), ('achieved_goal', goal),
                      ('desired_goal', goal), ('executed', action), ('motion', action)],
            'command': [('residual', action), ('total', action), ('sent', action)]}


def _same(one: State | Command, two: State | Command) -> bool:
    """Return whether two messages say the same, to the last bit."""
    return (one.episode, one.step) == (two.episode, two.step) and all(
        value.tobytes() == other.tobytes() if isinstance(value, np.ndarray) else value == other
        for value, other in zip(vars(one).values(), vars(two).values(), strict=True))


def _problem(horizon: int, sizes: list[tuple[str, tuple[int, ...]]],
             item: State | Command) -> str:
    """Return what is wrong with the sizes or numbers of a State or Command, or ''."""
    for name, shape in sizes:
        value = getattr(item, name)
        if not value.size and name in MAY_BE_EMPTY:
            continue
        if value.shape != shape:
            return f'{name} has {value.size} values, expected {shape[0]}'
        # A fast first test: the product is finite only where all values are; huge ones overflow.
        if not isfinite(value.dot(value)) and not np.isfinite(value).all():
            return f'{name} holds a value that is not finite'
    if item.step > horizon:
        return f'the step is beyond the horizon of {horizon}'
    return ''


@dataclass
class Joiner:
    """
    Collects states and commands, and returns whole episodes.

    `problems` is {reason: number of messages that could not be used}.
    """

    spec: TaskSpec
    problems: dict[str, int] = field(default_factory=dict)
    _open: dict[int, tuple[dict[int, State], dict[int, Command]]] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=lambda: {'state': -1, 'command': -1})
    _done: int = -1
    _ends: dict[str, State | Command] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._arrays = _sizes(self.spec)

    def add(self, kind: str, item: State | Command) -> tuple[list[Episode], str]:
        """
        Add a State (`kind` is 'state') or Command ('command').

        Return (episodes, problem): the Episodes that are now complete, oldest first, and what was
        wrong with `item`, or ''.
        """
        with np.errstate(over='ignore'):  # huge numbers are finite, their product is not
            problem = _problem(self.spec.horizon, self._arrays[kind], item)
        if not problem and item.episode <= self._done:
            if kind in self._ends and _same(item, self._ends[kind]):
                return [], ''
            problem = 'the episode is over already'
        store = self._open.setdefault(item.episode, ({}, {})) if not problem else None
        if store is not None:
            column: dict = store[0 if kind == 'state' else 1]
            if item.step in column:
                if _same(item, column[item.step]):
                    return [], ''
                problem = 'another one of this step was received before'
            else:
                column[item.step] = item
        if problem:
            self.problems[problem] = self.problems.get(problem, 0) + 1
            return [], f'{kind} ({item.episode}, {item.step}): {problem}'
        self._newest[kind] = max(self._newest[kind], item.episode)
        return self._collect(), ''

    @property
    def next_episode(self) -> int:
        """Return the lowest number above those of all episodes of which a message has come."""
        return max(self._newest.values()) + 1

    @property
    def waits(self) -> bool:
        """Return whether an episode is incomplete."""
        return bool(self._open)

    def _collect(self) -> list[Episode]:
        """Return the episodes that are complete, or for which PATIENCE is over."""
        ready = []
        overtaken = min(self._newest.values()) - PATIENCE
        for number in sorted(self._open):
            states, commands = self._open[number]
            # Where no step is missing, their number gives the last one.
            end = len(states) - 1
            complete = (len(commands) == end + 1 and end in states and states[end].last
                        and end == max(states))
            if not complete and number > overtaken and len(self._open) <= MOST_OPEN:
                break
            del self._open[number]
            self._done = max(self._done, number)
            if complete:
                self._ends = {'state': states[end], 'command': commands[end]}
            episode = join(self.spec, states, commands)
            if episode is not None:
                ready.append(episode)
        return ready

    def flush(self) -> list[Episode]:
        """Return the incomplete episodes as they are; later messages of them are not used."""
        self._done = max([self._done, *self._open])
        joined = [join(self.spec, *self._open.pop(number)) for number in sorted(self._open)]
        return [episode for episode in joined if episode is not None]
