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

"""dashboard_node: shows the progress of the run and writes a row per episode to metrics.csv."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING

from rcl_interfaces.msg import Log
from rclpy.logging import LoggingSeverity
from rpl_msgs.msg import EpisodeResult
from rpl_ros.launching.screen import draw, plain_line, RunStatistics
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import ROSOUT, subscribe
from rpl_ros.ros.running import run_node
from rpl_ros.runs.layout import GRAPH_METRICS, METRICS
from rpl_ros.runs.table import Table
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.nodes import DashboardSettings
from rpl_ros.settings.robots import place_of, robot_numbers
from rpl_ros.tasks.find import task_spec

if TYPE_CHECKING:
    from rich.live import Live

SCREEN_PERIOD = 0.5
"""Time between two updates of the live screen, s."""
LINE_PERIOD = 10.0
"""Time between two lines of text where there is no terminal, s."""


def open_live() -> Live | None:
    """Return rich's started Live display, or None without a terminal or without rich."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.live import Live
    except ImportError:
        return None
    # Without its own thread: the timer of the node draws.
    live = Live(auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    live.start()
    return live


def open_metrics(folder: str, goes_on: bool) -> Table | None:
    """
    Return the Table FOLDER/metrics.csv, or None for no folder; it is new, or else `goes_on`.

    SettingsError if a new file exists already: it has the episodes of another run.
    """
    if not folder:
        return None
    path = Path(folder) / METRICS
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not goes_on:
            path.open('x', encoding='utf-8').close()
        return Table(path, GRAPH_METRICS)
    except OSError as error:
        raise SettingsError(f'dashboard_node: cannot make {path}: {error.strerror}') from error


class DashboardNode(RplNode):
    """Receives results, the status of the learner, and warnings."""

    def __init__(self) -> None:
        """Subscribe, and begin to show."""
        super().__init__('dashboard_node', DashboardSettings)
        settings = self.settings
        self.spec = task_spec(settings.task)
        self.metrics = open_metrics(settings.out, settings.goes_on)
        self.launch_log = Path(settings.out) / 'log/launch.log' if settings.out else None
        self.launch_log_read = 0
        robots = robot_numbers(settings.robots)
        self.numbers = RunStatistics(settings.episodes, settings.window_episodes, time.monotonic(),
                                     self.spec.measure, robots, self.spec.control_period)
        if self.metrics:
            self.numbers.go_on(self.metrics.rows)
        for robot in robots:
            subscribe(self, 'episode_result', self.on_result, place_of(robot))
        subscribe(self, 'learner_status',
                  lambda status: self.numbers.add_status(status, time.monotonic()))
        self.create_subscription(Log, '/rosout', self.on_log, ROSOUT)
        self.live = open_live()
        self.create_steady_timer(SCREEN_PERIOD if self.live else LINE_PERIOD, self.show)

    def on_result(self, result: EpisodeResult) -> None:
        """Count an episode and write its row."""
        row = self.numbers.add_result(result, time.monotonic())
        if row and self.metrics:
            self.metrics.append(dict(zip(GRAPH_METRICS, row)))

    def on_log(self, log: Log) -> None:
        """Keep a warning or error of any node for the screen."""
        if log.level >= int(LoggingSeverity.WARN):
            self.numbers.warnings.append(f'{log.name}: {log.msg}')

    def read_launch_log(self) -> None:
        """Read what the launcher wrote since the last call: only we write to the terminal."""
        if self.launch_log is None:
            return
        with suppress(OSError), open(self.launch_log, encoding='utf-8') as file:
            file.seek(self.launch_log_read)
            self.numbers.warnings.extend(file.read().splitlines())
            self.launch_log_read = file.tell()

    def show(self) -> None:
        """Draw the screen, or print a line, after the newest warnings."""
        now = time.monotonic()
        with suppress(OSError):  # the terminal may be closed
            if self.live:
                self.read_launch_log()
                self.live.update(draw(self.numbers, now, self.spec.name), refresh=True)
            else:
                print(*self.numbers.warnings, plain_line(self.numbers, now), sep='\n', flush=True)
                self.numbers.warnings.clear()

    def close(self) -> None:
        """Keep the last screen visible and close metrics.csv."""
        self.show()
        if self.live:
            with suppress(OSError):
                self.live.stop()
        if self.metrics:
            self.metrics.close()


main = partial(run_node, DashboardNode)

if __name__ == '__main__':
    sys.exit(main())
