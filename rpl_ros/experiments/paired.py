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

"""Two policies on the same episodes: their difference, and what it means in words."""

from dataclasses import dataclass
import math

from rpl_ros.experiments.evaluate import mean_interval
from rpl_ros.measures import MEASURES


class Comparison:
    """A `difference`, second minus first policy, and its 95 % `interval`: what they mean."""

    @property
    def verdict(self):
        """Return 'better', 'worse' or 'not distinguishable': the second against the first."""
        low, high = self.interval
        return 'better' if low > 0 else 'worse' if high < 0 else 'not distinguishable'


@dataclass(frozen=True)
class Paired(Comparison):
    """
    Numbers of episodes that both policies solved, one alone, or none; and what follows.

    `difference` is success of the second minus success of the first, -1 to 1.
    """

    measure = MEASURES['success']
    unit = 'points'
    method = ('95 % Wald interval of a paired difference with half an episode added to each of '
              'the four counts (Agresti and Min, 2005)')

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def episodes(self):
        """Return the number of episodes."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self):
        """Return success of the second minus success of the first."""
        return (self.only_second - self.only_first) / self.episodes

    @property
    def interval(self):
        """Return low and high end of the 95 % interval of the difference; `method` says how."""
        total = self.episodes + 2
        gained, lost = self.only_second + 0.5, self.only_first + 0.5
        centre = (gained - lost) / total
        half = 1.959964 * math.sqrt(gained + lost - (gained - lost) ** 2 / total) / total
        # The centre is drawn towards 0: the interval must not leave the difference itself out.
        low, high = min(centre - half, self.difference), max(centre + half, self.difference)
        return max(-1.0, low), min(1.0, high)

    @property
    def counts(self):
        """Return {what: number of episodes}, where the first is the base, the second residual."""
        return {'solved_by_both': self.both, 'solved_by_base_only': self.only_first,
                'solved_by_residual_only': self.only_second, 'solved_by_neither': self.neither}


@dataclass(frozen=True)
class PairedReturns(Comparison):
    """The `gains` in return of the second policy over the first, one an episode."""

    gains: tuple

    measure = MEASURES['return']
    unit = 'of return'
    method = "95 % interval of the mean difference of an episode's two returns by Student's t"

    @property
    def episodes(self):
        """Return the number of episodes."""
        return len(self.gains)

    @property
    def difference(self):
        """Return the mean gain."""
        return mean_interval(self.gains)[0]

    @property
    def interval(self):
        """Return low and high end of the mean gain's 95 % interval, infinite for one episode."""
        return mean_interval(self.gains)[1:] if self.episodes > 1 else (-math.inf, math.inf)

    @property
    def counts(self):
        """Return {what: number of episodes}, where the first is the base, the second residual."""
        return {'higher_with_base': sum(gain < 0 for gain in self.gains),
                'higher_with_residual': sum(gain > 0 for gain in self.gains)}


def compare(first, second):
    """Return the Paired of two lists of bools, the successes of two policies in each episode."""
    pairs = list(zip(first, second, strict=True))
    return Paired(*(sum(pair == wanted for pair in pairs) for wanted in (
        (True, True), (True, False), (False, True), (False, False))))


def compare_returns(first, second):
    """Return the PairedReturns of two lists of returns, of two policies in each episode."""
    return PairedReturns(tuple(after - before
                               for before, after in zip(first, second, strict=True)))


COMPARE = {'success': compare, 'return': compare_returns}


def in_words(paired):
    """Return what the comparison of base (first) and residual (second) says, as sentences."""
    change = paired.measure.change
    low, high = paired.interval
    points = f'{change(paired.difference)} {paired.unit} (95 % interval {change(low)} to ' \
             f'{change(high)}) on {paired.episodes} fresh episodes'
    if paired.verdict == 'not distinguishable':
        return (f'The residual is not distinguishable from the base controller: {points}; the '
                'interval includes no difference at all. More training or more --episodes may '
                'tell.')
    return f'The residual is {paired.verdict} than the base controller: {points}.'
