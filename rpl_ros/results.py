# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""How an episode went, counted while it runs."""

from dataclasses import dataclass


@dataclass
class Tally:
    """Counts over the states of one episode; `started` is a time in s."""

    episode: int
    started: float
    steps: int = 0
    success: bool = False
    episode_return: float = 0.0
    missed: int = 0
    fallbacks: int = 0
    command_age_max: float = 0.0

    def add_state(self, state):
        """Count a State."""
        self.steps, self.success = state.step, state.success
        self.episode_return += state.reward
        self.missed += state.step > 0 and not state.applied
        self.command_age_max = max(self.command_age_max, state.command_age)

    def result(self, now):
        """Return the fields of EpisodeResult that are counted here; `now` is a time in s."""
        fields = {name: value for name, value in vars(self).items() if name != 'started'}
        return {**fields, 'success': bool(self.success), 'duration': now - self.started}
