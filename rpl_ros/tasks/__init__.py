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

"""The simulated tasks by name: built-in ones, and any Gymnasium environment."""

from functools import lru_cache
from importlib import metadata
from typing import Any
import warnings

from rpl_ros.tasks.find import task_class, task_spec
from rpl_ros.tasks.specs import TaskError, TASKS

TESTED_MUJOCO = ('3.17', '4.0')
"""Releases of MuJoCo with which the built-in tasks, and their numbers in the docs, are tested."""


def make_task(name: str, seed: int, objects: str = '', horizon: int = 0,
              max_ee_speed: float = 0.0) -> Any:
    """
    Return the simulated task called `name`; its episode n is always the same for one seed.

    `horizon`, control steps, and `max_ee_speed`, m/s of a held action of 1, are the task's own
    where they are 0. ValueError for an unknown name, unusable `objects` (a folder of meshes for
    complex_hook), and for a speed where the robot is no Fetch.
    """
    spec = task_spec(name, horizon)
    if name in TASKS:
        _check_mujoco(metadata.version('mujoco'))
        task = task_class(name)(seed, objects)
        task.spec = spec
    elif objects:
        raise TaskError(f'objects={objects!r} is for complex_hook only, not for {spec.name}')
    elif spec.environment is None:
        raise TaskError(f'task {spec.name} has no simulator: its file names no environment')
    else:
        from rpl_ros.tasks.gym_task import GymTask
        task = GymTask(spec, seed)
    if max_ee_speed:
        task.set_speed(max_ee_speed)
    return task


@lru_cache
def _check_mujoco(version: str) -> None:
    """Warn, once in a process, where the built-in tasks were not tested with this MuJoCo."""
    if '.'.join(version.split('.')[:2]) not in TESTED_MUJOCO:
        warnings.warn(f'the built-in tasks are tested with MuJoCo {" and ".join(TESTED_MUJOCO)}. '
                      f'This is {version}: success may differ from the docs', stacklevel=3)
