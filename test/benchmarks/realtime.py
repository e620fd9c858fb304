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
`rpl bench --realtime`: whether the control loop keeps its time beside a learner at full load.

From the bag of the run: how old commands were when they were carried out, and how far apart the
states were.
"""

import io
from pathlib import Path

import numpy as np
from rpl_ros.bags.reader import read_messages
from rpl_ros.common.files import write_file
from rpl_ros.common.plotting import new_figure
from rpl_ros.reports.plot import RESIDUAL
from rpl_ros.tasks.specs import CONTROL_PERIOD

FULL_LOAD = {'updates_per_step': 50.0}
"""More gradient updates than any machine can do: the learner never rests."""


def read_times(bag):
    """
    Return (command ages (N,), periods (M,)), ms, of a bag.

    The age is that of each command that was executed, from its state on. A period is the time
    between the publication of two states of an episode that follow each other.
    """
    ages, periods, before = [], [], None
    for message in read_messages(bag, ('state',)):
        state = message.item
        if state.applied:
            ages.append(state.command_age)
        if before and before[:2] == (state.episode, state.step - 1):
            periods.append(message.published - before[2])
        before = state.episode, state.step, message.published
    return np.array(ages) * 1e3, np.array(periods) * 1e-6


def figures(ages, periods):
    """Return {name: figure} of what read_times() returned."""
    found = {'late_states': int((periods > 2e3 * CONTROL_PERIOD).sum())}
    for name, values in (('command_age', ages), ('period', periods)):
        shares = {'p1': 1, 'p50': 50, 'p99': 99, 'max': 100}
        found.update({f'{name}_{share}_ms': round(float(np.percentile(values, number)), 2)
                      for share, number in shares.items()})
    return found


def draw(path, ages, periods):
    """Write histograms of ages and periods, ms, as PNG; the counts are on a logarithmic axis."""
    figure = new_figure(9, 3.4)
    for axis, values, title in zip(figure.subplots(1, 2), (ages, periods), (
            'from state to command', 'from state to state')):
        axis.hist(values, np.arange(np.floor(values.min()), values.max() + 2), color=RESIDUAL)
        axis.set(title=title, xlabel='ms', ylabel='steps', yscale='log')
    target = io.BytesIO()
    figure.savefig(target, format='png')
    write_file(path, target.getvalue())


def realtime(launch, folder, task, horizon, minutes, arguments, histogram=None):
    """
    Return figures of the graph at 25 Hz with a learner that never rests.

    `launch` runs the graph and returns the rows of its metrics.csv, see bench.launch.
    """
    episodes = max(1, round(minutes * 60 / (horizon * CONTROL_PERIOD)))
    rows = launch(folder, task, f'episodes:={episodes}', *arguments, settings=FULL_LOAD)
    ages, periods = read_times(Path(folder, 'bag'))
    if histogram:
        draw(Path(histogram), ages, periods)
    return {'episodes': len(rows), 'steps': sum(int(row['steps']) for row in rows),
            'missed': sum(int(row['missed']) for row in rows),
            'updates': int(rows[-1]['updates']), **figures(ages, periods)}
