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

"""From when on a learned residual can count, as the settings of a run tell."""

from dataclasses import dataclass
import math

from rpl_ros import data
from rpl_ros.config import NO_UPDATES
from rpl_ros.policy.residual import episode_mode
from rpl_ros.tasks.specs import spec


@dataclass(frozen=True)
class Earliest:
    """
    Environment steps until the burn-in ends and until the residual counts.

    At the earliest: a policy that is no better than the base controller stays on trial. None for
    never. `horizon` are the steps of an episode, `trial` the episodes of the trial.
    """

    burn_in: int | None
    counts: int | None
    horizon: int
    trial: int


def burn_in_updates(learner):
    """Return how many gradient updates the burn-in has at the least."""
    return 0 if learner.burn_in == 'none' else learner.burn_in_check


def _last_of_trial(residual, trial, first):
    """
    Return the number of the episode that can end a trial which begins with number `first`.

    None where no episode is driven by the policy without exploration.
    """
    every, missed = residual.evaluate_every, 0
    number = first if not every else first + (every - 1 - first) % every
    # The residues repeat after base_every of them: if none is free until then, none ever is.
    while every and missed <= residual.base_every:
        if episode_mode(residual, number, False, None) == data.EVALUATE:
            trial, missed = trial - 1, 0
        else:
            missed += 1
        if not trial:
            return number
        number += every
    return None


def earliest(settings, live=False, ahead=0):
    """
    Return the Earliest of a run with {node name: settings}.

    `live`: over topics, where weights are published now and then; `ahead`: how many episodes are
    under way while the learner learns.
    """
    learner, residual = settings['learner_node'], settings['residual_node']
    first = settings['sim_node'].first_episode
    horizon = spec(learner.task, learner.horizon).horizon
    if not learner.updates_per_step or learner.warmup_transitions == NO_UPDATES:
        return Earliest(None, None, horizon, learner.trial_episodes)

    def steps(updates):
        return max(learner.warmup_transitions, math.ceil(updates / learner.updates_per_step))
    alone = burn_in_updates(learner)
    # The first update after the burn-in moves the actor.
    every = learner.publish_every if live else 1
    moved = math.ceil(steps(math.ceil((alone + 1) / every) * every) / horizon)
    last = first + moved - 1
    if learner.trial_episodes:
        last = _last_of_trial(residual, learner.trial_episodes, first + moved + ahead)
    counts = None if last is None else (last + 1 - first) * horizon
    return Earliest(alone and steps(alone), counts, horizon, learner.trial_episodes)


def _until(found):
    """Return in words what comes before the residual counts."""
    parts = [*([f'burn-in until step {found.burn_in:,}'] if found.burn_in else []),
             *([f'a trial of {found.trial} episodes without exploration'] if found.trial else [])]
    return ', then '.join(parts) or 'the first updates'


def in_words(found, steps, option, size=1):
    """
    Return the line for the start of a run of `steps` environment steps (0: no end is known).

    `option` is how its length is given, for `size` steps each: '--steps {}', 'episodes:={}'.
    """
    if found.counts is None:
        return ('warning: with these settings the residual can never count: the base controller '
                'does (no updates, as in config/collect.yaml, or no episode without exploration '
                'for the trial)')
    if not steps or steps > found.counts:
        return (f'the base controller counts until step {found.counts:,} at the earliest: '
                f'{_until(found)}')
    least = math.ceil(found.counts / size)
    return (f'warning: this run of {steps:,} steps is too short for the residual to count: '
            f'{_until(found)}, so that it can count from step {found.counts:,} on at the '
            'earliest. Until then the base controller counts, in evaluations as well. It takes '
            f'more than {option.format(least)}; with {option.format(2 * least)} the policy has '
            'time to get better')


def live_in_words(settings):
    """Return the line for the start of a run over topics with {node name: settings}."""
    found = earliest(settings, live=True)
    steps = settings['sim_node'].episodes * found.horizon
    return in_words(found, steps, 'episodes:={}', found.horizon)


def offline_in_words(learner, updates):
    """Yield the warnings for the start of a run of so many `updates` from bags alone."""
    alone = burn_in_updates(learner)
    if learner.trial_episodes:
        yield (f'warning: trial_episodes is {learner.trial_episodes}, but nobody plays the '
               'episodes of the trial: the base controller counts for ever. Set it to 0')
    elif updates <= alone:
        yield (f'warning: {updates:,} updates are too few for the residual to count: the critic '
               f'learns alone for the first {alone:,} (burn-in). Give --updates {2 * alone} or '
               'more')
