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

"""One episode for an application: what it has shown so far, and how it ended, in words."""

from dataclasses import dataclass

import numpy as np
from rpl_ros.data import State

ROUNDING = 1e-6
"""Of differences of stamps, s."""


@dataclass
class EpisodeRun:
    """
    An episode that an application asked for.

    `time_limit` is in s by the stamps of the states, 0 for none. `number` is that of the episode,
    None until it is known. `why` is why it was stopped, or ''.
    """

    time_limit: float
    number: int | None = None
    why: str = ''
    newest: State | None = None
    _began: float = 0.0
    _now: float = 0.0

    def add(self, state: State, stamp: float) -> None:
        """Take a State, also one of an earlier episode; `stamp` is in s."""
        if self.newest is None or state.episode != self.newest.episode:
            self._began = stamp
        self.newest, self._now = state, stamp

    @property
    def present(self) -> State | None:
        """Return the newest state of this episode, or None."""
        state = self.newest
        return state if state is not None and state.episode == self.number else None

    @property
    def is_over(self) -> bool:
        """Return whether the last state has come, or a later episode has begun."""
        if self.number is None or self.newest is None:
            return False
        return self.newest.episode > self.number or (self.present is not None
                                                     and self.present.last)

    @property
    def is_late(self) -> bool:
        """Return whether the time limit is over."""
        return bool(self.present and self.time_limit
                    and self._now - self._began >= self.time_limit - ROUNDING)

    @property
    def success(self) -> bool:
        """Return whether the object was at the goal in the last state."""
        state = self.present
        return state is not None and state.last and bool(state.success)

    @property
    def distance(self) -> float:
        """Return the distance from the object to its goal, m; NaN without a state."""
        state = self.present
        return float('nan') if state is None else float(
            np.linalg.norm(state.achieved_goal - state.desired_goal))

    @property
    def steps(self) -> int:
        """Return the number of control steps so far."""
        return self.present.step if self.present else 0

    def in_words(self) -> str:
        """Return how the episode ended."""
        state = self.present
        if state is None:
            return f'{self.why}: the episode had not begun'
        if not state.last:
            return f'{self.why}: the last state of the episode was not received'
        where = ('the object is at the goal' if self.success else
                 f'the object is {self.distance:.3f} m from the goal after {state.step} steps')
        return ': '.join(filter(None, (state.problem or self.why, where)))
