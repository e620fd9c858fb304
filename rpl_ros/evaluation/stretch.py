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

"""The worst part of training: the episodes in a row with the lowest mean score."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rpl_ros.tasks.score import Measure

STRETCH = 100
"""Training episodes in a row over which the score is averaged."""


def lowest_stretch(values: Sequence[float]) -> dict[str, Any] | None:
    """
    Find the STRETCH values in a row with the lowest mean.

    Return a dict with the `mean` and the indices of the `first` and `last` value; None where there
    are fewer values. `values` are the scores of all training episodes in order, in any mode.
    """
    if len(values) < STRETCH:
        return None
    means = np.convolve(values, np.full(STRETCH, 1.0 / STRETCH), 'valid')
    first = int(means.argmin())
    return {'mean': round(float(means[first]), 6), 'first': first, 'last': first + STRETCH - 1}


def stretch_in_words(stretch: dict[str, Any], measure: Measure) -> str:
    """Return a result of lowest_stretch() in words."""
    return (f'training episodes of all modes: lowest {measure.label} of {STRETCH} in a row '
            f'{measure.exact(stretch["mean"])}, episodes {stretch["first"]} to {stretch["last"]}')
