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

"""dashboard_node over real topics: what it writes of episodes that ended before it was there."""

import csv
import time
from types import SimpleNamespace

from graph_tools import free_domain, listener, nodes
from rpl_msgs.msg import EpisodeResult
from rpl_ros.launching.screen import RunStatistics
from rpl_ros.nodes.dashboard_node import DashboardNode
from rpl_ros.ros.qos import publisher


def rows_of(path, count, seconds=60.0):
    """Return the rows of a CSV file once there are so many."""
    end = time.monotonic() + seconds
    while True:
        with open(path, newline='') if path.exists() else open('/dev/null') as file:
            rows = list(csv.DictReader(file))
        if len(rows) >= count:
            return rows
        assert time.monotonic() < end, f'{len(rows)} rows'
        time.sleep(0.05)


def test_a_dashboard_that_starts_late_misses_no_episode(tmp_path):
    """A fast simulator has ended its first episodes before dashboard_node has started."""
    domain = free_domain()
    with listener(domain) as (node, spin):
        results = publisher(node, 'episode_result')
        for episode in range(3):
            results.publish(EpisodeResult(episode=episode, run='r', task='hook', steps=100,
                                          mode=0, duration=0.2))
        with nodes(domain, tmp_path, dashboard_node={'task': 'hook', 'run': 'r', 'out': tmp_path}):
            spin(results.get_subscription_count)
            results.publish(EpisodeResult(episode=3, run='r', task='hook', steps=100))
            rows = rows_of(tmp_path / 'metrics.csv', 4)
    assert [row['episode'] for row in rows] == ['0', '1', '2', '3']
    assert [row['total_steps'] for row in rows] == ['100', '200', '300', '400']


def test_without_a_terminal_each_warning_is_a_line_once(capsys):
    """In a file or in CI nobody sees the screen."""
    numbers = RunStatistics(10, 5, time.monotonic())
    numbers.warnings.append('learner_node: robot1: the robot has another task')
    for lines in (2, 1):
        DashboardNode.show(SimpleNamespace(numbers=numbers, live=None))
        out = capsys.readouterr().out.splitlines()
        assert len(out) == lines and out[-1].startswith('00:00 | episode 0/10')
        assert (out[0] == 'learner_node: robot1: the robot has another task') == (lines == 2)
