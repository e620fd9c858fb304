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

import io
import os
from pathlib import Path
import sys

BASE, RESIDUAL, EXPLORE, EVALUATE, SHADE = '#d55e00', '#0072b2', '#999999', '#56b4e9', '#f0e442'
FEWEST = 5  # episodes: a running mean over fewer says nothing


def running_mean(rows, mode, window):
    """Return (env steps, mean value) over the last `window` episodes of one mode."""
    chosen = [row for row in rows if row['mode'] == mode]
    steps, means = [], []
    for end in range(FEWEST, len(chosen) + 1):
        part = chosen[max(0, end - window):end]
        steps.append(chosen[end - 1]['env_steps'])
        means.append(sum(row['value'] for row in part) / len(part))
    return steps, means


def burn_in_end(rows):
    """Return the env steps after which the burn-in was over; 0 if there was none."""
    return max((row['env_steps'] for row in rows if row['burn_in']), default=0)


def new_figure(width=8, height=4.67):
    """Return an empty figure of so many inches at 150 pixels: by default 1200 x 700."""
    # In a virtual environment its folder takes the cache of fonts, not the user's home.
    if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
        os.environ.setdefault('MPLCONFIGDIR', str(Path(sys.prefix) / 'share' / 'matplotlib'))
    from matplotlib.figure import Figure
    return Figure(figsize=(width, height), dpi=150, layout='constrained')


def _draw_training(axes, rows, window, everything):
    """
    Draw what the training episodes themselves say: thin lines, and the burn-in shaded.

    Only those with exploration, unless `everything`: of the others there are few, and where there
    are evaluations these say the same better.
    """
    end = burn_in_end(rows)
    if end:
        axes.axvspan(0, end, color=SHADE, alpha=0.25, lw=0,
                     label='burn-in: only the critic learns')
    modes = (('explore', EXPLORE, 'exploring'), ('base', BASE, 'base alone'),
             ('evaluate', EVALUATE, 'residual, no noise'))
    for mode, colour, text in modes if everything else modes[:1]:
        steps, means = running_mean(rows, mode, window)
        if steps:
            axes.plot(steps, means, color=colour, lw=1, alpha=0.8,
                      label=f'in training: {text} (last {window})')


def _draw_points(axes, points, width):
    """
    Draw the evaluated checkpoints with their intervals, and the base across the whole width.

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


def learning_curve(title, points, rows, window, measure,
                   xlabel='environment steps'):
    """
    Return the learning curve as the bytes of a PNG of 1200 x 700 pixels.

    `points` are dicts with env_steps (or what `xlabel` says) and the figures of `measure`: the
    base first, then checkpoints; `rows` those of metrics.csv, averaged over `window` episodes of
    each mode.
    """
    figure = new_figure()
    axes = figure.add_subplot()
    width = max([point['env_steps'] for point in points]
                + [row['env_steps'] for row in rows[-1:]] + [1])
    _draw_training(axes, rows, window, everything=not points)
    if points:
        _draw_points(axes, [[point[name] for name in ('env_steps', *measure.figures)]
                            for point in points], width)
    axes.set(title=title, xlabel=xlabel, ylabel=measure.label, xlim=(0, width * 1.02))
    axes.xaxis.set_major_formatter(lambda value, _: f'{value:,.0f}')
    if measure.rate:
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc='outside lower center', ncols=2, fontsize=8, frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format='png')
    return content.getvalue()
