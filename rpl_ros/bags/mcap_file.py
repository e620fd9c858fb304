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
Reads MCAP files record by record, over damage as well: the next sound record is searched.

Records and compression are those of the library `mcap`; the loop over the messages of a chunk is
ours, as the library's takes more time than all the rest, and ends at the first damage.
"""

from io import BytesIO
import re
from struct import error as StructError
from struct import Struct

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Schema
from mcap.stream_reader import get_chunk_data_stream

from rpl_ros.bags.errors import BagError
from rpl_ros.bags.packed import unpack_start
from rpl_ros.bags.stored import Connection, Stored
from rpl_ros.files import open_regular

MAGIC = b'\x89MCAP0\r\n'
RECORD = Struct('<BQ')                  # opcode, length of what follows
MESSAGE = Struct('<BQHIQQ')             # the same, channel, sequence, log time, publish time
CHUNK = Struct('<QQQI')                 # first and last log time, size, checksum
FOOTER = Struct('<BQQQI')               # the same, summary, its offsets, checksum; then magic
KNOWN = {int(code) for code in Opcode}
BATCH = 1 << 20
"""Bytes of messages outside of chunks that are given back at once."""
WINDOW = 1 << 22
"""Bytes in which the next sound record is searched at once."""
LONGEST = 1 << 32
"""No record is longer, bytes."""
MOST_CHUNK = 1 << 28
"""Bytes that are read of a chunk that was cut off, packed and unpacked."""
COMPRESSIONS = (b'', b'lz4', b'zstd')
# Of a message, a chunk or the end of data; looks ahead, since candidates may overlap.
CANDIDATE = re.compile(rb'(?=[\x05\x06\x0f].{4}[\x00-\x01]\x00{3})', re.DOTALL)


class McapFile:
    """An MCAP file that is read from its beginning to its end."""

    def __init__(self, path, note, name=None):
        """Open the file, called `name`; `note` is called with a text for each damage."""
        self.path, self._note = name or path, note
        self.file = open_regular(path)
        self.size = self.file.seek(0, 2)
        self.file.seek(0)
        self._schemas, self._connections = {}, {}
        if self.file.read(len(MAGIC)) != MAGIC:
            self.close()
            raise BagError(f'{self.path}: is no MCAP file, its first bytes are others')
        self._unknown = 0
        # A file that was cut off while it was written lacks its end, and whole messages may be in
        # the chunk that is not whole; in the middle of others a loss is no cut.
        self._ended = self._read(self.size - len(MAGIC), len(MAGIC)) == MAGIC
        self._read_summary()

    def close(self):
        """Close the file."""
        self.file.close()

    @property
    def connections(self):
        """Return all Connections that are known so far."""
        return list(self._connections.values())

    def _read_summary(self):
        """Take the topics from the summary, if there is one: their own chunk may be damaged."""
        end = self.size - FOOTER.size - len(MAGIC)
        tail = self._read(max(end, 0), FOOTER.size + len(MAGIC))
        if len(tail) < FOOTER.size + len(MAGIC) or not self._ended:
            return
        code, _, place, _, _ = FOOTER.unpack_from(tail)
        while code == Opcode.FOOTER and len(MAGIC) < place < end:
            head = self._read(place, RECORD.size)
            kind, length = RECORD.unpack(head)
            if place + RECORD.size + length > end or kind not in KNOWN:
                return
            if kind in (Opcode.SCHEMA, Opcode.CHANNEL):
                self._record(kind, head + self.file.read(length), 0, place, [])
            place += RECORD.size + length

    def _read(self, place, count):
        self.file.seek(place)
        return self.file.read(count)

    def batches(self):
        """Yield lists of Stored messages in the order of the file."""
        place, waiting, size, cut = len(MAGIC), [], 0, None
        while True:
            head = self._read(place, RECORD.size)
            code, length = RECORD.unpack(head) if len(head) == RECORD.size else (0, 0)
            end = place + RECORD.size + length
            if code not in KNOWN or end > self.size:
                rest = self._cut_chunk(place, code, length)
                if rest is not None:
                    waiting, cut = waiting + rest, place
                    break
                found = self._search(place + 1)
                if found is None or not self._ended:
                    cut = cut or place
                else:
                    self._note(f'{self.path}: damaged from offset {place} to {found}')
                if found is None:
                    break
                place = found
                continue
            if code in (Opcode.FOOTER, Opcode.DATA_END):  # what follows is an index at most
                break
            body = self.file.read(length) if code in (
                Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE, Opcode.CHUNK) else b''
            if code == Opcode.CHUNK:
                if waiting:
                    yield waiting
                yield self._chunk(body, place)
                waiting, size = [], 0
            elif body:
                self._record(code, head + body, 0, place, waiting)
                size += length
            if size > BATCH:
                yield waiting
                waiting, size = [], 0
            place = end
        if waiting:
            yield waiting
        if cut:
            self._note(f'{self.path}: was cut off: the record at offset {cut} is not whole')
        if self._unknown:
            self._note(f'{self.path}: {self._unknown} messages are of topics whose definition '
                       'is lost')

    def _cut_chunk(self, place, code, length):
        """
        Return the whole messages of a chunk with which a file was cut off.

        None where it is none, or where the file has its end: then something else is damaged.
        """
        body = self._read(place + RECORD.size, MOST_CHUNK) if code == Opcode.CHUNK else b''
        if self._ended or len(body) < CHUNK.size + 4:
            return None
        first, last, size, _ = CHUNK.unpack_from(body)
        start = CHUNK.size + 4 + int.from_bytes(body[CHUNK.size:CHUNK.size + 4], 'little')
        name, stored = body[CHUNK.size + 4:start], body[start:start + 8]
        if first > last or name not in COMPRESSIONS or (
                int.from_bytes(stored, 'little') != length - start - 8):
            return None
        data = unpack_start(name.decode(), body[start + 8:], min(size, MOST_CHUNK))
        found = []
        self._records(data, place, found)
        return found

    def _chunk(self, body, place):
        """Return the messages of a chunk."""
        try:
            chunk = Chunk.read(ReadDataStream(BytesIO(body)))
            stream, size = get_chunk_data_stream(chunk, validate_crc=True)
            data = stream.read(size)
        # The decompressors raise errors of their own, each another one.
        except Exception as error:
            self._note(f'{self.path}: the chunk at offset {place} is damaged: {error}')
            return []
        found = []
        if self._records(data, place, found) != size:
            self._note(f'{self.path}: the chunk at offset {place} is damaged: a record goes '
                       'beyond its end')
        return found

    def _records(self, data, place, found):
        """Take the whole records of a chunk; return how many of its bytes they have."""
        start, size = 0, len(data)
        while size - start >= RECORD.size:
            code, length = RECORD.unpack_from(data, start)
            end = start + RECORD.size + length
            if end > size:
                break
            self._record(code, data, start, place, found, end)
            start = end
        return start

    def _record(self, code, data, start, place, found, end=None):
        """Take a schema, channel or message that begins at `start` of `data`."""
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

    def _define(self, record):
        if isinstance(record, Schema):
            self._schemas[record.id] = record
        elif record.id not in self._connections:
            schema = self._schemas.get(record.schema_id)
            self._connections[record.id] = Connection(
                record.topic, schema.name if schema else '',
                schema.data.decode(errors='replace') if schema else '',
                schema.encoding if schema else '', record.message_encoding, self.path)

    def _search(self, place):
        """Return the place of the next sound record, or None."""
        while place < self.size:
            window = self._read(place, WINDOW + CHUNK.size)
            for match in CANDIDATE.finditer(window):
                if self._sound(place + match.start()):
                    return place + match.start()
            place += WINDOW
        return None

    def _sound(self, place):
        """Return whether a chunk, a message, or the end of the data begins here."""
        code, length = RECORD.unpack(self._read(place, RECORD.size))
        end = place + RECORD.size + length
        if length > LONGEST or end + RECORD.size > self.size:
            return False
        following, after = RECORD.unpack(self._read(end, RECORD.size))
        if following not in KNOWN or end + RECORD.size + after > self.size:
            return False
        if code == Opcode.CHUNK and length > CHUNK.size + 12:
            body = self._read(place + RECORD.size, CHUNK.size + 16)
            first, last, _, _ = CHUNK.unpack_from(body)
            words = body[CHUNK.size:]
            name = int.from_bytes(words[:4], 'little')
            return first <= last and name <= 4 and words[4:4 + name] in COMPRESSIONS
        if code == Opcode.MESSAGE and length >= MESSAGE.size - RECORD.size:
            channel = MESSAGE.unpack(self._read(place, MESSAGE.size))[2]
            return channel in self._connections
        return code == Opcode.DATA_END and length == 4
