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

"""A picture of one episode of a bag: where all was, what was commanded and what came of it."""

import io

import numpy as np

from rpl_ros.bags.about import bag_spec
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_items
from rpl_ros.experiments.plot import BASE, new_figure, RESIDUAL
from rpl_ros.tasks.specs import CONTROL_PERIOD
from rpl_ros.transitions import executed_by

GRIPPER = {'mbrl_pusher': slice(14, 17)}
"""Elements of the observation that say where the gripper is, m; the first three elsewhere."""
FETCH_ACTIONS = ('x, 1 = 0.05 m', 'y, 1 = 0.05 m', 'z, 1 = 0.05 m', 'fingers, 1 = open')
OBJECT, GOAL, SENT, EXECUTED = '#009e73', '#000000', '#000000', '#cc79a7'
ROW, WIDTH = 1.55, 11.0
"""Height of a panel, and width of the picture, inches."""


def find_episode(path, number=None):
    """
    Return (number, {step: State}, {step: Command}, task) of an episode, the first by default.

    BagError, naming those that are there, if it is not in the bag.
    """
    report = Report()
    found, there = {'state': {}, 'command': {}}, set()
    for items in read_items(path, report=report):
        for topic, _, item in items:
            number = item.episode if number is None else number
            there.add(item.episode)
            if item.episode == number:
                found[topic].setdefault(item.step, item)
        states, commands = found.values()
        if states and states[max(states)].last and len(commands) == len(states) == (
                max(states) + 1):
            break
    states, commands = found.values()
    if not states:
        names = (f'{min(there)} to {max(there)}' if there else 'none')
        raise BagError(f'{path}: has no states of episode {number}; its episodes: {names}')
    return number, states, commands, report.task


def _rows(items, length, size, value):
    """Return an array (length, size), NaN where an item is missing or of another size."""
    rows = np.full((length, size), np.nan)
    for step, item in items.items():
        found = np.atleast_1d(value(item))
        if found.shape == (size,):
            rows[step] = found
    return rows


def _tidy(axes, label):
    axes.set_ylabel(label, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)


def _draw_left(panels, times, states, gripper):
    """Draw positions and reward."""
    length = len(times)
    lines = ((_rows(states, length, 3, lambda state: state.observation[gripper]), 'gripper',
              {'color': RESIDUAL}),
             (_rows(states, length, 3, lambda state: state.achieved_goal), 'object',
              {'color': OBJECT}),
             (_rows(states, length, 3, lambda state: state.desired_goal), 'goal',
              {'color': GOAL, 'ls': '--', 'lw': 1}))
    for column, axes in enumerate(panels[:3]):
        for rows, name, style in lines:
            axes.plot(times, rows[:, column], label=name, **style)
        _tidy(axes, f'{"xyz"[column]}, m')
    panels[0].legend(fontsize=8, ncols=3, frameon=False, loc='best')
    reward = _rows(states, length, 1, lambda state: state.reward)
    # That of the step which ended here: the first state has none.
    panels[3].stairs(reward[1:, 0], times, baseline=None, color=BASE, lw=1.5)
    _tidy(panels[3], 'reward, no unit')


def _executed(states, commands, length, size):
    """Return the actions (length, size) that were executed, NaN where nothing was."""
    rows = np.full((length, size), np.nan)
    for step, command in commands.items():
        known = step + 1 in states and executed_by(command, states[step + 1])
        if known:
            rows[step] = known[0]
    return rows


def _draw_right(panels, times, states, commands, spec):
    """Draw the parts of the command, component by component."""
    length, size = len(times), spec.action_size
    lines = ((_executed(states, commands, length, size), 'executed',
              {'color': EXECUTED, 'lw': 4, 'alpha': 0.5}),
             (_rows(commands, length, size, lambda command: command.base_action), 'base action',
              {'color': BASE, 'lw': 1.5}),
             (_rows(commands, length, size,
                    lambda command: command.residual_scale * command.residual),
              'scale x residual', {'color': RESIDUAL, 'lw': 1.5}),
             (_rows(commands, length, size, lambda command: command.sent), 'sent',
              {'color': SENT, 'lw': 0.9, 'ls': (0, (3, 1))}))
    for column, axes in enumerate(panels[:size]):
        for rows, name, style in lines:
            # The command for the last state is never executed.
            axes.stairs(rows[:-1, column], times, baseline=None, label=name, **style)
        label = FETCH_ACTIONS[column] if size == 4 else f'joint {column}, no unit'
        _tidy(axes, label)
    panels[0].legend(fontsize=8, ncols=4, frameon=False, loc='best')


def draw_episode(path, number=None):
    """
    Return (bytes of a PNG, number of the episode) of an episode of a bag, the first one of all.

    Equal bags give equal bytes.
    """
    number, states, commands, task = find_episode(path, number)
    spec = bag_spec(path)
    length = max([*states, *commands]) + 1
    times = np.arange(length) * CONTROL_PERIOD
    rows = max(4, spec.action_size)
    figure = new_figure(WIDTH, ROW * rows + 0.6)
    grid = figure.subplots(rows, 2, sharex=True, squeeze=False)
    _draw_left(grid[:, 0], times, states, GRIPPER.get(task, slice(0, 3)))
    _draw_right(grid[:, 1], times, states, commands, spec)
    for column, used in enumerate((4, spec.action_size)):
        for axes in grid[used:, column]:
            axes.remove()
        grid[used - 1, column].xaxis.set_tick_params(labelbottom=True)
        grid[used - 1, column].set_xlabel('time since reset, s', fontsize=8)
    end = states[max(states)]
    outcome = ('success' if end.success else 'no success') if end.last else 'cut off'
    version = max([command.policy_version for command in commands.values()], default=0)
    figure.suptitle(f'{task}, episode {number}, weights version {version}: {outcome}')
    grid[0, 0].set_title('positions in the frame of the world, and reward', fontsize=9)
    grid[0, 1].set_title('command, no unit', fontsize=9)
    content = io.BytesIO()
    # Without the version of matplotlib in it.
    figure.savefig(content, format='png', metadata={'Software': None})
    return content.getvalue(), number
