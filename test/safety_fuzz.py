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
Hostile inputs through the last stage before the robot, and an independent check of the answers.

Inputs are random, and wrong in every way that numbers can be: not finite, huge, subnormal, too
old, too early, out of the workspace, reversed from one moment to the next. What was sent before
is carried along. Each answer is held against the limits by code that shares nothing with
rpl_ros.robot; the first one that breaks a limit ends the run with an error.
"""

from collections import Counter
import time

import numpy as np
from rpl_ros.robot.contract import tightened
from rpl_ros.robot.safety.limits import limits_of
from rpl_ros.robot.safety.modes import Mode, Output
from rpl_ros.robot.safety.reasons import Reason, stops
from rpl_ros.robot.safety.stage import at_rest, Inputs, NEVER, safe_twist

HOSTILE = np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -1e-310, 0.0, -0.0, 1e7])
TOLERANCE = 1e-6  # of a limit
CLOSE = 1e-7  # m, rad


class Plant:
    """An arm that mostly does what it is told, and a source of inputs that mostly make sense."""

    def __init__(self, contract, rng):
        """Take AdapterSettings and a numpy Generator."""
        self.contract, self.rng = contract, rng
        self.joints_count = len(contract.arm_joints)
        self.base = rng.normal(0, 0.5, (6, self.joints_count))
        self.turns = rng.normal(0, 0.2, (self.joints_count, 6, self.joints_count))
        self.now, self.grip, self.joints = 0.0, None, None
        self.wish = np.zeros(4)
        self.place()

    def place(self):
        """Put the arm somewhere, at times out of the workspace or beyond a joint limit."""
        low, high = np.array(self.contract.workspace_low), np.array(self.contract.workspace_high)
        self.grip = low + (high - low) * self.rng.uniform(-0.05, 1.05, 3)
        most = np.minimum(self.contract.joint_high, 3.0) * 1.05
        self.joints = np.maximum(self.contract.joint_low, -most) + self.rng.random(
            self.joints_count) * (most - np.maximum(self.contract.joint_low, -most))

    def jacobian(self, joints):
        """Return the Jacobian (6, J) of no arm in particular; it goes through singularities."""
        return self.base + np.tensordot(np.sin(joints), self.turns, 1)

    def follow(self, twist, speeds):
        """Move as told for a period; the joints at `speeds` (J,)."""
        seconds = 1.0 / self.contract.command_rate
        self.grip = self.grip + twist[:3] * seconds
        self.joints = self.joints + speeds * seconds

    def inputs(self):
        """Return the next Inputs."""
        rng, draw = self.rng, self.rng.random(16)
        period = 1.0 / self.contract.command_rate
        self.now += period * (rng.uniform(0.0, 2.0) if draw[0] < 0.1 else rng.uniform(0.9, 1.1))
        if draw[1] < 0.002:
            self.now += rng.exponential(1.0)
        if draw[2] < 0.01:
            self.place()
        if draw[3] < 0.1:  # a new direction, mostly kept for a while
            self.wish = rng.uniform(-1.5, 1.5, 4) * rng.choice([0.0, 0.1, 1.0, 1.0, 10.0])
        if draw[4] < 0.05:
            self.wish = -self.wish
        base = self.wish + rng.normal(0, 0.1, 4)
        sent = np.clip(base, -1, 1) + rng.uniform(-1, 1, 4) * (draw[5] < 0.5)
        fields = {
            'now': self.now, 'grip': self.grip + rng.normal(0, 1e-3, 3) * (draw[6] < 0.2),
            'joints': self.joints, 'turn': rng.normal(0, 0.3, 3), 'base_action': base,
            'sent': sent, 'state_ages': self.ages(draw[7]), 'base_ages': self.ages(draw[8]),
            'command_ages': self.ages(draw[9])}
        if draw[10] < 0.03:
            self.spoil(fields)
        if draw[11] < 0.02:
            fields[rng.choice(['stop', 'run_stop', 'estop'])] = True
        if draw[12] < 0.05:
            fault = (Reason.POSE_JUMP, Reason.RUN_STOP_STALE, Reason.CLOCK_JUMPED)[rng.integers(3)]
            fields['faults'] = (fault,) if draw[12] < 0.005 else ()
        return Inputs(jacobian=self.bad_jacobian() if draw[13] < 0.003 else self.jacobian,
                      reset=draw[14] < 0.2, residual_on=draw[15] > 0.02, **fields)

    def ages(self, draw):
        """Return a pair of ages: nearly always young."""
        if draw < 0.98:
            return 0.02 * draw, 0.03 * draw
        hostile = [*HOSTILE, 0.2, -0.2, 0.01]
        return NEVER if draw < 0.985 else tuple(self.rng.choice(hostile, 2))

    def bad_jacobian(self):
        """Return a function to a Jacobian with a hostile number, of a wrong shape or of zeros."""
        jacobian = self.jacobian(self.joints)
        kind = self.rng.integers(3)
        if kind == 0:
            jacobian[self.rng.integers(6), 0] = self.rng.choice(HOSTILE)
        bad = [jacobian, jacobian[:5], np.zeros_like(jacobian)][kind]
        return lambda joints: bad

    def spoil(self, fields):
        """Put hostile numbers into one of the arrays, or make it one shorter, or leave it out."""
        name = self.rng.choice(['grip', 'joints', 'turn', 'base_action', 'sent', 'now'])
        if name == 'now':
            fields['now'] = self.rng.choice([np.nan, np.inf, -np.inf, self.now - 1.0])
            return
        values, kind = fields[name].copy(), self.rng.integers(8)
        values[self.rng.random(len(values)) < 0.5] = self.rng.choice(HOSTILE)
        fields[name] = values[:-1] if kind == 0 else values
        if kind == 1 and name in ('base_action', 'sent'):
            fields[name] = None


class Checker:
    """Holds each answer against the limits, with a record of its own of what was sent."""

    def __init__(self):
        """Start with an arm at rest."""
        self.sent, self.time = np.zeros((2, 6)), -np.inf
        self.latched, self.speeds = None, 0.0
        self.kind, self.stops = Mode.STOPPING, 0

    def check(self, given, verdict, settings):
        """Raise AssertionError where a Verdict for Inputs breaks a limit of AdapterSettings."""
        codes, twist = verdict.reasons, verdict.twist
        stopping = any(stops(reason) for reason in codes)
        assert all(isinstance(reason, Reason) for reason in codes), 'reason without a name'
        assert (twist is None) == (verdict.output != Output.TWIST), 'twist without output TWIST'
        self._latch(given, verdict)
        # Each kind of stop is told anew, and the emergency stop each time that it is asked for.
        kind = Mode.STOPPING if verdict.mode == Mode.SILENT else verdict.mode
        if kind != self.kind or given.estop:
            self.kind, self.stops = kind, 0
        if verdict.output == Output.TWIST:
            assert not stopping, 'a twist beside a reason to stop'
            self._twist(given, verdict, settings)
            return
        if codes == (Reason.TOO_SOON,):
            assert verdict.output == Output.NOTHING and verdict.mode == Mode.MOVING
            assert given.now - self.time < 0.5 / settings.command_rate, 'not too soon'
            return
        assert stopping, 'a stop without a reason'
        if verdict.output == Output.STOP:
            self.stops += 1
            assert self.stops <= settings.stop_messages, 'the stop goes on and on'
        self.sent = np.zeros((2, 6))

    def _latch(self, given, verdict):
        """Follow run-stop and emergency stop: they end by a reset alone."""
        if given.reset:
            self.latched = None
        if given.estop:
            self.latched = Mode.ESTOPPED
        elif given.run_stop and self.latched is None:
            self.latched = Mode.RUN_STOPPED
        in_latch = verdict.mode in (Mode.RUN_STOPPED, Mode.ESTOPPED)
        assert in_latch == (self.latched is not None), 'latch lost or not released'
        assert not in_latch or verdict.mode == self.latched, 'wrong latch'
        assert not in_latch or verdict.output != Output.TWIST, 'a twist in a latched stop'

    def _twist(self, given, verdict, settings):
        twist, period = verdict.twist, 1.0 / settings.command_rate
        assert twist.shape == (6,) and np.isfinite(twist).all(), 'twist not finite'
        if given.now - self.time > settings.robot_timeout:
            self.sent = np.zeros((2, 6))
        for part, speed, acceleration, jerk in (
                (slice(3), settings.speed_limit, settings.acceleration_limit,
                 settings.jerk_limit),
                (slice(3, 6), settings.turn_speed_limit, settings.turn_acceleration_limit,
                 settings.turn_jerk_limit)):
            now, last, before = twist[part], self.sent[0, part], self.sent[1, part]
            for name, value, most in (
                    ('speed', now, speed), ('acceleration', (now - last) / period, acceleration),
                    ('jerk', (now - 2 * last + before) / period ** 2, jerk)):
                size = np.linalg.norm(value)
                assert size <= most * (1 + TOLERANCE), f'{name} {size} above {most}'
        self._box(given, twist, settings, period)
        if settings.check_joints:
            self._joints(given, twist, settings, period)
        base = np.clip(given.base_action, -1, 1)[3]
        bound = min(settings.max_residual, settings.residual_bounds[3])
        assert abs(verdict.action[3] - base) <= bound + 1e-9, 'residual above its bound'
        assert abs(verdict.action[3]) <= 1.0, 'finger action above 1'
        self.sent, self.time = np.stack([twist, self.sent[0]]), given.now

    def _box(self, given, twist, settings, period):
        grip = given.grip + self.sent[0, :3] * given.state_ages[0]
        floor = settings.table_height + settings.table_clearance
        for axis in range(3):
            low, high = settings.workspace_low[axis], settings.workspace_high[axis]
            low = max(low, floor) if axis == 2 else low
            after = grip[axis] + twist[axis] * period
            assert after <= max(high, grip[axis]) + CLOSE, 'beyond the workspace'
            assert after >= min(low, grip[axis]) - CLOSE, 'beyond the workspace'

    def _joints(self, given, twist, settings, period):
        left, values, right = np.linalg.svd(given.jacobian(given.joints), full_matrices=False)
        if values[0] == 0.0:
            assert not twist.any(), 'a twist that the arm cannot follow'
            return
        speeds = self.speeds = right.T @ (left.T @ twist / values)
        assert (np.abs(speeds) <= np.array(settings.joint_speed_limit) + 1e-6).all(), 'joint speed'
        after = given.joints + speeds * period
        assert (after <= np.maximum(settings.joint_high, given.joints) + CLOSE).all(), 'joint high'
        assert (after >= np.minimum(settings.joint_low, given.joints) - CLOSE).all(), 'joint low'
        condition = values[0] / values[-1]
        if twist.any() and condition > settings.singularity_stop * (1 + TOLERANCE):
            assert np.linalg.cond(given.jacobian(after)) < condition, 'singularity'


def changed_limits(contract, current, rng):
    """Return AdapterSettings with some limits tightened, or those of the contract again."""
    if rng.random() < 0.3:
        return contract
    share_left = rng.uniform(0.3, 1.0)
    names = [name for name in ('speed_limit', 'acceleration_limit', 'jerk_limit', 'max_residual',
                               'turn_speed_limit') if rng.random() < 0.5]
    changes = {name: getattr(contract, name) * share_left for name in names}
    changes['workspace_low'] = (np.array(contract.workspace_low) + 0.05 * rng.random()).tolist()
    return tightened(contract, current, changes)


def fuzz(contract, count, seed=0, stretch=2000):
    """
    Put `count` inputs through safe_twist(); return (Counter of outputs and Reasons, seconds).

    AssertionError, with what was wrong, at the first answer that breaks a limit. The arm changes
    after each `stretch` of inputs, the limits more often. Seconds are of the processor and count
    the calls alone.
    """
    rng, found, seconds = np.random.default_rng(seed), Counter(), 0.0
    memory = None
    for number in range(count):
        if number % stretch == 0:
            plant, checker = Plant(contract, rng), Checker()
            settings, memory = contract, None
        if number % 200 == 100:
            settings = changed_limits(contract, settings, rng)
        if number % 100 == 0 or memory is None:
            limits = limits_of(settings, contract)
            memory = memory or at_rest(limits)
        given = plant.inputs()
        begin = time.process_time()
        verdict, memory = safe_twist(given, memory, limits)
        seconds += time.process_time() - begin
        try:
            checker.check(given, verdict, settings)
        except AssertionError as error:
            raise AssertionError(f'input {number} of seed {seed}: {error}\n{given}\n{verdict}'
                                 ) from error
        if verdict.twist is not None:
            plant.follow(verdict.twist, checker.speeds)
        found[verdict.output.name] += 1
        found.update(reason.name for reason in verdict.reasons)
    return found, seconds
