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

"""The table of CachedPETS: states that PETS visits, and its actions in them."""

from collections.abc import Callable

import numpy as np
from rpl_ros.contracts import Controller, Task
from rpl_ros.pets.training import play


def collect(task: Task, controller: Controller, states: int, first: int,
            progress: Callable[[int], None] = lambda count: None) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the first `states` observations (n, O) and actions (n, A) of whole episodes.

    `controller` acts in the episodes, whose numbers start at `first`: consecutive states, as in
    the authors' table. `progress` is called with the number of new states.
    """
    observations: list[np.ndarray] = []
    actions: list[np.ndarray] = []
    count = 0
    while count < states:
        seen, done, _ = play(task, controller, first + len(actions))
        observations.append(seen[:-1])
        actions.append(done)
        count += len(done)
        progress(len(done))
    return np.concatenate(observations)[:states], np.concatenate(actions)[:states]
