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

"""Which files make up a bag, in which order, and of which kind each is."""

import os
from pathlib import Path
import re

from rpl_ros.bags import mcap_file, packed, sqlite_file
from rpl_ros.bags.errors import BagError
from rpl_ros.files import open_regular
from rpl_ros.yaml_file import read_yaml

KINDS = {mcap_file.MAGIC: mcap_file.McapFile, sqlite_file.MAGIC: sqlite_file.SqliteFile}
SUFFIXES = ('.mcap', '.db3')


def _number(path):
    """Return a key that sorts bag_2 before bag_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', path.name)]


def storage_files(path):
    """
    Return the files of a bag, a folder or one file, in the order of recording.

    The order of metadata.yaml, if it is there, then what it does not name: a recorder that was
    killed had no time to write it.
    """
    path = Path(path)
    if not path.exists():
        raise BagError(f'{path}: does not exist')
    if not path.is_dir():
        return [path]
    try:
        inside = list(path.iterdir())
    except OSError as error:
        raise BagError(f'{path}: cannot be read: {error.strerror}') from error
    named = list(dict.fromkeys(_there(path / Path(name).name)
                               for name in _named(path / 'metadata.yaml')))
    found = sorted({_there(file) for file in inside if _plain(file).suffix in SUFFIXES},
                   key=_number)
    missing = [file for file in named if not file.exists()]
    if missing:
        raise BagError(f'{path}: metadata.yaml names {missing[0].name}, which is missing')
    if not found:
        raise BagError(f'{path}: is no bag: holds no file *.mcap or *.db3')
    return named + [file for file in found if file not in named]


def _plain(path):
    """Return the path of a storage file when it is not packed."""
    return path.with_name(path.name.removesuffix(packed.SUFFIX))


def _there(path):
    """Return which of a storage file and its packed form is there; both are after `zstd -d`."""
    plain = _plain(path)
    other = plain.with_name(f'{plain.name}{packed.SUFFIX}')
    return other if other.exists() and not plain.exists() else plain


def bag_information(path):
    """
    Return what a metadata.yaml says; {} where it is missing or not whole.

    Then it was being written, and the files say all that is needed.
    """
    try:
        information = read_yaml(path)['rosbag2_bagfile_information']
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return information if isinstance(information, dict) else {}


def _named(path):
    """Return the names of files in a metadata.yaml."""
    information = bag_information(path)
    if str(information.get('compression_mode')).lower() == 'message':
        raise BagError(f'{path}: its messages are compressed one by one, which is not '
                       'supported: convert it with `ros2 bag convert`')
    names = information.get('relative_file_paths')
    return [str(name) for name in names] if isinstance(names, list) else []


def custom_data(path):
    """Return {name: text} that a bag's recorder left in metadata.yaml; {} without any."""
    custom = bag_information(Path(path) / 'metadata.yaml').get('custom_data')
    return custom if isinstance(custom, dict) else {}


def open_file(path, note, name=None):
    """
    Return an McapFile, SqliteFile or PackedFile, by the first bytes of a file.

    `name` is what messages call it, where that is not its path.
    """
    name = name or path
    try:
        with open_regular(path) as file:
            head = file.read(16)
    except OSError as error:
        raise BagError(f'{name}: cannot be read: {error.strerror}') from error
    if not head:
        raise BagError(f'{name}: is empty, 0 bytes')
    for magic, kind in KINDS.items():
        if head.startswith(magic):
            return kind(path, note, name)
    if head.startswith(packed.MAGIC) and name == path:  # no packed file within another one
        return packed.PackedFile(path, note, open_file)
    raise BagError(f'{name}: is neither an MCAP nor an sqlite3 file: its first bytes are '
                   f'0x{head[:8].hex()}')


def bags_setting(paths):
    """Return the setting `bags`, absolute paths in one text; BagError for one of no use."""
    paths = [Path(path).expanduser().absolute() for path in paths]
    for path in paths:
        if not path.exists():
            raise BagError(f'{path}: does not exist')
        if os.pathsep in str(path):
            raise BagError(f'{path}: {os.pathsep!r} separates bags: give this one another name')
    if len(set(paths)) < len(paths):
        raise BagError(f'{", ".join(map(str, paths))}: a bag is named twice')
    return os.pathsep.join(map(str, paths))


def bag_paths(setting):
    """Return the Paths in the setting `bags`."""
    return [Path(path) for path in setting.split(os.pathsep) if path]


def bag_size(path):
    """Return how many bytes the files of a bag have; BagError where it is none."""
    return sum(file.stat().st_size for file in storage_files(path))
