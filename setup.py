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

"""Package definition for pip; pins and programs are in setup.cfg. colcon reads CMakeLists.txt."""
import os

from setuptools import find_packages, setup

NAME = 'rpl_ros'


def share_files() -> list[tuple[str, list[str]]]:
    """Return (folder in the prefix, files) pairs of what lies in share/rpl_ros when installed."""
    return [(os.path.join('share', NAME, folder), [os.path.join(folder, name) for name in
                                                   sorted(names)])
            for top in ('launch', 'config', 'sim', 'rpl_msgs')
            for folder, _, names in os.walk(top) if names and '__pycache__' not in folder]


setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=[NAME, NAME + '.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', ['resource/' + NAME]),
        ('share/' + NAME, ['package.xml']),
        *share_files(),
    ],
    maintainer='rpl_ros maintainers',
    maintainer_email='maintainers@rpl-ros.org',
    description='Residual Policy Learning for ROS 2: a learned correction on top of a controller.',
    license='Apache-2.0',
)
