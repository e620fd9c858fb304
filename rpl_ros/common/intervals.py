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

"""Confidence intervals of rates and means."""

import math

import numpy as np
from numpy.typing import ArrayLike


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval (low, high) of a success rate; (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    z, rate = 1.959964, successes / trials
    centre = rate + z * z / (2 * trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # Rounding may put a bound on the wrong side of a rate of 0 or 1.
    low, high = (centre - half) / scale, (centre + half) / scale
    return max(0.0, min(rate, low)), min(1.0, max(rate, high))


def mean_interval(values: ArrayLike) -> tuple[float, float, float]:
    """
    Return (mean, low, high) of values (n,): the mean and its 95 % interval by Student's t.

    All three are equal for a single value.
    """
    values = np.asarray(values, dtype=np.float64)
    mean, freedom = float(values.mean()), len(values) - 1
    if not freedom:
        return mean, mean, mean
    z = 1.959964
    # Quantile of Student's t as a series in 1 / freedom; the error is below 1 % from five values.
    t = (z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
         + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3))
    half = t * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - half, mean + half
