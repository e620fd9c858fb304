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

"""Package definition, for pip and colcon."""

from setuptools import setup

setup(
    name='ur_reach',
    version='0.0.1',
    packages=['ur_reach'],
    package_data={'ur_reach': ['arm.xml']},
    data_files=[('share/ament_index/resource_index/packages', ['resource/ur_reach']),
                ('share/ur_reach', ['package.xml']),
                ('share/ur_reach/config', [
                    f'config/{name}.yaml' for name in ('task', 'contract', 'recipe')]),
                ('share/ur_reach/launch', ['launch/ur_reach.launch.py'])],
    install_requires=['setuptools'],
    zip_safe=False,
    license='Apache-2.0',
    entry_points={'console_scripts': ['arm_node = ur_reach.arm_node:main']},
)
