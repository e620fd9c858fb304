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

"""The reach of DDS discovery: by default this machine alone. See docs/network.md."""

from collections.abc import Mapping, MutableMapping
import os

VARIABLE, HERE = 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST'
SETTINGS = (VARIABLE, 'ROS_LOCALHOST_ONLY', 'ROS_DISCOVERY_SERVER')
"""Environment variables with which the user chooses the reach; then we change nothing."""

MOST_LOCAL = 32
"""
How many processes of a ROS domain find each other on this machine alone.

rmw_fastrtps tries this many ports (maxInitialPeersRange) where the reach is LOCALHOST.
"""


def local_by_default(environment: MutableMapping[str, str] = os.environ) -> None:
    """Keep discovery on this machine, unless `environment` has one of SETTINGS."""
    if not any(environment.get(name) for name in SETTINGS):
        environment[VARIABLE] = HERE


def discovery_range(environment: Mapping[str, str] = os.environ) -> str:
    """Return the setting in force as name=value, for the first lines of a run."""
    given = next((name for name in SETTINGS if environment.get(name)), None)
    return f'{given}={environment[given]}' if given else f'{VARIABLE}={HERE}'


def too_many(processes: int, environment: Mapping[str, str] = os.environ) -> str:
    """Return why so many processes do not all find each other with these settings, or ''."""
    reach = discovery_range(environment)
    local = reach.startswith('ROS_LOCALHOST_ONLY') or reach == f'{VARIABLE}={HERE}'
    if not local or processes <= MOST_LOCAL:
        return ''
    return (f'with {reach}, at most {MOST_LOCAL} processes of a ROS domain find each other: set '
            f'{VARIABLE}=SUBNET or ROS_DISCOVERY_SERVER (docs/several_robots.md)')
