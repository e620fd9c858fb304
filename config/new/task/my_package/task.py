"""The task: a cart on a rail has to stop at a goal. Replace it by your own environment."""

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
import numpy as np

STEPS, PERIOD = 60, 0.04  # control steps of an episode; time of one, s
REACH = 0.02  # m
FRICTION = 0.245  # m/s^2, which the controller does not know


class Cart(gymnasium.Env):
    """Observation: position, m, and velocity, m/s. Action: acceleration, m/s^2."""

    def __init__(self):
        """Say which spaces there are."""
        def box(size):
            return spaces.Box(-np.inf, np.inf, (size,), np.float64)
        self.observation_space = spaces.Dict({
            'observation': box(2), 'achieved_goal': box(1), 'desired_goal': box(1)})
        self.action_space = spaces.Box(-3.0, 3.0, (1,), np.float64)
        self.dt = PERIOD

    def reset(self, *, seed=None, options=None):
        """Begin an episode. All that is random comes from self.np_random."""
        super().reset(seed=seed)
        self.position, self.goal = self.np_random.uniform(-0.5, 0.5, (2, 1))
        self.velocity = np.zeros(1)
        return self._observe(), {}

    def step(self, action):
        """Do one control step."""
        drag = np.clip(-self.velocity / PERIOD, -FRICTION, FRICTION)
        self.velocity = self.velocity + PERIOD * (action + drag)
        self.position = self.position + PERIOD * self.velocity
        reward = float(self.compute_reward(self.position, self.goal, {}))
        return self._observe(), reward, False, False, {'is_success': reward == 0.0}

    def compute_reward(self, achieved_goal, desired_goal, info):
        """Return 0 at the goal and -1 elsewhere, for goals (..., 1), m: many at once."""
        distance = np.linalg.norm(np.asarray(achieved_goal) - desired_goal, axis=-1)
        return np.where(distance <= REACH, 0.0, -1.0)

    def _observe(self):
        return {'observation': np.concatenate([self.position, self.velocity]),
                'achieved_goal': self.position.copy(), 'desired_goal': self.goal.copy()}


def make():
    """Return the environment, with the number of its steps."""
    env = Cart()
    env.spec = EnvSpec('Cart-v0', max_episode_steps=STEPS)
    return env
