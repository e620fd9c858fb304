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

"""The tools of ROS 2, for the tests that run where they and a build of this package are."""

from importlib.util import find_spec
import os
from pathlib import Path
import shutil
import sys
import time

import pytest

# Not find_spec('launch'): in a checkout that finds our folder of this name.
HAS_LAUNCH = bool(find_spec('launch_ros'))
ROS2 = shutil.which('ros2', path=f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}')


def installed():
    """Return whether ROS finds our programs: colcon installs them there, pip does not."""
    prefixes = filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep))
    return any((Path(prefix) / 'lib/rpl_ros/sim_node').exists() for prefix in prefixes)


runs = pytest.mark.skipif(not (HAS_LAUNCH and ROS2 and installed()),
                          reason='needs the tools of a ROS 2 distribution: test/try_ros')


def wait_for_rows(path, rows, seconds=90):
    """Wait until a file has some lines."""
    until = time.monotonic() + seconds
    while not path.exists() or len(path.read_text().splitlines()) < rows:
        assert time.monotonic() < until, f'{path} has not grown to {rows} lines'
        time.sleep(0.2)
