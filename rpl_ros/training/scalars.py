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

"""TensorBoard scalars of `rpl train`: learning, training episodes, trial, evaluations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rpl_ros.data import MODE_NAMES
from rpl_ros.launching.screen import SHOWN
from rpl_ros.learning.learner import Learner
from rpl_ros.tasks.score import Measure

LEARNING = ('critic_loss', 'mean_q', 'mean_residual', 'burn_in', 'on_trial')
WINDOW = 50
"""Training episodes of one mode over which success or return is averaged."""


class Scalars:
    """Writes the scalars of one run."""

    def __init__(self, folder: Path, done: int, measure: Measure, key: str, at: str) -> None:
        """
        Continue after the progress `done`; later scalars of an earlier call are hidden.

        `key` and `at` are the columns of metrics.csv and evaluation.csv with the progress.
        """
        from torch.utils.tensorboard import SummaryWriter
        self._writer = SummaryWriter(folder / 'tensorboard', purge_step=done + 1 if done else None)
        self._measure, self._key, self._at = measure.name, key, at

    def training(self, learner: Learner, row: dict[str, Any], rows: list[dict]) -> None:
        """Write the last `row` of metrics.csv, means over `rows` by mode, and the trial."""
        values = {f'training/{name}': row[name] for name in LEARNING if name in row}
        for mode, name in SHOWN if 'mode' in row else ():
            recent = [float(one[self._measure]) for one in rows
                      if one['mode'] == MODE_NAMES[mode]][-WINDOW:]
            if recent:
                values[f'training_{self._measure}/{name}'] = sum(recent) / len(recent)
        if learner.settings.trial_episodes:
            values.update({f'trial/{name}': mean for name, mean in learner.trial.means().items()})
            values['trial/passed'] = learner.trial.passed
        self._add(values, int(row[self._key]))

    def evaluation(self, rows: list[dict]) -> None:
        """Write the last row of evaluation.csv, and the first where it is the base controller."""
        first, last = rows[0], rows[-1]
        values = {f'evaluation/{name}': last[name]
                  for name in ('success', 'mean_return', 'on_trial')}
        if first['policy'] == 'base':
            values.update({f'evaluation/base_{name}': first[name]
                           for name in ('success', 'mean_return')})
        self._add(values, int(last[self._at]))

    def _add(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, float(value), step)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
