"""The base controller of the task."""

import numpy as np


def base(observation, desired_goal):
    """Return an action (1,) in [-1, 1], which stand for the bounds of the environment."""
    position, velocity = observation
    return np.array([3.0 * (desired_goal[0] - position) - 1.6 * velocity])
