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

from functools import lru_cache

from rosbags.interfaces import Nodetype
from rosbags.typesys import get_types_from_idl, get_types_from_msg, TypesysError

from rpl_ros.bags.definitions import definition
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.legacy import legacy_types
from rpl_ros.brief import one_line

# Topics of the graph by the last part of their name: equal to rpl_ros.nodes.qos.TOPICS (a test
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
"""The topic of a message type: its name may have been remapped."""
IDL_SEPARATOR = '=' * 80 + '\n'


@lru_cache(maxsize=None)
def own_types(kind):
    """Return the installed definitions of a message type and of all it uses."""
    return get_types_from_msg(definition(kind), kind)


def _parsed(text, encoding, kind):
    """Return the definitions in a text, as {type: (constants, fields)}."""
    if encoding == 'ros2msg':
        return get_types_from_msg(text, kind)
    found = {}
    for part in text.split(IDL_SEPARATOR):
        found.update(get_types_from_idl(part.partition('\n')[2] if part.startswith('IDL: ')
                                        else part))
    return found


def types_of(kind, text, encoding, where):
    """
    Return the definitions by which messages of type `kind` may be decoded, a list.

    Those in the bag, which must be those of today or of version 0.1: BagError, naming the field,
    where they are not. Both where the bag holds none. `where` says which file and topic.
    """
    own = own_types(kind)
    before = {**own, **legacy_types(kind)}
    if not text:
        return [own, before]
    try:
        types = {**own, **_parsed(text, encoding, kind)}
    except TypesysError as error:
        raise BagError(f'{where}: the definition of {kind} cannot be read: {one_line(error)}'
                       ) from error
    difference = _difference(types, own, kind, '')
    if difference and _difference(types, before, kind, ''):
        raise BagError(f'{where}: {kind} was another version when this bag was recorded: '
                       f'{difference}')
    return [types]


def _difference(found, expected, kind, prefix):
    """Return what differs first between two definitions of a message, or ''."""
    here, there = dict(found[kind][1]), dict(expected[kind][1])
    for name in there:
        if name not in here:
            return f'field {prefix}{name} is missing'
        if here[name] != there[name]:
            return (f'field {prefix}{name} is {_words(here[name])}, '
                    f'expected {_words(there[name])}')
        if here[name][0] == Nodetype.NAME:
            inner = _difference(found, expected, here[name][1], f'{prefix}{name}.')
            if inner:
                return inner
    extra = [name for name in here if name not in there]
    if extra:
        return f'field {prefix}{extra[0]} is not known here'
    for one, two in zip(here, there):
        if one != two:
            return f'field {prefix}{one} comes where {prefix}{two} is expected'
    return ''


def _words(field):
    """Return the type of a field as it is written in .msg files."""
    node, what = field
    if node == Nodetype.NAME:
        return what
    if node == Nodetype.BASE:
        return what[0] + (f'<={what[1]}' if what[1] else '')
    inner, size = what
    bound = (f'<={size}' if size else '') if node == Nodetype.SEQUENCE else str(size)
    return f'{_words(inner)}[{bound}]'
