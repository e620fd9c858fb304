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

"""Checks that robot and node have the same task, with equal horizon, speed and elements."""

from rpl_msgs.msg import Task
from rpl_ros.ros.params import RplNode
from rpl_ros.tasks.description import DescriptionError, difference, read_description, task_fields
from rpl_ros.tasks.specs import TaskSpec


def require_same_task(node: RplNode, spec: TaskSpec, message: Task) -> None:
    """Let `node` fail, whose task is `spec`, if the robot's message describes another task."""
    problem = other_task(node, spec, message)
    if problem:
        node.fail(problem)


def other_task(node: RplNode, spec: TaskSpec, message: Task) -> str:
    """Return in words how the task in a robot's message differs from that of `node`, or ''."""
    own = task_fields(spec, node.settings.max_ee_speed)
    if message.digest == own['digest'] and message.name == own['name']:
        return ''
    try:
        found = read_description(message.name, message.spec, message.digest)
        here = read_description(name=own['name'], text=own['spec'], digest=own['digest'])
    except DescriptionError as error:
        return f'topic task: {error}'
    return (f'{difference(found, here)}: start both with the same parameters task, horizon and '
            'max_ee_speed')
