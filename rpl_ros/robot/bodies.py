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

"""Which bodies a task of the Fetch needs to know the poses of."""

from rpl_ros.tasks.specs import spec

WITH_HOOK = 40
"""Length of an observation that has a hook in it."""


def body_names(task):
    """Return the names of the bodies whose poses the task called `task` needs of a tracker."""
    return ('object', 'hook', 'goal') if spec(task).observation_size == WITH_HOOK else (
        'object', 'goal')
