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

"""
Messages and episodes from bags, lazily: a bag may be larger than the memory.

Nothing is ever written into a bag. What is damaged is noted in a Report and passed over.
"""

from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import open_file, storage_files
from rpl_ros.bags.layout import Decoder
from rpl_ros.bags.legacy import LEGACY, upgraded
from rpl_ros.bags.schema import TOPIC_OF, TYPES, types_of
from rpl_ros.data import BaseAction, Command, State
from rpl_ros.transitions import Joiner

ITEMS = {'state': State, 'command': Command, 'base_action': BaseAction}
NEEDED = ('state', 'command')


@dataclass(frozen=True)
class Message:
    """
    A message of a bag.

    `topic` is the last part of the topic's name; times are ns since 1970: `time` when it was
    recorded, `published` when it was sent (both the same in sqlite3 bags). `item` has the fields
    of the message as attributes, sequences as numpy arrays.
    """

    topic: str
    time: int
    published: int
    item: Any


class _Topics:
    """Which connections of a bag are ours, and how to decode them."""

    def __init__(self, wanted):
        self.wanted, self.names, self.others = wanted, {}, set()
        self._known, self._decoders = {}, {}

    def find(self, connection):
        """
        Return (topic, Decoder), or None for a topic of no interest.

        BagError where two topics have a name of ours, or a type is another one.
        """
        if connection not in self._known:
            self._known[connection] = self._look(connection)
        return self._known[connection]

    def _look(self, connection):
        topic = connection.topic.rpartition('/')[2]
        if topic not in TYPES:
            topic = TOPIC_OF.get(connection.kind, topic)
        if topic in TYPES and connection.kind not in ('', TYPES[topic], *TOPIC_OF):
            topic = connection.topic  # of the robot or a user: only the name is like ours
        if topic not in self.wanted:
            self.others.add(connection.topic)
            return None
        name = self.names.setdefault(topic, connection.topic)
        if name != connection.topic:
            raise BagError(f'{connection.path}: two topics are called {topic}, {name} and '
                           f'{connection.topic}: record one graph alone')
        where = f'{connection.path}: topic {name}'
        if connection.kind != TYPES[topic]:
            raise BagError(f'{where} is of type {connection.kind or "unknown"}, expected '
                           f'{TYPES[topic]}')
        if connection.serialization != 'cdr':
            raise BagError(f'{where} is serialized as {connection.serialization!r}, '
                           "expected 'cdr'")
        definitions = types_of(connection.kind, connection.definition, connection.encoding, where)
        # Files of one bag have connections of their own but mostly the same definitions.
        key = (topic, connection.definition)
        if key not in self._decoders:
            self._decoders[key] = Decoder(definitions, connection.kind)
        return topic, self._decoders[key]


def _batches(path, wanted, report):
    """Yield ([Stored], [(topic, indices, columns)]) batch by batch."""
    topics, places = _Topics(wanted), storage_files(path)
    for place in places:
        try:
            file = open_file(place, report.note)
        except BagError as error:
            if len(places) == 1:
                raise
            report.note(str(error))  # a power cut leaves the last file of several like that
            continue
        try:
            for batch in file.batches():
                yield _decoded(batch, topics, report)
            for connection in file.connections:
                topics.find(connection)
        finally:
            file.close()
    missing = [topic for topic in NEEDED if topic in wanted and topic not in topics.names]
    if missing:
        others = ', '.join(sorted(topics.others | set(topics.names.values()))) or 'none'
        raise BagError(f'{path}: has no topic {" or ".join(missing)}; its topics: {others}'
                       + (f'; {report.damage[-1]}' if report.damage else ''))


def _decoded(batch, topics, report):
    """Return ([Stored], [(topic, indices, columns)]) of a batch."""
    found = {}
    for index, stored in enumerate(batch):
        target = topics.find(stored.connection)
        if target is not None:
            found.setdefault(target, []).append(index)
    columns = []
    for (topic, decoder), indices in found.items():
        groups, bad = decoder.decode([batch[index].raw for index in indices])
        report.messages[topic] += len(indices)
        for number, error in bad.items():
            stored = batch[indices[number]]
            report.note(f'{stored.connection.path}: a message of topic '
                        f'{stored.connection.topic} at {stored.place} is damaged: {error}')
        columns += [(topic, [indices[number] for number in numbers], upgraded(topic, values))
                    for numbers, values in groups]
    return batch, columns


def _nested(values):
    """Return a message of {field: value}, whose dotted names are those of inner messages."""
    message = SimpleNamespace()
    for name, value in values:
        *outer, name = name.split('.')
        owner = message
        for part in outer:
            if not hasattr(owner, part):
                setattr(owner, part, SimpleNamespace())
            owner = getattr(owner, part)
        setattr(owner, name, value)
    return message


def read_messages(path, topics=tuple(TYPES), report=None):
    """
    Yield the Messages of `topics` of a bag in the order in which they are stored.

    `path` is a bag's folder or one file of it. BagError for a bag that cannot be used; what is
    damaged is noted in `report`, or warned of where there is none.
    """
    report = Report(quiet=False) if report is None else report
    for batch, groups in _batches(path, frozenset(topics), report):
        ready = []
        for topic, indices, columns in groups:
            for index, *row in zip(indices, *columns.values()):
                ready.append((index, Message(topic, batch[index].time, batch[index].published,
                                             _nested(zip(columns, row)))))
        for _, message in sorted(ready, key=lambda pair: pair[0]):
            yield message


def _items(kind, columns):
    """Return the dataclasses of all rows of {field: values}."""
    names = list(kind.__dataclass_fields__)
    found, new = [], object.__new__
    for row in zip(*(columns[name] for name in names)):
        item = new(kind)
        # Frozen dataclasses set their fields one by one, which takes three times as long.
        item.__dict__.update(zip(names, row))
        found.append(item)
    return found


def read_items(path, spec=None, report=None, topics=NEEDED):
    """
    Yield lists of (topic, time in ns, item) in the order of storage.

    An item is a State, Command or BaseAction, of other topics a message as in read_messages().
    `spec` says which task the states must be of; where it is None the first state does, and
    `report.task` tells. Messages of another run than `report.run` are counted, and left out.
    """
    report = Report(quiet=False) if report is None else report
    report.task = spec.name if spec else None
    for batch, groups in _batches(path, frozenset(topics), report):
        ready = [None] * len(batch)
        _choose_run(groups, report)
        for topic, indices, columns in groups:
            indices, columns = _of_run(indices, columns, report)
            if not indices:
                continue
            if topic == 'state':
                report.task = _check_task(report.task, columns, batch[indices[0]].connection)
            items = (_items(ITEMS[topic], columns) if topic in ITEMS else
                     [_nested(zip(columns, row)) for row in zip(*columns.values())])
            for index, item in zip(indices, items):
                ready[index] = (topic, batch[index].time, item)
        yield [entry for entry in ready if entry is not None]


def _choose_run(groups, report):
    """Note the run of the first state that has an id, where no run is chosen yet."""
    if not report.run:
        report.run = next((run for topic, _, columns in groups if topic == 'state'
                           for run in columns['run'] if run), '')


def _of_run(indices, columns, report):
    """
    Return (indices, columns) of the messages of the chosen run; count the others.

    A message without an id belongs to it: a person's node may leave it empty.
    """
    runs = columns.get('run', ())
    others = Counter(run for run in runs if run and run != report.run)
    if not others or not report.run:
        return indices, columns
    for run, count in others.items():
        report.problems[f'they are of run {run!r}, not {report.run!r}'] += count
    kept = [place for place, run in enumerate(runs) if run not in others]
    columns = {name: values[kept] if hasattr(values, 'dtype') else
               [values[place] for place in kept] for name, values in columns.items()}
    return [indices[place] for place in kept], columns


def read_raw(path, topics, report=None):
    """
    Yield (topic, time in ns, bytes of the message, whether an episode ends) in their order.

    Only messages that can be decoded. One of version 0.1 comes as read_messages() gives it.
    """
    report = Report(quiet=False) if report is None else report
    for batch, groups in _batches(path, frozenset(topics), report):
        _choose_run(groups, report)
        ready = []
        for topic, indices, columns in groups:
            indices, columns = _of_run(indices, columns, report)
            for place, (index, last) in enumerate(zip(indices, _ends(columns, len(indices)))):
                content = batch[index].raw if LEGACY not in columns else _nested(
                    [(name, values[place]) for name, values in columns.items()])
                ready.append((index, topic, content, bool(last)))
        for index, topic, content, last in sorted(ready, key=lambda entry: entry[0]):
            yield topic, batch[index].time, content, last


def _ends(columns, count):
    """Return for each of `count` messages whether an episode ends with it."""
    if 'terminated' not in columns:
        return [False] * count
    return [one or two for one, two in zip(columns['terminated'], columns['truncated'])]


def _check_task(task, columns, connection):
    """Return the task of all states; BagError where one is of another."""
    task = columns['task'][0] if task is None else task
    if columns['task'].count(task) != len(columns['task']):
        row = next(row for row, name in enumerate(columns['task']) if name != task)
        raise BagError(f'{connection.path}: topic {connection.topic}: State.task is '
                       f'{columns["task"][row]!r} in episode {columns["episode"][row]}, step '
                       f'{columns["step"][row]}, expected {task!r}')
    return task


def read_episodes(paths, spec, report=None):
    """
    Yield the Episodes of one bag or of several, as the learner gets them live.

    `paths` is a path or a list of them. An episode that was cut off comes as far as it was
    recorded; `Episode.valid` says which of its transitions are whole.
    """
    report = Report(quiet=False) if report is None else report
    asked = report.run
    for path in [paths] if isinstance(paths, str) or hasattr(paths, 'joinpath') else paths:
        joiner, empty = Joiner(spec), True
        for items in read_items(path, spec, report):
            for topic, _, item in items:
                episodes, _ = joiner.add(topic, item)
                if episodes:
                    yield from episodes
            empty = empty and not items
        if empty:
            raise BagError(f'{path}: holds no messages of {" and ".join(NEEDED)}'
                           + (f'; {report.damage[-1]}' if report.damage else ''))
        yield from joiner.flush()
        report.problems.update(joiner.problems)
        report.run = asked  # each bag is of a run of its own
