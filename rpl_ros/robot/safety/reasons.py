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

"""Why a command was changed, replaced by the base action, or by a stop."""

from enum import IntEnum


class Reason(IntEnum):
    """Below 20: the command is moderated. Below 40: base action instead. From 40: a stop."""

    text: str

    def __new__(cls, value: int, text: str) -> 'Reason':
        """Make a Reason with a text for people."""
        reason = int.__new__(cls, value)
        reason._value_, reason.text = value, text
        return reason

    RESIDUAL_BOUNDED = 1, 'the residual was larger than the contract allows: bounded'
    SPEED_LIMITED = 2, 'faster than the speed limit: slowed'
    ACCELERATION_LIMITED = 3, 'the velocity changed faster than allowed: spread over periods'
    BOX_SLOWED = 4, 'towards a face of the workspace or the table: slowed'
    JOINTS_SLOWED = 5, 'towards a joint limit, or a joint too fast: slowed'
    SINGULARITY_SLOWED = 6, 'towards a singularity: slowed'
    BRAKED = 7, 'after this command, braking could not keep the limits: slowed instead'
    TOO_SOON = 8, 'less than half a period after the last command: not executed'
    CHANGE_LIMITED = 9, 'the command changed faster than the contract allows: slowed'
    KEEP_SLOWED = 10, 'towards a limit of what an element moves: slowed'

    RESIDUAL_OFF = 20, 'the residual is switched off: base action'
    COMMAND_MISSING = 21, 'no command: base action'
    COMMAND_BAD = 22, 'the command has a wrong length or is not finite: base action'
    COMMAND_STALE = 23, 'no command arrived for too long: base action'
    COMMAND_OLD = 24, 'the stamp of the command is too old, or in the future: base action'

    BASE_MISSING = 40, 'no base action: stop'
    BASE_BAD = 41, 'the base action has a wrong length or is not finite: stop'
    BASE_STALE = 42, 'no base action arrived for too long: stop'
    BASE_OLD = 43, 'the stamp of the base action is too old, or in the future: stop'
    STATE_BAD = 44, 'the joint state or grip has a wrong length or is not finite: stop'
    STATE_STALE = 45, 'no joint state arrived for too long: stop'
    STATE_OLD = 46, 'the stamp of the joint state is too old, or in the future: stop'
    POSE_MISSING = 47, 'no pose has arrived yet: stop'
    POSE_BAD = 48, 'a pose has a wrong length or is not finite: stop'
    POSE_QUATERNION = 49, 'the quaternion of a pose is zero or not normalised: stop'
    POSE_FRAME = 50, 'a pose is in an unknown frame: stop'
    POSE_STALE = 51, 'no pose arrived for too long: stop'
    POSE_OLD = 52, 'the stamp of a pose is too old, or in the future: stop'
    POSE_JUMP = 53, 'a pose jumped: stop until poses have been steady for a while'
    CLOCK_BAD = 54, 'the steady clock went back or is not finite: stop'
    TURN_BAD = 55, 'the angular velocity has a wrong length or is not finite: stop'
    JACOBIAN_BAD = 56, 'the Jacobian has a wrong shape or is not finite: stop'
    BOX_STOP = 57, 'the grip would leave the workspace, or touch the table: stop'
    LIMITS_STOP = 58, 'no velocity keeps the limits, which were tightened: stop'
    JOINTS_STOP = 59, 'a joint would pass its limit or its speed limit: stop'
    SINGULARITY_STOP = 60, 'too near a singularity, and towards it: stop'
    STOP_ASKED = 61, 'a stop was requested: by the command, or by the node'
    RUN_STOP = 62, 'the run-stop is pressed, or was not reset: stop'
    ESTOP = 63, 'an emergency stop was requested and not reset: stop'
    RESET = 64, 'a person has reset the stop: the next command moves the arm'
    RUN_STOP_STALE = 65, 'no message about the run-stop for too long: stop until one arrives'
    CLOCK_JUMPED = 66, 'the clock of the messages jumped: stop until all have the new time'
    INPUT_MISSING = 67, 'an input has not arrived yet: stop'
    INPUT_BAD = 68, 'a message has wrong values, a wrong frame or a wrong stamp: stop'
    INPUT_STALE = 69, 'an input did not arrive for too long: stop'
    INPUT_OLD = 70, 'the stamp of an input is too old, or in the future: stop'
    INPUT_JUMP = 71, 'the pose of an input jumped: stop until poses have been steady for a while'
    KEEP_STOP = 72, 'what an element moves would pass its limit: stop'
    KEEP_UNKNOWN = 73, 'what an element moves is not measured: stop'


def moderates(reason: Reason) -> bool:
    """Return whether the command is executed, but slower, later or with less residual."""
    return reason < Reason.RESIDUAL_OFF


def stops(reason: Reason) -> bool:
    """Return whether the reaction is a stop."""
    return reason >= Reason.BASE_MISSING
