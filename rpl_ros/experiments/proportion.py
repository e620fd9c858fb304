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

"""How much a report evaluates so that it takes no longer than the run itself did."""

from dataclasses import dataclass
import time

from rpl_ros.experiments.evaluate import FRESH, play
from rpl_ros.experiments.learned_in import is_base
from rpl_ros.experiments.run_record import thin

FEWEST = 10
"""Episodes below which a report says nothing."""
PLAYING, DRAWING = 0.6, 0.25
"""Shares of the run's time for the episodes and for the video; the rest is for starting."""


@dataclass(frozen=True)
class Plan:
    """Fresh `episodes` for the base and for each of so many `checkpoints`; `seconds` it takes."""

    episodes: int
    checkpoints: int
    seconds: float


def seconds_of_an_episode(scene):
    """Play one fresh episode of the base controller here; return how long it took, s."""
    task, guard = scene.build()
    start = time.monotonic()
    play(task, guard, scene.policy(task.spec, None), FRESH)
    return time.monotonic() - start


def plan(most, each, workers, episodes, checkpoints):
    """
    Return the Plan for at most `most` s, where an episode takes `each` s on one of `workers`.

    `episodes` and `checkpoints` are the most of them. Checkpoints are left out first: the last
    one stays. There are never fewer than FEWEST episodes, if so many are wanted.
    """
    room = most * workers / each
    while checkpoints > 1 and (1 + checkpoints) * episodes > room:
        checkpoints -= 1
    episodes = min(episodes, max(FEWEST, int(room / (1 + checkpoints))))
    return Plan(episodes, checkpoints, (1 + checkpoints) * episodes * each / workers)


def run_seconds(rows):
    """Return how long a run took, s, by its rows of metrics.csv."""
    return rows[-1]['seconds'] if rows else 0.0


def nothing_to_compare(checkpoints, options):
    """Return whether no episode would be worth its time: after a run, with no residual yet."""
    return options.in_proportion and all(is_base(content) for _, _, content in checkpoints)


def choose(record, checkpoints, rows, options, console):
    """
    Return (checkpoints, episodes) to evaluate, `checkpoints` are all of use; prints what it does.

    No episodes where there is nothing to play, or nothing to compare.
    """
    if record.own_controller_node or nothing_to_compare(checkpoints, options):
        return [], 0
    number, episodes = min(options.checkpoints, len(checkpoints)), options.episodes
    if options.in_proportion:
        found = plan(PLAYING * run_seconds(rows), seconds_of_an_episode(record.scene),
                     options.workers, episodes, number)
        fewer = (found.episodes, found.checkpoints) != (episodes, number)
        number, episodes = found.checkpoints, found.episodes
        what = f'{number} checkpoints' if number > 1 else 'the last checkpoint'
        video = ', then a video' if options.video else ''
        console.print(f'report: base and {what} on {episodes} fresh episodes each, about '
                      f'{found.seconds:.0f} s{video} (Ctrl-C ends it; report:=false makes none)')
        if fewer:
            console.print('This is in proportion to the run. For more: rpl report '
                          f'{record.folder}')
    return thin(checkpoints, number) if checkpoints else [], episodes
