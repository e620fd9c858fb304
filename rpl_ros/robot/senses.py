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
What the adapter hears of robot and tracker: taken if it is sound, kept as faults if not.

Two clocks: `now` is the steady one, s, by which messages arrive; `ros_now` and `stamp` are that
of the messages, s.
"""

import math

import mujoco
import numpy as np

from rpl_ros.robot.bodies import body_names
from rpl_ros.robot.clocks import Clocks
from rpl_ros.robot.joints import ARM
from rpl_ros.robot.observe import matrix
from rpl_ros.robot.safety_inputs import ages, check_pose, pose_fault, PoseTrack, timeout
from rpl_ros.robot.safety_reasons import Reason, TEXTS
from rpl_ros.robot.twist import hold_orientation
from rpl_ros.robot.view import GRIP, RobotView
from rpl_ros.tasks.fetch import GRIPPER_DOWN

DOWN = GRIPPER_DOWN / np.linalg.norm(GRIPPER_DOWN)
"""The orientation that the gripper has in all tasks and is held in, w, x, y, z, world."""
UNUSABLE = (Reason.POSE_BAD, Reason.POSE_QUATERNION, Reason.POSE_FRAME)


def pose_of(xyz_yaw):
    """Return the pose (7,), m and quaternion w, x, y, z, of a base that stands upright."""
    *place, yaw = xyz_yaw
    return np.array([*place, math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])


def moved(frame, pose):
    """Return a pose (7,) that is given in a frame whose own pose is `frame` (7,)."""
    turned, place = np.empty(4), np.empty(3)
    mujoco.mju_mulQuat(turned, frame[3:], pose[3:])
    mujoco.mju_rotVecQuat(place, pose[:3], frame[3:])
    return np.concatenate([frame[:3] + place, turned])


class Senses:
    """Joints and poses with their ages; the observation, and what is wrong with it."""

    def __init__(self, settings, kinematics):
        """
        Take AdapterSettings and a Kinematics, which is not used with a grip_pose_topic.

        ValueError where the contract's joints cannot be those of a Fetch.
        """
        told = bool(settings.grip_pose_topic)
        if not told and (len(settings.arm_joints) != len(ARM) or not settings.torso_joint):
            raise ValueError(
                'arm_joints and torso_joint must name the seven joints of the arm of a Fetch and '
                'its torso: without a grip_pose_topic, the grip is computed with the model of a '
                'Fetch')
        self._kinematics, self._world = kinematics, settings.world_frame
        self._frames = (settings.world_frame, settings.base_frame)
        self._base = pose_of(settings.base_pose)
        self._turn = matrix(self._base[3:]).reshape(3, 3)
        self._both = np.kron(np.eye(2), self._turn)
        joints = settings.finger_joints if told else (
            *settings.arm_joints, *settings.finger_joints, settings.torso_joint)
        self.names = body_names(settings.task) + (GRIP,) * told
        self.view = RobotView(kinematics, self.names, self._base, settings.hook_offset,
                              settings.tool_to_grip, joints)
        self._clocks = Clocks()
        self.forget(-math.inf)

    def forget(self, since):
        """Know nothing, and ignore what has a stamp before `since`, s."""
        self._bad_joints = -math.inf, ''
        self._poses = {name: (PoseTrack(), None, math.nan) for name in self.names}
        self._pose_faults = dict.fromkeys(self.names)
        self._forget_times(since, 0.0)

    def _forget_times(self, since, jump):
        """
        Forget all that has a stamp, after the clock of the messages jumped by `jump`, s.

        What is known of bad messages and of poses that jump stays.
        """
        self.view.forget()
        self._since, self._jump = since, jump
        self._arrivals = dict.fromkeys(self.view.joints.names)
        self._poses = {name: (track, None, math.nan)
                       for name, (track, _, _) in self._poses.items()}
        self._clocks.forget()

    def look_at_clocks(self, now, ros_now):
        """Forget all stamps if the clock of the messages has jumped since the last look."""
        jump = self._clocks.jump(now, ros_now)
        if jump:  # stamps of before would hide, or be older than, all that follow
            self._forget_times(ros_now, jump)

    def hear_joints(self, names, positions, velocities, stamp, now, ros_now, limits):
        """Take a joint state, which may be a part; return why it is unusable, or an empty text."""
        self.look_at_clocks(now, ros_now)
        needed = self.view.joints.needed(names)
        if not needed:
            return ''
        off = self._clocks.check_stamp(needed[0], f'the joint state of {needed[0]}', stamp, now,
                                       ros_now, limits.settings.state_timeout)
        if stamp < self._since:
            if off:  # it came, but says another time
                self._arrivals.update(dict.fromkeys(needed, now))
            return ''
        try:
            if off and stamp > ros_now:  # once taken, it would hide all that follow
                raise ValueError(off)
            self.view.joints.update(names, positions, velocities, stamp)
        except ValueError as error:
            self._bad_joints = now, str(error)
            return str(error)
        if len(positions):
            self._arrivals.update(dict.fromkeys(needed, now))
        return ''

    def hear_pose(self, name, pose, frame, stamp, now, ros_now, limits):
        """Take the pose (7,) of a body, m and quaternion w, x, y, z; return its Reason or None."""
        self.look_at_clocks(now, ros_now)
        off = self._clocks.check_stamp(name, 'its pose', stamp, now, ros_now,
                                       limits.settings.pose_timeout)
        if stamp < self._since:
            return Reason.POSE_OLD if off else None
        track, fault = check_pose(self._poses[name][0], pose, frame, self._frames, now,
                                  ages(now, ros_now, now, stamp), limits)
        self._pose_faults[name] = fault if fault in UNUSABLE else None
        if fault in UNUSABLE:
            return fault
        self._poses[name] = track, now, stamp
        if fault in (None, Reason.POSE_JUMP):  # a time ahead would hide all poses that follow
            self.view.tracks[name].update(self._in_world(pose, frame), stamp)
        return fault

    def _in_world(self, pose, frame):
        """Return a sound pose in the world, with a quaternion of length 1."""
        pose = np.concatenate([pose[:3], pose[3:] / np.linalg.norm(pose[3:])])
        return pose if frame == self._world else moved(self._base, pose)

    def state_ages(self, now, ros_now):
        """
        Return the ages of the oldest joint that is needed: see safety_inputs.ages().

        The grip's own pose counts as one.
        """
        _, arrival, stamp = self._poses.get(GRIP, (None, now, ros_now))
        arrivals = [*self._arrivals.values(), arrival]
        if None in arrivals:
            return ages(now, ros_now, None, math.nan)
        return (now - min(arrivals),
                max(float(self.view.joints.ages(ros_now).max()), ros_now - stamp))

    def faults(self, now, ros_now, limits):
        """Return {Reason: text} of all for which there must be no motion."""
        self.look_at_clocks(now, ros_now)
        found, settings = {}, limits.settings
        if self._jump and self._waits():
            found[Reason.CLOCK_JUMPED] = (
                f'the clock of the messages jumped by {self._jump:+.3f} s: stop until all joint '
                'states and poses have come with the new time')
        late = timeout(self.state_ages(now, ros_now), settings.state_timeout, Reason.STATE_STALE,
                       Reason.STATE_OLD)
        if late:
            joints, limit = self.view.joints, settings.state_timeout
            found[late] = (self._clocks.why_off(joints.names, now, limit)
                           or joints.problem(ros_now, limit) or TEXTS[late])
        if now - self._bad_joints[0] <= settings.state_timeout:
            found[Reason.STATE_BAD] = self._bad_joints[1]
        for name in self.names:
            fault = self._pose_fault(name, now, ros_now, limits)
            if fault:
                text = f'{name}: {self.pose_text(name, fault, now, limits)}'
                found[fault] = f'{found[fault]}; {text}' if fault in found else text
        return found

    def _waits(self):
        """Return whether something that is needed is not known yet."""
        return (any(track.pose is None for track in self.view.tracks.values())
                or not np.isfinite(self.view.joints.ages(0.0)).all())

    def _pose_fault(self, name, now, ros_now, limits):
        """Return why the pose of a body cannot be used, or None."""
        track, arrival, stamp = self._poses[name]
        # What was wrong with the newest message counts until a good one comes.
        fault = self._pose_faults[name] or pose_fault(
            track, now, ages(now, ros_now, arrival, stamp), limits)
        if fault in (Reason.POSE_MISSING, Reason.POSE_STALE) and self._clocks.why_off(
                (name,), now, limits.settings.pose_timeout):
            return Reason.POSE_OLD  # they come, and are passed over
        return fault

    def pose_text(self, name, fault, now, limits):
        """Return what is wrong with the pose of a body whose Reason is `fault`."""
        if fault != Reason.POSE_OLD:
            return TEXTS[fault]
        return (self._clocks.why_off((name,), now, limits.settings.pose_timeout)
                or TEXTS[fault])

    def pose_ages(self, ros_now):
        """Return the age by stamp, s, of the oldest pose."""
        return ros_now - min(track.time for track in self.view.tracks.values())

    def grip(self):
        """Return the present Grip in the world; its numbers are NaN before joints are known."""
        return self.view.grip()

    def turn(self, grip, settings):
        """Return the angular velocity (3,), world, that keeps a Grip pointing down."""
        return hold_orientation(grip.quaternion, DOWN, settings.orientation_gain,
                                settings.turn_speed_limit)

    def arm(self):
        """Return the positions (7,) of the arm's joints, or None where they are not known."""
        return None if GRIP in self.names else self.view.joints.positions[:len(ARM)].copy()

    def jacobian(self, joints):
        """Return the grip's Jacobian (6, 7) in the axes of the world."""
        return self._both @ self._kinematics.jacobian(joints, self.view.joints.positions[-1])

    def in_root(self, twist):
        """Return a twist (6,) of the world's axes in those of the robot's root frame."""
        return self._both.T @ twist
