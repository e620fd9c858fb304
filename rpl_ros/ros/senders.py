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
Whose messages a node accepts: those of its own run, and of one sender on each topic.

Messages of other publishers, for example of a second graph, are ignored; one log line names their
node. The rules, and what they cannot prevent: docs/network.md.
"""

from __future__ import annotations

from collections import defaultdict
import time
from typing import Any, TYPE_CHECKING

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rpl_ros.ros.distribution import Numbering, publisher_of

if TYPE_CHECKING:
    from rclpy.subscription import MessageInfo  # not in rclpy of Jazzy

SILENT_AFTER = 2.0
"""Time, s, without a message after which a new node of the same name may replace a sender."""
USER_TOPICS = ('state', 'base_action')
"""Topics on which a user's own node may leave the run id empty."""
UNKNOWN = 'a node whose name is not known yet, or that has left'
Gid = bytes | tuple[str, int]
"""Identity of a publisher: that of DDS, or on Jazzy (run, number): see distribution.py."""


class Sender:
    """The publisher whose messages on a topic are accepted."""

    def __init__(self, gid: Gid, name: str, publishers: set[bytes]) -> None:
        """
        `name` is that of its node, '' if unknown.

        `publishers` are the publishers that the topic had when this one became the sender.
        """
        self.gid, self.name, self.publishers = gid, name, publishers
        self.last_message = time.monotonic()  # s
        self.refused: dict[Gid, float] = {}  # first message of each other publisher, s


class Senders:
    """Decides for each message that a node receives whether the node accepts it."""

    def __init__(self, node: Node, run: str) -> None:
        """`run` is the id of the node's run; '' = it joins the first run that it receives."""
        self._node, self.run = node, run
        self._senders: dict[str, Sender] = {}  # by topic
        self._numbering: defaultdict[str, Numbering] = defaultdict(Numbering)  # by topic
        self._reported: set[tuple] = set()

    def accepts(self, topic: str, message: Any, info: MessageInfo) -> bool:
        """Return whether to accept a message on a topic."""
        return self.accepts_run(topic, message.run, info)

    def accepts_run(self, topic: str, run: str, info: MessageInfo) -> bool:
        """Return whether to accept a message with the id `run`."""
        gid = self._identity(topic, run, info)
        sender = self._senders.get(topic)
        if sender is not None and sender.gid == gid and run == self.run:
            sender.last_message = time.monotonic()
            return True
        return self._of_this_run(topic, run, gid) and self._takes_place(topic, gid)

    def _identity(self, topic: str, run: str, info: MessageInfo) -> Gid:
        """Return the identity of the publisher of a message."""
        gid = publisher_of(info)
        if gid is not None:
            return gid
        sender = self._senders.get(topic)
        return self._numbering[topic].publisher_of(
            info, run, lambda: len(self._publishers(topic)), sender.gid if sender else None)

    def _of_this_run(self, topic: str, run: str, gid: Gid) -> bool:
        """Return whether a message is of this run, or has no id and can be of no other run."""
        if run == self.run:
            return True
        alone = self._node.count_publishers(self._node.resolve_topic_name(topic)) <= 1
        if not run and alone and topic.rpartition('/')[2] in USER_TOPICS:
            return True
        if not self.run and alone:
            self.run = run
            self._node.get_logger().info(f'joins run {run!r}')
            return True
        name = self._known_name(topic, gid)
        where = f'topic {topic}: ignores {name or self._one_of(topic)}'
        if run:
            self._report((topic, gid, True, bool(name)), f'{where}, which belongs to run {run!r}, '
                         f'not {self.run!r}')
        else:
            self._report((topic, gid, run, name), f'{where}, whose messages have no run id: the '
                         'topic has more than one publisher, so set the field run to '
                         f'{self.run!r}, as in the state')
        return False

    def _takes_place(self, topic: str, gid: Gid) -> bool:
        """Return whether a publisher of this run is the sender of its topic, or becomes it."""
        sender, name = self._senders.get(topic), self._known_name(topic, gid)
        publishers = {bytes(one.endpoint_gid) for one in self._publishers(topic)}
        if sender is None or sender.gid == gid:
            self._senders[topic] = Sender(gid, name, publishers)
            return True
        sender.name = sender.name or self._known_name(topic, sender.gid)
        silent = time.monotonic() - sender.last_message > SILENT_AFTER
        # Two names that are both unknown are not equal.
        same = name and name == sender.name
        since = sender.refused.setdefault(gid, time.monotonic())
        lasting = time.monotonic() - since > SILENT_AFTER
        if _has_left(sender, publishers) or silent and same and (
                lasting or _can_be_new(sender, publishers)):
            self._node.get_logger().info(f'topic {topic}: {name or UNKNOWN} replaces '
                                         f'{sender.name or UNKNOWN}')
            self._senders[topic] = Sender(gid, name, publishers)
            return True
        one_of = self._one_of(topic)
        self._report((topic, gid, name), f'topic {topic}: ignores {name or one_of}, which claims '
                     f'to be of this run too; the sender here is {sender.name or one_of}')
        return False

    def _report(self, what: tuple, text: str) -> None:
        """Log an error once; once more when a name has become known."""
        if what not in self._reported:
            self._reported.add(what)
            self._node.get_logger().error(text)

    def _publishers(self, topic: str) -> list[TopicEndpointInfo]:
        return self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(topic))

    def _known_name(self, topic: str, gid: Gid) -> str:
        """Return the name of the node behind a publisher, with its namespace; '' if unknown."""
        publishers = self._publishers(topic)
        if isinstance(gid, bytes):
            return next((_name(one) for one in publishers if bytes(one.endpoint_gid) == gid), '')
        sender, others = self._senders.get(topic), {_name(one) for one in publishers}
        if len(others) > 1 and sender is not None and sender.gid != gid:
            others.discard(sender.name)
        return others.pop() if len(others) == 1 else ''

    def _one_of(self, topic: str) -> str:
        """Return in words which nodes a publisher of unknown name can belong to."""
        names = sorted({_name(one) or UNKNOWN for one in self._publishers(topic)})
        return f'one of: {", ".join(names)}' if len(names) > 1 else UNKNOWN


def _has_left(sender: Sender, publishers: set[bytes]) -> bool:
    """Return whether a sender is not among the `publishers` of its topic any more."""
    if isinstance(sender.gid, bytes):
        return sender.gid not in publishers
    return len(publishers) <= 1 and not sender.publishers & publishers


def _can_be_new(sender: Sender, publishers: set[bytes]) -> bool:
    """
    Return whether a message that is not of the sender can be of one of the present `publishers`.

    Otherwise it is of a publisher that has left, unless more of its messages arrive.
    """
    return isinstance(sender.gid, bytes) or bool(publishers - sender.publishers)


def _name(publisher: TopicEndpointInfo) -> str:
    """Return the name of a publisher's node, with its namespace; '' while it is not known."""
    if 'UNKNOWN' in publisher.node_name:
        return ''
    return f'{publisher.node_namespace.rstrip("/")}/{publisher.node_name}'
