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

"""Replay of whole episodes: a ring that forgets the oldest when it is full."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from rpl_ros.data import Episode
from rpl_ros.policy.actor import remember
from rpl_ros.tasks.specs import TaskSpec

Array = TypeVar('Array')
"""A numpy array, or within an update a torch tensor."""


@dataclass(frozen=True)
class Batch(Generic[Array]):
    """
    B transitions as float32 arrays, each (B, size); `reward` is (B,).

    `terminal` (B,) is 1 where the task ended the episode there, so that no return follows, else 0.
    `remembered` and `next_remembered` are the policy's memory of the observations before.
    """

    observation: Array
    remembered: Array
    goal: Array
    base_action: Array
    residual: Array
    executed: Array
    reward: Array
    terminal: Array
    next_observation: Array
    next_remembered: Array
    next_base_action: Array

    @staticmethod
    def join(batches: 'list[Batch[np.ndarray]]') -> 'Batch[np.ndarray]':
        """Return the Batch of all transitions of a list of Batches."""
        if len(batches) == 1:
            return batches[0]
        return Batch(**{name: np.concatenate([getattr(batch, name) for batch in batches])
                        for name in Batch.__dataclass_fields__})


ROWS = ('observations', 'achieved_goals', 'base_actions', 'residuals', 'executed', 'desired_goals',
        'valid', 'steps', 'terminated')
"""Names of the arrays with one row for each episode; a recorded reward has one more."""


class Replay:
    """Keeps the newest episodes in arrays of fixed size."""

    def __init__(self, spec: TaskSpec, transitions: int,
                 history_keep: float | None = None) -> None:
        """
        Keep the newest `transitions` transitions of a task, in whole episodes.

        `history_keep` is the setting of this name, None for a policy without a history.
        """
        self.spec, self._history_keep = spec, history_keep
        self.arrays = (*ROWS, *(('rewards',) if spec.recorded_reward else ()))
        self._horizon = steps = spec.horizon
        capacity = max(1, transitions // steps)
        # empty, not zeros: the system allocates pages only when episodes fill them.
        self.observations = np.empty((capacity, steps + 1, spec.observation_size), np.float32)
        self.achieved_goals = np.empty((capacity, steps + 1, spec.goal_size), np.float32)
        # What the policy remembers when it sees an observation; unused without a history.
        self.remembered = self.observations
        if history_keep is not None:
            self.remembered = np.empty_like(self.observations)
        self.base_actions = np.empty((capacity, steps + 1, spec.action_size), np.float32)
        self.residuals = np.empty((capacity, steps, spec.action_size), np.float32)
        self.executed = np.empty((capacity, steps, spec.action_size), np.float32)
        self.desired_goals = np.empty((capacity, spec.goal_size), np.float32)
        if spec.recorded_reward:
            self.rewards = np.empty((capacity, steps), np.float32)
        self.valid = np.zeros((capacity, steps), bool)
        self.steps = np.zeros(capacity, np.int64)
        self.terminated = np.zeros(capacity, bool)
        self.added = 0

    @property
    def size(self) -> int:
        """Return the number of episodes that are kept."""
        return min(self.added, len(self.steps))

    def add(self, episode: Episode) -> int:
        """
        Keep an Episode of at most the task's horizon; return its number of transitions.

        An episode without a complete transition is not kept. ValueError for one that is too long.
        """
        steps = episode.steps
        if steps > self._horizon:
            raise ValueError(f'episode {episode.episode} has {steps} steps, expected at most '
                             f'{self._horizon}')
        count = int(episode.valid.sum())
        if not count:
            return 0
        slot = self.added % len(self.steps)
        for name in ('observations', 'achieved_goals', 'base_actions'):
            getattr(self, name)[slot, :steps + 1] = getattr(episode, name)
        self._remember(np.array([slot]), steps)
        self.residuals[slot, :steps] = episode.residuals
        self.executed[slot, :steps] = episode.executed
        if 'rewards' in self.arrays:
            self.rewards[slot, :steps] = episode.rewards
        self.desired_goals[slot] = episode.desired_goal
        self.valid[slot] = False
        self.valid[slot, :steps] = episode.valid
        self.steps[slot], self.terminated[slot] = steps, episode.terminated
        self.added += 1
        return count

    def rows(self, first: int, last: int) -> dict[str, np.ndarray]:
        """
        Return {name: array (n, ...)} of the episodes that were added as number first to last - 1.

        Only those that are still kept. Elements beyond the end of an episode are 0.
        """
        numbers = np.arange(max(first, self.added - len(self.steps)), last)
        slots = numbers % len(self.steps)
        rows = {name: getattr(self, name)[slots] for name in self.arrays}
        for array in rows.values():
            if array.ndim > 1 and array.shape[1] >= self._horizon:
                ends = rows['steps'] + array.shape[1] - self._horizon
                array[np.arange(array.shape[1]) >= ends[:, None]] = 0
        return {**rows, 'number': numbers}

    @property
    def whole(self) -> int:
        """Return how many of the kept episodes have a complete transition."""
        return int(self.valid[:self.size].any(axis=1).sum())

    def expect(self, added: int) -> None:
        """
        Prepare for put(): `added` episodes had been added, and all of them are missing so far.

        draw() never returns missing episodes.
        """
        self.added = added
        self.steps[:self.size], self.valid[:self.size] = 1, False

    def put(self, rows: dict[str, np.ndarray], added: int) -> int:
        """
        Put back what rows() returned, in a replay to which `added` episodes had been added.

        Return how many of them such a replay still keeps. Call expect() before the first put().
        """
        numbers = rows['number']
        chosen = (numbers < added) & (numbers >= added - len(self.steps))
        for name in self.arrays:
            getattr(self, name)[numbers[chosen] % len(self.steps)] = rows[name][chosen]
        self._remember(numbers[chosen] % len(self.steps), self._horizon)
        return int(chosen.sum())

    def draw(self, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return (episode slots, steps) of `size` complete transitions, uniformly drawn."""
        slot = rng.integers(self.size, size=size)
        step = rng.integers(self.steps[slot])
        while (bad := ~self.valid[slot, step]).any():
            slot[bad] = rng.integers(self.size, size=int(bad.sum()))
            step[bad] = rng.integers(self.steps[slot[bad]])
        return slot, step

    def _remember(self, slots: np.ndarray, steps: int) -> None:
        """Fill in what the policy remembers in the episodes in `slots`, of at most `steps`."""
        if self._history_keep is None:
            return
        past = np.full_like(self.observations[slots, 0], np.nan)
        for step in range(steps + 1):
            now = self.observations[slots, step]
            self.remembered[slots, step] = np.where(np.isnan(past), now, past)
            past = remember(past, now, self._history_keep)
