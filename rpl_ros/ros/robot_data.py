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

"""What learner_node keeps of each robot: its queues and its incomplete episodes."""

from dataclasses import dataclass, field
import time

from rclpy.subscription import Subscription
from rpl_ros.data import Episode
from rpl_ros.ros.gaps import Gaps
from rpl_ros.ros.params import RplNode
from rpl_ros.settings.robots import name_of, place_of
from rpl_ros.transitions import Joiner

GONE_AFTER = 10.0
"""Time, s, without a publisher of its states after which a robot's open episode is joined."""


@dataclass
class RobotData:
    """
    A robot by its number, 0 for one alone, and what was received from it.

    `problem` says why its data cannot be used, or ''; `known`, that its task was received; `kept`
    is its next_episode of before a restart.
    """

    robot: int
    joiner: Joiner
    commands: Subscription
    states: Subscription
    gaps: Gaps = field(default_factory=Gaps)
    problem: str = ''
    known: bool = False
    kept: int = 0
    _seen: float = field(default_factory=time.monotonic)  # s, when it was there last

    @property
    def place(self) -> str:
        """Return what stands before the names of its topics."""
        return place_of(self.robot)

    @property
    def name(self) -> str:
        """Return its name in a message: 'robot2: ', or '' for one alone."""
        return f'{name_of(self.robot)}: ' if self.robot else ''

    @property
    def next_episode(self) -> int:
        """Return the lowest number above those of all its episodes so far."""
        return max(self.kept, self.joiner.next_episode)

    def left(self, node: RplNode) -> list[Episode]:
        """Return what has come of the open episode of a robot that left some time ago."""
        now = time.monotonic()
        if node.count_publishers(self.states.topic_name):
            self._seen = now
        if now - self._seen < GONE_AFTER or not self.joiner.waits:
            return []
        return self.joiner.flush()
