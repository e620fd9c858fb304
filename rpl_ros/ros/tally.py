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

"""Counts over one episode, for its EpisodeResult."""

from dataclasses import dataclass
from typing import Any

from rpl_ros.data import State


@dataclass
class Tally:
    """Counts over the states of one episode; `started` is its start time, s."""

    episode: int
    started: float
    steps: int = 0
    success: bool = False
    episode_return: float = 0.0
    missed: int = 0
    fallbacks: int = 0
    command_age_max: float = 0.0
    problem: str = ''

    def add_state(self, state: State) -> None:
        """Count a State."""
        self.steps, self.success, self.problem = state.step, state.success, state.problem
        self.episode_return += state.reward
        self.missed += state.step > 0 and not state.applied
        self.command_age_max = max(self.command_age_max, state.command_age)

    def result(self, now: float) -> dict[str, Any]:
        """Return the fields of EpisodeResult that are counted here; `now` is the time, s."""
        fields = {name: value for name, value in vars(self).items() if name != 'started'}
        return {**fields, 'success': bool(self.success), 'duration': now - self.started}
