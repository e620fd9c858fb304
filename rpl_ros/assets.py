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

"""Finds the files that are no Python: `sim/`, `config/`, `launch/` and the Fetch's meshes."""

from importlib import metadata
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
import sys


def share(folder):
    """
    Return the path of one of our data folders, in the source tree or where it is installed.

    FileNotFoundError says where was looked.
    """
    seen = []
    for place in chain(_source(), _installed()):
        if (place / folder).is_dir():
            return place / folder
        seen.append(str(place))
    raise FileNotFoundError(f'no folder {folder} of rpl_ros in {", ".join(seen)}')


def _source():
    """Yield the source tree, where this file lies in one: else other packages lie beside ours."""
    place = Path(__file__).resolve().parent.parent
    if (place / 'package.xml').is_file():
        yield place


def _installed():
    """Yield the places where pip or a ROS 2 workspace may have put our data folders."""
    try:
        files = metadata.files('rpl_ros') or ()
    except metadata.PackageNotFoundError:
        files = ()
    # The manifest of a ROS 2 package lies above its data folders.
    yield from (file.locate().resolve().parent for file in files
                if file.parts[-3:] == ('share', 'rpl_ros', 'package.xml'))
    yield Path(sys.prefix) / 'share' / 'rpl_ros'
    try:
        from ament_index_python.packages import get_package_share_directory
        yield Path(get_package_share_directory('rpl_ros'))
    except (ImportError, LookupError, OSError):  # no ROS 2, or none that is sourced
        pass


def fetch_assets():
    """
    Return the folder of gymnasium-robotics that holds the Fetch's model and meshes.

    The package is only located, not imported: its import takes a second and warns about
    environments that we do not use. FileNotFoundError says how to get it.
    """
    found = find_spec('gymnasium_robotics')
    folder = Path(found.origin).parent / 'envs' / 'assets' if found else None
    if folder is None or not (folder / 'fetch' / 'robot.xml').is_file():
        raise FileNotFoundError(
            'the Fetch model of gymnasium-robotics is missing; run: make setup '
            '(or: pip install gymnasium-robotics==1.4.2)')
    return folder
