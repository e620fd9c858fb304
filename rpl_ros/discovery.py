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

"""How far the messages of a graph go: by default, not beyond this machine. See docs/network.md."""

import os

VARIABLE, HERE = 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST'
SETTINGS = (VARIABLE, 'ROS_LOCALHOST_ONLY', 'ROS_DISCOVERY_SERVER')
"""Environment variables with which a person has decided already."""


def local_by_default(environment=os.environ):
    """Keep discovery on this machine, unless the environment says something else."""
    if not any(environment.get(name) for name in SETTINGS):
        environment[VARIABLE] = HERE


def discovery_range(environment=os.environ):
    """Return in words what is in force, for the first lines of a run."""
    given = next((name for name in SETTINGS if environment.get(name)), None)
    return f'{given}={environment[given]}' if given else f'{VARIABLE}={HERE}'
