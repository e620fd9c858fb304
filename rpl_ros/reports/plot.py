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

"""The learning curve: success or return against environment steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TYPE_CHECKING

from rpl_ros.common.plotting import (BASE, EVALUATE, EXPLORE, image_of, new_figure, RESIDUAL,
                                     SHADE, tidy)
from rpl_ros.reports.robots import rows_of_robots
from rpl_ros.tasks.score import Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES: Sequence[Any] = (':', '--', '-.', (0, (1, 3)), (0, (6, 2)))  # of the lines of robots
FEWEST = 5  # episodes of a running mean
Rows = Sequence[dict[str, Any]]  # of runs.record.read_metrics()


def running_mean(rows: Rows, mode: str, window: int) -> tuple[list[int], list[float]]:
    """Return env steps and mean values over the last `window` episodes of one mode."""
    chosen = [row for row in rows if row['mode'] == mode]
    steps: list[int] = []
    means: list[float] = []
    for end in range(FEWEST, len(chosen) + 1):
        part = chosen[max(0, end - window):end]
        steps.append(chosen[end - 1]['env_steps'])
        means.append(sum(row['value'] for row in part) / len(part))
    return steps, means


def burn_in_end(rows: Rows) -> int:
    """Return the env steps at the end of the burn-in; 0 if there was none."""
    return max((row['env_steps'] for row in rows if row['burn_in']), default=0)


def _draw_training(axes: Axes, rows: Rows, window: int, all_modes: bool, where: str) -> None:
    """
    Draw running means of the episodes of a run as thin lines, and the burn-in as an area.

    Without `all_modes` only episodes with exploration: the others are few, and evaluations on
    fresh episodes show the same with less noise.
    """
    end = burn_in_end(rows)
    if end:
        axes.axvspan(0, end, color=SHADE, alpha=0.25, lw=0,
                     label='burn-in: only the critic learns')
    modes = (('explore', EXPLORE, 'exploring'), ('base', BASE, 'base alone'),
             ('evaluate', EVALUATE, 'residual, no noise'))
    for mode, colour, text in modes if all_modes else modes[:1]:
        steps, means = running_mean(rows, mode, window)
        if steps:
            axes.plot(steps, means, color=colour, lw=1, alpha=0.8,
                      label=f'{where}: {text} (last {window})')
    for number, (name, own) in enumerate(rows_of_robots(rows).items()):
        steps, means = running_mean(own, 'explore', window)
        axes.plot(steps, means, color=EXPLORE, lw=0.8, alpha=0.5,
                  ls=STYLES[number % len(STYLES)], label=f'{where}: exploring, {name} alone')


def _draw_points(axes: Axes, points: Sequence[Sequence[float]], width: int) -> None:
    """
    Draw the checkpoints with their intervals, and the base as a line from 0 to `width`.

    `points` are (env steps, mean, low, high) of base and checkpoints.
    """
    (_, base, low, high), *others = points
    axes.axhspan(low, high, color=BASE, alpha=0.12, lw=0)
    axes.plot([0, width], [base] * 2, '--', color=BASE, lw=1.8,
              label='base controller, fresh episodes')
    if others:
        steps, means, lows, highs = zip(*others)
        axes.fill_between(steps, lows, highs, color=RESIDUAL, alpha=0.2, lw=0)
        axes.errorbar(steps[-1:], means[-1:], [[means[-1] - lows[-1]], [highs[-1] - means[-1]]],
                      color=RESIDUAL, capsize=3, lw=1)
        axes.plot(steps, means, 'o-', color=RESIDUAL, lw=2, ms=4.5,
                  label='base + residual, fresh episodes')


def learning_curve(title: str, points: Sequence[dict[str, Any]], rows: Rows, window: int,
                   measure: Measure, xlabel: str = 'environment steps',
                   fixed: bool = False) -> bytes:
    """
    Return the learning curve as the bytes of a PNG of 1200 x 700 pixels.

    `points` are dicts with env_steps (or the unit in `xlabel`) and the figures of `measure`: the
    base first, then checkpoints. `rows` are averaged over `window` episodes of each mode. With
    `fixed` one policy acted in all steps: its level is a line, as that of the base.
    """
    figure = new_figure()
    axes = figure.add_subplot()
    width = max([point['env_steps'] for point in points]
                + [row['env_steps'] for row in rows[-1:]] + [1])
    if fixed and len(points) > 1:
        points = [*points, {**points[-1], 'env_steps': width}]
    _draw_training(axes, rows, window, fixed or not points,
                   'in this run' if fixed else 'in training')
    if points:
        _draw_points(axes, [[point[name] for name in ('env_steps', *measure.figures)]
                            for point in points], width)
    axes.set(title=title, xlabel=xlabel, ylabel=measure.label, xlim=(0, width * 1.02))
    axes.xaxis.set_major_formatter(lambda value, _: f'{value:,.0f}')
    if measure.rate:
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
    tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc='outside lower center', ncols=2, fontsize=8, frameon=False)
    return image_of(figure)


def means_with_intervals(title: str, names: Sequence[str], figures: Sequence[dict[str, Any]],
                         measure: Measure, kind: str = 'png') -> bytes:
    """Return a picture, PNG or SVG, with a mean and its interval for each of some policies."""
    figure = new_figure(8, 1.5 + 0.5 * len(names))
    axes = figure.add_subplot()
    for place, those in enumerate(figures):
        mean, low, high = (those[name] for name in measure.figures)
        axes.errorbar([mean], [place], xerr=[[mean - low], [high - mean]], fmt='o', capsize=4,
                      color=RESIDUAL)
    axes.set(title=title, xlabel=f'{measure.label}, 95 % interval', yticks=range(len(names)),
             yticklabels=[name[-60:] for name in names], ylim=(len(names) - 0.5, -0.5))
    if measure.rate:
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
    tidy(axes)
    return image_of(figure, kind)
