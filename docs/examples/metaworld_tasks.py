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

r"""
Tasks of Meta-World, with their own scripted policies, which see the object wrong, as the base.

    pip install metaworld        # 3.1.1, into an environment of its own: it wants MuJoCo 3.3.0
    cd docs/examples
    rpl task describe metaworld_tasks:push --repeat 3 \
        --controller metaworld_tasks:PushBase > push.yaml
    rpl train push.yaml --steps 60000
"""

from typing import Any, ClassVar

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from metaworld import policies
from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as ENVIRONMENTS
import numpy as np

STEPS = 150  # at 80 Hz
OFFSET = 0.02  # m, horizontal, in a random direction in each episode
OBJECT, GOAL = slice(4, 7), slice(-3, None)  # of an observation, m


class WithGoals(gymnasium.Env):
    """A task of Meta-World whose achieved goal is the position of its object, m."""

    metadata: ClassVar[dict[str, Any]] = {'render_modes': []}

    def __init__(self, name: str, reach: float) -> None:
        """`reach` is the distance, m, up to which Meta-World counts a success."""
        self.env, self.reach = ENVIRONMENTS[f'{name}-v3-goal-observable'](), reach
        # A new scene in each reset(), and the same for the same seed.
        self.env._freeze_rand_vec, self.env.seeded_rand_vec = False, True
        self.dt, self.action_space = self.env.dt, self.env.action_space

        def box(size: int) -> spaces.Box:
            return spaces.Box(-np.inf, np.inf, (size,), np.float64)
        self.observation_space = spaces.Dict({
            'observation': box(39), 'achieved_goal': box(3), 'desired_goal': box(3)})
        self.spec = EnvSpec(f'{name}-v3', max_episode_steps=STEPS)

    def reset(self, *, seed: int | None = None,
              options: dict | None = None) -> tuple[dict, dict]:
        """Begin an episode."""
        super().reset(seed=seed)
        if seed is not None:
            self.env.seed(seed)
        return self._parts(self.env.reset()[0]), {}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        """Do one step of 12.5 ms."""
        found = self._parts(self.env.step(np.asarray(action, np.float32))[0])
        reward = float(self.compute_reward(found['achieved_goal'], found['desired_goal'], {}))
        return found, reward, False, False, {'is_success': reward == 0.0}

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray,
                       info: object) -> np.ndarray:
        """Return 0 at the goal and -1 elsewhere, for goals (..., 3), m."""
        distance = np.linalg.norm(np.asarray(achieved_goal) - desired_goal, axis=-1)
        return np.where(distance <= self.reach, 0.0, -1.0)

    def _parts(self, found: np.ndarray) -> dict[str, np.ndarray]:
        return {'observation': found, 'achieved_goal': found[OBJECT].copy(),
                'desired_goal': found[GOAL].copy()}


class SeesWrong:
    """A scripted policy that sees the object OFFSET away from where it is."""

    policy: Any

    def reset(self, episode: int) -> None:
        """Draw the direction of the offset from the number of the episode."""
        angle = np.random.default_rng(episode).uniform(0.0, 2.0 * np.pi)
        self.offset = OFFSET * np.array([np.cos(angle), np.sin(angle), 0.0])

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (4,)."""
        seen = np.array(observation)
        seen[OBJECT] += self.offset
        return self.policy.get_action(seen)


class PushBase(SeesWrong):
    """For push()."""

    policy = policies.SawyerPushV3Policy()


class PickBase(SeesWrong):
    """For pick_place()."""

    policy = policies.SawyerPickPlaceV3Policy()


def push() -> gymnasium.Env:
    """Return the task of pushing a puck."""
    return WithGoals('push', 0.05)


def pick_place() -> gymnasium.Env:
    """Return the task of picking up a puck and placing it in the air."""
    return WithGoals('pick-place', 0.07)
