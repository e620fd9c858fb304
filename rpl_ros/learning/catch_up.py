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

"""What the bags of a run have and the learner's last checkpoint has not."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_episodes
from rpl_ros.learning.learner import Learner
from rpl_ros.settings.robots import robot_of


def catch_up(learner: Learner, bags: Iterable[Path], ends: Mapping[int, int],
             say: Callable[[str], object]) -> int:
    """
    Add to a learner the whole episodes of bags that it does not have; return how many.

    They are those after its last one of the same robot, below the number of `ends` {robot: number
    of its next episode}, in the order of the bags. `say` is called with what cannot be read, and
    with what was added.
    """
    if learner.episodes and not learner.last_episodes:
        say('the checkpoint does not tell the numbers of its last episodes: what came after them '
            'is not learned from')
        return 0
    owed, count = learner.owed, 0
    for bag in bags:
        report = Report()
        try:
            for episode in read_episodes(bag, learner.spec, report):
                # An episode that was cut off is played again.
                number, robot = episode.episode, robot_of(episode.episode)
                if episode.ended and (
                        learner.last_episodes.get(robot, -1) < number < ends.get(robot, 0)):
                    count += bool(learner.add(episode))
        except BagError as error:
            report.note(str(error))
        for damage in report.damage:
            say(damage)
    say(f'{count} episodes that the checkpoint does not have come from the bags, and '
        f'{learner.owed - owed} updates are owed for them')
    return count
