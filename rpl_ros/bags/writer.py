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

"""Writes a rosbag2 bag (MCAP) without rosbag2. No rclpy: messages come as serialized bytes."""

from collections import deque
from collections.abc import Mapping
import os
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType
from rpl_ros.bags.definitions import definition, type_hash
from rpl_ros.bags.mcap_writer import BagFile, when
from rpl_ros.common.files import write_file
from rpl_ros.common.yaml_file import to_yaml

FOREVER = {'sec': 9223372036, 'nsec': 854775807}


def qos_entry(depth: int, latched: bool) -> dict[str, Any]:
    """Return rosbag2's description of a reliable profile."""
    return {'history': 'keep_last', 'depth': depth, 'reliability': 'reliable',
            'durability': 'transient_local' if latched else 'volatile',
            'deadline': FOREVER, 'lifespan': FOREVER, 'liveliness': 'automatic',
            'liveliness_lease_duration': FOREVER,
            'avoid_ros_namespace_conventions': False}


class Bag:
    """
    A rosbag2 folder that is being written, file by file.

    `topics` is {name: (type, QoS entry)}, `about` is {name: text} for the custom_data of
    metadata.yaml. The next file starts when one has `max_size` bytes, or when its first message
    is `max_duration` s old; 0 = never. Each file starts with the newest messages of latched
    topics, so that it can be used alone. FileExistsError if the folder exists.
    """

    def __init__(self, folder: Path | str, topics: Mapping[str, tuple[str, dict[str, Any]]],
                 compression: CompressionType = CompressionType.NONE, max_size: int = 0,
                 max_duration: int = 0, about: Mapping[str, str] | None = None) -> None:
        """Make the folder and its first file."""
        self.topics, self.compression, self.about = topics, compression, about or {}
        self.max_size, self.max_duration = max_size, max_duration * 10**9
        self.hashes = {name: type_hash(kind) for name, (kind, _) in topics.items()}
        self.described = {name: (kind, definition(kind), {
            'offered_qos_profiles': to_yaml([qos]), 'topic_type_hash': self.hashes[name]})
            for name, (kind, qos) in topics.items()}
        self.latched: dict[str, deque[tuple[bytes, int, int]]] = {
            name: deque(maxlen=qos['depth']) for name, (_, qos) in topics.items()
            if qos['durability'] == 'transient_local'}
        self.counts = dict.fromkeys(topics, 0)
        self.last = 0
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.files: list[BagFile] = []
        self._open()

    @property
    def path(self) -> Path:
        """Return the path of the newest file."""
        return self.files[-1].path

    def _open(self) -> None:
        """Start the next file."""
        repeated = [(topic, *message) for topic, newest in self.latched.items()
                    for message in newest]
        path = self.folder / f'{self.folder.name}_{len(self.files)}.mcap'
        self.files.append(BagFile(path, self.described, self.compression, self.last, repeated))
        self.write_metadata()

    def _is_full(self, now: int) -> bool:
        file = self.files[-1]
        age = now - file.first if file.first else 0
        return 0 < self.max_size <= file.size or 0 < self.max_duration <= age

    def write(self, topic: str, data: bytes, received: int, published: int) -> None:
        """
        Append a serialized message; both times are in ns since 1970.

        OSError if the disk is full when the next file starts; earlier files are complete.
        """
        # Some readers need times in order in a file without summary, as a kill leaves it.
        self.last = max(self.last, received)
        if self._is_full(self.last):
            full = self.files[-1]
            full.flush()
            self._open()  # before close(): an interrupt finds a file that can be written to
            full.close()
        self.counts[topic] += 1
        if topic in self.latched:
            self.latched[topic].append((data, published, self.counts[topic]))
        self.files[-1].write(topic, data, self.last, published, self.counts[topic])

    def flush(self) -> None:
        """Write all to the file, not through the machine's cache; OSError if the disk is full."""
        self.files[-1].flush()

    def write_metadata(self) -> None:
        """Write rosbag2's metadata.yaml for the present content of the bag."""
        counts = {name: sum(file.counts[name] for file in self.files) for name in self.topics}
        topics = [{'topic_metadata': {
            'name': name, 'type': kind, 'serialization_format': 'cdr',
            'offered_qos_profiles': [qos], 'type_description_hash': self.hashes[name]},
            'message_count': counts[name]} for name, (kind, qos) in self.topics.items()]
        information = {
            'version': 9, 'storage_identifier': 'mcap',
            **when(self.files[0].first, self.last, sum(counts.values())),
            'topics_with_message_count': topics,
            'compression_format': '', 'compression_mode': '',
            'relative_file_paths': [file.path.name for file in self.files],
            'files': [{'path': file.path.name, **file.when()} for file in self.files],
            'custom_data': self.about, 'ros_distro': os.environ.get('ROS_DISTRO', '')}
        write_file(self.folder / 'metadata.yaml',
                   to_yaml({'rosbag2_bagfile_information': information}))

    def close(self) -> None:
        """Write the summary of the newest file and the last metadata."""
        self.files[-1].close()
        self.write_metadata()
