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

Nothing is written into a bag. Damage is noted in a Report, and the reading continues after it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import open_file, storage_files
from rpl_ros.bags.layout import Decoder
from rpl_ros.bags.legacy import LEGACY, upgraded
from rpl_ros.bags.schema import TOPIC_OF, TYPES, types_of
from rpl_ros.bags.stored import Columns, Connection, Stored
from rpl_ros.data import BaseAction, Command, Episode, State
from rpl_ros.tasks.specs import TaskSpec
from rpl_ros.transitions import Joiner

Group = tuple[str, list[int], Columns]  # topic, places of messages in a batch, their values
ITEMS: dict[str, Any] = {'state': State, 'command': Command, 'base_action': BaseAction}
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
    """Which connections of a bag are read, and how to decode their messages."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.wanted = wanted
        self.names: dict[str, str] = {}  # topic: its full name in this bag
        self.others: set[str] = set()
        self._known: dict[Connection, tuple[str, Decoder] | None] = {}
        self._decoders: dict[tuple[str, str], Decoder] = {}

    def find(self, connection: Connection) -> tuple[str, Decoder] | None:
        """
        Return (topic, Decoder), or None for a topic that is not wanted.

        BagError where two topics have one name, or a topic has an unexpected type.
        """
        if connection not in self._known:
            self._known[connection] = self._look_up(connection)
        return self._known[connection]

    def _look_up(self, connection: Connection) -> tuple[str, Decoder] | None:
        topic = connection.topic.rpartition('/')[2]
        if topic not in TYPES:
            topic = TOPIC_OF.get(connection.kind, topic)
        if topic in TYPES and connection.kind not in ('', TYPES[topic], *TOPIC_OF):
            topic = connection.topic  # of the robot or a user: only its last part is a known one
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
        # Each file of a bag has connections of its own, mostly with the same definitions.
        key = (topic, connection.definition)
        if key not in self._decoders:
            self._decoders[key] = Decoder(definitions, connection.kind)
        return topic, self._decoders[key]


def _batches(path: Path | str, wanted: Iterable[str],
             report: Report) -> Iterator[tuple[list[Stored], list[Group]]]:
    """Yield the messages of a bag, batch by batch, with the decoded ones of the wanted topics."""
    topics, places = _Topics(frozenset(wanted)), storage_files(path)
    for place in places:
        try:
            file = open_file(place, report.note)
        except BagError as error:
            if len(places) == 1:
                raise
            report.note(str(error))  # a power cut leaves the last file of several empty
            continue
        try:
            for batch in file.batches():
                yield batch, _decoded(batch, topics, report)
            for connection in file.connections:
                topics.find(connection)
        finally:
            file.close()
    missing = [topic for topic in NEEDED if topic in topics.wanted and topic not in topics.names]
    if missing:
        others = ', '.join(sorted(topics.others | set(topics.names.values()))) or 'none'
        raise BagError(f'{path}: has no topic {" or ".join(missing)}; its topics: {others}'
                       + (f'; {report.damage[-1]}' if report.damage else ''))


def _decoded(batch: list[Stored], topics: _Topics, report: Report) -> list[Group]:
    """Return the messages of a batch that are wanted and intact."""
    found: dict[tuple[str, Decoder], list[int]] = {}
    for index, stored in enumerate(batch):
        target = topics.find(stored.connection)
        if target is not None:
            found.setdefault(target, []).append(index)
    decoded = []
    for (topic, decoder), indices in found.items():
        groups, bad = decoder.decode([batch[index].raw for index in indices])
        report.messages[topic] += len(indices)
        for number, error in bad.items():
            stored = batch[indices[number]]
            report.note(f'{stored.connection.path}: a message of topic '
                        f'{stored.connection.topic} at {stored.place} is damaged: {error}')
        decoded += [(topic, [indices[number] for number in numbers], upgraded(topic, values))
                    for numbers, values in groups]
    return decoded


def _nested(columns: Columns, row: int) -> SimpleNamespace:
    """Return one of the messages in columns; a dotted name is that of a field within another."""
    message = SimpleNamespace()
    for path, values in columns.items():
        *outer, name = path.split('.')
        owner = message
        for part in outer:
            owner = vars(owner).setdefault(part, SimpleNamespace())
        setattr(owner, name, values[row])
    return message


def read_messages(path: Path | str, topics: Iterable[str] = tuple(TYPES),
                  report: Report | None = None) -> Iterator[Message]:
    """
    Yield the Messages of `topics` of a bag in the order in which they are stored.

    `path` is the folder of a bag or one file of it. BagError for a bag that cannot be used. Damage
    is noted in `report`; without one it is a warning.
    """
    report = Report(quiet=False) if report is None else report
    for batch, groups in _batches(path, topics, report):
        ready = [(index, Message(topic, batch[index].time, batch[index].published,
                                 _nested(columns, row)))
                 for topic, indices, columns in groups for row, index in enumerate(indices)]
        for _, message in sorted(ready, key=lambda pair: pair[0]):
            yield message


def read_items(path: Path | str, spec: TaskSpec | None = None, report: Report | None = None,
               topics: Iterable[str] = NEEDED) -> Iterator[list[tuple[str, int, Any]]]:
    """
    Yield lists of (topic, time in ns since 1970, item) in the order of storage.

    An item is a State, Command or BaseAction, of other topics a message as in read_messages().
    The states must be of the task of `spec`, or else of that of the first state, which becomes
    `report.task`. Messages of another run than `report.run` are counted, and left out.
    """
    report = Report(quiet=False) if report is None else report
    report.task = spec.name if spec else None
    for batch, groups in _of_one_run(path, topics, report):
        ready: list[Any] = [None] * len(batch)
        for topic, indices, columns in groups:
            if topic == 'state':
                report.task = _check_task(report.task, columns, batch[indices[0]].connection)
            for index, item in zip(indices, _items(topic, columns, len(indices))):
                ready[index] = (topic, batch[index].time, item)
        yield [entry for entry in ready if entry is not None]


def _items(topic: str, columns: Columns, count: int) -> Iterator[Any]:
    """Return the messages in columns as dataclasses where their topic has one."""
    if topic in ITEMS:
        return map(ITEMS[topic], *(columns[field.name] for field in fields(ITEMS[topic])))
    return (_nested(columns, row) for row in range(count))


def _of_one_run(path: Path | str, topics: Iterable[str],
                report: Report) -> Iterator[tuple[list[Stored], list[Group]]]:
    """Yield what _batches() does without the messages of other runs; `report.run` is the run."""
    for batch, groups in _batches(path, topics, report):
        if not report.run:
            report.run = next((run for topic, _, columns in groups if topic == 'state'
                               for run in columns['run'] if run), '')
        groups = [_of_run(*group, report) for group in groups]
        yield batch, [group for group in groups if group[1]]


def _of_run(topic: str, indices: list[int], columns: Columns, report: Report) -> Group:
    """
    Return the messages of the run that is read; count the others.

    A message without an id belongs to it: a person's node may leave the id empty.
    """
    runs = columns.get('run', ())
    others = Counter(run for run in runs if run and run != report.run)
    if not others or not report.run:
        return topic, indices, columns
    for run, count in others.items():
        report.problems[f'they are of run {run!r}, not {report.run!r}'] += count
    kept = [row for row, run in enumerate(runs) if run not in others]
    columns = {name: values[kept] if hasattr(values, 'dtype') else [values[row] for row in kept]
               for name, values in columns.items()}
    return topic, [indices[row] for row in kept], columns


def read_raw(path: Path | str, topics: Iterable[str],
             report: Report | None = None) -> Iterator[tuple[str, int, Any, bool]]:
    """
    Yield (topic, time in ns, bytes of the message, whether an episode ends) in their order.

    Damaged messages are left out. A message of version 0.1 is given as by read_messages().
    """
    report = Report(quiet=False) if report is None else report
    for batch, groups in _of_one_run(path, topics, report):
        ready = []
        for topic, indices, columns in groups:
            ends = [any(pair) for pair in zip(columns['terminated'], columns['truncated'])
                    ] if 'terminated' in columns else [False] * len(indices)
            for row, (index, last) in enumerate(zip(indices, ends)):
                content = _nested(columns, row) if LEGACY in columns else batch[index].raw
                ready.append((index, topic, content, last))
        for index, topic, content, last in sorted(ready, key=lambda entry: entry[0]):
            yield topic, batch[index].time, content, last


def _check_task(task: str | None, columns: Columns, connection: Connection) -> str:
    """Return the task of all states; BagError where one is of another."""
    task = columns['task'][0] if task is None else task
    if columns['task'].count(task) != len(columns['task']):
        row = next(row for row, name in enumerate(columns['task']) if name != task)
        raise BagError(f'{connection.path}: topic {connection.topic}: State.task is '
                       f'{columns["task"][row]!r} in episode {columns["episode"][row]}, step '
                       f'{columns["step"][row]}, expected {task!r}')
    return task


def read_episodes(paths: Path | str | Iterable[Path | str], spec: TaskSpec,
                  report: Report | None = None) -> Iterator[Episode]:
    """
    Yield the Episodes of one bag or of several, as the learner gets them live.

    An episode that was cut off has the steps that were recorded; `Episode.valid` says which of
    its transitions are complete. BagError for a bag that cannot be used.
    """
    report = Report(quiet=False) if report is None else report
    asked = report.run
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
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
