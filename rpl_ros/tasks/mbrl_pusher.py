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
MBRLPusher: an arm of seven joints pushes a cylinder to a target (paper, section V-A).

This module tells the task from top to bottom: what it is, scene, start, movement, observation and
reward. It is the pusher of PETS (K. Chua et al., 2018). The goal is always the same; the
cylinder's start and the joints' first velocities are drawn anew for each episode. Judged by
return, not by success: object and goal differ by 48 mm in height, so that "within 5 cm" would mean
14 mm on the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rpl_ros.common.assets import share
from rpl_ros.tasks.score import RETURN
from rpl_ros.tasks.simulated import SimulatedTask
from rpl_ros.tasks.specs import DenseReward, Element, TaskSpec, vectors

if TYPE_CHECKING:
    from rpl_ros.tasks.physics import Physics

JOINTS = ('shoulder_pan', 'shoulder_lift', 'upper_arm_roll', 'elbow_flex', 'forearm_roll',
          'wrist_flex', 'wrist_roll')
SUBSTEPS = 4  # physics steps of 10 ms in a control step
MAX_TORQUE = 1.0  # N m for an action of 1: what the authors clip to; the motors would go to 2
OBJECT_START = np.array([-0.25, 0.15])  # m, mean of the slides (y, x), from the body's place
OBJECT_SPREAD = 0.025  # m, standard deviation of each
JOINT_VELOCITY = 0.005  # rad/s, largest first velocity
# Weights of the reward: object to goal and object to tip, 1/m, and torque, 1/(N m)^2. As in the
# code of PETS; the paper's text has the last two the other way round.
GOAL_WEIGHT, TIP_WEIGHT, TORQUE_WEIGHT = 1.25, 0.5, 0.1


def pusher_reward(achieved_goal: np.ndarray, desired_goal: np.ndarray, tip: np.ndarray,
                  action: np.ndarray) -> np.ndarray:
    """
    Return the reward (...): at most 0, and higher nearer to the goal.

    `achieved_goal` is the position of the object, `tip` that of the arm's tip, (..., 3), m, after
    the step; `action` (..., 7) the torques executed in it, N m. Distances are sums over the axes.
    """
    achieved_goal, action = np.asarray(achieved_goal), np.asarray(action)
    to_goal = np.abs(achieved_goal - np.asarray(desired_goal)).sum(axis=-1)
    to_tip = np.abs(achieved_goal - np.asarray(tip)).sum(axis=-1)
    effort = np.square(action).sum(axis=-1)
    return -(GOAL_WEIGHT * to_goal + TIP_WEIGHT * to_tip + TORQUE_WEIGHT * effort)


class Pusher(SimulatedTask):
    """A cylinder is pushed to a target by torques; 20 elements are observed."""

    spec = TaskSpec(
        name='mbrl_pusher', text='Push the cylinder to the goal.', env_id='rpl/MBRLPusher-v0',
        observation=(*(Element(f'{joint}_angle', 'rad') for joint in JOINTS),
                     *(Element(f'{joint}_velocity', 'rad/s') for joint in JOINTS),
                     *vectors('m', 'tip', 'object')),
        action=tuple(Element(f'{joint}_torque', '1 = 1 N m') for joint in JOINTS),
        horizon=150, controller='cached_pets', measure=RETURN, robot='pusher', tool='tip',
        dense_reward=DenseReward('pusher', pusher_reward, inputs=('tip', 'action')))

    def build(self, objects: str) -> Physics:
        """Return the scene; its arm is part of the file."""
        from rpl_ros.tasks.physics import load_physics
        physics = load_physics(share('sim') / 'mbrl_pusher.xml')
        self._tip, self._object = (physics.data.body(body).xpos for body in ('tip', 'object'))
        return physics

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Put the cylinder on the table and let the joints move a little; return the goal (3,)."""
        self.physics.initialise()
        self.data.qpos[len(JOINTS):] = OBJECT_START + OBJECT_SPREAD * rng.standard_normal(2)
        self.data.qvel[:len(JOINTS)] = rng.uniform(-JOINT_VELOCITY, JOINT_VELOCITY, len(JOINTS))
        return self.model.body('goal').pos.copy()

    def move(self, action: np.ndarray) -> None:
        """Do a control step of physics with the torques `action` (7,)."""
        self.data.ctrl[:] = MAX_TORQUE * action
        self.physics.advance(SUBSTEPS)

    def observe(self) -> np.ndarray:
        """Return the observation (20,): see docs/observations.md."""
        joints, data = len(JOINTS), self.data
        return np.concatenate([data.qpos[:joints], data.qvel[:joints], self._tip, self._object])

    def achieved(self) -> np.ndarray:
        """Return the position of the cylinder (3,), m."""
        return self._object.copy()
