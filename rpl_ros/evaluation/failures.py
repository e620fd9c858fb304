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

"""Classifies the episodes that failed, to show what to improve."""

import numpy as np
from rpl_ros.data import Episode
from rpl_ros.tasks.score import SUCCESS
from rpl_ros.tasks.specs import TaskSpec

FALL = 0.1
"""An object that is this far below its start, m, is off the table."""
HOLD = 0.05
"""A hook that is at most this far from the gripper, m, is held; then it is at 1 to 3 cm."""
MOVED = 0.02
"""An object that moved less than this from its start, m, was not moved."""
UNSTABLE = 'unstable simulation'
"""The class of an episode that MuJoCo's warnings ended."""
NOT_REACHED = 'goal not reached'
"""The class of all other episodes of a task that is not built in."""
LAST_STEPS, PACE = 10, 0.01
"""'on its way': the object approached the goal by at least PACE, m, in the last LAST_STEPS."""


def hook_was_lost(hook: np.ndarray) -> bool:
    """Return whether the hook, (T, 3) m from the gripper, was lost or never held."""
    distance = np.linalg.norm(hook, axis=1)
    # A median of three removes the sensor noise of noisy_hook.
    distance = np.median([distance[:-2], distance[1:-1], distance[2:]], axis=0)
    return bool((distance > HOLD).all() or distance[-1] > 2 * HOLD)


def how_it_failed(spec: TaskSpec, episode: Episode) -> str:
    """
    Return the first class that applies; '' for a success.

    In tasks scored by return, only an episode that could not continue has failed.
    """
    if episode.problem:
        return UNSTABLE
    if episode.success or spec.measure != SUCCESS:
        return ''
    if not spec.goal_size:
        return NOT_REACHED
    places = episode.achieved_goals
    far = np.linalg.norm(places - episode.desired_goal, axis=1)
    if not np.isfinite(far).all():
        return 'states are missing'
    if not spec.environment and places[-1, 2] < places[0, 2] - FALL:
        return 'off the table'
    if (far[1:] <= spec.reach).any():
        return 'left the goal again'
    if spec.environment:
        return NOT_REACHED
    if 'hook' in spec.bodies and hook_was_lost(
            episode.observations[:, spec.columns('hook_minus_gripper')]):
        return 'hook lost'
    if np.linalg.norm(places - places[0], axis=1).max() < MOVED:
        return 'never moved'
    if far[-1 - LAST_STEPS] - far[-1] >= PACE:
        return 'on its way'
    return 'stuck'
