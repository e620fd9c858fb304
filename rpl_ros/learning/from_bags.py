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

"""Bags for a Learner: the same code for training offline, in process and live."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
import hashlib
from pathlib import Path

import numpy as np
from rpl_ros.bags.about import require_no_longer, require_same
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import bag_paths, custom_data
from rpl_ros.bags.reader import read_episodes
from rpl_ros.data import Episode
from rpl_ros.learning.learner import Learner
from rpl_ros.tasks.rewards import bag_metadata, is_success
from rpl_ros.tasks.specs import TaskSpec

TOLERANCE = 1e-6
"""By how much a command may differ from base action plus scaled residual, no unit."""


@dataclass
class BagSummary:
    """
    What a Learner read from bags: numbers of things, and the Report of the reader.

    `residuals`: commands with a residual. `scale_mismatches`: those of them that differ from base
    action + residual_scale * residual. `outcome_mismatches`: episodes whose recorded success
    disagrees with the distance test of the task.
    """

    bags: int
    report: Report
    episodes: int = 0
    transitions: int = 0
    lost: int = 0
    residuals: int = 0
    scale_mismatches: int = 0
    outcome_mismatches: int = 0
    kept: int = 0

    def lines(self) -> Iterator[str]:
        """Yield in words what was read, then what was not used and why."""
        yield (f'{self.bags} bag{"s" * (self.bags != 1)}: {self.episodes:,} episodes, '
               f'{self.transitions:,} transitions')
        if self.kept < self.episodes:
            yield (f'only the newest {self.kept:,} episodes are kept: buffer_transitions is the '
                   'limit')
        if self.lost:
            yield (f'{self.lost:,} transitions are not used: they are not complete, or their '
                   'episode could not continue')
        for problem, count in self.report.problems.items():
            yield f'{count:,} messages are not used: {problem}'
        yield from self.report.damage
        if self.scale_mismatches:
            yield (f'{self.scale_mismatches:,} of {self.residuals:,} commands are not base action '
                   'plus residual')
        if self.outcome_mismatches:
            yield (f'{self.outcome_mismatches:,} episodes end otherwise than the distance of this '
                   'task says they do; the distance is used')


def take_bags(learner: Learner) -> BagSummary | None:
    """
    Read the bags of a Learner's settings into it, one episode at a time; return a summary.

    None without bags. Call it before a checkpoint is restored. BagError for bags that do not fit.
    """
    settings, paths = learner.settings, bag_paths(learner.settings.bags)
    if not paths:
        return None
    summary, digest = BagSummary(len(paths), Report()), hashlib.sha256()
    for path in paths:
        _check_reward(path, learner.spec)
        require_same(path, learner.spec, settings.max_ee_speed)
        before = summary.transitions
        for episode in read_episodes(path, learner.spec, summary.report):
            summary.transitions += learner.add_recorded(episode)
            _count(summary, episode, settings.residual_scale, learner.spec.reach)
            for field in fields(episode):
                digest.update(np.asarray(getattr(episode, field.name)).tobytes())
        require_no_longer(path, summary.report.problems)
        if summary.transitions == before:
            raise BagError(f'{path}: holds no transition that a learner can use: '
                           f'`rpl bag info {path}` says why')
    if not settings.whole_action and 2 * summary.scale_mismatches > summary.residuals:
        raise BagError(f'{settings.bags}: {summary.scale_mismatches:,} of {summary.residuals:,} '
                       f'commands are not base action + {settings.residual_scale} * residual: '
                       'recorded with another residual_scale, or by a method without a base '
                       'controller')
    summary.kept, learner.bags = learner.recorded.size, digest.hexdigest()
    return summary


def _check_reward(path: Path, spec: TaskSpec) -> None:
    """Raise BagError where a bag names another reward than the TaskSpec has."""
    named = custom_data(path)
    for name, expected in bag_metadata(spec).items():
        if named.get(name, expected) != expected:
            raise BagError(f'{path}: metadata.yaml says {name} is {named[name]!r}, expected '
                           f'{expected!r}')


def _count(summary: BagSummary, episode: Episode, scale: float, reach: float) -> None:
    """Add an Episode to the summary."""
    valid = episode.valid
    if valid.any():
        summary.episodes += 1
    summary.lost += int((~valid).sum())
    moved = valid & episode.residuals.any(axis=1)
    total = (episode.base_actions[:-1] + scale * episode.residuals)[moved]
    summary.residuals += len(total)
    error = np.abs(np.clip(total, -1.0, 1.0) - episode.executed[moved])
    summary.scale_mismatches += int((error > TOLERANCE).any(axis=1).sum())
    reached = is_success(episode.achieved_goals[-1], episode.desired_goal, reach)
    if np.isfinite(episode.achieved_goals[-1]).all() and not episode.problem:
        summary.outcome_mismatches += bool(reached) != episode.success
