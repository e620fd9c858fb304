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
Several robots with one learner: their names, the numbers of their episodes, their shares.

Robot K of N has the namespace robotK, and numbers its episodes from K * BLOCK on. A robot alone
has no namespace of its own, and block 0.
"""

from rpl_ros.common.brief import brief
from rpl_ros.settings.fields import SettingsError

BLOCK = 10_000_000
"""How many numbers of episodes a robot has; those of evaluations lie below the first block."""
MOST = 64
"""Highest number of robots: all numbers of episodes fit into 32 bits."""


def robot_numbers(robots: int) -> tuple[int, ...]:
    """Return the numbers of so many robots: (0,) for one alone, otherwise 1, 2, ..."""
    return tuple(range(1, robots + 1)) if robots > 1 else (0,)


def name_of(robot: int) -> str:
    """Return the name and namespace of a robot; '' for one alone."""
    return f'robot{robot}' if robot else ''


def place_of(robot: int) -> str:
    """Return what stands before the names of a robot's topics: 'robot2/', or '' for one alone."""
    return f'{name_of(robot)}/' if robot else ''


def robot_of(episode: int) -> int:
    """Return the number of the robot that an episode belongs to."""
    return episode // BLOCK


def first_episode_of(robot: int, first: int) -> int:
    """Return the number of a robot's first episode, where that of one alone would be `first`."""
    return robot * BLOCK + first


def share_of(robot: int, robots: int, episodes: int) -> int:
    """Return how many of all `episodes` robot 1, 2, ... of `robots` plays; 0 (no end) of 0."""
    return (episodes + robots - robot) // robots


def shares(robots: int, first: int, episodes: int) -> dict[int, tuple[int, int]]:
    """
    Return {robot: (number of its first episode, how many it plays)} of so many robots.

    `first` and `episodes` are as for one robot that plays all of them.
    """
    return {robot: (first_episode_of(robot, first), share_of(robot or 1, robots, episodes))
            for robot in robot_numbers(robots)}


def numbers_by_robot(text: str) -> dict[int, int]:
    """
    Return {robot: number} of numbers of episodes, separated by spaces, one of each robot.

    SettingsError for other text.
    """
    words = text.split()
    if not all(word.isdecimal() and len(word) <= 10 and int(word) < 2**32 for word in words):
        raise SettingsError(f'{brief(text)} are no numbers of episodes, separated by spaces')
    return {robot_of(int(word)): int(word) for word in words}


def check_numbers(robots: int, first: int, episodes: int) -> None:
    """Raise SettingsError where so many episodes from `first` on do not fit several robots."""
    if robots > 1 and 0 < episodes < robots:
        raise SettingsError(f'episodes is {episodes}, but robots is {robots}: expected at least '
                            'one episode for each robot, or 0 for no end')
    if robots > 1 and first + share_of(1, robots, episodes) > BLOCK:
        raise SettingsError(f'first_episode {first} and {episodes} episodes of {robots} robots: '
                            f'the numbers of one robot would exceed {BLOCK:,}')
