# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Writes a rosbag2 bag (MCAP) without rosbag2. No rclpy: messages come as serialized bytes.

After each `flush` the file on disk is a complete MCAP file, so that a bag whose writer was killed
opens like any other and lacks no more than what came after the last flush.
"""

import os
from pathlib import Path
import struct

from mcap.writer import CompressionType, Writer

from rpl_ros.bags.definitions import definition, type_hash
from rpl_ros.files import write_file
from rpl_ros.launching.run_folder import to_yaml

MAGIC = b'\x89MCAP0\r\n'
TAIL = (struct.pack('<BQI', 0x0F, 4, 0)                # end of data, no checksum
        + struct.pack('<BQQQI', 0x02, 20, 0, 0, 0)     # footer: there is no summary
        + MAGIC)
FOREVER = {'sec': 9223372036, 'nsec': 854775807}


def qos_entry(depth, latched):
    """Return rosbag2's description of a reliable profile."""
    return {'history': 'keep_last', 'depth': depth, 'reliability': 'reliable',
            'durability': 'transient_local' if latched else 'volatile',
            'deadline': FOREVER, 'lifespan': FOREVER, 'liveliness': 'automatic',
            'liveliness_lease_duration': FOREVER,
            'avoid_ros_namespace_conventions': False}


class _File:
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

    def _put(self, data):
        data, start = memoryview(data), self.written
        while data:
            count = os.pwrite(self.descriptor, data, start)
            data, start = data[count:], start + count

    def flush(self, tail=TAIL):
        # One write: a kill finds the file with its old tail or with its new one.
        try:
            self._put(self.pending + tail)
        except OSError:   # the disk is full: back to what was complete
            os.ftruncate(self.descriptor, self.written)
            self._put(TAIL)
            raise
        self.written += len(self.pending)
        self.pending.clear()


class Bag:
    """A rosbag2 folder that is being written.

    `topics` is {name: (type, QoS entry)}. FileExistsError if the folder is there already.
    """

    def __init__(self, folder, topics, compression=CompressionType.NONE):
        self.topics = topics
        self.hashes = {name: type_hash(kind) for name, (kind, _) in topics.items()}
        self.counts = dict.fromkeys(topics, 0)
        self.first = self.last = 0
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.path = self.folder / f'{self.folder.name}_0.mcap'
        self.file = _File(self.path)
        self.writer = Writer(self.file, compression=compression)
        self.writer.start(profile='ros2', library='rpl_ros')
        self.channels = {name: self._register(name) for name in topics}
        self.flush()
        self.write_metadata()

    def _register(self, name):
        """Return the number of the new channel for a topic."""
        kind, qos = self.topics[name]
        schema = self.writer.register_schema(kind, 'ros2msg', definition(kind).encode())
        return self.writer.register_channel(name, 'cdr', schema, {
            'offered_qos_profiles': to_yaml([qos]),
            'topic_type_hash': self.hashes[name]})

    def write(self, topic, data, received, published):
        """Append a serialized message; both times are in ns since 1970."""
        self.first = self.first or received
        # Readers of a bag without summary, as a kill leaves it, want times in order.
        self.last = max(self.last, received)
        self.counts[topic] += 1
        self.writer.add_message(self.channels[topic], self.last, data, published,
                                self.counts[topic])

    def flush(self):
        """Bring all to the disk (not through the machine's cache); OSError if it is full."""
        self.writer.flush()

    def write_metadata(self):
        """Write rosbag2's metadata.yaml for what the bag holds now."""
        total = sum(self.counts.values())
        when = {'duration': {'nanoseconds': self.last - self.first},
                'starting_time': {'nanoseconds_since_epoch': self.first},
                'message_count': total}
        topics = [{'topic_metadata': {
            'name': name, 'type': kind, 'serialization_format': 'cdr',
            'offered_qos_profiles': [qos], 'type_description_hash': self.hashes[name]},
            'message_count': self.counts[name]} for name, (kind, qos) in self.topics.items()]
        information = {'version': 9, 'storage_identifier': 'mcap', **when,
                       'topics_with_message_count': topics,
                       'compression_format': '', 'compression_mode': '',
                       'relative_file_paths': [self.path.name],
                       'files': [{'path': self.path.name, **when}],
                       'custom_data': {}, 'ros_distro': os.environ.get('ROS_DISTRO', '')}
        write_file(self.folder / 'metadata.yaml',
                   to_yaml({'rosbag2_bagfile_information': information}))

    def close(self):
        """Write the summary, which makes the bag quick to search, and the last metadata."""
        self.flush()
        self.writer.finish()
        self.file.flush(tail=b'')
        os.close(self.file.descriptor)
        self.write_metadata()
