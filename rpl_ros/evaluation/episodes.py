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

"""Plays episodes for an evaluation, and summarises their outcomes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rpl_ros.common.intervals import mean_interval, wilson
from rpl_ros.contracts import Controller, Policy, Task
from rpl_ros.controllers.guard import Guard
from rpl_ros.data import Command, Episode, Status
from rpl_ros.evaluation.failures import how_it_failed, UNSTABLE
from rpl_ros.rollout import run_episode
from rpl_ros.tasks.rewards import rewards_of
from rpl_ros.tasks.specs import TaskSpec

# Episode numbers of evaluations start here, so that no training run has the same scenes.
FRESH = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """
    The result of one episode.

    In `stopped` of its `steps` there was no usable base action, first because of `problem`.
    `failure` is how_it_failed().
    """

    success: bool
    episode_return: float
    steps: int
    stopped: int = 0
    problem: str = ''
    failure: str = ''


def outcome_of(spec: TaskSpec, episode: Episode, commands: list[Command],
               problem: str = '') -> Outcome:
    """Return the Outcome of what run_episode() returned."""
    stopped = sum(command.status == Status.STOP_BAD_BASE for command in commands[:-1])
    rewards = rewards_of(spec, episode)
    # An episode that could not continue must not have a better return than one that did.
    left = spec.horizon - episode.steps if episode.problem else 0
    return Outcome(episode.success, float(rewards.sum() + left * rewards.min()), episode.steps,
                   stopped, problem, how_it_failed(spec, episode))


def play(task: Task, guard: Guard, policy: Policy, number: int) -> Outcome:
    """Play episode `number`; return its Outcome."""
    guard.problem = ''
    episode, commands, _ = run_episode(task, guard, policy, number)
    return outcome_of(task.spec, episode, commands, guard.problem)


def evaluate(task: Task, controller: Controller, policy: Policy, episodes: int,
             first: int = FRESH) -> list[Outcome]:
    """Play `episodes` episodes, the first one with number `first`; return their Outcomes."""
    guard = Guard(controller, task.spec.action_size)
    return [play(task, guard, policy, number) for number in range(first, first + episodes)]


def summarise(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return success rate and mean return, each with its 95 % interval."""
    wins = sum(outcome.success for outcome in outcomes)
    low, high = wilson(wins, len(outcomes))
    mean, return_low, return_high = mean_interval([item.episode_return for item in outcomes])
    return {'success_rate': wins / len(outcomes), 'low': low, 'high': high, 'mean_return': mean,
            'return_low': return_low, 'return_high': return_high}


def count_failures(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return {how episodes failed: number of episodes}, the most frequent first."""
    return dict(Counter(outcome.failure for outcome in outcomes if outcome.failure).most_common())


def trouble(outcomes: Sequence[Outcome]) -> str:
    """Return one line about unusable base actions and unstable simulations, or ''."""
    found, stopped = [], sum(outcome.stopped for outcome in outcomes)
    if stopped:
        first = next(outcome.problem for outcome in outcomes if outcome.stopped)
        found.append(f'the controller gave no usable action in {stopped} of '
                     f'{sum(outcome.steps for outcome in outcomes)} steps, where the robot stops: '
                     f'{first}')
    unstable = sum(outcome.failure == UNSTABLE for outcome in outcomes)
    if unstable:
        found.append(f'the simulation became unstable in {unstable} of {len(outcomes)} episodes, '
                     'which count as failures')
    return '; '.join(found)
