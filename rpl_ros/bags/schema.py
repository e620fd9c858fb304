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

"""The message definitions in a bag, compared field by field with those of this version."""

from collections.abc import Iterator
from functools import cache
from itertools import zip_longest

from rosbags.interfaces import Nodetype
from rosbags.typesys import get_types_from_idl, get_types_from_msg, TypesysError
from rpl_ros.bags.definitions import definition
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.legacy import legacy_types
from rpl_ros.bags.stored import Definitions
from rpl_ros.common.brief import one_line

# Topics of the graph by the last part of their name: equal to rpl_ros.ros.qos.TOPICS (a test
# compares them); repeated here because plain Python has no rpl_msgs.
TYPES = {
    'state': 'rpl_msgs/msg/State',
    'base_action': 'rpl_msgs/msg/BaseAction',
    'command': 'rpl_msgs/msg/Command',
    'policy_weights': 'rpl_msgs/msg/PolicyWeights',
    'learner_status': 'rpl_msgs/msg/LearnerStatus',
    'episode_result': 'rpl_msgs/msg/EpisodeResult',
    'task': 'rpl_msgs/msg/Task',
}
TOPIC_OF = {kind: topic for topic, kind in TYPES.items()}
"""The topic of a message type, by which a remapped topic is recognised."""
IDL_SEPARATOR = '=' * 80 + '\n'


@cache
def own_types(kind: str) -> Definitions:
    """Return the installed definitions of a message type and of all types in it."""
    return get_types_from_msg(definition(kind), kind)


def _parsed(text: str, encoding: str, kind: str) -> Definitions:
    """Return the definitions in a text of a bag."""
    if encoding == 'ros2msg':
        return get_types_from_msg(text, kind)
    found: Definitions = {}
    for part in text.split(IDL_SEPARATOR):
        found.update(get_types_from_idl(part.partition('\n')[2] if part.startswith('IDL: ')
                                        else part))
    return found


def types_of(kind: str, text: str, encoding: str, where: str) -> list[Definitions]:
    """
    Return the definitions by which messages of type `kind` can be decoded, the likeliest first.

    `text` is the definition in the bag: it must be that of today or an earlier one, or else
    BagError names the first field that differs. Where it is empty, all are returned. `where` says
    which file and topic.
    """
    own = own_types(kind)
    legacy = legacy_types(own, kind)
    if not text:
        return [own, *legacy]
    try:
        types = {**own, **_parsed(text, encoding, kind)}
    except TypesysError as error:
        raise BagError(f'{where}: the definition of {kind} cannot be read: {one_line(error)}'
                       ) from error
    difference = _difference(types, own, kind)
    if difference and all(_difference(types, before, kind) for before in legacy):
        raise BagError(f'{where}: {kind} was another version when this bag was recorded: '
                       f'{difference}')
    return [types]


def _difference(found: Definitions, expected: Definitions, kind: str) -> str:
    """Return what differs first between two definitions of a message, or ''."""
    pairs = zip_longest(_fields(found, kind, ''), _fields(expected, kind, ''),
                        fillvalue='the end of the message')
    return next((f'it has {one}, expected {two}' for one, two in pairs if one != two), '')


def _fields(types: Definitions, kind: str, prefix: str) -> Iterator[str]:
    """Yield the type and name of each field, followed by the fields within it."""
    for name, field in types[kind][1]:
        yield f'{_type_name(field)} {prefix}{name}'
        if field[0] == Nodetype.NAME:
            yield from _fields(types, field[1], f'{prefix}{name}.')


def _type_name(field: tuple) -> str:
    """Return the type of a field as it is written in .msg files."""
    node, what = field
    if node == Nodetype.NAME:
        return what
    if node == Nodetype.BASE:
        return what[0] + (f'<={what[1]}' if what[1] else '')
    inner, size = what
    bound = (f'<={size}' if size else '') if node == Nodetype.SEQUENCE else str(size)
    return f'{_type_name(inner)}[{bound}]'
