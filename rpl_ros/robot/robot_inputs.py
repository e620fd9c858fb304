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
The messages of robot and tracker: usable ones update the measurements, others become faults.

`now` is an Instant: messages arrive by the steady clock, and `stamp` is by the clock of the
messages, s.
"""

from collections.abc import Iterable
from dataclasses import replace
import math

import mujoco
import numpy as np
from rpl_ros.robot.clocks import Ages, Clocks, Instant, NOT_RECEIVED
from rpl_ros.robot.joints import JointMessage
from rpl_ros.robot.kinematics import Grip, Kinematics
from rpl_ros.robot.safety.inputs import check_pose, pose_fault, PoseMessage, PoseTrack, timeout
from rpl_ros.robot.safety.limits import Limits
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.robot.safety.stage import Inputs
from rpl_ros.robot.twist import hold_orientation
from rpl_ros.robot.view import GRIP, RobotView
from rpl_ros.settings.robot import AdapterSettings
from rpl_ros.tasks.fetch import DOWN
from rpl_ros.tasks.fetch_facts import ARM
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.poses import matrix

UNUSABLE = (Reason.POSE_BAD, Reason.POSE_QUATERNION, Reason.POSE_FRAME)


def pose_of(xyz_yaw: Iterable[float]) -> np.ndarray:
    """Return the pose (7,), m and quaternion w, x, y, z, of a base that stands upright."""
    *position, yaw = xyz_yaw
    return np.array([*position, math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])


def in_parent(frame: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Return a pose (7,) in the parent frame; `frame` is the pose (7,) of its frame there."""
    quaternion, position = np.empty(4), np.empty(3)
    mujoco.mju_mulQuat(quaternion, frame[3:], pose[3:])
    mujoco.mju_rotVecQuat(position, pose[:3], frame[3:])
    return np.concatenate([frame[:3] + position, quaternion])


class RobotInputs:
    """Newest joints and poses with their ages; the observation; and the faults in all of them."""

    def __init__(self, settings: AdapterSettings, kinematics: Kinematics | None) -> None:
        """
        Prepare for the joints and the bodies of a contract.

        With a grip_pose_topic, no Kinematics is used. ValueError if the contract has none, and
        its joints cannot be those of a Fetch.
        """
        grip_from_pose = bool(settings.grip_pose_topic)
        if not grip_from_pose and (len(settings.arm_joints) != len(ARM)
                                   or not settings.torso_joint):
            raise ValueError(
                'arm_joints and torso_joint must name the seven joints of the arm of a Fetch and '
                'its torso: without a grip_pose_topic, the grip is computed with the model of a '
                'Fetch')
        self._kinematics = None if grip_from_pose else kinematics
        self._world = settings.world_frame
        self._frames = (settings.world_frame, settings.base_frame)
        self._base = pose_of(settings.base_pose)
        self._turn = np.kron(np.eye(2), matrix(self._base[3:]).reshape(3, 3))  # of a twist
        joints = settings.finger_joints if grip_from_pose else (
            *settings.arm_joints, *settings.finger_joints, settings.torso_joint)
        self.names = task_spec(settings.task).bodies + (GRIP,) * grip_from_pose
        self.view = RobotView(self._kinematics, self.names, self._base, settings.hook_offset,
                              settings.tool_to_grip, joints)
        self._clocks = Clocks()
        self.forget(-math.inf)

    def forget(self, since: float) -> None:
        """Forget all measurements, and ignore messages with a stamp before `since`, s."""
        self._bad_joints = -math.inf, ''  # when a joint state was unusable, and why
        self._poses = {name: (PoseTrack(), NOT_RECEIVED) for name in self.names}
        self._pose_faults: dict[str, Reason | None] = dict.fromkeys(self.names)
        self._forget_times(since, 0.0)

    def _forget_times(self, since: float, jump: float) -> None:
        """
        Forget all stamps, after the clock of the messages jumped by `jump`, s.

        Faults of messages, and poses to compare with, are kept.
        """
        self.view.forget()
        self._since, self._jump = since, jump
        self._arrivals = dict.fromkeys(self.view.joints.names, -math.inf)
        self._poses = {name: (track, NOT_RECEIVED) for name, (track, _) in self._poses.items()}
        self._clocks.forget()

    def check_clocks(self, now: Instant) -> None:
        """Forget all stamps if the clock of the messages has jumped since the last check."""
        jump = self._clocks.jump(now)
        if jump:  # the stamps before the jump would hide, or be older than, all that follow
            self._forget_times(now.ros, jump)

    def on_joints(self, message: JointMessage, now: Instant, limits: Limits) -> str:
        """Process a joint state with some or all joints; return why it is unusable, or ''."""
        self.check_clocks(now)
        needed = self.view.joints.needed(message.names)
        if not needed:
            return ''
        wrong = self._clocks.check_stamp(needed[0], f'the joint state of {needed[0]}',
                                         message.stamp, now, limits.settings.state_timeout)
        if message.stamp < self._since:
            if wrong:  # it has arrived, although its stamp is of another time
                self._arrivals.update(dict.fromkeys(needed, now.steady))
            return ''
        try:
            if wrong and message.stamp > now.ros:  # if stored, it would hide all that follow
                raise ValueError(wrong)
            self.view.joints.update(*message)
        except ValueError as error:
            self._bad_joints = now.steady, str(error)
            return str(error)
        if len(message.positions):
            self._arrivals.update(dict.fromkeys(needed, now.steady))
        return ''

    def on_pose(self, name: str, message: PoseMessage, now: Instant,
                limits: Limits) -> Reason | None:
        """Process a pose, with a quaternion w, x, y, z, of a body; return its Reason or None."""
        self.check_clocks(now)
        wrong = self._clocks.check_stamp(name, 'its pose', message.stamp, now,
                                         limits.settings.pose_timeout)
        if message.stamp < self._since:
            return Reason.POSE_OLD if wrong else None
        track, fault = check_pose(self._poses[name][0], message, self._frames, now, limits)
        self._pose_faults[name] = fault if fault in UNUSABLE else None
        if fault in UNUSABLE:
            return fault
        self._poses[name] = track, Instant(now.steady, message.stamp)
        if fault in (None, Reason.POSE_JUMP):  # a stamp in the future would hide later poses
            self.view.tracks[name].update(self._in_world(message), message.stamp)
        return fault

    def _in_world(self, message: PoseMessage) -> np.ndarray:
        """Return a usable pose in the world, with a quaternion of length 1."""
        pose = message.pose
        pose = np.concatenate([pose[:3], pose[3:] / np.linalg.norm(pose[3:])])
        return pose if message.frame == self._world else in_parent(self._base, pose)

    def state_ages(self, now: Instant) -> Ages:
        """Return the Ages of the oldest needed joint, or of the grip where it has a pose."""
        _, grip = self._poses.get(GRIP, (None, now))
        return Ages(now.steady - min([*self._arrivals.values(), grip.steady]),
                    max(float(self.view.joints.ages(now.ros).max()), now.ros - grip.ros))

    def faults(self, now: Instant, limits: Limits) -> dict[Reason, str]:
        """Return {Reason: text} of all that forbids motion."""
        self.check_clocks(now)
        found, settings = {}, limits.settings
        if self._jump and self._is_incomplete():
            found[Reason.CLOCK_JUMPED] = (
                f'the clock of the messages jumped by {self._jump:+.3f} s: stop until all joint '
                'states and poses have arrived with the new time')
        late = timeout(self.state_ages(now), settings.state_timeout, Reason.STATE_STALE,
                       Reason.STATE_OLD)
        if late:
            joints, limit = self.view.joints, settings.state_timeout
            found[late] = (self._clocks.wrong_stamp(joints.names, now.steady, limit)
                           or joints.problem(now.ros, limit) or late.text)
        if now.steady - self._bad_joints[0] <= settings.state_timeout:
            found[Reason.STATE_BAD] = self._bad_joints[1]
        for name in self.names:
            fault = self._pose_fault(name, now, limits)
            if fault:
                text = f'{name}: {self.pose_text(name, fault, now.steady, limits)}'
                found[fault] = f'{found[fault]}; {text}' if fault in found else text
        return found

    def _is_incomplete(self) -> bool:
        """Return whether a joint or a pose is not known yet."""
        return (any(track.pose is None for track in self.view.tracks.values())
                or not np.isfinite(self.view.joints.ages(0.0)).all())

    def _pose_fault(self, name: str, now: Instant, limits: Limits) -> Reason | None:
        """Return why the pose of a body cannot be used, or None."""
        track, received = self._poses[name]
        # A fault of the newest message stays until a usable one arrives.
        fault = self._pose_faults[name] or pose_fault(track, now, received, limits)
        if fault in (Reason.POSE_MISSING, Reason.POSE_STALE) and self._clocks.wrong_stamp(
                (name,), now.steady, limits.settings.pose_timeout):
            return Reason.POSE_OLD  # poses arrive, but are ignored for their stamps
        return fault

    def pose_text(self, name: str, fault: Reason, now: float, limits: Limits) -> str:
        """Return what is wrong with the pose of a body; `now` is by the steady clock, s."""
        wrong = fault == Reason.POSE_OLD and self._clocks.wrong_stamp(
            (name,), now, limits.settings.pose_timeout)
        return wrong or fault.text

    def pose_age(self, now: Instant) -> float:
        """Return the age of the oldest pose by its stamp, s."""
        return now.ros - min(track.time for track in self.view.tracks.values())

    def measured(self, now: Instant, grip: Grip | None, settings: AdapterSettings) -> Inputs:
        """
        Return the measured part of the Inputs of the safety stage.

        Without a Grip, which is unknown until all joints are, positions and velocities are zero.
        """
        measured = Inputs(now.steady, np.zeros(3), joints=np.zeros(7),
                          jacobian=self._jacobian, state_ages=self.state_ages(now))
        if grip is None:
            return measured
        turn = hold_orientation(grip.quaternion, DOWN, settings.orientation_gain,
                                settings.turn_speed_limit)
        arm = self.view.joints.positions[:len(ARM)].copy() if self._kinematics else None
        return replace(measured, grip=grip.position, joints=arm, turn=turn)

    def _jacobian(self, joints: np.ndarray) -> np.ndarray:
        """Return the Jacobian (6, 7) of the grip in the axes of the world, or ValueError."""
        if self._kinematics is None:
            raise ValueError('no model of this arm')
        return self._turn @ self._kinematics.jacobian(joints, self.view.joints.positions[-1])

    def in_root(self, twist: np.ndarray) -> np.ndarray:
        """Return a twist (6,) along the axes of the world in those of the robot's root frame."""
        return self._turn.T @ twist
