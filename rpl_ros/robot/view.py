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

"""The newest measurements of robot and scene, in any order and in parts, and the observation."""

from collections.abc import Sequence

import numpy as np
from rpl_ros.robot.history import History
from rpl_ros.robot.joints import JointStates
from rpl_ros.robot.kinematics import Grip, into, Kinematics
from rpl_ros.tasks.fetch_facts import ARM, FINGERS, TORSO
from rpl_ros.tasks.fetch_observation import Motion, observe
from rpl_ros.tasks.poses import euler, matrix, motion_between
from rpl_ros.tasks.specs import CONTROL_PERIOD

GRIP = 'grip'
"""Name of the body whose pose is that of the grip, for an arm whose kinematics are not known."""
ORIGIN = np.zeros(3)


class Track:
    """
    The newest pose of a body, (7,): m and quaternion w, x, y, z; and its motion.

    `motion` is the result of motion_between() for an earlier pose, at least history.BASELINE
    older. It is zero until there are two such poses.
    """

    def __init__(self) -> None:
        """Begin without a pose."""
        self.pose: np.ndarray | None = None
        self.time = -np.inf
        self.motion = np.zeros(3), np.zeros(3)
        self._history: History[np.ndarray] = History()

    def update(self, pose: np.ndarray, time: float) -> None:
        """Store the pose of `time`, s; ignore it if it is not newer than the stored one."""
        if time <= self.time:
            return
        earlier = self._history.compare(time, pose)
        if earlier:
            seconds, before = earlier
            self.motion = motion_between(before, pose, seconds)
        self.pose, self.time = pose, time


class RobotView:
    """
    The newest joints (`joints`, JointStates) and poses (`tracks`, {name of the body: Track}).

    Without a Kinematics, the grip is a body with a pose, called GRIP.
    """

    def __init__(self, kinematics: Kinematics | None, names: Sequence[str], frame: np.ndarray,
                 hook_offset: Sequence[float] | np.ndarray = ORIGIN,
                 tool_to_grip: Sequence[float] | np.ndarray = ORIGIN,
                 joints: Sequence[str] = ()) -> None:
        """
        Prepare for the poses of the bodies `names`, and for the robot's `joints`.

        `frame` (7,) is the pose of the robot's base_link in the frame of poses and observation.
        `hook_offset` (3,), m, in that frame, is added to each position of the hook (see
        docs/fetch_simulated.md, The table). `tool_to_grip` (3,), m, leads from the origin of the
        tool to the grip along the axes of the grip; only used without a Kinematics. The joints
        are those of arm, fingers and torso in this order, or of the fingers alone without a
        Kinematics; by default those of a Fetch.
        """
        self._kinematics, self._frame, self._offset = kinematics, frame, np.asarray(hook_offset)
        self._names, self._tool = tuple(names), np.asarray(tool_to_grip)
        self._joints = joints or (FINGERS if kinematics is None else (*ARM, *FINGERS, TORSO))
        self._fingers = slice(0, 2) if kinematics is None else slice(len(ARM), len(ARM) + 2)
        self.forget()

    def forget(self) -> None:
        """Forget all measurements: between two episodes, a person may move the objects."""
        self.joints = JointStates(self._joints)
        self.tracks = {name: Track() for name in self._names}

    def problem(self, now: float, limit: float) -> str:
        """Return which joint or pose is unknown at `now`, or older than `limit`, s, or ''."""
        for name, track in self.tracks.items():
            if track.pose is None:
                return f'no pose of {name} yet'
            if now - track.time > limit:
                return (f'the pose of {name} is {now - track.time:.3f} s old, allowed are '
                        f'{limit:g} s')
        return self.joints.problem(now, limit)

    def position(self, name: str) -> np.ndarray:
        """Return where a body was seen last, (3,), m; ValueError if it was not seen yet."""
        pose = self.tracks[name].pose
        if pose is None:
            raise ValueError(f'no pose of {name} yet')
        return pose[:3].copy()

    def grip(self) -> Grip:
        """Return the present Grip in the frame of the poses; NaN where it is not known yet."""
        if self._kinematics is None:
            return self._grip_from_pose(self.tracks[GRIP])
        joints, arm = self.joints, slice(0, len(ARM))
        return into(self._frame, self._kinematics.grip(
            joints.positions[arm], joints.velocities[arm], joints.positions[-1]))

    def observation(self) -> np.ndarray:
        """Return the observation, (40,) if there is a body called hook, else (25,)."""
        grip, joints = self.grip(), self.joints
        fingers = self._fingers
        hook = self._see('hook') if 'hook' in self.tracks else None
        return observe(grip.position, grip.linear * CONTROL_PERIOD, joints.positions[fingers],
                       joints.velocities[fingers] * CONTROL_PERIOD, self._see('object'), hook)

    def _grip_from_pose(self, track: Track) -> Grip:
        pose = np.full(7, np.nan) if track.pose is None else track.pose
        angular, linear = (each / CONTROL_PERIOD for each in track.motion)
        return Grip(pose[:3], pose[3:], linear, angular,
                    matrix(pose[3:]).reshape(3, 3) @ self._tool)

    def _see(self, name: str) -> Motion:
        """Return position, angles and motion of a body for the observation."""
        track = self.tracks[name]
        if track.pose is None:
            raise ValueError(f'no pose of {name} yet')
        position = track.pose[:3] + self._offset if name == 'hook' else track.pose[:3]
        return position, euler(matrix(track.pose[3:])), *track.motion
