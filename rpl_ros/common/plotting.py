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

"""Colours and style of all figures."""

from __future__ import annotations

import io
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BASE, RESIDUAL, EXPLORE, EVALUATE, SHADE = '#d55e00', '#0072b2', '#999999', '#56b4e9', '#f0e442'


def new_figure(width: float = 8, height: float = 4.67) -> Figure:
    """Return an empty figure, in inches of 150 pixels: by default 1200 x 700 pixels."""
    # Keep the cache of fonts in the virtual environment, not in the user's home.
    if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
        os.environ.setdefault('MPLCONFIGDIR', str(Path(sys.prefix) / 'share' / 'matplotlib'))
    from matplotlib.figure import Figure
    return Figure(figsize=(width, height), dpi=150, layout='constrained')


def tidy(axes: Axes) -> None:
    """Give axes a light grid, and no frame at the top and on the right."""
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)


def image_of(figure: Figure, kind: str = 'png') -> bytes:
    """Return a figure as the bytes of a PNG or SVG file, equal for equal figures."""
    content = io.BytesIO()
    figure.savefig(content, format=kind, metadata={'Software' if kind == 'png' else 'Date': None})
    return content.getvalue()
