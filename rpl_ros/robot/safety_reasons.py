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
    """Below 20: the command is moderated; below 40: the base action instead; above: a stop."""

    RESIDUAL_BOUNDED = 1
    SPEED_LIMITED = 2
    ACCELERATION_LIMITED = 3
    BOX_SLOWED = 4
    JOINTS_SLOWED = 5
    SINGULARITY_SLOWED = 6
    BRAKED = 7
    TOO_SOON = 8

    RESIDUAL_OFF = 20
    COMMAND_MISSING = 21
    COMMAND_BAD = 22
    COMMAND_STALE = 23
    COMMAND_OLD = 24

    BASE_MISSING = 40
    BASE_BAD = 41
    BASE_STALE = 42
    BASE_OLD = 43
    STATE_BAD = 44
    STATE_STALE = 45
    STATE_OLD = 46
    POSE_MISSING = 47
    POSE_BAD = 48
    POSE_QUATERNION = 49
    POSE_FRAME = 50
    POSE_STALE = 51
    POSE_OLD = 52
    POSE_JUMP = 53
    CLOCK_BAD = 54
    TURN_BAD = 55
    JACOBIAN_BAD = 56
    BOX_STOP = 57
    LIMITS_STOP = 58
    JOINTS_STOP = 59
    SINGULARITY_STOP = 60
    STOP_ASKED = 61
    RUN_STOP = 62
    ESTOP = 63
    RESET = 64
    RUN_STOP_STALE = 65
    CLOCK_JUMPED = 66


TEXTS = {
    Reason.RESIDUAL_BOUNDED: 'the residual was larger than the contract allows: bounded',
    Reason.SPEED_LIMITED: 'faster than the speed limit: slowed',
    Reason.ACCELERATION_LIMITED: 'the velocity changed faster than allowed: spread over periods',
    Reason.BOX_SLOWED: 'towards a face of the workspace or the table: slowed',
    Reason.JOINTS_SLOWED: 'towards a joint limit, or a joint too fast: slowed',
    Reason.SINGULARITY_SLOWED: 'towards a singularity: slowed',
    Reason.BRAKED: 'the command would have left no way to keep the limits: slowed down instead',
    Reason.TOO_SOON: 'sooner than half a period after the last command: not executed',
    Reason.RESIDUAL_OFF: 'the residual is switched off: base action',
    Reason.COMMAND_MISSING: 'no command: base action',
    Reason.COMMAND_BAD: 'the command has a wrong length or is not finite: base action',
    Reason.COMMAND_STALE: 'no command came for too long: base action',
    Reason.COMMAND_OLD: 'the time in the command is too old, or ahead: base action',
    Reason.BASE_MISSING: 'no base action: stop',
    Reason.BASE_BAD: 'the base action has a wrong length or is not finite: stop',
    Reason.BASE_STALE: 'no base action came for too long: stop',
    Reason.BASE_OLD: 'the time in the base action is too old, or ahead: stop',
    Reason.STATE_BAD: 'the joint state or grip has a wrong length or is not finite: stop',
    Reason.STATE_STALE: 'no joint state came for too long: stop',
    Reason.STATE_OLD: 'the time in the joint state is too old, or ahead: stop',
    Reason.POSE_MISSING: 'a pose did not come yet: stop',
    Reason.POSE_BAD: 'a pose has a wrong length or is not finite: stop',
    Reason.POSE_QUATERNION: 'the quaternion of a pose is zero or not normalised: stop',
    Reason.POSE_FRAME: 'a pose is in an unknown frame: stop',
    Reason.POSE_STALE: 'a pose did not come for too long: stop',
    Reason.POSE_OLD: 'the time in a pose is too old, or ahead: stop',
    Reason.POSE_JUMP: 'a pose jumped: stop until it has been steady',
    Reason.CLOCK_BAD: 'the steady clock went back or is not finite: stop',
    Reason.TURN_BAD: 'the angular velocity has a wrong length or is not finite: stop',
    Reason.JACOBIAN_BAD: 'the Jacobian has a wrong shape or is not finite: stop',
    Reason.BOX_STOP: 'the grip would leave the workspace, or touch the table: stop',
    Reason.LIMITS_STOP: 'no velocity keeps the limits, which were tightened: stop',
    Reason.JOINTS_STOP: 'a joint would pass its limit or its speed limit: stop',
    Reason.SINGULARITY_STOP: 'too near a singularity, and towards it: stop',
    Reason.STOP_ASKED: 'a stop was asked for: by the command, or by the node',
    Reason.RUN_STOP: 'the run-stop is pressed, or was not reset: stop',
    Reason.ESTOP: 'the emergency stop was asked for and not reset: stop',
    Reason.RUN_STOP_STALE: 'the run-stop says nothing any more: stop until it does',
    Reason.CLOCK_JUMPED: 'the clock of the messages jumped: stop until all came with the new time',
    Reason.RESET: 'a person has reset the stop: the next command counts',
}


def moderates(reason):
    """Return whether the command is carried out, only slower, later or with less residual."""
    return reason < Reason.RESIDUAL_OFF


def stops(reason):
    """Return whether the reaction is a stop."""
    return reason >= Reason.BASE_MISSING


def explain(reasons):
    """Return the texts of some Reasons in one line."""
    return '; '.join(TEXTS[reason] for reason in reasons)
