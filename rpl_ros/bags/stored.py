# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""What storage files give back: messages as bytes, and the connections they came by."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, eq=False)
class Connection:
    """A topic in one file of a bag: its name, type, definition and encodings.

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
    """A message as it lies in a file, with its times in ns since 1970.

    `place` is the offset of its record or chunk in an MCAP file, its row in sqlite3.
    """

    connection: Connection
    time: int
    raw: bytes
    place: int
    published: int
