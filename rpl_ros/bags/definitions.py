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

"""Definitions of message types: the text of those that are installed, and the hash of ROS 2."""

from collections.abc import Iterator
import json
from pathlib import Path
import sys

from rosbags.interfaces import Nodetype
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from rpl_ros.bags.stored import Definitions
from rpl_ros.common.assets import share


def _folders(package: str) -> Iterator[Path]:
    """Yield the folders in which the .msg files of a package may be."""
    try:
        from ament_index_python.packages import get_package_share_directory
        yield Path(get_package_share_directory(package))
    except (ImportError, LookupError, OSError):   # PyPI's wheels do not set AMENT_PREFIX_PATH
        yield Path(sys.prefix) / 'share' / package
    if package == 'rpl_msgs':  # without ROS 2 there are the sources of our own package
        yield share(package)


def _installed(kind: str, suffix: str) -> str:
    """Return the text of an interface file of a type 'package/msg/Name'; '' if there is none."""
    package, _, name = kind.split('/')
    paths = (folder / 'msg' / f'{name}{suffix}' for folder in _folders(package))
    return next((path.read_text(encoding='utf-8') for path in paths if path.is_file()), '')


def _message(kind: str) -> str:
    """Return the .msg text of a message type; TypesysError for an unknown type."""
    if text := _installed(kind, '.msg'):
        return text
    # Without ROS 2: rosbags has the types of its packages.
    text, _ = get_typestore(Stores.ROS2_JAZZY).generate_msgdef(kind, ros_version=2)
    return text.partition('=' * 80)[0]


def _inner_types(kind: str, text: str) -> Iterator[str]:
    """Yield the message types of the fields in a .msg text."""
    types: Definitions = get_types_from_msg(text, kind)
    for _, (node, what) in types[kind][1]:
        if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
            node, what = what[0]
        if node == Nodetype.NAME:
            yield what


def definition(kind: str) -> str:
    """
    Return the text of a message type and of all types in it, in MCAP's encoding 'ros2msg'.

    `kind` is 'package/msg/Name'. TypesysError (rosbags) for a type that nobody knows.
    """
    texts, left = {kind: _message(kind)}, [kind]
    for outer in left:  # grows on the way
        for inner in _inner_types(outer, texts[outer]):
            if inner not in texts:
                texts[inner] = _message(inner)
                left.append(inner)
    first, *others = texts
    return '\n'.join([texts[first], *(
        f'{"=" * 80}\nMSG: {inner.replace("/msg/", "/")}\n{texts[inner]}' for inner in others)])


def type_hash(kind: str) -> str:
    """Return the hash of a message type by which ROS 2 compares types, 'RIHS01_...' or ''."""
    # Not by rosbags: its hash differs for 5 of the 134 types of the ROS 2 wheels, those with char.
    hashes = json.loads(_installed(kind, '.json') or '{"type_hashes": []}')['type_hashes']
    return next((entry['hash_string'] for entry in hashes if entry['type_name'] == kind), '')
