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

"""dashboard_node: shows how the run goes and writes one row per episode to metrics.csv."""

from contextlib import suppress
import csv
from pathlib import Path
import sys
import time

from rcl_interfaces.msg import Log
from rclpy.clock import Clock, ClockType
from rclpy.logging import LoggingSeverity

from rpl_ros.config import DashboardSettings, SettingsError
from rpl_ros.launching.screen import COLUMNS, draw, Numbers, plain_line
from rpl_ros.measures import measure_of
from rpl_ros.nodes.params import RplNode
from rpl_ros.nodes.qos import ROSOUT, subscribe
from rpl_ros.nodes.running import run_node

SCREEN_PERIOD = 0.5
LINE_PERIOD = 10.0


def open_live():
    """Return rich's started Live display, or None without a terminal or without rich."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.live import Live
    except ImportError:
        return None
    # No thread of its own: the node's timer draws.
    live = Live(auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    live.start()
    return live


def open_metrics(folder):
    """
    Return the newly made file FOLDER/metrics.csv with its header, or None for no folder.

    SettingsError if it is there already: it would hold another run's episodes.
    """
    if not folder:
        return None
    path = Path(folder) / 'metrics.csv'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open('x', newline='', encoding='utf-8')
    except OSError as error:
        raise SettingsError(f'dashboard_node: cannot make {path}: {error.strerror}') from error
    csv.writer(file).writerow(COLUMNS)
    file.flush()
    return file


class DashboardNode(RplNode):
    """Follows results, learner and warnings."""

    def __init__(self):
        """Start to listen and to show."""
        super().__init__('dashboard_node', DashboardSettings)
        settings = self.settings
        self.metrics = open_metrics(settings.out)
        self.launch_log = Path(settings.out) / 'log/launch.log' if settings.out else None
        self.launch_log_read = 0
        self.numbers = Numbers(settings.episodes, settings.window_episodes, time.monotonic(),
                               measure_of(settings.task))
        subscribe(self, 'episode_result', self.on_result)
        subscribe(self, 'learner_status',
                  lambda status: self.numbers.add_status(status, time.monotonic()))
        self.create_subscription(Log, '/rosout', self.on_log, ROSOUT)
        self.live = open_live()
        # The steady clock: a timer on simulated time stands still while the simulator does.
        self.create_timer(SCREEN_PERIOD if self.live else LINE_PERIOD, self.show,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def on_result(self, result):
        """Count an episode and write its row."""
        row = self.numbers.add_result(result, time.monotonic())
        if row and self.metrics:
            csv.writer(self.metrics).writerow(row)
            self.metrics.flush()

    def on_log(self, log):
        """Keep a warning or error of any node for the screen."""
        if log.level >= int(LoggingSeverity.WARN):
            self.numbers.warnings.append(f'{log.name}: {log.msg}')

    def read_launch_log(self):
        """Take what the launcher wrote since the last call: it leaves the terminal to us."""
        with suppress(OSError, TypeError), open(self.launch_log, encoding='utf-8') as file:
            file.seek(self.launch_log_read)
            self.numbers.warnings.extend(file.read().splitlines())
            self.launch_log_read = file.tell()

    def show(self):
        """Draw the screen, or print a line."""
        now = time.monotonic()
        with suppress(OSError):   # the terminal may be gone
            if self.live:
                self.read_launch_log()
                self.live.update(draw(self.numbers, now, self.settings.task), refresh=True)
            else:
                print(plain_line(self.numbers, now), flush=True)

    def close(self):
        """Leave the last screen standing and close metrics.csv."""
        self.show()
        if self.live:
            with suppress(OSError):
                self.live.stop()
        if self.metrics:
            self.metrics.close()


def main(args=None):
    """Run the node; return its exit code."""
    return run_node(DashboardNode, args)


if __name__ == '__main__':
    sys.exit(main())
