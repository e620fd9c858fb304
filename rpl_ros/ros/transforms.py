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

"""The newest transform between two frames, from the topics /tf and /tf_static."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rpl_ros.robot.robot_inputs import in_parent
from rpl_ros.ros.robot_messages import from_time
from rpl_ros.settings.fields import SettingsError

LONGEST = 100  # frames between two
STATIC = float('inf')
"""Stamp of a transform that never changes."""


class Transform(NamedTuple):
    """A pose (7,), m and quaternion w, x, y, z, in the frame `parent`; its stamp, s."""

    parent: str
    pose: np.ndarray
    stamp: float


def chain(known: dict[str, Transform], parent: str, child: str) -> tuple[np.ndarray, float] | None:
    """
    Return the pose (7,) of `child` in `parent`, and the oldest stamp on the way; None if unknown.

    `known` is {frame: its Transform}. The `parent` must be above the `child` in the tree.
    """
    pose, stamp, frame = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]), STATIC, child
    for _ in range(LONGEST):
        if frame == parent:
            return pose, stamp
        if frame not in known:
            return None
        above = known[frame]
        pose = in_parent(above.pose, pose)
        stamp, frame = min(stamp, above.stamp), above.parent
    return None


class Transforms:
    """The tree of frames; calls `changed` after each message of moving frames."""

    def __init__(self, node: Node, changed: Callable[[], None]) -> None:
        """Subscribe; SettingsError where the messages of TF are not installed."""
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError as error:
            raise SettingsError('the contract has an input of type TF, which needs the package '
                                f'tf2_msgs of ROS 2: {error}') from error
        self._known: dict[str, Transform] = {}
        self._changed = changed
        node.create_subscription(TFMessage, '/tf', partial(self._on_transforms, False), 100)
        node.create_subscription(TFMessage, '/tf_static', partial(self._on_transforms, True),
                                 QoSProfile(depth=100,
                                            durability=DurabilityPolicy.TRANSIENT_LOCAL))

    def pose(self, parent: str, child: str) -> tuple[np.ndarray, float] | None:
        """Return chain() of the newest transforms."""
        return chain(self._known, parent, child)

    def _on_transforms(self, fixed: bool, message: Any) -> None:
        for one in message.transforms:
            move, turn = one.transform.translation, one.transform.rotation
            pose = np.array([move.x, move.y, move.z, turn.w, turn.x, turn.y, turn.z])
            self._known[one.child_frame_id] = Transform(
                one.header.frame_id, pose, STATIC if fixed else from_time(one.header.stamp))
        if not fixed:
            self._changed()
