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
Bags of version 0.1: their message definitions, and their messages as those of today.

Then nobody knew of runs, an episode could end by its horizon only, what was sent counted as
executed, and the mode of an episode had to be told from the statuses of its commands.
"""

from functools import lru_cache

from rosbags.typesys import get_types_from_msg

from rpl_ros import data

UNKNOWN_MODE = 255
MODES = {data.EXPLORING: data.EXPLORE, data.RESIDUAL: data.EVALUATE, data.BASE_EPISODE: data.BASE,
         data.NO_POLICY: data.BASE}
"""What the status of a command tells of the mode of its episode."""

LEGACY = 'legacy'
"""Field of a message that was brought up to date."""
LEGACY_TOPICS = ('state', 'base_action', 'command', 'policy_weights', 'learner_status',
                 'episode_result')
DEFINITIONS = {
    'rpl_msgs/msg/State': """
        std_msgs/Header header
        uint32 episode
        uint32 step
        string task
        float64[] observation
        float64[] achieved_goal
        float64[] desired_goal
        float64 reward
        bool success
        bool last
        bool applied
        float64 command_age""",
    'rpl_msgs/msg/BaseAction': """
        std_msgs/Header header
        uint32 episode
        uint32 step
        string controller
        float64[] action""",
    'rpl_msgs/msg/Command': """
        std_msgs/Header header
        uint32 episode
        uint32 step
        uint32 policy_version
        float64[] base_action
        float64[] residual
        float64 residual_scale
        float64[] total
        float64[] sent
        uint8 status""",
    'rpl_msgs/msg/PolicyWeights': """
        std_msgs/Header header
        uint32 version
        string digest
        bool burn_in
        uint8[] data""",
    'rpl_msgs/msg/LearnerStatus': """
        std_msgs/Header header
        uint32 episodes
        uint64 transitions
        uint64 rejected
        uint64 updates
        uint64 owed_updates
        float64 updates_per_second
        uint32 policy_version
        bool burn_in
        bool on_trial
        float64 critic_loss
        float64 mean_q
        float64 mean_residual
        string error""",
    'rpl_msgs/msg/EpisodeResult': """
        std_msgs/Header header
        uint32 episode
        uint32 steps
        string task
        uint8 mode
        uint32 policy_version
        bool success
        float64 episode_return
        uint32 missed
        uint32 fallbacks
        float64 duration
        float64 command_age_max""",
}


@lru_cache(maxsize=None)
def legacy_types(kind):
    """Return {kind: definition} of a message of version 0.1; {} where it had none."""
    text = DEFINITIONS.get(kind)
    return get_types_from_msg(text, kind) if text else {}


def upgraded(topic, columns):
    """Return {field: values} of messages of a topic with the fields that they have today."""
    if 'run' in columns or topic not in LEGACY_TOPICS:
        return columns
    count = len(next(iter(columns.values())))
    columns = {**columns, LEGACY: [True] * count}
    if topic == 'policy_weights':
        return {**columns, 'run': [''] * count, 'prefer_base': columns['burn_in']}
    if topic not in ('state', 'command'):
        return {**columns, 'run': [''] * count}
    if topic == 'state':
        nothing = [data.NOTHING] * count
        return {**columns, 'run': [''] * count, 'terminated': [False] * count,
                'truncated': columns['last'], 'executed': nothing, 'motion': nothing}
    modes = [MODES.get(status, UNKNOWN_MODE) for status in columns['status']]
    return {**columns, 'run': [''] * count, 'mode': modes}
