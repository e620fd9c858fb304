# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""recorder_node: writes all topics of the graph to a rosbag2 bag (MCAP) without rosbag2."""

import sys
import time

from mcap.writer import CompressionType
from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy

from rpl_ros.config import RecorderSettings, SettingsError
from rpl_ros.launching.bag import Bag, qos_entry
from rpl_ros.nodes.params import RplNode
from rpl_ros.nodes.qos import announce, TOPICS
from rpl_ros.nodes.queues import queue, take
from rpl_ros.nodes.running import run_node
from rpl_ros.rewards import described
from rpl_ros.tasks.specs import spec

TAKE_PERIOD = 0.1
"""Time between two looks at the queues, s. The looks cost more than the messages."""
FLUSH_PERIOD = 1.0
METADATA_EVERY = 10
"""Flushes between two versions of metadata.yaml."""


def arrival_order(queues):
    """Return (time of arrival, of publication, topic, data) of {topic: entries of take()}, sorted.

    What DDS had to send again arrives after later messages, which wait for it in the queue: they
    count as arrived then, so that each topic stays in its order.
    """
    arrived = []
    for name, entries in queues.items():
        newest = 0
        for data, about in entries:
            newest = max(newest, about['received_timestamp'])
            arrived.append((newest, about['source_timestamp'], name, data))
    return sorted(arrived, key=lambda entry: entry[0])


class RecorderNode(RplNode):
    """Takes serialized messages from the queues and appends them to the bag."""

    def __init__(self):
        """Make the bag and subscribe."""
        super().__init__('recorder_node', RecorderSettings)
        settings, out = self.settings, self.settings.out
        if not out:
            raise SettingsError('recorder_node: out is empty, expected the folder of the bag')
        # The state comes last: whoever waits for its reader finds the others there as well.
        readers = [queue(self, topic, raw=True)
                   for topic in sorted(TOPICS, key=lambda name: name == 'state')]
        self.readers = {reader.topic_name: reader for reader in readers}
        self.flushes = 0
        self.begin = None   # (steady clock, processor time), s, of the first message
        try:
            self.bag = Bag(out, {name: self._described(name) for name in self.readers},
                           CompressionType[settings.compression.upper()],
                           settings.max_bag_size, settings.max_bag_duration,
                           described(spec(settings.task, settings.horizon)))
        except FileExistsError:
            raise SettingsError(f'recorder_node: folder {out} already exists') from None
        except OSError as error:
            raise SettingsError(f'recorder_node: cannot write to {out}: {error}') from error
        # The steady clock: a timer on simulated time stands still while the simulator does.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(TAKE_PERIOD, self._on_take, clock=steady)
        self.create_timer(FLUSH_PERIOD, self._on_flush, clock=steady)
        announce(self)

    def _described(self, name):
        """Return the (type, QoS entry) of a topic for the bag."""
        kind, profile = TOPICS[name.rpartition('/')[2]]
        package, folder, _ = kind.__module__.split('.', 2)
        return (f'{package}/{folder}/{kind.__name__}',
                qos_entry(profile.depth, profile.durability == DurabilityPolicy.TRANSIENT_LOCAL))

    def take(self):
        """Empty the queues into the bag, in the order in which the messages came."""
        taken = arrival_order({name: take(reader) for name, reader in self.readers.items()})
        if taken and self.begin is None:
            self.begin = time.monotonic(), time.process_time()
        for received, published, name, data in taken:
            self.bag.write(name, data, received, published)

    def _guarded(self, work):
        """Do some work on the bag; a full disk ends the node."""
        if self.failure:
            return
        try:
            work()
        except OSError as error:
            self.fail(f'cannot write to {self.bag.folder}: {error.strerror}; '
                      'the bag holds what came before')

    def _on_take(self):
        self._guarded(self.take)

    def _on_flush(self):
        self._guarded(self.flush)

    def flush(self):
        """Bring the last second to the disk."""
        self.flushes += 1
        self.bag.flush()
        if self.flushes % METADATA_EVERY == 0:
            self.bag.write_metadata()

    def close(self):
        """Take what is left and close the bag; what was flushed before is safe in any case."""
        self._guarded(self._finish)

    def _finish(self):
        self.take()
        self.bag.close()
        wall, processor = self.begin or (time.monotonic(), time.process_time())
        share = (time.process_time() - processor) / max(time.monotonic() - wall, 1e-9)
        # Not by the logger, which has no context any more after Ctrl-C.
        print(f'recorded {sum(self.bag.counts.values())} messages in {len(self.bag.files)} files, '
              f'with {share:.1%} of a core', flush=True)


def main(args=None):
    """Run the node; return its exit code."""
    return run_node(RecorderNode, args)


if __name__ == '__main__':
    sys.exit(main())
