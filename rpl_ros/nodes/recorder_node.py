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

"""recorder_node: writes all topics of the graph to a rosbag2 bag (MCAP), without rosbag2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
import re
import sys
import time
from typing import Any, TYPE_CHECKING

from mcap.writer import CompressionType
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from rpl_ros.bags.files import custom_data
from rpl_ros.bags.writer import Bag, qos_entry
from rpl_ros.ros.distribution import publisher_of
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import announce, NEWEST, TOPICS
from rpl_ros.ros.queues import NeverReady, queue, take
from rpl_ros.ros.running import run_node
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import RecorderSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.rewards import bag_metadata

if TYPE_CHECKING:
    from rclpy.subscription import MessageInfo  # not in rclpy of Jazzy

POLL_PERIOD = 0.1
"""Time from one emptying of the queues to the next, s. Polling costs more than the messages."""
FLUSH_PERIOD = 1.0
"""Time from one flush of the bag to the next, s."""
EARLIEST = 315_532_800 * 10**9
"""The year 1980, ns since 1970: an earlier time is not from a clock that was set."""
SENSORS = QoSProfile(depth=2000, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Receives messages of drivers and trackers, reliable or not."""
METADATA_EVERY = 10
"""Flushes from one writing of metadata.yaml to the next."""


class Source:
    """A topic that is recorded: `topic` is its name in TOPICS, '' for one of the robot."""

    def __init__(self, topic: str, reader: Subscription, kind: Any, profile: QoSProfile) -> None:
        """`reader` is its subscription, `kind` its message type."""
        self.topic, self.reader, self.kind, self.name = topic, reader, kind, reader.topic_name
        package, folder, _ = kind.__module__.split('.', 2)
        # A message on a topic of depth 1 is valid until the next one: each file of a bag begins
        # with the newest.
        self.described = (f'{package}/{folder}/{kind.__name__}',
                          qos_entry(profile.depth, profile == NEWEST))


def bag_folder(out: str, run: str) -> str:
    """Return the folder of a new bag: `out`, or after a restart within a run the next number."""
    if not run or custom_data(out).get('rpl_ros.run') != run:
        return out
    found = re.fullmatch(r'(.*)_(\d{1,9})', out, re.DOTALL)
    name, first = (found[1], int(found[2])) if found else (out, 1)
    parts = (f'{name}_{number}' for number in count(first + 1))
    return next(part for part in parts if not Path(part).exists())


def times_of(info: MessageInfo, now: int) -> dict[str, int]:
    """
    Return {received_timestamp, source_timestamp} of a MessageInfo, ns since 1970.

    Some middleware tells no time of arrival: then it is that of publication, or else `now`, ns.
    """
    published = info['source_timestamp'] if info['source_timestamp'] > EARLIEST else now
    received = info['received_timestamp']
    return {'received_timestamp': received if received > EARLIEST else published,
            'source_timestamp': published}


def arrival_order(queues: dict[str, Iterator[tuple[bytes, dict[str, int]]]],
                  ) -> list[tuple[int, int, str, bytes]]:
    """
    Return (time of arrival, of publication, topic, data) of {topic: entries}, sorted.

    A message that DDS had to resend arrives after later ones, which wait for it in the queue. They
    get its time of arrival, so that each topic stays in order.
    """
    arrived = []
    for name, entries in queues.items():
        newest = 0
        for data, about in entries:
            newest = max(newest, about['received_timestamp'])
            arrived.append((newest, about['source_timestamp'], name, data))
    return sorted(arrived, key=lambda entry: entry[0])


class RecorderNode(RplNode):
    """Appends the serialized messages of the queues to the bag."""

    def __init__(self) -> None:
        """Create the bag and subscribe."""
        super().__init__('recorder_node', RecorderSettings)
        settings = self.settings
        if not settings.out:
            raise SettingsError('recorder_node: out is empty, expected the folder of the bag')
        out = bag_folder(settings.out, settings.run)
        self.sources = [*self._of_the_robot(), *self._of_the_graph()]
        self.runs: dict[tuple[str, bytes | None], str] = {}  # by topic and sender
        self.left_out: Counter[str] = Counter()  # messages of other senders, by topic
        self.flushes = 0
        # Steady clock and processor time, s, at the first message.
        self.begin: tuple[float, float] | None = None
        try:
            self.bag = Bag(out, {source.name: source.described for source in self.sources},
                           CompressionType[settings.compression.upper()],
                           settings.max_bag_size, settings.max_bag_duration,
                           self._about())
        except FileExistsError:
            raise SettingsError(f'recorder_node: folder {out} already exists') from None
        except OSError as error:
            raise SettingsError(f'recorder_node: cannot write to {out}: {error}') from error
        # After a kill the bag has each episode that has ended. Not by subscribe(): on Jazzy the
        # senders count the messages of a topic, which has a reader already.
        kind, profile = TOPICS['episode_result']
        self.create_subscription(kind, 'episode_result', lambda _: self._guarded(self.keep),
                                 profile, raw=True)
        self.create_steady_timer(POLL_PERIOD, self._on_take)
        self.create_steady_timer(FLUSH_PERIOD, self._on_flush)
        announce(self, alone=True)

    def _of_the_graph(self) -> list[Source]:
        """Subscribe to TOPICS; return their Sources."""
        # The state comes last: a node that waits for its reader then finds the others, too.
        names = sorted(TOPICS, key=lambda name: name == 'state')
        return [Source(topic, queue(self, topic, raw=True), *TOPICS[topic]) for topic in names]

    def _of_the_robot(self) -> list[Source]:
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

    def _about(self) -> dict[str, str]:
        """Return {name: text} that describes the run in the metadata of the bag."""
        settings = self.settings
        found = task_spec(settings.task, settings.horizon)
        return {**bag_metadata(found), 'rpl_ros.run': settings.run,
                'rpl_ros.horizon': str(found.horizon),
                'rpl_ros.max_ee_speed': str(settings.max_ee_speed)}

    def take(self) -> None:
        """Write the messages of all queues to the bag, in the order of their arrival."""
        taken = arrival_order({source.name: self._accepted(source) for source in self.sources})
        if taken and self.begin is None:
            self.begin = time.monotonic(), time.process_time()
        for received, published, name, data in taken:
            self.bag.write(name, data, received, published)

    def _accepted(self, source: Source) -> Iterator[tuple[bytes, dict[str, int]]]:
        """Yield (bytes, {received_timestamp, source_timestamp}) of the messages to record."""
        for data, info in take(source.reader):
            if not source.topic or self._of_this_run(source, data, info):
                yield data, times_of(info, time.time_ns())

    def _of_this_run(self, source: Source, data: bytes, info: MessageInfo) -> bool:
        """Return whether to record a message of the graph; a sender's first one tells its run."""
        key = source.topic, publisher_of(info)
        # A node may join a run, and get its id, after its first message.
        if key[1] is None or not self.runs.get(key):
            self.runs[key] = deserialize_message(data, source.kind).run
        accepted = self.senders.accepts_run(source.topic, self.runs[key], info)
        self.left_out[source.name] += not accepted
        return accepted

    def _guarded(self, work: Callable[[], None]) -> None:
        """Call `work`, which writes to the bag; a full disk ends the node."""
        if self.failure:
            return
        try:
            work()
        except OSError as error:
            self.fail(f'cannot write to {self.bag.folder}: {error.strerror}; '
                      'the bag holds all earlier messages')

    def keep(self) -> None:
        """Write all that has arrived to the file."""
        self.take()
        self.bag.flush()

    def _on_take(self) -> None:
        self._guarded(self.take)

    def _on_flush(self) -> None:
        self._guarded(self.flush)

    def flush(self) -> None:
        """Write the last second to the disk."""
        self.flushes += 1
        self.bag.flush()
        if self.flushes % METADATA_EVERY == 0:
            self.bag.write_metadata()

    def close(self) -> None:
        """Write the last messages and close the bag; all flushed messages are safe anyway."""
        self._guarded(self._finish)

    def _finish(self) -> None:
        self.take()
        self.bag.close()
        wall, processor = self.begin or (time.monotonic(), time.process_time())
        share = (time.process_time() - processor) / max(time.monotonic() - wall, 1e-9)
        # The logger has no context after Ctrl-C.
        foreign = sum(self.left_out.values())
        print(f'recorded {sum(self.bag.counts.values())} messages in {len(self.bag.files)} files, '
              f'with {share:.1%} of a core'
              + (f'; ignored {foreign} of other senders' if foreign else ''), flush=True)


# close() empties the queues, and must still see who publishes on each topic.
main = partial(run_node, RecorderNode, interruptible=False)

if __name__ == '__main__':
    sys.exit(main())
