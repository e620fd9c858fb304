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

"""
The trial: the policy must show in episodes that it is better than the base controller.

After burn-in the actor follows critics that have seen few of its actions, and success falls (the
paper reports this for all tasks, section V). The critics cannot detect it; episodes can.
"""

from collections import deque
import math
from typing import Any

import numpy as np
from rpl_ros.data import Mode


class Trial:
    """Compares episodes of the policy without exploration with those of the base controller."""

    def __init__(self, episodes: int) -> None:
        """Compare the last `episodes` episodes of the policy; with 0 it passes at once."""
        self.recent: deque[float] = deque(maxlen=episodes)
        self.base_count, self.base_sum = 0, 0.0
        self.passed = not episodes

    def state_dict(self) -> dict[str, Any]:
        """Return all that later decisions depend on."""
        return {'recent': list(self.recent), 'base_count': self.base_count,
                'base_sum': self.base_sum, 'passed': self.passed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what state_dict() returned."""
        self.recent = deque(state['recent'], self.recent.maxlen)
        self.base_count, self.base_sum = state['base_count'], state['base_sum']
        self.passed = state['passed']

    def __str__(self) -> str:
        """Return the two means in words."""
        if not self.recent or not self.base_count:
            return 'nothing to compare yet'
        base = self.base_sum / self.base_count
        return (f'{np.mean(self.recent):.3g} over the last {len(self.recent)} episodes of the '
                f'policy, {base:.3g} over {self.base_count} of the base')

    def means(self) -> dict[str, float]:
        """Return {'base': mean, 'residual': mean} of the scores so far; none of no episodes."""
        means = {'base': self.base_sum / self.base_count} if self.base_count else {}
        return {**means, **({'residual': float(np.mean(self.recent))} if self.recent else {})}

    def observe(self, mode: int, score: float) -> None:
        """
        Add the success or return of an episode of a Mode, and decide.

        A verdict needs a full window of policy episodes and at least one base episode. The policy
        passes when its mean exceeds the base mean by one standard error, and fails again when it
        falls below by one: luck helps neither side. (The standard error of equal scores is 0.)
        """
        if not self.recent.maxlen or mode == Mode.EXPLORE:
            return
        if mode == Mode.BASE:
            self.base_count, self.base_sum = self.base_count + 1, self.base_sum + score
        else:
            self.recent.append(score)
        if len(self.recent) < self.recent.maxlen or not self.base_count:
            return
        lead = np.mean(self.recent) - self.base_sum / self.base_count
        error = np.std(self.recent) / math.sqrt(len(self.recent))
        self.passed = bool(lead + (error if self.passed else -error) >= 0.0)
