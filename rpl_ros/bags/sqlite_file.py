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

"""Reads the sqlite3 files of rosbag2, of all versions, without a trace in the folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
import shutil
import sqlite3
import tempfile
from typing import Any

from rpl_ros.bags.errors import BagError
from rpl_ros.bags.stored import Connection, Stored
from rpl_ros.common.brief import brief, one_line

MAGIC = b'SQLite format 3\x00'
UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
ROWS = 1000  # messages that are returned at once
MOST_LOST = 1 << 24  # messages after a damaged one among which an intact one is searched


def _fits(values: tuple[Any, ...], kinds: tuple[type, ...]) -> bool:
    """Return whether values are of these types: a column of sqlite may hold any, and NULL."""
    return all(type(value) is kind for value, kind in zip(values, kinds))


class SqliteFile:
    """A file of rosbag2's sqlite3 storage."""

    def __init__(self, path: Path, note: Callable[[str], None], name: Path | None = None) -> None:
        """Open the file, called `name`; `note` is called with a description of each damage."""
        self.path, self._note = name or path, note
        self._resources = ExitStack()
        log, mode = Path(f'{path}-wal'), 'mode=ro&immutable=1'
        try:
            if log.exists() and log.stat().st_size:
                # The recorder was killed, and its last messages are in the log. To read them,
                # sqlite would write into the folder of the bag, so it gets a copy.
                folder = self._resources.enter_context(tempfile.TemporaryDirectory())
                for source in (path, log):
                    shutil.copy(source, folder)
                path, mode = Path(folder) / path.name, 'mode=rw'
            self._data = sqlite3.connect(f'{path.resolve().as_uri()}?{mode}', uri=True)
            self._resources.callback(self._data.close)
            self._connections = self._read_connections()
        except (OSError, *UNREADABLE) as error:
            self.close()
            raise BagError(f'{self.path}: cannot be read as an sqlite3 bag: '
                           f'{one_line(error)}') from error
        except BagError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._resources.close()

    def _read_connections(self) -> dict[int, Connection]:
        tables = {name for name, in self._data.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {'topics', 'messages'} <= tables:
            raise BagError(f'{self.path}: has no tables `topics` and `messages`: is no bag')
        texts = {kind: (text, encoding) for kind, text, encoding in self._data.execute(
            'SELECT topic_type, encoded_message_definition, encoding FROM message_definitions')
        } if 'message_definitions' in tables else {}
        found = {}
        for row in self._data.execute('SELECT id, name, type, serialization_format FROM topics'):
            if not _fits(row, (int, str, str, str)):
                self._note(f'{self.path}: table topics is damaged: a row is {brief(row)}')
                continue
            number, name, kind, serialization = row
            text, encoding = texts.get(kind, ('', ''))
            if not _fits((text, encoding), (str, str)):
                self._note(f'{self.path}: the definition of {kind} is damaged')
                text = encoding = ''
            found[number] = Connection(name, kind, text, encoding, serialization, self.path)
        return found

    @property
    def connections(self) -> list[Connection]:
        """Return all Connections of the file."""
        return list(self._connections.values())

    def batches(self) -> Iterator[list[Stored]]:
        """Yield the messages in the order of recording, many at a time."""
        # Not by time: that would sort all messages in memory where the index is missing.
        query = 'SELECT id, topic_id, timestamp, data FROM messages WHERE id > ? ORDER BY id'
        row, step, found = 0, 0, []
        while step <= MOST_LOST:
            try:
                for number, topic, time, data in self._data.execute(query, [row + step]):
                    if number <= row:  # damaged pages may lead in circles
                        raise sqlite3.DatabaseError(f'message {number} follows {row}')
                    row, step = number, 0
                    if not _fits((time, data), (int, bytes)):
                        self._note(f'{self.path}: message {number} is damaged: its time is '
                                   f'{brief(time)}, its data are of type {type(data).__name__}')
                    elif topic in self._connections:
                        found.append(Stored(self._connections[topic], time, data, number, time))
                    if len(found) == ROWS:
                        yield found
                        found = []
                break
            except UNREADABLE as error:
                if not step:
                    self._note(f'{self.path}: damaged after message {row}: {one_line(error)}')
                step = 2 * step + 1  # beyond the damage, in steps that grow
        if found:
            yield found
