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

"""A picture of one episode of a bag: positions, reward, and each command with its parts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from rpl_ros.bags.about import bag_spec
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.reader import read_items
from rpl_ros.common.plotting import BASE, image_of, new_figure, RESIDUAL, tidy
from rpl_ros.data import Command, State
from rpl_ros.tasks.specs import Element, TaskSpec
from rpl_ros.transitions import executed_by

OBJECT, GOAL, SENT, EXECUTED = '#009e73', '#000000', '#000000', '#cc79a7'
ROW, WIDTH = 1.55, 11.0
"""Height of a panel, and width of the picture, inches."""


def find_episode(path: Path | str, number: int | None = None, run: str = '') -> tuple[
        int, dict[int, State], dict[int, Command], Report]:
    """
    Return (number, {step: State}, {step: Command}, Report) of an episode, the first by default.

    BagError, naming those that are there, if it is not in the bag.
    """
    report, there = Report(run=run), set()
    states: dict[int, State] = {}
    commands: dict[int, Command] = {}
    for items in read_items(path, report=report):
        for topic, _, item in items:
            number = item.episode if number is None else number
            there.add(item.episode)
            if item.episode == number:
                (states if topic == 'state' else commands).setdefault(item.step, item)
        if states and states[max(states)].last and len(commands) == len(states) == (
                max(states) + 1):
            break
    if number is None or not states:
        names = (f'{min(there)} to {max(there)}' if there else 'none')
        raise BagError(f'{path}: has no states of episode {number}; its episodes: {names}')
    return number, states, commands, report


def bag_with(bags: Sequence[Path], number: int | None, run: str = '') -> Path:
    """Return the last of the bags of a run that has an episode: earlier it was cut off."""
    for bag in reversed(bags[1:] if number is not None else []):
        with suppress(BagError):
            find_episode(bag, number, run)
            return bag
    return bags[0]


def _rows(items: Mapping[int, Any], length: int, size: int,
          value: Callable[[Any], Any]) -> np.ndarray:
    """Return an array (length, size), NaN where an item is missing or of another size."""
    rows = np.full((length, size), np.nan)
    for step, item in items.items():
        found = np.atleast_1d(value(item))
        if found.shape == (size,):
            rows[step] = found
    return rows


def _tidy(axes: Any, label: str) -> None:
    axes.set_ylabel(label, fontsize=8)
    axes.tick_params(labelsize=8)
    tidy(axes)


def _curves(spec: TaskSpec) -> tuple[tuple[Element, ...], list[tuple[str, Any, Any]]]:
    """Return (elements to draw, [(label, function of a State, style)])."""
    if not spec.goal_size:
        return spec.observation[:3], [('observation', lambda state: state.observation,
                                       {'color': RESIDUAL})]
    lines = [('object' if spec.tool else 'achieved', lambda state: state.achieved_goal,
              {'color': OBJECT}),
             ('goal', lambda state: state.desired_goal, {'color': GOAL, 'ls': '--', 'lw': 1})]
    if spec.tool:
        columns = spec.columns(spec.tool)
        lines.insert(0, ('gripper', lambda state: state.observation[columns],
                         {'color': RESIDUAL}))
    return spec.goal[:3], lines


def _draw_left(panels: np.ndarray, times: np.ndarray, states: dict[int, State],
               spec: TaskSpec) -> None:
    """Draw positions, or the first three elements of an observation, and the reward."""
    length, first = len(times), states[min(states)]
    elements, lines = _curves(spec)
    drawn = [(_rows(states, length, len(value(first)), value), label, style)
             for label, value, style in lines]
    for column, (axes, element) in enumerate(zip(panels, elements)):
        for rows, label, style in drawn:
            axes.plot(times, rows[:, column], label=label, **style)
        _tidy(axes, f'{"xyz"[column]}, m' if spec.tool else ', '.join(element))
    panels[0].legend(fontsize=8, ncols=3, frameon=False, loc='best')
    reward, last = _rows(states, length, 1, lambda state: state.reward), len(elements)
    # That of the step which ended here: the first state has none.
    panels[last].stairs(reward[1:, 0], times, baseline=None, color=BASE, lw=1.5)
    _tidy(panels[last], 'reward, no unit')


def _executed(states: dict[int, State], commands: dict[int, Command], length: int,
              size: int) -> np.ndarray:
    """Return the actions (length, size) that were executed, NaN where nothing was."""
    rows = np.full((length, size), np.nan)
    for step, command in commands.items():
        known = step + 1 in states and executed_by(command, states[step + 1])
        if known:
            rows[step] = known[0]
    return rows


def _draw_right(panels: np.ndarray, times: np.ndarray, states: dict[int, State],
                commands: dict[int, Command], spec: TaskSpec) -> None:
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
        _tidy(axes, ', '.join(spec.action[column]))
    panels[0].legend(fontsize=8, ncols=4, frameon=False, loc='best')


def draw_episode(path: Path | str, number: int | None = None,
                 run: str = '') -> tuple[bytes, int]:
    """
    Return (PNG file, number of the episode) of an episode of a bag, by default the first one.

    `run` is the run to read where the bag holds several. Equal bags give equal bytes.
    """
    number, states, commands, report = find_episode(path, number, run)
    spec = bag_spec(path, run=report.run)
    length = max([*states, *commands]) + 1
    times = np.arange(length) * spec.control_period
    rows = max(4, spec.action_size)
    figure = new_figure(WIDTH, ROW * rows + 0.6)
    grid = figure.subplots(rows, 2, sharex=True, squeeze=False)
    _draw_left(grid[:, 0], times, states, spec)
    _draw_right(grid[:, 1], times, states, commands, spec)
    for column, used in enumerate((1 + len(_curves(spec)[0]), spec.action_size)):
        for axes in grid[used:, column]:
            axes.remove()
        grid[used - 1, column].xaxis.set_tick_params(labelbottom=True)
        grid[used - 1, column].set_xlabel('time since reset, s', fontsize=8)
    end = states[max(states)]
    outcome = ('success' if end.success else 'no success') if end.last else 'cut off'
    version = max([command.policy_version for command in commands.values()], default=0)
    figure.suptitle(f'{report.task}, episode {number}, weights version {version}: {outcome}')
    grid[0, 0].set_title('positions in the frame of the world, and reward', fontsize=9)
    grid[0, 1].set_title('command, no unit', fontsize=9)
    return image_of(figure), number
