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
Burn-in: only the critic learns until its values can guide the actor (paper, section IV-B).

The paper waits until the critic's loss is below beta. The authors' code waits until the mean Q
changes by no more than beta between two checks, and the burn-in can start again later. The third
rule waits for a fixed number of updates.
"""

from typing import Any

import numpy as np
from rpl_ros.settings.nodes import LearnerSettings


class BurnIn:
    """Decides at each check whether the actor stays fixed: `active`."""

    def __init__(self, settings: LearnerSettings) -> None:
        """Begin active, unless the rule in the settings is 'none'."""
        self._settings = settings
        self.active = settings.burn_in != 'none'
        self.losses: list[float] = []  # of the updates since the last check
        self.values: list[float] = []
        self.last_value = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return all that later decisions depend on."""
        return {'active': self.active, 'last_value': float(self.last_value),
                'losses': self.losses, 'values': self.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what state_dict() returned."""
        self.active, self.last_value = state['active'], state['last_value']
        self.losses, self.values = list(state['losses']), list(state['values'])

    def observe(self, critic_loss: float, mean_q: float) -> None:
        """Add the critic's loss and the mean Q of one gradient update; decide at each check."""
        rule, threshold = self._settings.burn_in, self._settings.burn_in_threshold
        if rule == 'none':
            return
        self.losses.append(critic_loss)
        self.values.append(mean_q)
        if len(self.values) < self._settings.burn_in_check:
            return
        loss, mean_q = float(np.mean(self.losses)), float(np.mean(self.values))
        if rule == 'q_change':
            self.active = abs(mean_q - self.last_value) > threshold
        elif rule == 'updates' or loss < threshold:
            self.active = False
        self.last_value = mean_q
        self.losses, self.values = [], []
