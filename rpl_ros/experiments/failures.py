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

"""How an episode that did not succeed ended, so that effort goes where it pays."""

import numpy as np

FALL = 0.1
"""Below where the object began, m: it is off the table."""
HOLD = 0.05
"""From hook to gripper, m: up to here it is held (held, it is at 1 to 3 cm)."""
MOVED = 0.02
"""From where the object began, m: less is not moved."""
LAST_STEPS, PACE = 10, 0.01
"""At the end the object came nearer to the goal by PACE, m, in so many steps: only time lacked."""
HOOK = slice(37, 40)
"""Elements of the hook tasks' observation: hook minus gripper, m."""


def hook_was_lost(observations):
    """Return whether the hook (T, O) was held and is no longer, or never was; noise included."""
    distance = np.linalg.norm(observations[:, HOOK], axis=1)
    # A median of three, for the noise of noisy_hook's sensors.
    distance = np.median([distance[:-2], distance[1:-1], distance[2:]], axis=0)
    return bool((distance > HOLD).all() or distance[-1] > 2 * HOLD)


def how_it_failed(spec, episode):
    """
    Return in a few words how an Episode failed; '' for a success, and where none is defined.

    The first that applies counts.
    """
    if episode.success or spec.measure != 'success':
        return ''
    places = episode.achieved_goals
    far = np.linalg.norm(places - episode.desired_goal, axis=1)
    if not np.isfinite(far).all():
        return 'states are missing'
    if places[-1, 2] < places[0, 2] - FALL:
        return 'off the table'
    if (far[1:] <= spec.reach).any():
        return 'left the goal again'
    if spec.controller == 'reactive_hook' and hook_was_lost(episode.observations):
        return 'hook lost'
    if np.linalg.norm(places - places[0], axis=1).max() < MOVED:
        return 'never moved'
    if far[-1 - LAST_STEPS] - far[-1] >= PACE:
        return 'on its way'
    return 'stuck'
