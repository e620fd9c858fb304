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

"""What a bag says about itself: its task, horizon and speed."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import custom_data
from rpl_ros.bags.reader import NEEDED, read_messages
from rpl_ros.tasks.description import DescriptionError, read_description
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.spec_file import spec_digest, spec_tree
from rpl_ros.tasks.specs import TASKS, TaskSpec

FIRST = 2000
"""Number of first messages, states and tasks, in which the description of the task must be."""
BEYOND = 'the step is beyond the horizon'


@dataclass(frozen=True)
class About:
    """
    Task of a bag; `horizon`, control steps, and `max_ee_speed`, m/s, are 0 where unknown.

    `spec` is that of a task that is not built in, if the bag has it.
    """

    task: str
    horizon: int = 0
    max_ee_speed: float = 0.0
    spec: TaskSpec | None = None


def about(path: Path | str, run: str = '') -> About:
    """
    Return the About of a bag: from its topic `task`, else from its metadata and its states.

    Of a bag with several runs, that of `run`, '': of the first one. BagError for a bag without
    states.
    """
    task = None
    for message in islice(read_messages(path, ('task', 'state'), Report()), FIRST):
        if run and message.item.run != run:
            continue
        if message.topic == 'task':
            return _described(path, message.item)
        task = task or message.item.task
    if task is None:
        raise BagError(f'{path}: holds no messages of {" and ".join(NEEDED)}')
    named = custom_data(path)
    try:
        return About(task, int(named.get('rpl_ros.horizon', 0)),
                     float(named.get('rpl_ros.max_ee_speed', 0.0)))
    except ValueError as error:
        raise BagError(f'{path}: metadata.yaml: {error}') from error


def _described(path: Path | str, item: Any) -> About:
    """Return what a message of topic `task` says."""
    try:
        found = read_description(item.name, item.spec, item.digest)
        spec = None if found.name in TASKS else found.spec()
    except DescriptionError as error:
        raise BagError(f'{path}: topic task: {error}') from error
    return About(found.name, found.horizon, found.max_ee_speed, spec)


def bag_spec(path: Path | str, horizon: int = 0, run: str = '') -> TaskSpec:
    """
    Return the TaskSpec of a bag with the horizon of the bag, or `horizon` where it has none.

    BagError for an unknown task, and where the bag has another horizon.
    """
    known = about(path, run)
    if horizon and known.horizon and horizon != known.horizon:
        raise BagError(f'{path}: its episodes have {known.horizon} steps, not {horizon}')
    if known.spec:
        return known.spec
    try:
        return task_spec(known.task, known.horizon or horizon)
    except ValueError as error:
        raise BagError(f'{path}: {error}') from error


def require_same(path: Path | str, spec: TaskSpec, max_ee_speed: float) -> None:
    """Raise BagError where a bag is of another task, horizon or speed (m/s) than a learner."""
    known = about(path)
    expected = {'task': spec.name, 'horizon': spec.horizon, 'max_ee_speed': max_ee_speed}
    for name, value in expected.items():
        found = getattr(known, name)
        recorded = name == 'task' or known.horizon > 0  # horizon and speed are there, or neither
        if recorded and found != value:
            raise BagError(f'{path}: {name} is {found!r}, expected {value!r}')
    if known.spec and spec_digest(known.spec) != spec_digest(spec):
        raise BagError(f'{path}: task {spec.name!r} is described in another way: '
                       f'{spec_tree(known.spec)}, expected {spec_tree(spec)}')


def require_no_longer(path: Path | str, problems: Mapping[str, int]) -> None:
    """Raise BagError where messages were left out because their episodes are too long."""
    count = sum(number for text, number in problems.items() if text.startswith(BEYOND))
    if count:
        raise BagError(f'{path}: {count:,} messages are beyond the horizon of its task, and the '
                       'bag does not tell its own: give it with --horizon N, or horizon:=N for a '
                       'learner')
