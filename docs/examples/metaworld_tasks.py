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
Ten tasks of Meta-World, with its own scripted policies, made imperfect, as base controllers.

Meta-World 3.1.1 wants MuJoCo 3.3.0, so it gets an interpreter of its own. The scripted policies
need no simulator: they run in the interpreter of rpl_ros.

    python3 -m venv ~/sim && ~/sim/bin/pip install metaworld==3.1.1 packaging imageio
    pip install --no-deps metaworld==3.1.1 && pip install scipy
    cd docs/examples
    rpl task describe metaworld_tasks:push --repeat 3 --python ~/sim/bin/python \
        --controller 'metaworld_tasks:base policy=push offset=0.02' > push.yaml
    rpl train push.yaml --steps 60000
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from metaworld import policies
from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as ENVIRONMENTS
import numpy as np

STEPS = 150  # at 80 Hz
OBJECT, GOAL = slice(4, 7), slice(-3, None)  # of an observation, m


class Scripted(gymnasium.Env):
    """A task of Meta-World with the reward 0 for a success and -1 else, and new scenes."""

    metadata: ClassVar[dict[str, Any]] = {'render_modes': []}

    def __init__(self, name: str) -> None:
        """`name` is that of Meta-World, without its version."""
        self.env = ENVIRONMENTS[f'{name}-v3-goal-observable']()
        # A new scene in each reset(), and the same for the same seed.
        self.env._freeze_rand_vec, self.env.seeded_rand_vec = False, True
        self.dt, self.action_space = self.env.dt, self.env.action_space
        self.observation_space: spaces.Space = _box(39)
        self.spec = EnvSpec(f'{name}-v3', max_episode_steps=STEPS)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        """Begin an episode."""
        super().reset(seed=seed)
        if seed is not None:
            self.env.seed(seed)
        return self.parts(self.env.reset()[0]), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict]:
        """Do one step of 12.5 ms."""
        observation, _, _, _, info = self.env.step(np.asarray(action, np.float32))
        success = info['success'] > 0.0
        return self.parts(observation), success - 1.0, False, False, {'is_success': success}

    def parts(self, observation: np.ndarray) -> Any:
        """Return what the learner sees."""
        return observation


class WithGoals(Scripted):
    """A task that succeeds where its object, the achieved goal, is near the desired goal."""

    def __init__(self, name: str, reach: float) -> None:
        """`reach` is the distance, m, up to which Meta-World counts a success."""
        super().__init__(name)
        self.reach = reach
        self.observation_space = spaces.Dict({
            'observation': _box(39), 'achieved_goal': _box(3), 'desired_goal': _box(3)})

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray,
                       info: object) -> np.ndarray:
        """Return 0 at the goal and -1 elsewhere, for goals (..., 3), m."""
        distance = np.linalg.norm(np.asarray(achieved_goal) - desired_goal, axis=-1)
        return np.where(distance <= self.reach, 0.0, -1.0)

    def parts(self, observation: np.ndarray) -> Any:
        """Return the observation with its goals."""
        return {'observation': observation, 'achieved_goal': observation[OBJECT].copy(),
                'desired_goal': observation[GOAL].copy()}


def _box(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (size,), np.float64)


push = partial(WithGoals, 'push', 0.05)
pick_place = partial(WithGoals, 'pick-place', 0.07)
sweep = partial(WithGoals, 'sweep', 0.05)
coffee_push = partial(WithGoals, 'coffee-push', 0.07)
coffee_pull = partial(WithGoals, 'coffee-pull', 0.07)
hand_insert = partial(WithGoals, 'hand-insert', 0.05)
hammer = partial(Scripted, 'hammer')
drawer_open = partial(Scripted, 'drawer-open')
faucet_open = partial(Scripted, 'faucet-open')
peg_insert_side = partial(Scripted, 'peg-insert-side')

POLICIES = {
    'push': policies.SawyerPushV3Policy, 'pick_place': policies.SawyerPickPlaceV3Policy,
    'sweep': policies.SawyerSweepV3Policy, 'coffee_push': policies.SawyerCoffeePushV3Policy,
    'coffee_pull': policies.SawyerCoffeePullV3Policy,
    'hand_insert': policies.SawyerHandInsertV3Policy, 'hammer': policies.SawyerHammerV3Policy,
    'drawer_open': policies.SawyerDrawerOpenV3Policy,
    'faucet_open': policies.SawyerFaucetOpenV3Policy,
    'peg_insert_side': policies.SawyerPegInsertionSideV3Policy}


class Base:
    """A scripted policy with a fault."""

    def __init__(self, act: Callable[[np.ndarray], np.ndarray], offset: float, gain: float,
                 effort: float) -> None:
        """Take the policy and what base() says."""
        self.act, self.distance, self.factors = act, offset, np.array([gain] * 3 + [effort])

    def reset(self, episode: int) -> None:
        """Draw the direction of the offset from the number of the episode."""
        angle = np.random.default_rng(episode).uniform(0.0, 2.0 * np.pi)
        self.offset = self.distance * np.array([np.cos(angle), np.sin(angle), 0.0])

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (4,)."""
        seen = np.array(observation)
        seen[OBJECT] += self.offset
        return self.factors * self.act(seen)


def base(policy: str, offset: float = 0.0, gain: float = 1.0, effort: float = 1.0) -> Base:
    """
    Return a scripted policy that sees its object `offset` m away, in a random direction.

    `gain` multiplies its motion, `effort` the strength of its grip.
    """
    return Base(POLICIES[policy]().get_action, offset, gain, effort)
