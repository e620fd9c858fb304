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

"""What storage files give back: messages as bytes, and the connections they came by."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, eq=False)
class Connection:
    """
    A topic in one file of a bag: its name, type, definition and encodings.

    `definition` is empty where the file holds none; `encoding` is its language, 'ros2msg' or one
    of IDL; `serialization` that of the messages.
    """

    topic: str
    kind: str
    definition: str
    encoding: str
    serialization: str
    path: Path


class Stored(NamedTuple):
    """
    A message as it lies in a file, with its times in ns since 1970.

    `place` is the offset of its record or chunk in an MCAP file, its row in sqlite3.
    """

    connection: Connection
    time: int
    raw: bytes
    place: int
    published: int
