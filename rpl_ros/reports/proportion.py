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

"""How much a report evaluates so that it takes no longer than the run did."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
import time
from typing import Any

from rich.console import Console
from rpl_ros.evaluation.episodes import FRESH, play
from rpl_ros.runs.learned_in import is_base
from rpl_ros.runs.record import Record, thin
from rpl_ros.scene import Scene
from rpl_ros.tasks.find import has_simulator, task_spec

FEWEST = 10
"""Episodes of an evaluation, at least."""
PLAYING, DRAWING = 0.6, 0.25
"""Shares of the run's time for the episodes and the video; the rest is for the start."""
Checkpoints = Sequence[tuple]  # of runs.record.read_checkpoints()


@dataclass(frozen=True)
class Plan:
    """The base and a number of `checkpoints` play `episodes` fresh episodes each, in `seconds`."""

    episodes: int
    checkpoints: int
    seconds: float


def seconds_of_an_episode(scene: Scene) -> float:
    """Return how long one fresh episode of the base controller takes, s."""
    task, guard = scene.build()
    start = time.monotonic()
    play(task, guard, scene.policy(task.spec, None), FRESH)
    return time.monotonic() - start


def plan(most: float, each: float, workers: int, episodes: int, checkpoints: int) -> Plan:
    """
    Return the Plan for at most `most` s, where an episode takes `each` s on one of `workers`.

    It has at most these `episodes` and `checkpoints`. It leaves out checkpoints first, but not
    the last one, then episodes, down to FEWEST.
    """
    room = most * workers / each
    while checkpoints > 1 and (1 + checkpoints) * episodes > room:
        checkpoints -= 1
    episodes = min(episodes, max(FEWEST, int(room / (1 + checkpoints))))
    return Plan(episodes, checkpoints, (1 + checkpoints) * episodes * each / workers)


def run_seconds(rows: Sequence[dict[str, Any]]) -> float:
    """Return how long a run took, s, from rows of read_metrics()."""
    return rows[-1]['seconds'] if rows else 0.0


def nothing_to_compare(checkpoints: Checkpoints, options: argparse.Namespace) -> bool:
    """Return whether a report in proportion has no residual that differs from the base."""
    return options.in_proportion and all(is_base(content) for _, _, content in checkpoints)


def choose(record: Record, checkpoints: Checkpoints, rows: Sequence[dict[str, Any]],
           options: argparse.Namespace, console: Console) -> tuple[list, int]:
    """
    Return (checkpoints, episodes) to evaluate, out of all `checkpoints`; print the choice.

    There are no episodes where the base or the task cannot be played, or there is nothing to
    compare.
    """
    if (record.own_controller_node or not has_simulator(task_spec(record.scene.task))
            or nothing_to_compare(checkpoints, options)):
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
