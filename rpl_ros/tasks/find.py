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

"""Finds what a task is by its name: built in, described by a file, or a Gymnasium environment."""

from dataclasses import replace
from importlib import import_module
from typing import Any

from rpl_ros.tasks.spec_file import read_spec
from rpl_ros.tasks.specs import FILE_ENDINGS, TaskError, TASKS, TaskSpec


def task_class(name: str) -> type[Any]:
    """Return the class of the task called `name`; ValueError for an unknown name."""
    if name not in TASKS:
        raise TaskError(f'unknown task {name!r}: expected one of {", ".join(TASKS)}')
    module, _, attribute = TASKS[name].partition(':')
    found: type[Any] = getattr(import_module(module), attribute)
    return found


def task_spec(name: str, horizon: int = 0) -> TaskSpec:
    """
    Return the TaskSpec of a task, with `horizon` control steps where that is not 0.

    `name` is a built-in task, a YAML file that ends in .yaml, or a Gymnasium environment: its id,
    package.module:function, or an entry point of the group rpl_ros.tasks. ValueError says what is
    wrong.
    """
    spec = _spec_of(name)
    return replace(spec, horizon=horizon) if horizon else spec


def _spec_of(name: str) -> TaskSpec:
    """Return the TaskSpec of a task with its own horizon; ValueError."""
    if name in TASKS:
        found: TaskSpec = task_class(name).spec
        return found
    if name.endswith(FILE_ENDINGS):
        return read_spec(name)
    from rpl_ros.tasks.environments import describe
    return describe(name)


def has_simulator(spec: TaskSpec) -> bool:
    """Return whether a task can be played without a robot."""
    return spec.name in TASKS or spec.environment is not None
