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

"""The installed definitions of message types: their text and the hash that ROS 2 compares."""

import json
from pathlib import Path
import re
import sys

from rpl_ros.assets import share

PRIMITIVES = {'bool', 'byte', 'char', 'string', 'wstring', 'float32', 'float64',
              *(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64))}


def _parts(kind):
    """Return (package, name) of a type written as 'package/msg/Name' or 'package/Name'."""
    package, *_, name = kind.split('/')
    return package, name


def _places(package):
    """Yield the folders where the interface files of a package may be."""
    try:
        from ament_index_python.packages import get_package_share_directory
        yield Path(get_package_share_directory(package))
    except (ImportError, LookupError, OSError):   # PyPI's wheels do not set AMENT_PREFIX_PATH
        yield Path(sys.prefix) / 'share' / package
    if package == 'rpl_msgs':  # without ROS 2 we have the sources of our own
        yield share(package)


def _share(kind, suffix):
    """Return the text of an interface file of a message type, or raise FileNotFoundError."""
    package, name = _parts(kind)
    for place in _places(package):
        path = place / 'msg' / f'{name}{suffix}'
        if path.is_file():
            return path.read_text(encoding='utf-8')
    raise FileNotFoundError(f'no definition of the message type {kind}')


def _message(kind):
    """Return the text of a message type without those that it uses."""
    try:
        return _share(kind, '.msg')
    except FileNotFoundError:  # no ROS 2: rosbags knows the types of its packages
        from rosbags.typesys import get_typestore, Stores
        package, name = _parts(kind)
        text, _ = get_typestore(Stores.ROS2_JAZZY).generate_msgdef(
            f'{package}/msg/{name}', ros_version=2)
        return text.partition('=' * 80)[0]


def _used_types(kind, text):
    """Yield the message types ('package/Name') of the fields in the text of a .msg file."""
    for line in text.splitlines():
        words = line.split('#')[0].split()
        base = re.sub(r'(\[.*\]|<=.*)$', '', words[0]) if words else ''
        base = re.sub(r'<=.*$', '', base)
        if base and base not in PRIMITIVES:
            yield base if '/' in base else f'{_parts(kind)[0]}/{base}'


def definition(kind):
    """Return the text of a message type with all types it uses, as MCAP's 'ros2msg' wants it."""
    texts = {kind: _message(kind)}
    left = [kind]
    while left:
        outer = left.pop(0)
        for used in _used_types(outer, texts[outer]):
            if used not in texts:
                texts[used] = _message(used)
                left.append(used)
    first, *others = texts
    return '\n'.join([texts[first], *(f'{"=" * 80}\nMSG: {"/".join(_parts(used))}\n{texts[used]}'
                                      for used in others)])


def type_hash(kind):
    """Return the hash of a message type that ROS 2 compares (RIHS01_...), '' if unknown."""
    try:
        hashes = json.loads(_share(kind, '.json'))['type_hashes']
    except OSError:
        return ''
    return next((entry['hash_string'] for entry in hashes if entry['type_name'] == kind), '')
