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

"""Whether robot and node mean the same task: horizon, speed and elements included."""

from rpl_ros.tasks.described import DescriptionError, read_description, task_fields


def require_same_task(node, spec, message):
    """End `node`, with its TaskSpec, where the Task message of the robot is of another task."""
    own = task_fields(spec, node.settings.max_ee_speed)
    if message.digest == own['digest'] and message.name == own['name']:
        return
    try:
        found = read_description(message.name, message.spec, message.digest)
        here = read_description(**{'name': own['name'], 'text': own['spec'],
                                   'digest': own['digest']})
        node.fail(f'the robot has {found}, this node {here}: start both with the same '
                  'parameters task, horizon and max_ee_speed')
    except DescriptionError as error:
        node.fail(f'topic task: {error}')
