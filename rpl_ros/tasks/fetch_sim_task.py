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
A Fetch task played through the robot's own interfaces, in one process.

The same functions turn measurements into the observation, and a command into a twist, as in the
adapter of the real robot. From outside it is a task like the plain ones: reset() and step().
"""

import dataclasses

import numpy as np

from rpl_ros.data import State
from rpl_ros.rewards import has_reached
from rpl_ros.robot.kinematics import Kinematics, SIM_BASE
from rpl_ros.robot.twist import (grip_velocity, gripper_opening, hold_orientation,
                                 twist_at_wrist)
from rpl_ros.robot.view import RobotView
from rpl_ros.tasks.fetch import GRIPPER_DOWN, HELD_SPEED
from rpl_ros.tasks.fetch_joints import UPDATE_PERIOD, WIDEST
from rpl_ros.tasks.fetch_sim import FetchSim, Sensors
from rpl_ros.tasks.physics import forget_warnings, why_unsound
from rpl_ros.tasks.specs import CONTROL_PERIOD

DOWN = GRIPPER_DOWN / np.linalg.norm(GRIPPER_DOWN)
TURN_GAIN, TURN_LIMIT = 2.0, 0.5  # 1/s and rad/s, of the orientation that is held
ROOT = 'torso_lift_link'
STALE = 0.5  # s


class FetchSimTask:
    """
    A Fetch task, such as `hook`, on the joint-level simulator.

    Success and reward are judged by where the object truly is.
    """

    def __init__(self, task, max_ee_speed, sensors=Sensors(), hook_offset=(0.0, 0.0, 0.0)):
        """
        Take a task from make_task() and the speed, m/s, that an action of 1 asks for.

        0 stands for the speed of the plain task, which no Fetch reaches. `hook_offset` (3,), m,
        is added to the hook's position in the observation.
        """
        self._task, self._speed = task, max_ee_speed or HELD_SPEED
        self.spec, self.model, self.data = task.spec, task.model, task.data
        self.seed = task.seed
        self.sim = FetchSim(task, sensors)
        self.view = RobotView(Kinematics(), self.sim.names, SIM_BASE, hook_offset)
        self._state, self._opening = None, 0.0
        self.problem = ''  # why the present episode had to end early

    def warm_up(self):
        """Do what would make a first reset slow."""
        self.sim.robot.release()
        self._task.warm_up()

    def reset(self, episode):
        """
        Set up the scene of episode number `episode` and return its first State.

        Up to half a second passes until each measurement has come once; RuntimeError where the
        delay is longer.
        """
        rng = np.random.default_rng([self.seed, episode, 2])
        start = self.sim.reset(episode, rng)
        self.view.forget()
        self._opening, self.problem = 0.0, ''
        forget_warnings(self.data)
        self._pass_time()
        while self.view.problem(self.sim.time, STALE):
            if self.sim.time > STALE:
                raise RuntimeError(self.view.problem(self.sim.time, STALE))
            self._pass_time()
        self._state = dataclasses.replace(start, observation=self.view.observation())
        return self._state

    def step(self, sent, applied=True, command_age=0.0):
        """Execute the command `sent` (4,), clipped to [-1, 1], for one control step of 40 ms."""
        action = np.clip(sent, -1.0, 1.0)
        self._command(action)
        for _ in range(round(CONTROL_PERIOD / UPDATE_PERIOD)):
            self._pass_time()
        before, achieved = self._state, self._task.achieved()
        self.problem = why_unsound(self.data)
        success = not self.problem and has_reached(achieved, before.desired_goal, self.spec.reach)
        self._state = State(
            episode=before.episode, step=before.step + 1, observation=self.view.observation(),
            achieved_goal=achieved, desired_goal=before.desired_goal, reward=success - 1.0,
            success=success, applied=applied and not self.problem, command_age=command_age,
            truncated=before.step + 1 == self.spec.horizon or bool(self.problem))
        return self._state

    def _command(self, action):
        """Send `action` (4,) to the robot."""
        grip = self.view.grip()
        twist = twist_at_wrist(grip_velocity(action, self._speed),
                               hold_orientation(grip.quaternion, DOWN, TURN_GAIN, TURN_LIMIT),
                               grip.from_wrist)
        self.sim.robot.command(twist, ROOT)
        opening = gripper_opening(action, self._opening, WIDEST)
        if opening != self._opening:
            self._opening = opening
            self.sim.robot.command_gripper(opening)

    def _pass_time(self):
        """Let one update of the robot pass and take what it and the tracker say."""
        for item in self.sim.advance():
            if item.kind in self.view.tracks:
                self.view.tracks[item.kind].update(item.content, item.taken)
            else:
                self.view.joints.update(*item.content, item.taken)
