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

"""Between the messages of robots and arrays: joint states, poses, twists, times."""

from array import array

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PoseStamped, Quaternion, TwistStamped, Vector3
import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Header


def to_time(seconds):
    """Return seconds since the epoch as a Time."""
    whole, part = divmod(round(seconds * 1e9), 10**9)
    return Time(sec=whole, nanosec=part)


def from_time(stamp):
    """Return a Time as seconds since the epoch."""
    return stamp.sec + stamp.nanosec * 1e-9


def joint_state(names, positions, velocities, seconds):
    """Return the JointState for names and numbers, rad and rad/s or m and m/s."""
    return JointState(header=Header(stamp=to_time(seconds)), name=list(names),
                      position=array('d', positions), velocity=array('d', velocities))


def pose_message(pose, frame, seconds):
    """Return the PoseStamped for a pose (7,): m, and quaternion w, x, y, z."""
    x, y, z, qw, qx, qy, qz = map(float, pose)
    message = PoseStamped(header=Header(stamp=to_time(seconds), frame_id=frame))
    message.pose.position = Point(x=x, y=y, z=z)
    message.pose.orientation = Quaternion(x=qx, y=qy, z=qz, w=qw)
    return message


def read_pose(message):
    """Return the pose (7,), m and quaternion w, x, y, z, of a PoseStamped."""
    place, turn = message.pose.position, message.pose.orientation
    return np.array([place.x, place.y, place.z, turn.w, turn.x, turn.y, turn.z])


def twist_message(twist, frame, seconds):
    """Return the TwistStamped for a twist (6,): m/s and rad/s."""
    message = TwistStamped(header=Header(stamp=to_time(seconds), frame_id=frame))
    for part, values in ((message.twist.linear, twist[:3]), (message.twist.angular, twist[3:])):
        part.x, part.y, part.z = map(float, values)
    return message


def read_twist(message):
    """Return the twist (6,), m/s and rad/s, of a TwistStamped."""
    def numbers(vector: Vector3):
        return vector.x, vector.y, vector.z
    return np.array([*numbers(message.twist.linear), *numbers(message.twist.angular)])
