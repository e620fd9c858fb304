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
Between the graph and the robot, without ROS: episodes, pairing, when to decide, what to send.

A decision is one call of safe_twist(): for each state as soon as its base action and command have
come, or when they are late; at once where a fault is seen while the arm moves; and once a period
where there is no state. `now` is the steady clock, `ros_now` that of the messages, both in s.
"""

from dataclasses import dataclass
import math

import numpy as np

from rpl_ros import data
from rpl_ros.rewards import has_reached
from rpl_ros.robot.account import Account
from rpl_ros.robot.contract import tightened
from rpl_ros.robot.safety import at_rest, Inputs, safe_twist
from rpl_ros.robot.safety_inputs import ages
from rpl_ros.robot.safety_limits import limits_of
from rpl_ros.robot.safety_modes import Mode, Output
from rpl_ros.robot.safety_reasons import Reason
from rpl_ros.robot.senses import Senses
from rpl_ros.robot.twist import gripper_opening, twist_at_wrist
from rpl_ros.tasks.specs import spec

PATIENCE = 0.75
"""Share of a period after which a command counts as missing."""
STOPS = (data.STOP_BAD_BASE, data.STOP_NO_BASE, data.STOP_BAD_STATE)
LATCHED = (Mode.RUN_STOPPED, Mode.ESTOPPED)


@dataclass(frozen=True)
class Said:
    """An action (A,) that came for the present state: when it came, and its stamp, s."""

    action: np.ndarray
    arrival: float
    stamp: float
    status: int = data.RESIDUAL


@dataclass(frozen=True)
class Order:
    """
    What goes to the robot: a twist (6,) in its root frame, a stop, or nothing.

    `opening`, m, is that of the gripper where it has changed, or None. `reasons` is {Reason: text}
    where a text says more than that of the Reason.
    """

    output: Output
    twist: np.ndarray
    opening: float
    reasons: tuple
    texts: dict


class Adapter:
    """One robot. `state` is the State that waits for its command, None where there is none."""

    def __init__(self, settings, kinematics):
        """Take checked AdapterRunSettings and a Kinematics as Senses does; ValueError as there."""
        self._contract = self.settings = settings
        self.limits = limits_of(settings)
        self.spec = spec(settings.task, settings.horizon)
        self.senses = Senses(settings, kinematics)
        self.account = Account()
        self.run_stop, self._run_stop_at, self.residual_on = None, -math.inf, settings.residual
        self.episode = None   # number of the one that runs
        self.state = None
        self._memory = at_rest(self.limits)
        self._before, self._opening, self._goal = None, None, None
        self._applied, self._age = False, 0.0
        self._executed = self._motion = data.NOTHING
        self._base = self._command = None
        self._since = -math.inf

    @property
    def mode(self):
        """Return the Mode."""
        return self._memory.machine.mode

    @property
    def at_rest(self):
        """Return whether nothing is sent any more: the next episode may begin."""
        return self.mode == Mode.SILENT

    @property
    def latency(self):
        """Return how long the newest command of the episode came after its state, s."""
        return self._age

    def tighten(self, changes):
        """Change limits, {name: value}; SettingsError where they would be looser."""
        self.settings = tightened(self._contract, self.settings, changes)
        self.limits = limits_of(self.settings, self._contract)

    def begin(self, episode, since):
        """Begin an episode with what is measured after `since`, s by the clock of the messages."""
        self.senses.forget(since)
        self.episode, self._before, self._opening, self._goal = episode, None, None, None
        self._applied, self._age = False, 0.0

    def end(self):
        """End the episode before its last state: what is decided next is a stop."""
        self.episode = self.state = self._before = None

    @property
    def playing(self):
        """Return whether the episode had its first state: what is missing now is a fault."""
        return self._before is not None

    def next_state(self, now, ros_now):
        """
        Return the next State of the episode, or None where something that it needs is missing.

        After the `last` one the episode is over.
        """
        answered = self._command is not None
        self.state = self._base = self._command = None
        if self.episode is None or self.faults(now, ros_now):
            return None
        view, before = self.senses.view, self._before
        achieved = view.tracks['object'].pose[:3].copy()
        if before is None:
            self._goal = view.tracks['goal'].pose[:3].copy()
            state = data.State(self.episode, 0, view.observation(), achieved, self._goal)
        else:
            success = has_reached(achieved, self._goal, self.spec.reach)
            state = data.State(
                self.episode, before.step + 1, view.observation(), achieved, self._goal,
                reward=success - 1.0, success=success,
                truncated=before.step + 1 == self.spec.horizon, applied=self._applied,
                command_age=self._age if answered else 0.0, executed=self._executed,
                motion=self._motion)
        self._before, self._applied, self._since = state, False, now
        self._executed = self._motion = data.NOTHING
        if state.last:
            self.episode = self._before = None
        else:
            self.state = state
        return state

    def hear_base_action(self, episode, step, action, stamp, now):
        """Take a base action; one for another state is ignored."""
        if self._is_for_now(episode, step):
            self._base = Said(action, now, stamp)

    def hear_command(self, episode, step, sent, status, stamp, now):
        """Take a command; one for another state is ignored."""
        if self._is_for_now(episode, step):
            self._command = Said(sent, now, stamp, status)
            self._age = now - self._since

    def hear_run_stop(self, pressed, now):
        """Take whether the run-stop is pressed."""
        self.run_stop, self._run_stop_at = pressed, now

    def _is_for_now(self, episode, step):
        return self.state is not None and (episode, step) == (self.state.episode, self.state.step)

    def faults(self, now, ros_now):
        """Return {Reason: text} of all that forbids motion now, beside what the command says."""
        found, settings = self.senses.faults(now, ros_now, self.limits), self.settings
        silent = now - self._run_stop_at
        if self.run_stop is None and settings.run_stop_topic:
            found[Reason.RUN_STOP] = f'nothing came on {settings.run_stop_topic} yet'
        elif settings.run_stop_topic and silent > settings.run_stop_timeout:
            found[Reason.RUN_STOP_STALE] = (
                f'nothing came on {settings.run_stop_topic} for {silent:.2f} s, allowed are '
                f'{settings.run_stop_timeout:g} s: stop until something comes')
        return found

    def due(self, now, ros_now):
        """Return whether to decide at once; to be asked all the time, for the clocks' sake."""
        self.senses.look_at_clocks(now, ros_now)
        if self.mode == Mode.MOVING and (self.run_stop or self.faults(now, ros_now)):
            return True
        if self.state is None:
            return False
        if now - self._since >= PATIENCE * self.limits.period:
            return True
        command = self._command
        if command is not None and command.status in STOPS:
            return True
        return self._base is not None and (command is not None or not self.residual_on)

    def decide(self, now, ros_now, estop=False, reset=False):
        """Return the Order of this moment; the present state has had its command with it."""
        faults = self.faults(now, ros_now) if self.playing else {}
        # Without all joints there is no grip, and no need of one: it is a stop anyway.
        blind = not self.playing or bool(faults)
        grip = None if blind else self.senses.grip()
        base, command = self._base, self._command
        verdict, self._memory = safe_twist(Inputs(
            now=now, grip=np.zeros(3) if blind else grip.position,
            joints=np.zeros(7) if blind else self.senses.arm(), jacobian=self.senses.jacobian,
            turn=np.zeros(3) if blind else self.senses.turn(grip, self.settings),
            base_action=base and base.action, sent=command and command.action,
            state_ages=self.senses.state_ages(now, ros_now),
            base_ages=_ages(base, now, ros_now), command_ages=_ages(command, now, ros_now),
            faults=tuple(faults), residual_on=self.residual_on,
            stop=(self.state is None and not faults
                  or command is not None and command.status in STOPS),
            run_stop=bool(self.run_stop), estop=estop, reset=reset), self._memory, self.limits)
        moving = verdict.output == Output.TWIST
        reasons = dict.fromkeys(verdict.reasons)  # a Reason once, in order
        if Reason.TOO_SOON not in reasons:
            # To the learner the limits of motion are a part of the robot, those of the residual
            # are not: it learns from the action that was executed.
            self._applied = moving
            if moving:
                self._executed = verdict.action
                self._motion = np.append(verdict.twist[:3] / self.settings.max_ee_speed,
                                         verdict.action[3])
            if self.episode is not None or verdict.output != Output.NOTHING:
                self.account.note(verdict.output, reasons)
            self.state = None
        opening = None
        if moving:
            opening = gripper_opening(verdict.action, self._opening,
                                      self.settings.gripper_width)
            opening, self._opening = None if opening == self._opening else opening, opening
        return Order(verdict.output, self._robots(verdict.twist, grip) if moving else None,
                     opening, tuple(reasons), faults)

    def _robots(self, twist, grip):
        """Return the twist (6,) of the wrist, in the root frame, that moves the grip as given."""
        return self.senses.in_root(twist_at_wrist(twist[:3], twist[3:], grip.from_wrist))


def _ages(said, now, ros_now):
    """Return the ages of a Said or None: see safety_inputs.ages()."""
    if said is None:
        return ages(now, ros_now, None, math.nan)
    return ages(now, ros_now, said.arrival, said.stamp)
