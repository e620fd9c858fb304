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

"""The text of `NODE --help`: what the node does, its parameters, and how to start it."""

from dataclasses import fields
import textwrap
from types import ModuleType

from rpl_ros.settings.nodes import EpisodeServerSettings, NODE_SETTINGS, PlayerSettings
from rpl_ros.settings.robot import AdapterRunSettings, FetchSimSettings, RobotAdapterSettings

SETTINGS = {**NODE_SETTINGS, 'fetch_adapter_node': AdapterRunSettings,
            'robot_adapter_node': RobotAdapterSettings,
            'fetch_sim_node': FetchSimSettings, 'player_node': PlayerSettings,
            'episode_server_node': EpisodeServerSettings}
WIDTH = 95


def node_help(name: str, module: ModuleType) -> str:
    """Return the help of the node called `name`, which `module` defines."""
    lines = [f'usage: ros2 run rpl_ros {name} --ros-args [--params-file FILE] [-p NAME:=VALUE]',
             '', (module.__doc__ or name).strip(), '', 'parameters:']
    for field in fields(SETTINGS[name]) if name in SETTINGS else ():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        lines.append(f'  {field.name} (default: {default!r})')
        lines += textwrap.wrap(field.metadata['doc'], WIDTH, initial_indent=' ' * 6,
                               subsequent_indent=' ' * 6)
    return '\n'.join([
        *lines, '', 'examples:',
        f'  ros2 run rpl_ros {name} --ros-args --params-file runs/NAME/config.yaml',
        f'  python -m rpl_ros.nodes.{name} --ros-args -p task:=hook -r __ns:=/robot1',
        '', 'At least one parameter must be given. Messages stay on this machine unless',
        'ROS_AUTOMATIC_DISCOVERY_RANGE is set: see docs/network.md.'])
