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

"""What `rpl train` prints before, while and after it learns."""

from collections.abc import Iterator
from typing import Any

from rpl_ros.evaluation.stretch import stretch_in_words
from rpl_ros.learning.earliest import earliest, in_words, offline_in_words
from rpl_ros.runs.layout import driver_of
from rpl_ros.tasks.find import task_spec
from rpl_ros.training.session import Session


def describe(task: str, rows: list[dict[str, Any]]) -> str:
    """Return the last of some rows of evaluation.csv in words, such as 'base: success 24.0%'."""
    if not rows:
        return 'not evaluated'
    measure, row = task_spec(task).measure, rows[-1]
    return f'{driver_of(row)}: {measure.label} {measure.exact(float(row[measure.column]))}'


def new_notes(session: Session) -> Iterator[str]:
    """Yield the notes of a session, each once."""
    while session.notes:
        yield f'warning: {session.notes.pop(0)}'


def at_start(session: Session, settings: dict[str, Any]) -> Iterator[str]:
    """Yield the lines before a run: bags, damage, and the earliest use of its residual."""
    options = session.options
    yield from session.taken.lines() if session.taken else ()
    yield from new_notes(session)
    if session.started_from:
        yield f'begins with {session.started_from}: {options.start}'
    learner = session.learner
    if options.offline and (learner.burn_in.active or learner.prefer_base):
        yield from offline_in_words(settings['learner_node'], options.updates)
    elif options.start and not learner.prefer_base:
        yield 'the policy acts from the first episode on'
    elif options.method == 'residual' and not options.offline:
        found = earliest(settings, ahead=options.actors)
        yield in_words(found, options.steps, '--steps {}')


def at_end(session: Session) -> Iterator[str]:
    """Yield the lines after a run: its evaluations, and whether its residual is used."""
    task, rows = session.options.task, session.evaluations.rows
    learner = session.learner
    yield (f'{task}, {describe(task, rows[:1])} before; {describe(task, rows)} after '
           f'{session.done:,} {session.unit}; see {session.folder}')
    if learner.updates and learner.prefer_base:
        why = ('the burn-in is not over' if learner.burn_in.active else
               f'the policy is on trial, {learner.trial}')
        yield (f'the residual is not used yet: {why}. The saved policy is the base controller; '
               f'to continue, give more --{session.unit}')
    if lowest := session.lowest():
        yield stretch_in_words(lowest, task_spec(task).measure)
