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

"""The launch argument episode_server: episodes begin when an application asks for one."""

from typing import Any

from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import EpisodeServerSettings

SERVER = 'episode_server_node'
READERS = ('wait_for', 'subscribers', 'readers', 'announce_after')
"""Settings that tell nodes which others there are."""
SETS = ('on_request', 'episodes', *READERS)
"""Settings that depend on the argument: see launching.graph.Argument.sets."""


def serves(arguments: dict[str, str]) -> bool:
    """Return whether the run has the server."""
    return arguments['episode_server'] == 'true'


def server_settings(settings: dict[str, Any], robot: str) -> EpisodeServerSettings:
    """Return the settings of the server for {node: settings} and the name of the robot's node."""
    sim = settings['sim_node']
    return make_settings(EpisodeServerSettings, {
        'task': sim.task, 'seed': sim.seed, 'horizon': sim.horizon,
        'max_ee_speed': sim.max_ee_speed, 'robot': robot})


def server_changes(arguments: dict[str, str]) -> dict[str, Any]:
    """Return {setting: value} with which episodes begin on request, without a last one."""
    endless = {'episodes': 0} if arguments['episodes'] == 'auto' else {}
    return {'on_request': True, **endless} if serves(arguments) else {}
