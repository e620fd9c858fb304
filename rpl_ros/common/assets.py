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

"""Finds the data files: `sim/`, `config/`, `launch/`, and the Fetch's model and meshes."""

from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
import sys


def share(folder: str) -> Path:
    """
    Return the path of one of our data folders, in the source tree or where it is installed.

    FileNotFoundError names the places that were searched.
    """
    seen = []
    for place in chain(filter(None, [source_tree()]), _installed()):
        if (place / folder).is_dir():
            return place / folder
        seen.append(str(place))
    raise FileNotFoundError(f'no folder {folder} of rpl_ros in {", ".join(seen)}')


def source_tree() -> Path | None:
    """Return the root of the source tree that this file is in; None where it is installed."""
    place = Path(__file__).resolve().parents[2]
    return place if (place / 'package.xml').is_file() else None


def _installed() -> Iterator[Path]:
    """Yield the places where pip or a ROS 2 workspace may have installed our data folders."""
    try:
        files = metadata.files('rpl_ros') or ()
    except metadata.PackageNotFoundError:
        files = ()
    # package.xml lies beside the data folders.
    yield from (Path(file.locate()).resolve().parent for file in files
                if file.parts[-3:] == ('share', 'rpl_ros', 'package.xml'))
    yield Path(sys.prefix) / 'share' / 'rpl_ros'
    try:
        from ament_index_python.packages import get_package_share_directory
        yield Path(get_package_share_directory('rpl_ros'))
    except (ImportError, LookupError, OSError):  # ROS 2 is not there, or not sourced
        pass


def fetch_assets() -> Path:
    """
    Return the folder of gymnasium-robotics that holds the Fetch's model and meshes.

    The package is found without an import, which takes a second and warns about environments that
    we do not use. FileNotFoundError says how to install it.
    """
    found = find_spec('gymnasium_robotics')
    folder = Path(found.origin).parent / 'envs' / 'assets' if found and found.origin else None
    if folder is None or not (folder / 'fetch' / 'robot.xml').is_file():
        raise FileNotFoundError(
            'the Fetch model of gymnasium-robotics is missing; run: make setup '
            '(or: pip install gymnasium-robotics==1.4.2)')
    return folder
