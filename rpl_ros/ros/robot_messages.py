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

"""Conversion between the messages of robots and arrays: joint states, poses, twists, times."""

from array import array
from collections.abc import Iterable

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PoseStamped, Quaternion, TwistStamped
import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Header


def to_time(seconds: float) -> Time:
    """Return seconds since the epoch as a Time."""
    whole, part = divmod(round(seconds * 1e9), 10**9)
    return Time(sec=whole, nanosec=part)


def from_time(stamp: Time) -> float:
    """Return a Time as seconds since the epoch."""
    return stamp.sec + stamp.nanosec * 1e-9


def joint_state(names: Iterable[str], positions: np.ndarray, velocities: np.ndarray,
                seconds: float) -> JointState:
    """Return a JointState; positions in rad or m, velocities in rad/s or m/s."""
    return JointState(header=Header(stamp=to_time(seconds)), name=list(names),
                      position=array('d', positions), velocity=array('d', velocities))


def pose_message(pose: np.ndarray, frame: str, seconds: float) -> PoseStamped:
    """Return the PoseStamped for a pose (7,): m, and quaternion w, x, y, z."""
    x, y, z, qw, qx, qy, qz = map(float, pose)
    message = PoseStamped(header=Header(stamp=to_time(seconds), frame_id=frame))
    message.pose.position = Point(x=x, y=y, z=z)
    message.pose.orientation = Quaternion(x=qx, y=qy, z=qz, w=qw)
    return message


def read_pose(message: PoseStamped) -> np.ndarray:
    """Return the pose (7,), m and quaternion w, x, y, z, of a PoseStamped."""
    point, turn = message.pose.position, message.pose.orientation
    return np.array([point.x, point.y, point.z, turn.w, turn.x, turn.y, turn.z])


def twist_message(twist: np.ndarray, frame: str, seconds: float) -> TwistStamped:
    """Return the TwistStamped for a twist (6,): m/s and rad/s."""
    message = TwistStamped(header=Header(stamp=to_time(seconds), frame_id=frame))
    for part, values in ((message.twist.linear, twist[:3]), (message.twist.angular, twist[3:])):
        part.x, part.y, part.z = map(float, values)
    return message


def read_twist(message: TwistStamped) -> np.ndarray:
    """Return the twist (6,), m/s and rad/s, of a TwistStamped."""
    return np.array([value for vector in (message.twist.linear, message.twist.angular)
                     for value in (vector.x, vector.y, vector.z)])
