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
One MCAP file of a bag, which after each `flush` is complete on the disk.

A bag whose writer was killed opens like any other and lacks no more than what came after that.
"""

import os
import struct

from mcap.writer import Writer

MAGIC = b'\x89MCAP0\r\n'
TAIL = (struct.pack('<BQI', 0x0F, 4, 0)                # end of data, no checksum
        + struct.pack('<BQQQI', 0x02, 20, 0, 0, 0)     # footer: there is no summary
        + MAGIC)


class _Stream:
    """A stream for mcap's Writer that keeps the file on disk complete."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        self.written = 0
        self.pending = bytearray()

    def write(self, data):
        self.pending += data
        return len(data)

    def tell(self):
        return self.written + len(self.pending)

    def _put(self, data, start):
        data = memoryview(data)
        while data:
            count = os.pwrite(self.descriptor, data, start)
            data, start = data[count:], start + count

    def flush(self, tail=TAIL):
        # A kill may cut a long write short. So the old tail goes last, by a short one: who reads
        # from the beginning finds the old tail, or all that is new.
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
    A file with all topics of a bag; `begin` is the time, ns since 1970, at which it begins.

    `topics` is {name: (type, its definition, {channel metadata})}, `repeated` what the file holds
    from the start: (topic, bytes, time of publication, sequence). `counts` says how many messages
    of each topic are in it. OSError if the disk is full; then there is no file.
    """

    def __init__(self, path, topics, compression, begin=0, repeated=()):
        """Write the beginning of the file."""
        self.path, self.first, self.last = path, begin, begin
        self.counts = dict.fromkeys(topics, 0)
        # Who looks into the folder finds a whole file or none.
        part = path.with_name(f'{path.name}.part')
        self._stream = _Stream(part)
        self._writer = Writer(self._stream, compression=compression)
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
    def size(self):
        """Return the bytes of finished chunks, without those that the file had from the start."""
        return self._stream.tell() - self._head

    def write(self, topic, data, received, published, sequence):
        """Append a message; it is on the disk after the next flush."""
        self.first = self.first or received
        self.last = received
        self.counts[topic] += 1
        self._writer.add_message(self._channels[topic], received, data, published, sequence)

    def flush(self):
        """Bring all to the disk (not through the machine's cache); OSError if it is full."""
        self._writer.flush()

    def close(self):
        """Write the summary, which makes the file quick to search."""
        try:
            self.flush()
            self._writer.finish()
            self._stream.flush(tail=b'')
        finally:
            os.close(self._stream.descriptor)

    def when(self):
        """Return rosbag2's description of what span of time the file covers."""
        return when(self.first, self.last, sum(self.counts.values()))


def when(first, last, count):
    """Return rosbag2's description of a span of time, ns since 1970, with its messages."""
    return {'duration': {'nanoseconds': last - first},
            'starting_time': {'nanoseconds_since_epoch': first}, 'message_count': count}
