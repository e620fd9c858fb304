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

"""What is known of robot and scene: messages in, in any order and in parts; observation out."""

import numpy as np

from rpl_ros.robot.joints import ARM, FINGERS, JointStates, TORSO
from rpl_ros.robot.kinematics import Grip, into
from rpl_ros.robot.observe import matrix, motion_between, observe, see
from rpl_ros.robot.past import Past
from rpl_ros.tasks.specs import CONTROL_PERIOD

GRIP = 'grip'
"""Name of the body whose pose is that of the grip, where the arm's joints do not tell."""


class Track:
    """
    The newest pose of a body, (7,): m and quaternion w, x, y, z; and its motion.

    `motion` is what motion_between() returns: from an earlier pose, at least past.BASELINE older;
    zero before there are two such poses.
    """

    def __init__(self):
        """Know nothing yet."""
        self.pose, self.time = None, -np.inf
        self.motion = np.zeros(3), np.zeros(3)
        self._past = Past()

    def update(self, pose, time):
        """Take the pose of `time`, s; one that is not newer than what is known is ignored."""
        if time <= self.time:
            return
        earlier = self._past.compare(time, pose)
        if earlier:
            seconds, before = earlier
            self.motion = motion_between(before, pose, seconds)
        self.pose, self.time = pose, time


class RobotView:
    """
    Joints and poses as they were last heard of.

    `frame` (7,) is the pose of the robot's base_link in the frame of poses and observation. The
    `offset` (3,), m, in that frame, is added to each position of the hook: see
    docs/real_robot.md, how ReactiveHook grasps it.
    """

    def __init__(self, kinematics, names, frame, offset=(0.0, 0.0, 0.0), tool=(0.0, 0.0, 0.0),
                 joints=None):
        """
        Take a Kinematics and the `names` of the bodies whose poses come.

        Where GRIP is one of them there is no Kinematics: `tool` (3,), m, then leads from the
        tool's origin to the grip along the grip's axes. `joints` are the names that the robot has
        for (*ARM, *FINGERS, TORSO), with GRIP for FINGERS; None for those of a Fetch.
        """
        self._kinematics, self._frame, self._offset = kinematics, frame, np.asarray(offset)
        self._names, self._tool = tuple(names), np.asarray(tool)
        told = GRIP in self._names
        self._joints = joints or (FINGERS if told else (*ARM, *FINGERS, TORSO))
        self._fingers = slice(0, 2) if told else slice(len(ARM), len(ARM) + 2)
        self.forget()

    def forget(self):
        """Know nothing: between two episodes, somebody has moved things."""
        self.joints = JointStates(self._joints)
        self.tracks = {name: Track() for name in self._names}

    def problem(self, now, limit):
        """
        Return why there is no observation at `now`, or an empty text.

        `limit` is the age, s, beyond which a joint state or pose is too old.
        """
        for name, track in self.tracks.items():
            if track.pose is None:
                return f'no pose of {name} yet'
            if now - track.time > limit:
                return (f'the pose of {name} is {now - track.time:.3f} s old, allowed are '
                        f'{limit:g} s')
        return self.joints.problem(now, limit)

    def grip(self):
        """Return the present Grip in the frame of the poses."""
        if GRIP in self.tracks:
            return self._told_grip(self.tracks[GRIP])
        joints, arm = self.joints, slice(0, len(ARM))
        return into(self._frame, self._kinematics.grip(
            joints.positions[arm], joints.velocities[arm], joints.positions[-1]))

    def observation(self):
        """Return the observation, (40,) where there is a track called hook, else (25,)."""
        grip, joints = self.grip(), self.joints
        fingers = self._fingers
        thing, hook = (self._see(name) for name in ('object', 'hook'))
        return observe(grip.position, grip.linear * CONTROL_PERIOD, joints.positions[fingers],
                       joints.velocities[fingers] * CONTROL_PERIOD, thing, hook)

    def _told_grip(self, track):
        """Return the Grip by the poses of its Track."""
        pose = np.full(7, np.nan) if track.pose is None else track.pose
        angular, linear = (each / CONTROL_PERIOD for each in track.motion)
        return Grip(pose[:3], pose[3:], linear, angular,
                    matrix(pose[3:]).reshape(3, 3) @ self._tool)

    def _see(self, name):
        if name not in self.tracks:
            return None
        track = self.tracks[name]
        place, *rest = see(track.pose, track.motion)
        return (place + self._offset if name == 'hook' else place, *rest)
