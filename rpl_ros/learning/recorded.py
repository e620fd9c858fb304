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

"""Bags for a Learner, the same for training offline, in process and live."""

from dataclasses import dataclass, fields
import hashlib

import numpy as np

from rpl_ros.bags.about import require_no_longer, require_same
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import bag_paths, custom_data
from rpl_ros.bags.reader import read_episodes
from rpl_ros.rewards import described, is_success

TOLERANCE = 1e-6
"""By how much a command may differ from base action plus scaled residual, no unit."""


@dataclass
class Taken:
    """
    What a Learner got from bags: counts, and the Report of the reader.

    `residuals` are commands with a residual, `foreign` those of them that are not what this
    learner's residual_scale makes of it. `contrary` episodes end with a success that the task's
    distance denies, or the reverse.
    """

    bags: int
    report: Report
    episodes: int = 0
    transitions: int = 0
    lost: int = 0
    residuals: int = 0
    foreign: int = 0
    contrary: int = 0
    kept: int = 0

    def lines(self):
        """Yield in words what came, then what did not."""
        yield (f'{self.bags} bag{"s" * (self.bags != 1)}: {self.episodes:,} episodes, '
               f'{self.transitions:,} transitions')
        if self.kept < self.episodes:
            yield (f'only the newest {self.kept:,} episodes are kept: buffer_transitions is the '
                   'limit')
        if self.lost:
            yield f'{self.lost:,} transitions are not complete and not used'
        for problem, count in self.report.problems.items():
            yield f'{count:,} messages are not used: {problem}'
        yield from self.report.damage
        if self.foreign:
            yield (f'{self.foreign:,} of {self.residuals:,} commands are not base action plus '
                   'residual')
        if self.contrary:
            yield (f'{self.contrary:,} episodes end otherwise than the distance of this task says '
                   'they do, which counts here')


def take_bags(learner):
    """
    Read the bags of a Learner's settings into it, one episode at a time; return Taken or None.

    To be called before a checkpoint is restored. BagError for bags that are not fit for it.
    """
    settings, paths = learner.settings, bag_paths(learner.settings.bags)
    if not paths:
        return None
    taken, digest = Taken(len(paths), Report()), hashlib.sha256()
    for path in paths:
        _check_reward(path, learner.spec)
        require_same(path, learner.spec, settings.max_ee_speed)
        before = taken.transitions
        for episode in read_episodes(path, learner.spec, taken.report):
            taken.transitions += learner.add_recorded(episode)
            _count(taken, episode, settings.residual_scale, learner.spec.reach)
            for field in fields(episode):
                digest.update(np.asarray(getattr(episode, field.name)).tobytes())
        require_no_longer(path, taken.report.problems)
        if taken.transitions == before:
            raise BagError(f'{path}: holds no transition that a learner can use: '
                           f'`rpl bag info {path}` says why')
    if not settings.whole_action and 2 * taken.foreign > taken.residuals:
        raise BagError(f'{settings.bags}: {taken.foreign:,} of {taken.residuals:,} commands are '
                       f'not base action + {settings.residual_scale} * residual: recorded with '
                       'another residual_scale, or by a method without a base controller')
    taken.kept, learner.bags = learner.recorded.size, digest.hexdigest()
    return taken


def _check_reward(path, spec):
    """Raise BagError where a bag names another reward than the TaskSpec has."""
    named = custom_data(path)
    for name, expected in described(spec).items():
        if named.get(name, expected) != expected:
            raise BagError(f'{path}: metadata.yaml says {name} is {named[name]!r}, expected '
                           f'{expected!r}')


def _count(taken, episode, scale, reach):
    """Count an Episode in Taken."""
    valid = episode.valid
    if valid.any():
        taken.episodes += 1
    taken.lost += int((~valid).sum())
    moved = valid & episode.residuals.any(axis=1)
    total = (episode.base_actions[:-1] + scale * episode.residuals)[moved]
    taken.residuals += len(total)
    taken.foreign += int((np.abs(np.clip(total, -1.0, 1.0) - episode.executed[moved])
                          > TOLERANCE).any(axis=1).sum())
    reached = is_success(episode.achieved_goals[-1], episode.desired_goal, reach)
    if np.isfinite(episode.achieved_goals[-1]).all():
        taken.contrary += bool(reached) != episode.success
