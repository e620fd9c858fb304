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
The number of a robot's next episode: after a restart it begins no number twice.

The robot keeps the newest number in a file; one of several robots also learns it from the status
of the learner, for example where it returns with another run folder.
"""

from collections.abc import Sequence
from pathlib import Path

from rpl_ros.common.brief import brief
from rpl_ros.common.files import read_bytes, write_file
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.waiting import StartGate
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.robots import robot_of
from rpl_ros.settings.shared import Episodes

HIGHEST = 2**32 - 2
"""The highest number of an episode that another one can follow."""
STATUS = 'learner_node (its status)'
"""What one of several robots waits for, where the run has a learner."""


def first_episode(settings: Episodes) -> int:
    """
    Return the number with which a robot begins: above that in its file, where there is one.

    SettingsError where the file cannot be read or holds no number.
    """
    path = Path(settings.last_episode_file)
    if not settings.last_episode_file or not path.exists():
        return settings.first_episode
    try:
        text = read_bytes(path)[:20].decode(errors='replace').strip()
    except OSError as error:
        raise SettingsError(f'last_episode_file: {path}: {error.strerror}') from error
    if not text.isdecimal() or int(text) > HIGHEST:
        raise SettingsError(f'last_episode_file: {path}: {brief(text)} is no number of an episode')
    return max(settings.first_episode, int(text) + 1)


def keep_episode(node: RplNode, number: int) -> None:
    """Write down that the episode `number` begins, if the settings of `node` name a file."""
    path = node.settings.last_episode_file
    try:
        if path:
            write_file(path, f'{number}\n')
    except OSError as error:
        node.fail(f'cannot write {path}: {error.strerror}')


def require_status(node: RplNode, gate: StartGate) -> None:
    """Let the gate wait for the learner's status, if `node` is one of several robots with one."""
    if robot_of(node.settings.first_episode) and 'learner_node' in node.settings.wait_for.split():
        gate.missing.add(STATUS)


def continue_above(number: int, next_episodes: Sequence[int], gate: StartGate) -> int:
    """
    Return the number of a robot's next episode, `number` or higher.

    `next_episodes` of the learner's status has those of robot 1, 2, ...; the gate waits no longer
    for the status.
    """
    gate.missing.discard(STATUS)
    robot = robot_of(number)
    theirs = next_episodes[robot - 1] if 0 < robot <= len(next_episodes) else 0
    return max(number, theirs) if robot_of(theirs) == robot else number
