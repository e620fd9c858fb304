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
Messages of older bags, converted to those of today.

Some fields were added later: see NEWER. Version 0.1 had no runs, its episodes ended by their
horizon only, the sent action was recorded as the executed one, and the mode of an episode followed
from the statuses of its commands.
"""

import numpy as np
from rpl_ros import data
from rpl_ros.bags.stored import Columns, Definitions
from rpl_ros.data import Mode, Status

UNKNOWN_MODE = 255
MODES = {Status.EXPLORING: Mode.EXPLORE, Status.RESIDUAL: Mode.EVALUATE,
         Status.BASE_EPISODE: Mode.BASE, Status.NO_POLICY: Mode.BASE}
"""Mode of an episode that follows from the status of a command."""

LEGACY = 'legacy'
"""Additional field of a converted message."""
NEWER: dict[str, dict[str, object]] = {
    'rpl_msgs/msg/State': {'problem': ''}, 'rpl_msgs/msg/EpisodeResult': {'problem': ''},
    'rpl_msgs/msg/LearnerStatus': {'next_episodes': np.empty(0, np.uint32)}}
"""{message type: {field: its value in bags from before the field was added}}."""
TOPICS = ('state', 'base_action', 'command', 'policy_weights', 'learner_status', 'episode_result')
TASK = 'rpl_msgs/msg/Task'  # the only message type that version 0.1 did not have
ADDED = {'rpl_msgs/msg/State': ('run', 'terminated', 'executed', 'motion'),
         'rpl_msgs/msg/Command': ('run', 'mode')}
"""Fields of today that version 0.1 did not have; in all other message types it was `run`."""
OLD_NAMES = {'truncated': 'last', 'prefer_base': 'burn_in'}
"""Names in version 0.1 of fields that have another name today."""


def legacy_types(types: Definitions, kind: str) -> list[Definitions]:
    """Return today's definitions with the message type `kind` as it was before, newest first."""
    if kind == TASK or kind not in types:
        return [types]
    constants, fields = types[kind]
    fields = [(name, what) for name, what in fields if name not in NEWER.get(kind, ())]
    first = [(OLD_NAMES.get(name, name), what) for name, what in fields
             if name not in ADDED.get(kind, ('run',))]
    return [{**types, kind: (constants, before)} for before in (fields, first)]


def upgraded(topic: str, columns: Columns) -> Columns:
    """Return the columns of several messages of one topic with today's fields."""
    if topic not in TOPICS:
        return columns
    count = len(next(iter(columns.values())))
    kind = f'rpl_msgs/msg/{"".join(word.title() for word in topic.split("_"))}'
    newer = {name: [value] * count for name, value in NEWER.get(kind, {}).items()
             if name not in columns}
    if newer:
        columns = {**columns, LEGACY: [True] * count, **newer}
    if 'run' in columns:
        return columns
    columns = {**columns, LEGACY: [True] * count, 'run': [''] * count}
    if topic == 'policy_weights':
        columns['prefer_base'] = columns['burn_in']
    elif topic == 'state':
        columns |= {'terminated': [False] * count, 'truncated': columns['last'],
                    'executed': [data.NOTHING] * count, 'motion': [data.NOTHING] * count}
    elif topic == 'command':
        columns['mode'] = [MODES.get(status, UNKNOWN_MODE) for status in columns['status']]
    return columns
