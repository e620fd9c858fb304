# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Two policies on the same episodes: their difference in success, and what it means in words."""

from dataclasses import dataclass
import math

METHOD = ('95 % Wald interval of a paired difference with half an episode added to each of the '
          'four counts (Agresti and Min, 2005)')


@dataclass(frozen=True)
class Paired:
    """Numbers of episodes that both policies solved, one alone, or none; and what follows.

    `difference` is success of the second minus success of the first, -1 to 1, and `low`, `high`
    its 95 % interval.
    """

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
        """Return the 95 % interval (low, high) of the difference; METHOD says how."""
        total = self.episodes + 2
        gained, lost = self.only_second + 0.5, self.only_first + 0.5
        centre = (gained - lost) / total
        half = 1.959964 * math.sqrt(gained + lost - (gained - lost) ** 2 / total) / total
        # The centre is drawn towards 0: the interval must not leave the difference itself out.
        low, high = min(centre - half, self.difference), max(centre + half, self.difference)
        return max(-1.0, low), min(1.0, high)

    @property
    def verdict(self):
        """Return 'better', 'worse' or 'not distinguishable': the second against the first."""
        low, high = self.interval
        return 'better' if low > 0 else 'worse' if high < 0 else 'not distinguishable'


def compare(first, second):
    """Return the Paired of two lists of bools, the successes of two policies in each episode."""
    pairs = list(zip(first, second, strict=True))
    return Paired(*(sum(pair == wanted for pair in pairs) for wanted in (
        (True, True), (True, False), (False, True), (False, False))))


def in_words(paired):
    """Return what the comparison of base (first) and residual (second) says, as sentences."""
    low, high = paired.interval
    points = f'{100 * paired.difference:+.1f} points (95 % interval {100 * low:+.1f} to ' \
             f'{100 * high:+.1f}) on {paired.episodes} fresh episodes'
    if paired.verdict == 'not distinguishable':
        return (f'The residual is not distinguishable from the base controller: {points}; the '
                'interval includes no difference at all. More training or more --episodes may '
                'tell.')
    return f'The residual is {paired.verdict} than the base controller: {points}.'
