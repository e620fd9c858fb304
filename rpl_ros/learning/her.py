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

"""Hindsight experience replay: pure functions that read the replay and never change it."""

import numpy as np

from rpl_ros.learning.replay import Batch
from rpl_ros.rewards import task_reward


def hindsight_goals(replay, slot, step, ratio, which, rng):
    """
    Return goals (B, G) for transitions (slot, step).

    With probability `ratio` the goal is one that was achieved later in the same episode: by
    `which`, at a step drawn uniformly from those after `step` ('future') or at the last one
    ('final'). Otherwise it is the desired goal.
    """
    later = step + 1 + rng.integers(replay.steps[slot] - step)
    if which == 'final':
        later = replay.steps[slot]
    goal = replay.achieved_goals[slot, later]
    lost = ~np.isfinite(goal).all(axis=1)  # a state that was never received
    goal[lost] = replay.achieved_goals[slot[lost], step[lost] + 1]
    keep = rng.random(len(slot)) >= ratio
    goal[keep] = replay.desired_goals[slot[keep]]
    return goal


def sample(replay, size, ratio, which, spec, rng):
    """Return a Batch of `size` transitions of the TaskSpec `spec`, relabelled."""
    slot, step = replay.draw(size, rng)
    goal = hindsight_goals(replay, slot, step, ratio, which, rng)
    next_observation = replay.observations[slot, step + 1]
    executed = replay.executed[slot, step]
    reward = task_reward(spec, replay.achieved_goals[slot, step + 1], goal, next_observation,
                         executed)
    terminal = replay.terminated[slot] & (step + 1 == replay.steps[slot])
    return Batch(
        observation=replay.observations[slot, step], remembered=replay.remembered[slot, step],
        goal=goal, base_action=replay.base_actions[slot, step],
        residual=replay.residuals[slot, step], executed=executed,
        reward=reward.astype(np.float32), terminal=terminal.astype(np.float32),
        next_observation=next_observation, next_remembered=replay.remembered[slot, step + 1],
        next_base_action=replay.base_actions[slot, step + 1])
