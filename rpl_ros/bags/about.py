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

"""What a bag says of itself: its task, horizon and speed."""

from dataclasses import dataclass
from itertools import islice

from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import custom_data
from rpl_ros.bags.reader import NEEDED, read_messages
from rpl_ros.tasks.described import DescriptionError, read_description
from rpl_ros.tasks.specs import spec as find_spec

FIRST = 2000
"""Messages of states and tasks among which the one that describes the task must be."""
BEYOND = 'the step is beyond the horizon'


@dataclass(frozen=True)
class About:
    """Task of a bag; `horizon`, control steps, and `max_ee_speed`, m/s, are 0 where unknown."""

    task: str
    horizon: int = 0
    max_ee_speed: float = 0.0


def about(path, run=''):
    """
    Return the About of a bag: by its topic `task`, else its metadata, else its states.

    Of a bag with several runs, that of `run`, '': the first one. BagError where there is neither.
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


def _described(path, item):
    try:
        found = read_description(item.name, item.spec, item.digest)
    except DescriptionError as error:
        raise BagError(f'{path}: topic task: {error}') from error
    return About(found.name, found.horizon, found.max_ee_speed)


def bag_spec(path, horizon=0, run=''):
    """
    Return the TaskSpec of a bag, with its own horizon; `horizon` is for one that tells none.

    BagError for an unknown task, and where the bag tells another horizon.
    """
    known = about(path, run)
    if horizon and known.horizon and horizon != known.horizon:
        raise BagError(f'{path}: its episodes have {known.horizon} steps, not {horizon}')
    try:
        return find_spec(known.task, known.horizon or horizon)
    except ValueError as error:
        raise BagError(f'{path}: {error}') from error


def require_same(path, spec, max_ee_speed):
    """Raise BagError where a bag is of another task, horizon or speed (m/s) than a learner."""
    known = about(path)
    expected = {'task': spec.name, 'horizon': spec.horizon, 'max_ee_speed': max_ee_speed}
    for name, value in expected.items():
        found = getattr(known, name)
        told = name == 'task' or known.horizon > 0  # a bag that tells its horizon tells all
        if told and found != value:
            raise BagError(f'{path}: {name} is {found!r}, expected {value!r}')


def require_no_longer(path, problems):
    """Raise BagError where messages were passed over since their episodes are too long."""
    count = sum(number for text, number in problems.items() if text.startswith(BEYOND))
    if count:
        raise BagError(f'{path}: {count:,} messages are beyond the horizon of its task, and the '
                       'bag does not tell its own: say it with --horizon N, or horizon:=N where '
                       'it is learned from')
