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

"""Two policies on the same episodes: their difference, its interval, and the result in words."""

from collections.abc import Iterable
from dataclasses import dataclass
import math

from rpl_ros.common.intervals import mean_interval
from rpl_ros.tasks.score import Measure, RETURN, SUCCESS


@dataclass(frozen=True)
class Comparison:
    """
    A `difference`, second minus first policy, and its 95 % `interval`, (low, high).

    `counts` is {text: number of episodes}; its texts name the two policies. `method` says how the
    interval was computed.
    """

    measure: Measure
    unit: str
    episodes: int
    difference: float
    interval: tuple[float, float]
    method: str
    counts: dict[str, int]

    @property
    def verdict(self) -> str:
        """Return what the second policy is: 'better', 'worse' or 'not distinguishable'."""
        low, high = self.interval
        return 'better' if low > 0 else 'worse' if high < 0 else 'not distinguishable'


BASE_RESIDUAL = ('base', 'residual')
"""Names of the two policies of a comparison, where it is of the residual with the base alone."""


def compare_counts(both: int, only_first: int, only_second: int, neither: int,
                   names: tuple[str, str] = BASE_RESIDUAL) -> Comparison:
    """Compare two policies by the numbers of episodes that both solved, one alone, or none."""
    episodes = both + only_first + only_second + neither
    difference = (only_second - only_first) / episodes
    total, gained, lost = episodes + 2, only_second + 0.5, only_first + 0.5
    centre = (gained - lost) / total
    half = 1.959964 * math.sqrt(gained + lost - (gained - lost) ** 2 / total) / total
    # The centre is closer to 0 than the difference: the interval must include both.
    low, high = min(centre - half, difference), max(centre + half, difference)
    return Comparison(
        SUCCESS, 'points', episodes, difference, (max(-1.0, low), min(1.0, high)),
        '95 % Wald interval of a paired difference with half an episode added to each of the four '
        'counts (Agresti and Min, 2005)',
        {'solved_by_both': both, f'solved_by_{names[0]}_only': only_first,
         f'solved_by_{names[1]}_only': only_second, 'solved_by_neither': neither})


def compare(first: Iterable[float], second: Iterable[float],
            names: tuple[str, str] = BASE_RESIDUAL) -> Comparison:
    """Compare two policies by their successes, 0 or 1, in the same episodes."""
    pairs = list(zip(first, second, strict=True))
    both, only_first, only_second, neither = (
        sum(pair == wanted for pair in pairs) for wanted in ((1, 1), (1, 0), (0, 1), (0, 0)))
    return compare_counts(both, only_first, only_second, neither, names)


def compare_returns(first: Iterable[float], second: Iterable[float],
                    names: tuple[str, str] = BASE_RESIDUAL) -> Comparison:
    """Compare two policies by their returns in the same episodes; for one: infinite interval."""
    gains = [after - before for before, after in zip(first, second, strict=True)]
    difference, low, high = mean_interval(gains)
    return Comparison(
        RETURN, 'of return', len(gains), difference,
        (low, high) if len(gains) > 1 else (-math.inf, math.inf),
        "95 % interval of the mean difference of an episode's two returns by Student's t",
        {f'higher_with_{names[0]}': sum(gain < 0 for gain in gains),
         f'higher_with_{names[1]}': sum(gain > 0 for gain in gains)})


COMPARE = {'success': compare, 'return': compare_returns}


def in_words(paired: Comparison) -> str:
    """Return a comparison of base (first) and residual (second) in words."""
    change = paired.measure.change
    low, high = paired.interval
    points = f'{change(paired.difference)} {paired.unit} (95 % interval {change(low)} to ' \
             f'{change(high)}) on {paired.episodes} fresh episodes'
    if paired.verdict == 'not distinguishable':
        return (f'The residual is not distinguishable from the base controller: {points}; the '
                'interval includes no difference at all. More training or more --episodes may '
                'show one.')
    return f'The residual is {paired.verdict} than the base controller: {points}.'
