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

"""The training episodes of each of several robots."""

from collections.abc import Sequence
from typing import Any

from rpl_ros.settings.robots import name_of
from rpl_ros.tasks.score import Measure

Rows = Sequence[dict[str, Any]]  # of runs.record.read_metrics()


def rows_of_robots(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """Return {name: its rows} of several robots; {} for one alone."""
    numbers = sorted({row['robot'] for row in rows} - {0})
    return {name_of(number): [row for row in rows if row['robot'] == number]
            for number in numbers}


def figures_of_robots(rows: Rows, window: int) -> dict[str, dict[str, Any]]:
    """Return {name: {'episodes': count, mode: mean over its last `window` episodes}}."""
    figures = {}
    for name, own in rows_of_robots(rows).items():
        figures[name] = {'episodes': len(own)}
        for mode in ('base', 'evaluate', 'explore'):
            values = [row['value'] for row in own if row['mode'] == mode][-window:]
            if values:
                figures[name][mode] = round(sum(values) / len(values), 6)
    return figures


def in_words(figures: dict[str, dict[str, Any]], measure: Measure, window: int) -> list[str]:
    """Return a line for each robot in what figures_of_robots() returned."""
    return [f'{name}: {own["episodes"]} episodes; {measure.name} of the last {window} of each '
            'mode: ' + ', '.join(f'{mode} {measure.exact(value)}' for mode, value in own.items()
                                 if mode != 'episodes')
            for name, own in figures.items()]
