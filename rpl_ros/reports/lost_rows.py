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
Episodes of a graph that are missing in metrics.csv.

dashboard_node writes that file, and a graph continues without this node.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rpl_ros.bags.files import bag_information
from rpl_ros.runs.layout import METRICS
from rpl_ros.runs.record import Record
from rpl_ros.settings.robots import first_episode_of, robot_of


def recorded_results(folder: Path) -> int:
    """Return the number of episode results in the bags of a run folder; 0 where unknown."""
    try:
        return sum(int(topic['message_count'])
                   for path in (*folder.glob('bag*'), *folder.glob('robot*/bag*'))
                   for topic in bag_information(path / 'metadata.yaml')[
                       'topics_with_message_count']
                   if topic['topic_metadata']['name'].endswith('/episode_result'))
    except (ValueError, KeyError, TypeError):
        return 0


def gaps(first: int, numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the ranges [(first, last)] of whole numbers that `numbers` skip, from `first` on."""
    there = sorted({number for number in numbers if number >= first})
    return [(before + 1, number - 1) for before, number in zip([first - 1, *there], there)
            if number > before + 1]


def in_words(ranges: Iterable[tuple[int, int]]) -> str:
    """Return ranges [(first, last)] of whole numbers in words: '0, 17 to 30'."""
    return ', '.join(str(first) if first == last else f'{first} to {last}'
                     for first, last in ranges)


def lost_rows(record: Record, rows: Sequence[dict[str, Any]]) -> str:
    """Return a note about the episodes of a run that `rows` of metrics.csv do not have, or ''."""
    there = {row['episode'] for row in rows}
    # As ranges: one wrong number in the file must not fill the memory.
    first = record.settings['sim_node'].first_episode
    lost = [one for robot in sorted(set(map(robot_of, there)))
            for one in gaps(first_episode_of(robot, first),
                            (number for number in there if robot_of(number) == robot))]
    count = sum(last - first + 1 for first, last in lost)
    at_the_end = max(0, recorded_results(record.folder) - len(there) - count)
    parts = [*([f'episodes {in_words(lost)}'] if lost else []),
             *([f'the last {at_the_end} episodes of the bag'] if at_the_end else [])]
    if not parts:
        return ''
    return (f'{METRICS} does not have {" and ".join(parts)}: curves and figures of training show '
            'the others. Did dashboard_node end early?')
