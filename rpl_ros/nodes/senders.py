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
From whom a node takes messages: from its own run, and from one sender on each topic.

What else comes on a topic, from a second graph or a stranger, is ignored and named once. Which
rules hold, and what remains possible: docs/network.md.
"""

from collections import defaultdict
import time

from rpl_ros.nodes.distribution import Numbering, publisher_of

SILENT = 2.0
"""Time, s, after which a new node of the same name may take the place of one that fell silent."""
OF_PERSONS = ('state', 'base_action')
"""Topics on which a person's own node may leave the run id empty."""
UNKNOWN = 'a node whose name is not known yet, or that has gone'


class Sender:
    """A publisher that messages of a topic are taken from; `heard`, s, is by the steady clock."""

    def __init__(self, gid, name, there):
        """
        Take its identity, see Senders._identity, and the name of its node, '' if unknown.

        `there` is the set of publishers that the topic had when it became the sender.
        """
        self.gid, self.name, self.there = gid, name, there
        self.heard = time.monotonic()
        self.refused = {}  # when another publisher's message came first, by its identity


class Senders:
    """Decides for each message of a node's subscriptions whether it counts."""

    def __init__(self, node, run):
        """Take the node and the id of its run; '': it takes part in the first one it hears."""
        self._node, self.run = node, run
        self._senders = {}     # by topic
        self._numbering = defaultdict(Numbering)  # by topic
        self._reported = set()

    def accepts(self, topic, message, info):
        """Return whether a message of a topic counts, by its run and its MessageInfo."""
        return self.accepts_run(topic, message.run, info)

    def accepts_run(self, topic, run, info):
        """Return whether a message counts that carries the id `run`."""
        gid = self._identity(topic, run, info)
        sender = self._senders.get(topic)
        if sender is not None and sender.gid == gid and run == self.run:
            sender.heard = time.monotonic()
            return True
        return self._of_this_run(topic, run, gid) and self._takes_place(topic, gid)

    def _identity(self, topic, run, info):
        """Return who published a message: bytes on the wire, or (run, number) if not told."""
        told = publisher_of(info)
        if told is not None:
            return told
        sender = self._senders.get(topic)
        return self._numbering[topic].publisher_of(
            info, run, lambda: len(self._publishers(topic)), sender and sender.gid)

    def _of_this_run(self, topic, run, gid):
        """Return whether a message is of this run, or, without an id, can be of no other."""
        if run == self.run:
            return True
        alone = self._node.count_publishers(self._node.resolve_topic_name(topic)) <= 1
        if not run and alone and topic in OF_PERSONS:
            return True
        if not self.run and alone:
            self.run = run
            self._node.get_logger().info(f'takes part in run {run!r}')
            return True
        name = self._known_name(topic, gid)
        where = f'topic {topic}: ignores {name or self._one_of(topic)}'
        if run:
            self._report((topic, gid, True, bool(name)), f'{where}, which is of run {run!r}, not '
                         f'{self.run!r}')
        else:
            self._report((topic, gid, run, name), f'{where}, whose messages have no run id: with '
                         f'more than one publisher on the topic, set the field run to '
                         f'{self.run!r}, as in the state')
        return False

    def _takes_place(self, topic, gid):
        """Return whether a sender of this run is the one of its topic, or becomes it."""
        sender, name = self._senders.get(topic), self._known_name(topic, gid)
        there = {bytes(one.endpoint_gid) for one in self._publishers(topic)}
        if sender is None or sender.gid == gid:
            self._senders[topic] = Sender(gid, name, there)
            return True
        sender.name = sender.name or self._known_name(topic, sender.gid)
        silent = time.monotonic() - sender.heard > SILENT
        # Two nodes whose names are not known yet are not known to have the same one.
        same = name and name == sender.name
        since = sender.refused.setdefault(gid, time.monotonic())
        lasting = time.monotonic() - since > SILENT
        if _has_left(sender, there) or silent and same and (lasting or _is_there(sender, there)):
            self._node.get_logger().info(f'topic {topic}: {name or UNKNOWN} follows '
                                         f'{sender.name or UNKNOWN}')
            self._senders[topic] = Sender(gid, name, there)
            return True
        one_of = self._one_of(topic)
        self._report((topic, gid, name), f'topic {topic}: ignores {name or one_of}, which says it '
                     f'is of this run too; {sender.name or one_of} is the sender here')
        return False

    def _report(self, what, text):
        """Say something once; once more when a name has become known."""
        if what not in self._reported:
            self._reported.add(what)
            self._node.get_logger().error(text)

    def _publishers(self, topic):
        return self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(topic))

    def _known_name(self, topic, gid):
        """Return the name of the node behind a publisher, with its namespace; '' if unknown."""
        publishers = self._publishers(topic)
        if isinstance(gid, bytes):
            return next((_name(one) for one in publishers if bytes(one.endpoint_gid) == gid), '')
        sender, others = self._senders.get(topic), {_name(one) for one in publishers}
        if len(others) > 1 and sender is not None and sender.gid != gid:
            others.discard(sender.name)
        return others.pop() if len(others) == 1 else ''

    def _one_of(self, topic):
        """Return in words who a publisher may be whose name is not known."""
        names = sorted({_name(one) or UNKNOWN for one in self._publishers(topic)})
        return f'one of: {", ".join(names)}' if len(names) > 1 else UNKNOWN


def _has_left(sender, there):
    """Return whether a sender is none of the publishers that are `there` any more."""
    if isinstance(sender.gid, bytes):
        return sender.gid not in there
    return len(there) <= 1 and not sender.there & there


def _is_there(sender, there):
    """
    Return whether a message of another publisher than the sender can be of one that is `there`.

    Else it is of one that has left already, unless its messages go on.
    """
    return isinstance(sender.gid, bytes) or bool(there - sender.there)


def _name(publisher):
    """Return the name of a publisher's node, with its namespace; '' while it is not known."""
    if 'UNKNOWN' in publisher.node_name:
        return ''
    return f'{publisher.node_namespace.rstrip("/")}/{publisher.node_name}'
