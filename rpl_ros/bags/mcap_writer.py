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
One MCAP file of a bag, which is complete on the disk after each `flush`.

So a recorder that is killed loses only the messages since the last flush. The writer of rosbags
writes a file without its end until it is closed, and knows no time of publication.
"""

from collections.abc import Iterable, Mapping
import os
from pathlib import Path
import struct
from typing import Any, cast, IO

from mcap.writer import CompressionType, Writer

MAGIC = b'\x89MCAP0\r\n'
TAIL = (struct.pack('<BQI', 0x0F, 4, 0)                # end of data, no checksum
        + struct.pack('<BQQQI', 0x02, 20, 0, 0, 0)     # footer: there is no summary
        + MAGIC)


class _Stream:
    """A stream for mcap's Writer that keeps the file on disk complete."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        self.written = 0
        self.pending = bytearray()

    def write(self, data: bytes) -> int:
        self.pending += data
        return len(data)

    def tell(self) -> int:
        return self.written + len(self.pending)

    def _put(self, data: bytes | bytearray, start: int) -> None:
        left = memoryview(data)
        while left:
            count = os.pwrite(self.descriptor, left, start)
            left, start = left[count:], start + count

    def flush(self, tail: bytes = TAIL) -> None:
        # A kill may interrupt a long write. So the short write over the old tail is the last one:
        # readers find the old tail or all new messages.
        data, place = self.pending + tail, self.written
        try:
            self._put(data[len(TAIL):], place + len(TAIL))
            self._put(data[:len(TAIL)], place)
        except OSError:   # the disk is full: back to what was complete
            os.ftruncate(self.descriptor, place + len(TAIL))
            self._put(TAIL, place)
            raise
        self.written += len(self.pending)
        self.pending.clear()


class BagFile:
    """
    A file with all topics of a bag that starts at time `begin`, ns since 1970.

    `topics` is {name: (type, its definition, {channel metadata})}. The file starts with the
    messages `repeated`: (topic, bytes, time of publication, sequence). `counts` is the number of
    messages of each topic. OSError if the disk is full; then there is no file.
    """

    def __init__(self, path: Path, topics: Mapping[str, tuple[str, str, dict[str, str]]],
                 compression: CompressionType, begin: int = 0,
                 repeated: Iterable[tuple[str, bytes, int, int]] = ()) -> None:
        """Write the beginning of the file."""
        self.path, self.first, self.last = path, begin, begin
        self.counts = dict.fromkeys(topics, 0)
        # Under its name there is a whole file or none.
        part = path.with_name(f'{path.name}.part')
        self._stream = _Stream(part)
        self._writer = Writer(cast(IO[Any], self._stream), compression=compression)
        self._writer.start(profile='ros2', library='rpl_ros')
        self._channels = {
            name: self._writer.register_channel(
                name, 'cdr', self._writer.register_schema(kind, 'ros2msg', text.encode()), about)
            for name, (kind, text, about) in topics.items()}
        for topic, data, published, sequence in repeated:
            self.write(topic, data, begin, published, sequence)
        try:
            self.flush()
            part.rename(path)
        except OSError:
            os.close(self._stream.descriptor)
            part.unlink()
            raise
        self._head = self._stream.tell()

    @property
    def size(self) -> int:
        """Return the size of finished chunks, bytes, without what the file started with."""
        return self._stream.tell() - self._head

    def write(self, topic: str, data: bytes, received: int, published: int,
              sequence: int) -> None:
        """Append a message; it is on the disk after the next flush."""
        self.first = self.first or received
        self.last = received
        self.counts[topic] += 1
        self._writer.add_message(self._channels[topic], received, data, published, sequence)

    def flush(self) -> None:
        """Write all to the file, not through the machine's cache; OSError if the disk is full."""
        self._writer.flush()

    def close(self) -> None:
        """Write the summary, which makes the file quick to search, and close the file."""
        try:
            self.flush()
            self._writer.finish()
            self._stream.flush(tail=b'')
        finally:
            os.close(self._stream.descriptor)

    def when(self) -> dict[str, Any]:
        """Return rosbag2's description of the time span of the file."""
        return when(self.first, self.last, sum(self.counts.values()))


def when(first: int, last: int, count: int) -> dict[str, Any]:
    """Return rosbag2's description of a time span, ns since 1970, and its number of messages."""
    return {'duration': {'nanoseconds': last - first},
            'starting_time': {'nanoseconds_since_epoch': first}, 'message_count': count}
