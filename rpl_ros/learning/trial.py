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
The trial: a learned policy counts when it has shown that it is better than the base.

After burn-in the actor follows critics that know it badly, and success falls (the paper sees
that in all tasks, section V). What the critics believe cannot tell; episodes can.
"""

from collections import deque
import math

import numpy as np

from rpl_ros import data


class Trial:
    """Compares episodes of the policy without exploration with those of the base controller."""

    def __init__(self, episodes):
        """Take how many of the policy's episodes are looked at; 0: it passes from the start."""
        self.recent = deque(maxlen=episodes)
        self.base_count, self.base_sum = 0, 0.0
        self.passed = not episodes

    def __str__(self):
        """Return in words how it stands."""
        if not self.recent or not self.base_count:
            return 'nothing to compare yet'
        base = self.base_sum / self.base_count
        return (f'{np.mean(self.recent):.3g} over the last {len(self.recent)} episodes of the '
                f'policy, {base:.3g} over {self.base_count} of the base')

    def means(self):
        """Return {'base': mean, 'residual': mean} of what it compares, of those it has seen."""
        means = {'base': self.base_sum / self.base_count} if self.base_count else {}
        return {**means, **({'residual': float(np.mean(self.recent))} if self.recent else {})}

    def observe(self, mode, score):
        """
        Take how an episode was driven, and its success or return; decide anew.

        It takes as many episodes to pass as it may have, and of the base controller one. The
        policy passes when its mean is above that of the base by its standard error (or more; of
        equal scores that is 0), and fails again when it is below by more than that: so luck
        counts as little for the one as for the other.
        """
        if not self.recent.maxlen or mode == data.EXPLORE:
            return
        if mode == data.BASE:
            self.base_count, self.base_sum = self.base_count + 1, self.base_sum + score
        else:
            self.recent.append(score)
        if len(self.recent) < self.recent.maxlen or not self.base_count:
            return
        lead = np.mean(self.recent) - self.base_sum / self.base_count
        error = np.std(self.recent) / math.sqrt(len(self.recent))
        self.passed = bool(lead + (error if self.passed else -error) >= 0.0)
