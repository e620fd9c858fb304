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
A task of one's own in one file: a Gymnasium environment with goals, and a base controller.

A point on a table has to stop at a goal. Its motor is weaker to the left than the controller
assumes, and a wind blows: the residual learns what the controller does not know.

    cd docs/examples
    rpl train point_reach:make controller:=point_reach:base --steps 20000
"""

from typing import Any, ClassVar

import gymnasium
from gymnasium import spaces
import numpy as np

STEPS, PERIOD = 50, 0.04  # control steps of an episode; time of one, s
REACH = 0.03  # m
WIND = np.array([0.0, -0.22])  # m/s^2


class PointReach(gymnasium.Env):
    """Observation: position, m, and velocity, m/s. Action: acceleration as a share of 4 m/s^2."""

    metadata: ClassVar[dict[str, Any]] = {'render_modes': [], 'render_fps': round(1 / PERIOD)}

    def __init__(self) -> None:
        """Say which spaces there are."""
        def box(size: int) -> spaces.Box:
            return spaces.Box(-np.inf, np.inf, (size,), np.float64)
        self.observation_space = spaces.Dict(
            {'observation': box(4), 'achieved_goal': box(2), 'desired_goal': box(2)})
        self.action_space = spaces.Box(-4.0, 4.0, (2,), np.float64)

    def reset(self, *, seed: int | None = None,
              options: dict | None = None) -> tuple[dict, dict]:
        """Begin an episode: everything random follows from the seed."""
        super().reset(seed=seed)
        self.position, self.goal = self.np_random.uniform(-0.5, 0.5, (2, 2))
        self.velocity = np.zeros(2)
        return self._observe(), {}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        """Do a control step; TimeLimit, see make(), ends the episode."""
        push = np.where(action < 0.0, 0.5 * action, action)
        self.velocity = 0.95 * (self.velocity + PERIOD * (push + WIND))
        self.position = self.position + PERIOD * self.velocity
        reward = float(self.compute_reward(self.position, self.goal, {}))
        return self._observe(), reward, False, False, {'is_success': reward == 0.0}

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray,
                       info: object) -> np.ndarray:
        """Return 0 at the goal and -1 elsewhere, for goals (..., 2), m."""
        distance = np.linalg.norm(np.asarray(achieved_goal) - desired_goal, axis=-1)
        return np.where(distance <= REACH, 0.0, -1.0)

    def _observe(self) -> dict[str, np.ndarray]:
        return {'observation': np.concatenate([self.position, self.velocity]),
                'achieved_goal': self.position.copy(), 'desired_goal': self.goal.copy()}


def make() -> gymnasium.Env:
    """Return the environment with the length of its episodes."""
    env = PointReach()
    env.spec = gymnasium.envs.registration.EnvSpec('PointReach-v0', max_episode_steps=STEPS)
    return env


def base(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Return an action (2,) in [-1, 1]: a spring to the goal, with a damper."""
    return 2.0 * (desired_goal - observation[:2]) - 0.8 * observation[2:]
