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

import numpy as np

from rpl_ros.policy.actor import remember


@dataclass(frozen=True)
class Batch:
    """
    B transitions as float32 arrays, each (B, size); `reward` is (B,).

    `terminal` (B,) is 1 where the task ended the episode there, so that no return follows, else 0.
    `remembered` and `next_remembered` are what the policy remembers of the observations before.
    """

    observation: np.ndarray
    remembered: np.ndarray
    goal: np.ndarray
    base_action: np.ndarray
    residual: np.ndarray
    executed: np.ndarray
    reward: np.ndarray
    terminal: np.ndarray
    next_observation: np.ndarray
    next_remembered: np.ndarray
    next_base_action: np.ndarray

    @classmethod
    def join(cls, batches):
        """Return the Batch of all transitions of a list of Batches."""
        if len(batches) == 1:
            return batches[0]
        return cls(**{name: np.concatenate([getattr(batch, name) for batch in batches])
                      for name in cls.__dataclass_fields__})


ROWS = ('observations', 'achieved_goals', 'base_actions', 'residuals', 'executed', 'desired_goals',
        'valid', 'steps', 'terminated')


class Replay:
    """Keeps the newest episodes in arrays of fixed size."""

    def __init__(self, spec, transitions, history_keep=None):
        """
        Take the TaskSpec, the number of transitions to keep, and the setting history_keep.

        None for a policy without a history, for which nothing need be remembered.
        """
        self._history_keep = history_keep
        self._horizon = steps = spec.horizon
        capacity = max(1, transitions // steps)
        # empty, not zeros: pages are taken from the machine only when episodes fill them.
        self.observations = np.empty((capacity, steps + 1, spec.observation_size), np.float32)
        self.achieved_goals = np.empty((capacity, steps + 1, spec.goal_size), np.float32)
        # What the policy remembers when it sees an observation; without a history nobody looks.
        self.remembered = self.observations
        if history_keep is not None:
            self.remembered = np.empty_like(self.observations)
        self.base_actions = np.empty((capacity, steps + 1, spec.action_size), np.float32)
        self.residuals = np.empty((capacity, steps, spec.action_size), np.float32)
        self.executed = np.empty((capacity, steps, spec.action_size), np.float32)
        self.desired_goals = np.empty((capacity, spec.goal_size), np.float32)
        self.valid = np.zeros((capacity, steps), bool)
        self.steps = np.zeros(capacity, np.int64)
        self.terminated = np.zeros(capacity, bool)
        self.added = 0

    @property
    def size(self):
        """Return how many episodes are kept."""
        return min(self.added, len(self.steps))

    def add(self, episode):
        """
        Keep an Episode of at most the task's horizon; return its number of transitions.

        One without any complete transition is not kept. ValueError for one that is too long.
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
        self.desired_goals[slot] = episode.desired_goal
        self.valid[slot] = False
        self.valid[slot, :steps] = episode.valid
        self.steps[slot], self.terminated[slot] = steps, episode.terminated
        self.added += 1
        return count

    def rows(self, first, last):
        """
        Return {name: array (n, ...)} of the episodes that were added as number first to last.

        Those that are still kept, of first, ..., last - 1; what is beyond an episode's end is 0.
        """
        numbers = np.arange(max(first, self.added - len(self.steps)), last)
        slots = numbers % len(self.steps)
        rows = {name: getattr(self, name)[slots] for name in ROWS}
        for name, array in rows.items():
            if array.ndim > 1 and array.shape[1] >= self._horizon:
                ends = rows['steps'] + array.shape[1] - self._horizon
                array[np.arange(array.shape[1]) >= ends[:, None]] = 0
        return {**rows, 'number': numbers}

    @property
    def whole(self):
        """Return how many of the episodes that are kept have anything to draw."""
        return int(self.valid[:self.size].any(axis=1).sum())

    def expect(self, added):
        """
        Be a replay to which `added` episodes were added, of which put() has brought none yet.

        What it does not bring is never drawn.
        """
        self.added = added
        self.steps[:self.size], self.valid[:self.size] = 1, False

    def put(self, rows, added):
        """
        Take back what rows() returned, of a replay to which `added` episodes were added.

        Return how many of them are still kept there; expect() comes before the first.
        """
        numbers = rows['number']
        chosen = (numbers < added) & (numbers >= added - len(self.steps))
        for name in ROWS:
            getattr(self, name)[numbers[chosen] % len(self.steps)] = rows[name][chosen]
        self._remember(numbers[chosen] % len(self.steps), self._horizon)
        return int(chosen.sum())

    def draw(self, size, rng):
        """Return (episode slots, steps) of `size` complete transitions, uniformly drawn."""
        slot = rng.integers(self.size, size=size)
        step = rng.integers(self.steps[slot])
        while (bad := ~self.valid[slot, step]).any():
            slot[bad] = rng.integers(self.size, size=int(bad.sum()))
            step[bad] = rng.integers(self.steps[slot[bad]])
        return slot, step

    def _remember(self, slots, steps):
        """Fill in what the policy remembered in the episodes in `slots`, of at most `steps`."""
        if self._history_keep is None:
            return
        past = np.full_like(self.observations[slots, 0], np.nan)
        for step in range(steps + 1):
            now = self.observations[slots, step]
            self.remembered[slots, step] = np.where(np.isnan(past), now, past)
            past = remember(past, now, self._history_keep)
