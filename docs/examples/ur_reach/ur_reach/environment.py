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

"""The task as a Gymnasium environment: the tool has to be at the target when the time is over."""

from typing import Any, ClassVar

import gymnasium
from gymnasium import spaces
import numpy as np
from ur_reach.arm import Arm, draw_scene

STEPS, PERIOD = 50, 0.05  # control steps of an episode; time of one, s
SPEED = 0.8  # rad/s, of a joint for an action of 1
REACH = 0.02  # m


class UrReach(gymnasium.Env):
    """
    Observation (15,): positions and velocities of six joints, rad, rad/s; tool x, y, z, m.

    Goal (3,): the tool's position, m, base_link. Action (6,): velocities of the joints, rad/s.
    """

    metadata: ClassVar[dict[str, Any]] = {'render_modes': [], 'render_fps': round(1 / PERIOD)}

    def __init__(self) -> None:
        """Say which spaces there are."""
        def box(size: int) -> spaces.Box:
            return spaces.Box(-np.inf, np.inf, (size,), np.float64)
        self.observation_space = spaces.Dict(
            {'observation': box(15), 'achieved_goal': box(3), 'desired_goal': box(3)})
        self.action_space = spaces.Box(-SPEED, SPEED, (6,), np.float64)
        self.arm = Arm()

    def reset(self, *, seed: int | None = None,
              options: dict | None = None) -> tuple[dict, dict]:
        """Begin an episode: everything random follows from the seed."""
        super().reset(seed=seed)
        self.arm.reset(*draw_scene(self.np_random))
        return self._observe(), {}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        """Do a control step; TimeLimit, see make(), ends the episode."""
        self.arm.command(np.clip(action, -SPEED, SPEED))
        self.arm.advance(PERIOD)
        reward = float(self.compute_reward(self.arm.tool, self.arm.target, {}))
        return self._observe(), reward, False, False, {'is_success': reward == 0.0}

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray,
                       info: object) -> np.ndarray:
        """Return 0 at the goal and -1 elsewhere, for goals (..., 3), m."""
        distance = np.linalg.norm(np.asarray(achieved_goal) - desired_goal, axis=-1)
        return np.where(distance <= REACH, 0.0, -1.0)

    def _observe(self) -> dict[str, np.ndarray]:
        arm = self.arm
        return {'observation': np.concatenate([arm.positions, arm.velocities, arm.tool]),
                'achieved_goal': arm.tool, 'desired_goal': arm.target}


def make() -> gymnasium.Env:
    """Return the environment with the length of its episodes."""
    env = UrReach()
    env.spec = gymnasium.envs.registration.EnvSpec(
        'UrReach-v0', 'ur_reach.environment:UrReach', max_episode_steps=STEPS)
    return env
