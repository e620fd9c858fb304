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

"""The times that `rpl bench --realtime` reads from a bag."""

from dataclasses import replace

from bag_tools import encode, episode_items, write_mcap
from benchmarks.realtime import draw, figures, read_times
import numpy as np
from rpl_ros.tasks.find import task_spec

MILLISECOND = 1_000_000


def test_ages_and_periods_are_those_of_the_bag(tmp_path):
    """States every 40 ms, one of them 100 ms late, one missed, and a pause between episodes."""
    messages, now, late = [], 10**9, 0
    for number in range(2):
        for topic, item in episode_items(task_spec('hook'), number, np.random.default_rng(number)):
            if topic == 'state':
                now += 40 * MILLISECOND
                if (number, item.step) == (1, 7):
                    now += 100 * MILLISECOND
                    late += 1
                item = replace(item, applied=0 < item.step != 9, command_age=item.step * 1e-4)
            messages.append((topic, encode(topic, item, **({'task': 'hook'} if topic == 'state'
                                                           else {})), now))
        now += 10**9
    ages, periods = read_times(write_mcap(tmp_path / 'two.mcap', messages))
    steps = [step for step in range(1, 101) if step != 9]
    np.testing.assert_allclose(ages, np.array(2 * steps) * 0.1)
    assert len(periods) == 200 and np.median(periods) == 40 and periods.max() == 140
    found = figures(ages, periods)
    assert found['late_states'] == late == 1
    assert (found['command_age_max_ms'], found['period_p50_ms']) == (10.0, 40.0)
    draw(tmp_path / 'times.png', ages, periods)
    assert (tmp_path / 'times.png').read_bytes().startswith(b'\x89PNG')
