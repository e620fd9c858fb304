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

"""A simulated task with either arm: pulled by a weld, or driven at its joints as a real Fetch."""

from rpl_ros.robot.simulated.sensors import Sensors
from rpl_ros.robot.simulated.task import FetchSimTask
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch_task import FetchTask
from rpl_ros.tasks.simulated import SimulatedTask


def make_fetch_task(name: str, seed: int, objects: str = '', horizon: int = 0) -> FetchTask:
    """Return a task of the Fetch: see make_task(). ValueError if the robot is another one."""
    task = make_task(name, seed, objects, horizon)
    if not isinstance(task, FetchTask):
        raise ValueError(f'task {name} has another robot: a simulated Fetch is for the tasks of '
                         'the Fetch')
    return task


def make_simulated(name: str, seed: int, objects: str = '', horizon: int = 0,
                   max_ee_speed: float = 0.0, arm: str = 'paper') -> SimulatedTask | FetchSimTask:
    """
    Return the task called `name`: see make_task(), also for ValueError.

    `arm` is 'paper', pulled by a weld, or 'joints': see docs/fetch_simulated.md. ValueError for
    'joints' if the robot of the task is not a Fetch.
    """
    if arm == 'paper':
        return make_task(name, seed, objects, horizon, max_ee_speed)
    task = make_fetch_task(name, seed, objects, horizon)
    return FetchSimTask(task, max_ee_speed, Sensors(noise=task.noise_std))
