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

"""What `rpl train` says before, while and after it learns."""

from rpl_ros.experiments.run_record import stretch_in_words
from rpl_ros.experiments.train_folder import evaluation_in_words
from rpl_ros.learning.earliest import earliest, in_words, offline_in_words
from rpl_ros.measures import measure_of


def describe(task, rows):
    """Return what the last of the rows of evaluation.csv says, in words."""
    return evaluation_in_words(rows[-1], measure_of(task)) if rows else 'not evaluated'


def new_notes(session):
    """Yield what a Session has to say by now: damaged checkpoints, episodes that went wrong."""
    while session.notes:
        yield f'warning: {session.notes.pop(0)}'


def at_start(session, settings):
    """Yield the lines before a run: bags, damage, and from when on its residual can count."""
    options = session.options
    yield from session.taken.lines() if session.taken else ()
    yield from new_notes(session)
    if options.offline:
        yield from offline_in_words(settings['learner_node'], options.updates)
    elif options.method == 'residual':
        found = earliest(settings, ahead=options.actors)
        yield in_words(found, options.steps, '--steps {}')


def at_end(session):
    """Yield the lines after a run: its evaluations, and whether the residual counts."""
    task, rows = session.options.task, session.evaluations.rows
    learner = session.learner
    yield (f'{task}, {describe(task, rows[:1])} before; {describe(task, rows)} after '
           f'{session.done:,} {session.unit}; see {session.folder}')
    if learner.updates and learner.on_trial:
        why = ('the burn-in is not over' if learner.burn_in.active else
               f'the policy is on trial, {learner.trial}')
        yield (f'the residual does not count yet: {why}. What is saved and evaluated is the base '
               f'controller; more --{session.unit} go on')
    if lowest := session.lowest():
        yield stretch_in_words(lowest, measure_of(task))
