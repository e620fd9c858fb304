"""The base controller of the task."""

import numpy as np


def base(observation, desired_goal):
    """
    Return an action (2,) in [-1, 1], which stand for the bounds in robot.yaml.

    It moves the tool as if the friction of the axes did not exist.
    """
    return np.clip(4.0 * (desired_goal - observation[:2]), -1.0, 1.0)
