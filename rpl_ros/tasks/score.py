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

"""The score of a policy, success rate or return: how to compute and format it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """
    Success, or return.

    `name` is its column in metrics.csv, `label` the name of its mean in text, `field` its name in
    EpisodeResult and Outcome. `figures` are the keys of its mean and 95 % interval, computed by
    `method`, in what summarise() returns; `column` is its mean in evaluation.csv. A `rate` is
    between 0 and 1, and is written in percent.
    """

    name: str
    label: str
    field: str
    figures: tuple[str, str, str]
    column: str
    method: str
    rate: bool

    def of(self, episode: object) -> float:
        """Return the value of an EpisodeResult or Outcome; of a success 1.0 or 0.0."""
        return float(getattr(episode, self.field))

    def exact(self, value: float) -> str:
        """Format a mean for tables: '24.0%' or '-77.6'."""
        return f'{value:.1%}' if self.rate else f'{value:.1f}'

    def change(self, value: float) -> str:
        """Format a difference of two means: '+24.0' (percentage points) or '+2.3'."""
        return f'{100 * value if self.rate else value:+.1f}'

    def tally(self, values: Sequence[float]) -> str:
        """Format the mean of some episodes: '24 % of 12', '-77.6 over 12', 'none yet'."""
        if not values:
            return 'none yet'
        mean = sum(values) / len(values)
        return (f'{100 * mean:.0f} % of {len(values)}' if self.rate
                else f'{mean:.1f} over {len(values)}')


SUCCESS = Measure('success', 'success', 'success', ('success_rate', 'low', 'high'), 'success',
                  'Wilson', rate=True)
RETURN = Measure('return', 'mean return', 'episode_return',
                 ('mean_return', 'return_low', 'return_high'), 'mean_return', 'Student',
                 rate=False)
MEASURES = {measure.name: measure for measure in (SUCCESS, RETURN)}
