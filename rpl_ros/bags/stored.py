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

"""What storage files contain: messages as bytes, and the connections to which they belong."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

Definitions = dict[str, tuple[list, list]]  # message type: constants and fields, as of rosbags
Columns = dict[str, Any]  # field: a list or array of its values in several messages


@dataclass(frozen=True, eq=False)
class Connection:
    """
    A topic in one file of a bag.

    `kind` is the message type, `definition` its text ('' where the file holds none), `encoding`
    the language of that text ('ros2msg' or an IDL), `serialization` the encoding of messages.
    """

    topic: str
    kind: str
    definition: str
    encoding: str
    serialization: str
    path: Path


class Stored(NamedTuple):
    """
    A message as it is stored: `raw` are its bytes, its times are ns since 1970.

    `time` is when it was recorded, `published` when it was sent. `place` is the offset of its
    record or chunk in an MCAP file, and the number of its row in an sqlite3 file.
    """

    connection: Connection
    time: int
    raw: bytes
    place: int
    published: int


class StorageFile(Protocol):
    """One open file of a bag."""

    @property
    def connections(self) -> list[Connection]:
        """All Connections that are known so far."""

    def batches(self) -> Iterator[list[Stored]]:
        """Yield the messages in the order of storage, many at a time."""

    def close(self) -> None:
        """Close the file and remove temporary copies of it."""
