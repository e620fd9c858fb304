"""A base controller for the task push. Replace its rule by your own."""

import numpy as np

BEHIND = 0.09  # m, distance from the block at which the gripper begins to push
GAIN = 6.0  # 1/m


class Controller:
    """
    Goes behind the block, then pushes it to the goal.

    docs/observations.md of rpl_ros describes each element of the observation.
    """

    def reset(self, episode):
        """Begin an episode: forget what belongs to the last one."""
        self.pushes = False

    def __call__(self, observation, desired_goal):
        """Return the base action (4,) in [-1, 1]: velocity of the gripper x, y, z; fingers."""
        gripper, block = observation[0:3], observation[3:6]
        direction = desired_goal[:2] - block[:2]
        direction = direction / max(np.linalg.norm(direction), 1e-6)
        start = block[:2] - BEHIND * direction
        self.pushes = self.pushes or np.linalg.norm(gripper[:2] - start) < 0.02
        target = desired_goal[:2] if self.pushes else start
        height = block[2] if self.pushes else block[2] + 0.02
        return np.array([*(GAIN * (target - gripper[:2])), GAIN * (height - gripper[2]), 0.0])
