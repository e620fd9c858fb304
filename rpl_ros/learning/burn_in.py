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
Burn-in: the critic learns alone until the actor may follow it (paper, section IV-B).

The paper waits until the critic's loss is below beta; its authors' code waits until the mean Q
changes by no more than beta between two checks, which can set in again later. A fixed number of
updates is the plainest rule.
"""

import numpy as np


class BurnIn:
    """Decides after each check whether the actor stands still; `active` tells."""

    def __init__(self, settings):
        """Take the LearnerSettings."""
        self._settings = settings
        self.active = settings.burn_in != 'none'
        self.losses, self.values = [], []  # of the updates since the last check
        self.last_value = 0.0

    def observe(self, critic_loss, mean_q):
        """Take the figures of one gradient update; at each check decide anew."""
        rule, threshold = self._settings.burn_in, self._settings.burn_in_threshold
        if rule == 'none':
            return
        self.losses.append(critic_loss)
        self.values.append(mean_q)
        if len(self.values) < self._settings.burn_in_check:
            return
        loss, mean_q = np.mean(self.losses), np.mean(self.values)
        if rule == 'q_change':
            self.active = bool(abs(mean_q - self.last_value) > threshold)
        elif rule == 'updates' or loss < threshold:
            self.active = False
        self.last_value = mean_q
        self.losses, self.values = [], []
