# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The table of CachedPETS: states that PETS comes through, and what it does in them."""

import numpy as np

from rpl_ros.pets.training import play


def collect(task, controller, states, first, progress=lambda count: None):
    """Return the first `states` observations (n, O) and actions (n, A) of whole episodes.

    They are driven by `controller` and numbered from `first` on: consecutive states, as in the
    authors' table. `progress` is called with the number of states that came.
    """
    observations, actions, count = [], [], 0
    while count < states:
        seen, done, _ = play(task, controller, first + len(actions))
        observations.append(seen[:-1])
        actions.append(done)
        count += len(done)
        progress(len(done))
    return np.concatenate(observations)[:states], np.concatenate(actions)[:states]
