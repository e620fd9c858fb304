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

"""
The simulated arm and the graph of rpl_ros: ros2 launch ur_reach ur_reach.launch.py episodes:=20.

Every launch argument of own_task.launch.py of rpl_ros can follow. Ctrl-C ends the arm, which goes
on when the run is complete.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node


def generate_launch_description() -> LaunchDescription:
    """Start arm_node, and include the graph."""
    config = Path(get_package_share_directory('ur_reach')) / 'config'
    graph = Path(get_package_share_directory('rpl_ros')) / 'launch' / 'own_task.launch.py'
    return LaunchDescription([
        Node(package='ur_reach', executable='arm_node', output='screen'),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(graph)),
            launch_arguments={'task': str(config / 'task.yaml'), 'robot': 'own',
                              'contract': str(config / 'contract.yaml'),
                              'params_file': str(config / 'recipe.yaml'),
                              'reset_service': 'reset_scene'}.items())])
