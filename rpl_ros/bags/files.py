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

"""Which files belong to a bag, in which order, and of which kind each is."""

from collections.abc import Callable, Iterable
import os
from pathlib import Path
import re
from typing import Any

from rpl_ros.bags import compression, mcap_file, sqlite_file
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.stored import StorageFile
from rpl_ros.common.files import open_regular
from rpl_ros.common.yaml_file import read_yaml

KINDS: dict[bytes, type[mcap_file.McapFile | sqlite_file.SqliteFile]] = {
    mcap_file.MAGIC: mcap_file.McapFile, sqlite_file.MAGIC: sqlite_file.SqliteFile}
SUFFIXES = ('.mcap', '.db3')
BAG_NAME = re.compile(r'bag(_\d{1,9})?')
"""Names of the bags in a run folder."""


def _number(path: Path) -> list[int | str]:
    """Return a key that sorts bag_2 before bag_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', path.name)]


def storage_files(path: Path | str) -> list[Path]:
    """
    Return the files of a bag, a folder or one file, in the order of recording.

    Files that metadata.yaml does not name come last: a recorder that was killed could not add
    them. BagError for a folder without such files, or where one is missing.
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
    named = list(dict.fromkeys(_existing(path / Path(name).name)
                               for name in _named(path / 'metadata.yaml')))
    found = sorted({_existing(file) for file in inside
                    if _uncompressed(file).suffix in SUFFIXES}, key=_number)
    missing = [file for file in named if not file.exists()]
    if missing:
        raise BagError(f'{path}: metadata.yaml names {missing[0].name}, which is missing')
    if not found:
        raise BagError(f'{path}: is no bag: holds no file *.mcap or *.db3')
    return named + [file for file in found if file not in named]


def _uncompressed(path: Path) -> Path:
    """Return the path of a storage file without the suffix of a compressed one."""
    return path.with_name(path.name.removesuffix(compression.SUFFIX))


def _existing(path: Path) -> Path:
    """Return a storage file or its compressed form; the former where both exist."""
    plain = _uncompressed(path)
    packed = plain.with_name(f'{plain.name}{compression.SUFFIX}')
    return packed if packed.exists() and not plain.exists() else plain


def bag_information(path: Path) -> dict[str, Any]:
    """Return the content of a metadata.yaml; {} where it is missing or was cut off."""
    try:
        information = read_yaml(path)['rosbag2_bagfile_information']
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return information if isinstance(information, dict) else {}


def _named(path: Path) -> list[str]:
    """Return the names of files in a metadata.yaml."""
    information = bag_information(path)
    if str(information.get('compression_mode')).lower() == 'message':
        raise BagError(f'{path}: its messages are compressed one by one, which is not '
                       'supported: convert it with `ros2 bag convert`')
    names = information.get('relative_file_paths')
    return [str(name) for name in names] if isinstance(names, list) else []


def custom_data(path: Path | str) -> dict[str, Any]:
    """Return {name: text} that the recorder of a bag wrote into metadata.yaml, or {}."""
    custom = bag_information(Path(path) / 'metadata.yaml').get('custom_data')
    return custom if isinstance(custom, dict) else {}


def open_file(path: Path, note: Callable[[str], None], name: Path | None = None) -> StorageFile:
    """
    Open a storage file; its first bytes decide of which kind it is.

    `note` is called with a description of each damage. `name` is the path in these descriptions
    and in errors, where it is not `path`. BagError for a file that is no bag.
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
    if head.startswith(compression.MAGIC) and name == path:  # not within another compressed file
        return compression.CompressedFile(path, note, open_file)
    raise BagError(f'{name}: is neither an MCAP nor an sqlite3 file: its first bytes are '
                   f'0x{head[:8].hex()}')


def bags_of(path: Path | str) -> list[Path]:
    """
    Return the bags of a run folder in the order of recording: bag, bag_2, ...

    There is one more for each time that the run was resumed, or the recorder of one of several
    robots restarted. Those of several robots follow each other: robot1/bag, ..., robot2/bag, ...
    Another path is a bag itself.
    """
    inside = (one for pattern in ('bag*', 'robot[0-9]*/bag*') for one in Path(path).glob(pattern)
              if one.is_dir() and BAG_NAME.fullmatch(one.name))
    return sorted(inside, key=lambda bag: (_number(bag.parent), _number(bag))) or [Path(path)]


def bag_number(bag: Path) -> int:
    """Return the number in the name of a bag of a run folder: 1 of bag, 2 of bag_2."""
    return int(bag.name.partition('_')[2] or 1)


def bags_setting(paths: Iterable[Path | str]) -> str:
    """
    Return the setting `bags`: the absolute paths of bags, joined; BagError for a bad path.

    A run folder stands for all of its bags.
    """
    bags = [bag for path in paths for bag in bags_of(Path(path).expanduser().absolute())]
    for path in bags:
        if not path.exists():
            raise BagError(f'{path}: does not exist')
        if os.pathsep in str(path):
            raise BagError(f'{path}: {os.pathsep!r} separates bags: give this one another name')
    if len(set(bags)) < len(bags):
        raise BagError(f'{", ".join(map(str, bags))}: a bag is named twice')
    return os.pathsep.join(map(str, bags))


def bag_paths(setting: str) -> list[Path]:
    """Return the paths in the setting `bags`."""
    return [Path(path) for path in setting.split(os.pathsep) if path]


def bag_size(path: Path | str) -> int:
    """Return the size of the files of a bag, bytes; BagError where it is no bag."""
    return sum(file.stat().st_size for file in storage_files(path))
