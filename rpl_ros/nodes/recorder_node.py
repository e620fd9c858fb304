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

"""recorder_node: writes all topics of the graph to a rosbag2 bag (MCAP) without rosbag2."""

from collections import Counter
from importlib import import_module
import sys
import time

from mcap.writer import CompressionType
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from rpl_ros.config import RecorderSettings, SettingsError
from rpl_ros.launching.bag import Bag, qos_entry
from rpl_ros.nodes.distribution import publisher_of
from rpl_ros.nodes.params import RplNode
from rpl_ros.nodes.qos import announce, LATCHED, TOPICS
from rpl_ros.nodes.queues import NeverReady, queue, take
from rpl_ros.nodes.running import run_node
from rpl_ros.rewards import described
from rpl_ros.tasks.specs import spec

TAKE_PERIOD = 0.1
"""Time between two looks at the queues, s. The looks cost more than the messages."""
FLUSH_PERIOD = 1.0
EARLIEST = 315_532_800 * 10**9
"""The year 1980, ns since 1970: what is earlier is no time that a clock has told."""
SENSORS = QoSProfile(depth=2000, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Takes what drivers and trackers send, reliable or not."""
METADATA_EVERY = 10
"""Flushes between two versions of metadata.yaml."""


class Source:
    """A topic that is recorded: `topic` is its name in TOPICS, '' for one of the robot."""

    def __init__(self, topic, reader, kind, profile):
        """Take the subscription, its message type and its profile."""
        self.topic, self.reader, self.kind, self.name = topic, reader, kind, reader.topic_name
        package, folder, _ = kind.__module__.split('.', 2)
        # Only of what holds until the next one does each file of a bag begin with the newest.
        self.described = (f'{package}/{folder}/{kind.__name__}',
                          qos_entry(profile.depth, profile == LATCHED))


def times_of(info, now):
    """
    Return {received_timestamp, source_timestamp} of a MessageInfo, ns since 1970.

    Some middleware tells no time of arrival: then that of publication counts, or `now`.
    """
    published = info['source_timestamp'] if info['source_timestamp'] > EARLIEST else now
    received = info['received_timestamp']
    return {'received_timestamp': received if received > EARLIEST else published,
            'source_timestamp': published}


def arrival_order(queues):
    """
    Return (time of arrival, of publication, topic, data) of {topic: entries of take()}, sorted.

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
        self.sources = [*self._of_the_robot(), *self._of_the_graph()]
        self.runs = {}  # by topic and sender
        self.left_out = Counter()
        self.flushes = 0
        self.begin = None   # (steady clock, processor time), s, of the first message
        try:
            self.bag = Bag(out, {source.name: source.described for source in self.sources},
                           CompressionType[settings.compression.upper()],
                           settings.max_bag_size, settings.max_bag_duration,
                           self._about())
        except FileExistsError:
            raise SettingsError(f'recorder_node: folder {out} already exists') from None
        except OSError as error:
            raise SettingsError(f'recorder_node: cannot write to {out}: {error}') from error
        # The steady clock: a timer on simulated time stands still while the simulator does.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(TAKE_PERIOD, self._on_take, clock=steady)
        self.create_timer(FLUSH_PERIOD, self._on_flush, clock=steady)
        announce(self)

    def _of_the_graph(self):
        """Subscribe to TOPICS; return their Sources."""
        # The state comes last: whoever waits for its reader finds the others there as well.
        names = sorted(TOPICS, key=lambda name: name == 'state')
        return [Source(topic, queue(self, topic, raw=True), *TOPICS[topic]) for topic in names]

    def _of_the_robot(self):
        """Subscribe to the topics that the setting names; return their Sources."""
        sources = []
        for entry in filter(str.strip, self.settings.topics.split(';')):
            try:
                name, kind = entry.split()
                package, folder, kind = kind.split('/')
                kind = getattr(import_module(f'{package}.{folder}'), kind)
            except (ValueError, AttributeError, ModuleNotFoundError) as error:
                raise SettingsError(f'recorder_node: topics: cannot read {entry.strip()!r} '
                                    f"({error}): expected 'NAME PACKAGE/msg/TYPE'") from error
            reader = self.create_subscription(kind, name, lambda message: None, SENSORS, raw=True,
                                              callback_group=NeverReady())
            sources.append(Source('', reader, kind, SENSORS))
        return sources

    def _about(self):
        """Return {name: text} that says in the metadata what the bag is about."""
        settings = self.settings
        found = spec(settings.task, settings.horizon)
        return {**described(found), 'rpl_ros.run': settings.run,
                'rpl_ros.horizon': str(found.horizon),
                'rpl_ros.max_ee_speed': str(settings.max_ee_speed)}

    def take(self):
        """Empty the queues into the bag, in the order in which the messages came."""
        taken = arrival_order({source.name: self._accepted(source) for source in self.sources})
        if taken and self.begin is None:
            self.begin = time.monotonic(), time.process_time()
        for received, published, name, data in taken:
            self.bag.write(name, data, received, published)

    def _accepted(self, source):
        """Yield (bytes, {received_timestamp, source_timestamp}) of what counts of a Source."""
        for data, info in take(source.reader):
            if not source.topic or self._of_this_run(source, data, info):
                yield data, times_of(info, time.time_ns())

    def _of_this_run(self, source, data, info):
        """Return whether a message of the graph counts; a sender's first one tells its run."""
        key = source.topic, publisher_of(info)
        # An id may come later, of a node that takes part in a run.
        if key[1] is None or not self.runs.get(key):
            self.runs[key] = deserialize_message(data, source.kind).run
        accepted = self.senders.accepts_run(source.topic, self.runs[key], info)
        self.left_out[source.name] += not accepted
        return accepted

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
        foreign = sum(self.left_out.values())
        print(f'recorded {sum(self.bag.counts.values())} messages in {len(self.bag.files)} files, '
              f'with {share:.1%} of a core'
              + (f'; left out {foreign} of other senders' if foreign else ''), flush=True)


def main(args=None):
    """Run the node; return its exit code."""
    # close() takes what is in the queues still, for which it asks who publishes there.
    return run_node(RecorderNode, args, keep_context=True)


if __name__ == '__main__':
    sys.exit(main())
