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

"""The first step at which a learned residual can be in use, for the settings of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
import math
from typing import Any

from rpl_ros.data import Mode
from rpl_ros.policy.residual import episode_mode
from rpl_ros.settings.learner import NO_UPDATES
from rpl_ros.settings.nodes import LearnerSettings, ResidualSettings
from rpl_ros.tasks.find import task_spec


@dataclass(frozen=True)
class Earliest:
    """
    Environment steps until the burn-in ends (`burn_in`) and the residual is used (`used`).

    At the earliest: a policy that is not better than the base controller stays on trial. None
    means never. `horizon` is the length of an episode, `trial` the episodes of the trial. Steps
    are those of all robots, which play equally fast.
    """

    burn_in: int | None
    used: int | None
    horizon: int
    trial: int


def burn_in_updates(learner: LearnerSettings) -> int:
    """Return the least number of gradient updates of the burn-in."""
    return 0 if learner.burn_in == 'none' else learner.burn_in_check


def _last_of_trial(residual: ResidualSettings, trial: int, first: int) -> int | None:
    """
    Return the number of the episode that can end a trial which begins with episode `first`.

    None where no episode uses the policy without exploration.
    """
    every, missed = residual.evaluate_every, 0
    number = first if not every else first + (every - 1 - first) % every
    # The pattern repeats after base_every of them: if none of these is free, none ever is.
    while every and missed <= residual.base_every:
        if episode_mode(residual, number, False, None) == Mode.EVALUATE:
            trial, missed = trial - 1, 0
        else:
            missed += 1
        if not trial:
            return number
        number += every
    return None


def earliest(settings: dict[str, Any], live: bool = False, ahead: int = 0) -> Earliest:
    """
    Return the Earliest of a run with {node name: settings}.

    `live`: over topics, where weights are published every publish_every updates; `ahead`: how many
    episodes run while the learner learns.
    """
    learner, residual = settings['learner_node'], settings['residual_node']
    first = settings['sim_node'].first_episode
    horizon = math.ceil(task_spec(learner.task, learner.horizon).horizon / learner.residual_hold)
    together = horizon * learner.robots  # steps while each robot plays an episode
    if not learner.updates_per_step or learner.warmup_transitions == NO_UPDATES:
        return Earliest(None, None, horizon, learner.trial_episodes)

    def steps(updates: int) -> int:
        return max(learner.warmup_transitions, math.ceil(updates / learner.updates_per_step))
    alone = burn_in_updates(learner)
    # The first update after the burn-in moves the actor.
    every = learner.publish_every if live else 1
    moved = math.ceil(steps(math.ceil((alone + 1) / every) * every) / together)
    last: int | None = first + moved - 1
    if learner.trial_episodes:
        last = _last_of_trial(residual, math.ceil(learner.trial_episodes / learner.robots),
                              first + moved + ahead)
    used = None if last is None else (last + 1 - first) * together
    return Earliest(alone and steps(alone), used, horizon, learner.trial_episodes)


def _until(found: Earliest) -> str:
    """Return in words what comes before the residual is used."""
    parts = [*([f'burn-in until step {found.burn_in:,}'] if found.burn_in else []),
             *([f'a trial of {found.trial} episodes without exploration'] if found.trial else [])]
    return ', then '.join(parts) or 'the first updates'


def in_words(found: Earliest, steps: int, option: str, size: int = 1) -> str:
    """
    Return the line for the start of a run of `steps` environment steps; 0: without an end.

    `option` sets its length in units of `size` steps: '--steps {}', 'episodes:={}'.
    """
    if found.used is None:
        return ('warning: with these settings the residual is never used, only the base '
                'controller: there are no updates, as in config/collect.yaml, or no episodes '
                'without exploration for the trial')
    if not steps or steps > found.used:
        return f'the base controller is in use until step {found.used:,} or later: {_until(found)}'
    least = math.ceil(found.used / size)
    return (f'warning: this run of {steps:,} steps is too short to use the residual: '
            f'{_until(found)}, so that the residual is in use from step {found.used:,} or later. '
            'Until then the base controller is in use, in evaluations as well. It takes '
            f'more than {option.format(least)}; with {option.format(2 * least)} the policy has '
            'time to improve')


def live_in_words(settings: dict[str, Any]) -> str:
    """Return the line for the start of a run over topics with {node name: settings}."""
    found = earliest(settings, live=True)
    steps = settings['sim_node'].episodes * found.horizon
    return in_words(found, steps, 'episodes:={}', found.horizon)


def offline_in_words(learner: LearnerSettings, updates: int) -> Iterator[str]:
    """Yield the warnings for the start of a run of `updates` gradient updates from bags alone."""
    alone = burn_in_updates(learner)
    if learner.trial_episodes:
        yield (f'warning: trial_episodes is {learner.trial_episodes}, but without '
               'playing there are no episodes for the trial: the residual is never used. Set it '
               'to 0')
    elif updates <= alone:
        yield (f'warning: {updates:,} updates are too few to use the residual: the critic '
               f'learns alone for the first {alone:,} (burn-in). Give --updates {2 * alone} or '
               'more')
