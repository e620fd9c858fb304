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
"""What the robots of a run have played so far, as its bags and its last checkpoint tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import bags_of
from rpl_ros.bags.reader import read_messages
from rpl_ros.common.files import read_bytes, write_file
from rpl_ros.launching.screen import RunStatistics
from rpl_ros.policy.checked import WeightsError
from rpl_ros.policy.tensor_file import read_head
from rpl_ros.runs.layout import (CHECKPOINTS, GRAPH_METRICS, last_episodes, LEARNER, LEARNER_KINDS,
                                 METRICS, robot_folder)
from rpl_ros.runs.record import read_metrics
from rpl_ros.runs.table import Table
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.robots import first_episode_of, robot_numbers, robot_of
from rpl_ros.tasks.score import Measure, SUCCESS


@dataclass(frozen=True)
class Played:
    """
    What a robot, 0 for one alone, has played.

    `bags` are its bags so far, `results` (time of recording, ns; EpisodeResult or LearnerStatus)
    of all of them, and `first` is the number of its first episode that is not done.
    """

    robot: int
    bags: tuple[Path, ...]
    results: tuple[tuple[int, Any], ...] = field(repr=False)
    first: int


def played_in(folder: Path, robots: int, first: int) -> tuple[Played, ...]:
    """
    Return what each of so many robots has played in a run folder.

    `first` is as for settings.robots.shares(). SettingsError for a bag that cannot be read: its
    episodes must not be played again.
    """
    learned, found = _learned(folder), []
    for robot in robot_numbers(robots):
        place = robot_folder(folder, robot)
        bags = tuple(bag for bag in bags_of(place) if bag != place)
        results = tuple(_results(bags))
        done = ({int(item.episode) for _, item in results if hasattr(item, 'episode_return')}
                if bags else {row['episode'] for row in read_metrics(folder, SUCCESS)[0]})
        own = [number for number in (*done, *learned) if robot_of(number) == robot]
        found.append(Played(robot, bags, results,
                            max([*own, first_episode_of(robot, first) - 1]) + 1))
    return tuple(found)


def _results(bags: tuple[Path, ...]) -> Iterator[tuple[int, Any]]:
    """Yield (time of recording, ns; EpisodeResult or LearnerStatus) of bags, in their order."""
    for bag in bags:
        if not any(file.stat().st_size for file in bag.glob('*.mcap*')):
            continue  # the kill came before its first message
        try:
            for message in read_messages(bag, ('episode_result', 'learner_status'), Report()):
                yield message.time, message.item
        except BagError as error:
            raise SettingsError(f'{error}: without this bag the run cannot go on') from None


def _learned(folder: Path) -> list[int]:
    """Return the highest number of an episode of each robot in the last checkpoint."""
    try:
        head = read_head(read_bytes(folder / CHECKPOINTS / LEARNER), LEARNER_KINDS)
    except (OSError, WeightsError):
        return []  # there is none, or learner_node will say what is wrong with it
    numbers = last_episodes(head.header)
    return [one for one in numbers if type(one) is int] if isinstance(numbers, list) else []


def repair_metrics(folder: Path, kept: str, played: Sequence[Played], ends: Mapping[int, int],
                   measure: Measure) -> None:
    """
    Give metrics.csv a row for each episode that is done, and none for another.

    `ends` is {robot: number of its next episode}. After a kill the bags may have more of them, or
    fewer: then a copy called `kept` keeps the rows that are lost.
    """
    path = folder / METRICS
    if any(row['episode'] >= ends.get(row['robot'], 0)
           for row in read_metrics(folder, measure)[0]):
        write_file(path.with_name(kept), read_bytes(path))
    table = Table(path, GRAPH_METRICS)
    table.close()
    rows = [row for row in table.rows
            if int(row['episode']) < ends.get(robot_of(int(row['episode'])), 0)]
    rows += _missing_rows(rows, played, ends, measure)
    rows.sort(key=lambda row: float(row['wall_time_s']))
    steps = 0
    for row in rows:
        steps = row['total_steps'] = steps + int(row['steps'])
    table.write(path, rows)


def _missing_rows(rows: Sequence[Mapping[str, Any]], played: Sequence[Played],
                  ends: Mapping[int, int], measure: Measure) -> Iterator[dict[str, Any]]:
    """Yield the rows of the episodes in bags that are missing in `rows`; total_steps is wrong."""
    entries = sorted((entry for one in played for entry in one.results), key=lambda one: one[0])
    if not entries:
        return
    known = {int(row['episode']): float(row['wall_time_s']) for row in rows}
    time, result = next((entry for entry in reversed(entries)
                         if getattr(entry[1], 'episode', -1) in known), entries[0])
    start = time / 1e9 - known.get(getattr(result, 'episode', -1), 0.0)
    numbers = RunStatistics(0, 1, start, measure)
    numbers.seen.update(known)
    for time, message in entries:
        if not hasattr(message, 'episode_return'):
            numbers.add_status(message, time / 1e9)
        elif message.episode < ends.get(robot_of(message.episode), 0):
            row = numbers.add_result(message, time / 1e9)
            if row:
                yield dict(zip(GRAPH_METRICS, row))
