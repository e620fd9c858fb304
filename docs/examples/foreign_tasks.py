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
Base controllers for tasks of other packages, each with one stated fault.

    python3 -m venv ~/sim && ~/sim/bin/pip install "gymnasium-robotics==1.4.2" "mujoco<3.4" \
        panda-gym "gymnasium[box2d]"
    cd docs/examples
    rpl task describe FetchSlide-v4 --python ~/sim/bin/python \
        --controller foreign_tasks:Slide > fetch_slide.yaml
    rpl train fetch_slide.yaml --steps 60000

The others: FetchReach-v4 with Reach, panda_gym:PandaPush-v3 with 'PandaPush offset=0.03',
Pendulum-v1 with pendulum, LunarLanderContinuous-v3 with lander.
"""

import numpy as np


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def _across(ahead: np.ndarray, side: np.ndarray) -> float:
    """Return how far `side` lies to the left of the direction `ahead`, m."""
    return float(ahead[0] * side[1] - ahead[1] * side[0])


class Reach:
    """FetchReach: goes to the goal, which it sees `offset` m away, in a random direction."""

    def __init__(self, offset: float = 0.05) -> None:
        """With 0.05 it often stops just outside of the 0.05 m that count."""
        self.distance = offset

    def reset(self, episode: int) -> None:
        """Draw the direction from the number of the episode."""
        self.offset = self.distance * _unit(np.random.default_rng(episode).normal(size=3))

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (4,)."""
        return np.append(np.clip(
            8.0 * (desired_goal + self.offset - observation[:3]), -1.0, 1.0), 0.0)


class Slide:
    """FetchSlide: goes behind the puck, and strikes it by a guess of the friction."""

    def reset(self, episode: int) -> None:
        """Begin to go behind the puck."""
        self.striking = False

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (4,)."""
        gripper, puck = observation[:3], observation[3:6]
        side, move = gripper[:2] - puck[:2], np.zeros(4)
        move[2] = 10.0 * (0.42 - gripper[2])
        if self.striking:
            if side @ self.ahead < -0.02:
                move[:2] = np.sqrt(self.far) * self.ahead
            return np.clip(move, -1.0, 1.0)
        way = desired_goal[:2] - puck[:2]
        ahead, distance = _unit(way), float(np.linalg.norm(side))
        start = puck[:2] - 0.09 * ahead
        move[:2] = 10.0 * (start - gripper[:2])
        if side @ ahead > -0.05 and distance < 0.12:  # around the puck, not through it
            turn = 0.6 if _across(ahead, side) > 0.0 else -0.6
            move[:2] = (side / max(distance, 1e-6) + turn * np.array([-ahead[1], ahead[0]])
                        - 0.4 * ahead)
        self.striking = bool(np.linalg.norm(start - gripper[:2]) < 0.02)
        self.ahead, self.far = ahead, float(np.linalg.norm(way))
        return np.clip(move, -1.0, 1.0)


class PandaPush:
    """PandaPush: goes behind the block, which it sees `offset` m away, and pushes it."""

    def __init__(self, offset: float = 0.02) -> None:
        """Take the distance, m; the direction is random."""
        self.distance = offset

    def reset(self, episode: int) -> None:
        """Draw the direction from the number of the episode."""
        angle = np.random.default_rng(episode).uniform(0.0, 2.0 * np.pi)
        self.offset = self.distance * np.array([np.cos(angle), np.sin(angle)])
        self.pushing = False

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (3,)."""
        gripper, block = observation[:3], observation[6:8] + self.offset
        ahead, side = _unit(desired_goal[:2] - block), gripper[:2] - block
        behind = block - 0.07 * ahead
        away = float(np.linalg.norm(behind - gripper[:2]))
        if abs(_across(ahead, side)) > 0.03 or side @ ahead > 0.0:
            self.pushing = False
        if self.pushing:
            target = desired_goal[:2] - 0.035 * ahead
            move = np.append(10.0 * (target - gripper[:2]), 15.0 * (0.02 - gripper[2]))
            return np.clip(move, -1.0, 1.0)
        self.pushing = away < 0.02 and gripper[2] < 0.03
        height = 0.12 if away > 0.02 else 0.02
        move = 15.0 * np.append(behind - gripper[:2], height - gripper[2])
        if away > 0.03 and gripper[2] < 0.08:  # up before it goes there
            move[:2] = 0.0
        return np.clip(move, -1.0, 1.0)


def pendulum(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """Pendulum: swings up by energy, then holds, with half of the torque that it should use."""
    cosine, sine, speed = observation
    energy = speed ** 2 / 6.0 + 5.0 * (cosine - 1.0)
    torque = (-12.0 * np.arctan2(sine, cosine) - 3.0 * speed if cosine > 0.9
              else -2.0 * np.sign(speed or 1.0) * np.sign(energy))
    return np.array([0.5 * np.clip(torque / 2.0, -1.0, 1.0)])


def lander(observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
    """LunarLander: leans towards the pad and brakes by height, with half of the usual gain."""
    x, y, speed_x, speed_y, angle, spin, left, right = observation
    wanted = np.clip(0.5 * x + speed_x, -0.4, 0.4)
    turn, lift = 0.5 * (wanted - angle) - spin, 0.5 * (0.55 * abs(x) - y) - 0.5 * speed_y
    if left or right:
        turn, lift = 0.0, -0.5 * speed_y
    return np.clip(np.array([10.0 * lift - 1.0, -10.0 * turn]), -1.0, 1.0)
