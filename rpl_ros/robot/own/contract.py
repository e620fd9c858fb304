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
The contract with any robot: what is measured, what is sent, and within which limits.

docs/own_robot.md describes each entry. Units and frames are those of the robot's topics.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import math
from typing import NamedTuple


class Channel(NamedTuple):
    """One measured number: the input that it comes from, and its name there."""

    source: str
    name: str


@dataclass(frozen=True)
class Source:
    """
    An input: a topic, or the transform between two frames.

    `channels` are the names of its numbers. A message older than `max_age`, s, is a fault.
    `frame` is that of its header; of a transform it is the parent. A pose that jumps farther than
    `jump`, m, is not used until poses have been steady for `settle`, s.
    """

    name: str
    kind: str
    topic: str
    max_age: float
    channels: tuple[str, ...]
    frame: str = ''
    child: str = ''
    joints: tuple[str, ...] = ()
    jump: float = math.inf
    settle: float = 0.0


@dataclass(frozen=True)
class Sink:
    """
    An output: `elements` are the elements of the action in its message, '' where it has a zero.

    `velocity` tells whether its numbers are velocities, which a stop sets to zero, or positions,
    which a stop holds. `frame` is for the header of a twist.
    """

    kind: str
    topic: str
    velocity: bool
    elements: tuple[str, ...]
    joints: tuple[str, ...] = ()
    frame: str = ''


@dataclass(frozen=True)
class ElementLimits:
    """
    The limits of one element of the action, in the unit of its output.

    Attributes
    ----------
    low, high: for an action of -1 and of 1
    rate: largest change within a second
    rate_change: largest change of that change within a second
    moves: what is measured of it: the position whose velocity it is, or itself; None: unknown
    keep: lowest and highest value of what it moves
    margin: distance before these at which it stops

    """

    low: float
    high: float
    rate: float
    rate_change: float
    moves: Channel | None
    keep: tuple[float, float]
    margin: float


@dataclass(frozen=True)
class RobotContract:
    """
    The contract with a robot.

    The channels of observation and goals, and the limits, are in the order of the task's elements.
    `reward` and `success` are None where the task computes them; `by_person` tells whether a
    person says when an episode succeeds or fails. Times are in s.
    """

    frame: str
    stop_messages: int
    robot_timeout: float
    base_action_timeout: float
    command_timeout: float
    run_stop_topic: str
    run_stop_timeout: float
    sources: dict[str, Source]
    observation: tuple[Channel, ...]
    achieved_goal: tuple[Channel, ...]
    desired_goal: tuple[Channel, ...]
    reward: Channel | None
    success: Channel | None
    by_person: bool
    sinks: tuple[Sink, ...]
    limits: tuple[ElementLimits, ...]


def velocities(sinks: Iterable[Sink]) -> dict[str, bool]:
    """Return {element of the action: whether its numbers are velocities, not positions}."""
    return {name: sink.velocity for sink in sinks for name in sink.elements if name}
