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
Reads MCAP files record by record; after damage it searches for the next intact record.

Readers of the libraries `mcap` and `rosbags` end at the first damage. Rosbags refuses any file
without its end, as a recorder that was killed leaves it, and returns no time of publication.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
import re
from struct import error as StructError
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Schema
from rpl_ros.bags.compression import decompressed, limit
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.stored import Connection, Stored
from rpl_ros.common.files import open_regular

MAGIC = b'\x89MCAP0\r\n'
RECORD = Struct('<BQ')                  # opcode, length of what follows
MESSAGE = Struct('<BQHIQQ')             # the same, channel, sequence, log time, publish time
CHUNK = Struct('<QQQII')                # first and last log time, size, checksum, length of name
FOOTER = Struct('<BQQQI')               # opcode, length, summary, its offsets, checksum
KNOWN = {int(code) for code in Opcode}
BATCH = 1 << 20  # bytes of messages outside of chunks that are returned at once
WINDOW = 1 << 22  # bytes in which the next intact record is searched at once
MOST_RECORD = 1 << 32  # bytes of a record
MOST_CUT = 1 << 28  # bytes that are read of a chunk that was cut off
COMPRESSIONS = (b'', b'lz4', b'zstd')
# Of a message, a chunk or the end of data; looks ahead, since candidates may overlap.
CANDIDATE = re.compile(rb'(?=[\x05\x06\x0f].{4}[\x00-\x01]\x00{3})', re.DOTALL)


class _ChunkHead(NamedTuple):
    """Beginning of a chunk: its compression, size of its content, checksum, where that starts."""

    compression: str
    size: int
    checksum: int
    start: int


def _chunk_head(body: bytes, length: int) -> _ChunkHead | None:
    """Return the head of a chunk from the beginning of its record, `length` bytes; None if bad."""
    if len(body) < CHUNK.size + 8:
        return None
    first, last, size, checksum, letters = CHUNK.unpack_from(body)
    start = CHUNK.size + letters + 8
    name = body[CHUNK.size:start - 8]
    stored = int.from_bytes(body[start - 8:start], 'little')
    if first > last or name not in COMPRESSIONS or stored != length - start:
        return None
    return _ChunkHead(name.decode(), size, checksum, start)


class McapFile:
    """An MCAP file that is read from its beginning to its end."""

    def __init__(self, path: Path, note: Callable[[str], None], name: Path | None = None) -> None:
        """Open the file, called `name`; `note` is called with a description of each damage."""
        self.path, self._note = name or path, note
        self.file = open_regular(path)
        self.size = self.file.seek(0, 2)
        self._schemas: dict[int, Schema] = {}
        self._connections: dict[int, Connection] = {}
        self._unknown = 0
        if self._read(0, len(MAGIC)) != MAGIC:
            self.close()
            raise BagError(f'{self.path}: is no MCAP file, its first bytes are others')
        # A file that was cut off has no end, and its last chunk may still hold whole messages.
        self._has_end = self._read(self.size - len(MAGIC), len(MAGIC)) == MAGIC
        self._read_summary()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    @property
    def connections(self) -> list[Connection]:
        """Return all Connections that are known so far."""
        return list(self._connections.values())

    def _read_summary(self) -> None:
        """Read the topics from the summary, if there is one: their own chunk may be damaged."""
        end = self.size - FOOTER.size - len(MAGIC)
        tail = self._read(max(end, 0), FOOTER.size)
        if len(tail) < FOOTER.size or not self._has_end:
            return
        code, _, place, _, _ = FOOTER.unpack(tail)
        while code == Opcode.FOOTER and len(MAGIC) < place < end:
            kind, length = self._record_head(place)
            if place + RECORD.size + length > end or kind not in KNOWN:
                return
            if kind in (Opcode.SCHEMA, Opcode.CHANNEL):
                self._record(kind, self._read(place, RECORD.size + length), 0, place, [])
            place += RECORD.size + length

    def _read(self, place: int, count: int) -> bytes:
        self.file.seek(max(place, 0))
        return self.file.read(count)

    def _record_head(self, place: int) -> tuple[int, int]:
        """Return opcode and length of a record, (0, 0) at the end of the file."""
        head = self._read(place, RECORD.size)
        return RECORD.unpack(head) if len(head) == RECORD.size else (0, 0)

    def batches(self) -> Iterator[list[Stored]]:
        """Yield the messages in the order of the file, many at a time."""
        place, size = len(MAGIC), 0
        waiting: list[Stored] = []
        while True:
            code, length = self._record_head(place)
            end = place + RECORD.size + length
            if code not in KNOWN or end > self.size:
                found = self._after_damage(place, code, length, waiting)
                if found is None:
                    break
                place = found
                continue
            if code in (Opcode.FOOTER, Opcode.DATA_END):  # only an index can follow
                break
            if code == Opcode.CHUNK:
                yield [*waiting, *self._chunk(self._read(place + RECORD.size, length), place)]
                waiting, size = [], 0
            elif code in (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE):
                self._record(code, self._read(place, RECORD.size + length), 0, place, waiting)
                size += length
            if size > BATCH:
                yield waiting
                waiting, size = [], 0
            place = end
        if waiting:
            yield waiting
        if self._unknown:
            self._note(f'{self.path}: {self._unknown} messages are of topics whose definition '
                       'is lost')

    def _after_damage(self, place: int, code: int, length: int,
                      found: list[Stored]) -> int | None:
        """
        Return the place of the next intact record, None where the file was cut off at `place`.

        The messages of a chunk that was cut off are added to `found`.
        """
        following = None
        if self._has_end or code != Opcode.CHUNK or not self._cut_chunk(place, length, found):
            following = self._search(place + 1)
        if following is None:
            self._note(f'{self.path}: was cut off: the record at offset {place} is not whole')
        else:
            self._note(f'{self.path}: damaged from offset {place} to {following}')
        return following

    def _cut_chunk(self, place: int, length: int, found: list[Stored]) -> bool:
        """Add the whole messages of a chunk that was cut off; return whether it is one."""
        body = self._read(place + RECORD.size, MOST_CUT)
        head = _chunk_head(body, length)
        if head:
            data = decompressed(head.compression, body[head.start:], min(head.size, MOST_CUT))
            self._records(data, place, found)
        return head is not None

    def _chunk(self, body: bytes, place: int) -> list[Stored]:
        """Return the messages of a chunk; none where it is damaged."""
        found: list[Stored] = []
        if problem := self._unpack(body, place, found):
            self._note(f'{self.path}: the chunk at offset {place} is damaged: {problem}')
        return found

    def _unpack(self, body: bytes, place: int, found: list[Stored]) -> str:
        """Add the messages of a chunk to `found`; return what is wrong with it, or ''."""
        head = _chunk_head(body, len(body))
        if head is None:
            return 'its head is no head of a chunk'
        packed = body[head.start:]
        if head.size > limit(len(packed)):
            return f'{len(packed)} bytes say that they unpack to {head.size}'
        data = decompressed(head.compression, packed, head.size + 1)
        if len(data) != head.size:
            return f'{len(data)} bytes can be unpacked, expected {head.size}'
        if head.checksum and crc32(data) != head.checksum:
            return f'crc32 is {crc32(data)}, expected {head.checksum}'
        if self._records(data, place, found) != head.size:
            return 'a record goes beyond its end'
        return ''

    def _records(self, data: bytes, place: int, found: list[Stored]) -> int:
        """Process the whole records of a chunk; return how many of its bytes they take."""
        start, size = 0, len(data)
        while size - start >= RECORD.size:
            code, length = RECORD.unpack_from(data, start)
            end = start + RECORD.size + length
            if end > size:
                break
            self._record(code, data, start, place, found, end)
            start = end
        return start

    def _record(self, code: int, data: bytes, start: int, place: int, found: list[Stored],
                end: int | None = None) -> None:
        """Process a schema, channel or message, data[start:end]; add a message to `found`."""
        end = len(data) if end is None else end
        if code == Opcode.MESSAGE and end - start >= MESSAGE.size:
            _, _, channel, _, time, published = MESSAGE.unpack_from(data, start)
            connection = self._connections.get(channel)
            if connection is None:
                self._unknown += 1
                return
            found.append(Stored(connection, time, data[start + MESSAGE.size:end], place,
                                published))
        elif code in (Opcode.SCHEMA, Opcode.CHANNEL):
            stream = ReadDataStream(BytesIO(data[start + RECORD.size:end]))
            try:
                self._define(Schema.read(stream) if code == Opcode.SCHEMA
                             else Channel.read(stream))
            except (McapError, StructError, ValueError) as error:
                self._note(f'{self.path}: the record at offset {place} is damaged: {error}')

    def _define(self, record: Schema | Channel) -> None:
        if isinstance(record, Schema):
            self._schemas[record.id] = record
        elif record.id not in self._connections:
            schema = self._schemas.get(record.schema_id)
            self._connections[record.id] = Connection(
                record.topic, schema.name if schema else '',
                schema.data.decode(errors='replace') if schema else '',
                schema.encoding if schema else '', record.message_encoding, self.path)

    def _search(self, place: int) -> int | None:
        """Return the place of the next intact record, or None."""
        while place < self.size:
            window = self._read(place, WINDOW + CHUNK.size)
            for match in CANDIDATE.finditer(window):
                if self._is_intact(place + match.start()):
                    return place + match.start()
            place += WINDOW
        return None

    def _is_intact(self, place: int) -> bool:
        """Return whether a chunk, a message, or the end of the data begins here."""
        code, length = self._record_head(place)
        end = place + RECORD.size + length
        following, after = self._record_head(end)
        if (length > MOST_RECORD or following not in KNOWN
                or end + RECORD.size + after > self.size):
            return False
        if code == Opcode.CHUNK:
            body = self._read(place + RECORD.size, CHUNK.size + 16)
            return _chunk_head(body, length) is not None
        if code == Opcode.MESSAGE and length >= MESSAGE.size - RECORD.size:
            channel = MESSAGE.unpack(self._read(place, MESSAGE.size))[2]
            return channel in self._connections
        return code == Opcode.DATA_END and length == 4
