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

"""What `NODE --help` prints: what the node does, its parameters, and how to start it."""

from dataclasses import fields
import textwrap

from rpl_ros.config import NODE_SETTINGS, PlayerSettings
from rpl_ros.config_robot import AdapterRunSettings, FetchSimSettings

SETTINGS = {**NODE_SETTINGS, 'fetch_adapter_node': AdapterRunSettings,
            'fetch_sim_node': FetchSimSettings, 'player_node': PlayerSettings}
WIDTH = 95


def node_help(name, module):
    """Return the help of the node called `name`, which a module of ours makes."""
    lines = [f'usage: ros2 run rpl_ros {name} --ros-args [--params-file FILE] [-p NAME:=VALUE]',
             '', (module.__doc__ or name).strip(), '', 'parameters:']
    for spec in fields(SETTINGS[name]) if name in SETTINGS else ():
        default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
        lines.append(f'  {spec.name} (default: {default!r})')
        lines += textwrap.wrap(spec.metadata['doc'], WIDTH, initial_indent=' ' * 6,
                               subsequent_indent=' ' * 6)
    return '\n'.join([
        *lines, '', 'examples:',
        f'  ros2 run rpl_ros {name} --ros-args --params-file runs/NAME/config.yaml',
        f'  python -m rpl_ros.nodes.{name} --ros-args -p task:=hook -r __ns:=/robot1',
        '', 'At least one parameter must be given. Messages stay on this machine unless',
        'ROS_AUTOMATIC_DISCOVERY_RANGE says something else: docs/network.md.'])
