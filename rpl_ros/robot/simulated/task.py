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
A Fetch task on the joint-level simulator, played through the interfaces of the real robot.

Measurements become the observation, and a command becomes a twist, by the same functions as in
the adapter of the real robot. It is a Task like the plain ones, with reset() and step().
"""

from collections.abc import Sequence
import dataclasses

import numpy as np
from rpl_ros.data import State
from rpl_ros.robot.kinematics import Kinematics, SIM_BASE
from rpl_ros.robot.simulated.joints import UPDATE_PERIOD, WIDEST
from rpl_ros.robot.simulated.sensors import FetchSim, IDEAL, Sensors
from rpl_ros.robot.twist import grip_velocity, gripper_opening, hold_orientation, twist_at_wrist
from rpl_ros.robot.view import RobotView
from rpl_ros.streams import generator, Stream
from rpl_ros.tasks.fetch import DOWN, HELD_SPEED
from rpl_ros.tasks.fetch_task import FetchTask
from rpl_ros.tasks.rewards import next_state
from rpl_ros.tasks.specs import CONTROL_PERIOD

TURN_GAIN, TURN_LIMIT = 2.0, 0.5  # 1/s and rad/s, to hold the gripper's orientation
ROOT = 'torso_lift_link'
STALE = 0.5  # s, age of a measurement from which reset() waits for a newer one


class FetchSimTask:
    """
    A Fetch task, such as `hook`, on the joint-level simulator.

    Reward and success follow from the true position of the object, not from the measured one.
    """

    def __init__(self, task: FetchTask, max_ee_speed: float, sensors: Sensors = IDEAL,
                 hook_offset: Sequence[float] = (0.0, 0.0, 0.0)) -> None:
        """
        Use the scene of `task`; an action of 1 is a speed of `max_ee_speed`, m/s.

        0 stands for the speed of the plain task, which a real Fetch cannot reach. `hook_offset`
        (3,), m, is added to the hook's position in the observation.
        """
        self._task, self._speed = task, max_ee_speed or HELD_SPEED
        self.spec, self.model, self.data = task.spec, task.model, task.data
        self.seed = task.seed
        self.sim = FetchSim(task, sensors)
        self.view = RobotView(Kinematics(), self.sim.names, SIM_BASE, hook_offset)
        self._state: State | None = None
        self._opening = 0.0
        self.problem = ''  # why the present episode had to end early

    def warm_up(self) -> None:
        """Do beforehand what would make the first reset slow."""
        self.sim.robot.release()
        self._task.warm_up()

    def reset(self, episode: int, goal: np.ndarray | None = None) -> State:
        """
        Set up the scene of episode number `episode` and return its first State.

        `goal` (3,), m, is one from outside. Up to STALE seconds are simulated until each
        measurement has arrived once; RuntimeError if the delay is longer.
        """
        rng = generator(self.seed, Stream.TRACKER, episode)
        start = self.sim.reset(episode, rng, goal)
        self.view.forget()
        self._opening, self.problem = 0.0, ''
        self._pass_time()
        while self.view.problem(self.sim.time, STALE):
            if self.sim.time > STALE:
                raise RuntimeError(self.view.problem(self.sim.time, STALE))
            self._pass_time()
        self._state = dataclasses.replace(start, observation=self.view.observation())
        return self._state

    def step(self, action: np.ndarray) -> State:
        """Execute `action` (4,), clipped to [-1, 1], for one control step of 40 ms."""
        if self._state is None:
            raise RuntimeError('step() before reset()')
        action = np.clip(action, -1.0, 1.0)
        self._command(action)
        for _ in range(round(CONTROL_PERIOD / UPDATE_PERIOD)):
            self._pass_time()
        self.problem = self._task.physics.why_unstable()
        self._state = next_state(self.spec, self._state, self.view.observation(),
                                 self._task.achieved(), action, self.problem)
        return self._state

    def _command(self, action: np.ndarray) -> None:
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

    def _pass_time(self) -> None:
        """Simulate one update of the robot and store the measurements that arrive."""
        for item in self.sim.advance():
            if item.kind in self.view.tracks:
                self.view.tracks[item.kind].update(item.content, item.taken)
            else:
                names, positions, velocities = item.content
                self.view.joints.update(names, positions, velocities, item.taken)
