# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Reward and success from achieved and desired goal (paper, section V-A).

The reward is that of the authors' code, 0 at the goal and -1 elsewhere; the paper's text says
1 and 0. Only the first makes their target range [-horizon, 0] right.
"""

import numpy as np


def is_success(achieved_goal, desired_goal, reach):
    """Return whether each goal (..., 3), m, is nearer than `reach`, m."""
    distance = np.linalg.norm(np.asarray(achieved_goal) - np.asarray(desired_goal), axis=-1)
    return distance <= reach


def sparse_reward(achieved_goal, desired_goal, reach):
    """Return 0.0 at the goal and -1.0 elsewhere, for goals of shape (..., 3), m."""
    return is_success(achieved_goal, desired_goal, reach) - 1.0
