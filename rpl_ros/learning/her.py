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
from rpl_ros.learning.replay import Batch, Replay
from rpl_ros.tasks.rewards import task_reward
from rpl_ros.tasks.specs import TaskSpec


def hindsight_goals(replay: Replay, slot: np.ndarray, step: np.ndarray, ratio: float, which: str,
                    rng: np.random.Generator) -> np.ndarray:
    """
    Return goals (B, G) for transitions (slot, step).

    With probability `ratio` the goal is one that was achieved later in the same episode: at a
    step drawn uniformly from those after `step` (`which` is 'future'), or at the last step
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


def sample(replay: Replay, size: int, ratio: float, which: str, spec: TaskSpec,
           rng: np.random.Generator) -> Batch[np.ndarray]:
    """
    Return a Batch of `size` transitions with goals of hindsight_goals() and their rewards.

    With a recorded reward all goals are the desired ones: nobody knows the reward of another one.
    """
    slot, step = replay.draw(size, rng)
    goal = replay.desired_goals[slot] if spec.recorded_reward else (
        hindsight_goals(replay, slot, step, ratio, which, rng))
    next_observation = replay.observations[slot, step + 1]
    executed = replay.executed[slot, step]
    reward = replay.rewards[slot, step] if spec.recorded_reward else (
        task_reward(spec, replay.achieved_goals[slot, step + 1], goal, next_observation, executed))
    terminal = replay.terminated[slot] & (step + 1 == replay.steps[slot])
    return Batch(
        observation=replay.observations[slot, step], remembered=replay.remembered[slot, step],
        goal=goal, base_action=replay.base_actions[slot, step],
        residual=replay.residuals[slot, step], executed=executed,
        reward=reward.astype(np.float32), terminal=terminal.astype(np.float32),
        next_observation=next_observation, next_remembered=replay.remembered[slot, step + 1],
        next_base_action=replay.base_actions[slot, step + 1])
