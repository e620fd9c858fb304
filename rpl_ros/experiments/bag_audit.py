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

"""The audit of a bag: what is in it, what was lost, and whether it can be trained from."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from rpl_ros import data
from rpl_ros.bags.about import about, bag_spec, require_no_longer
from rpl_ros.bags.errors import BagError, Report
from rpl_ros.bags.files import storage_files
from rpl_ros.bags.reader import NEEDED, read_items
from rpl_ros.bags.schema import TYPES
from rpl_ros.experiments.evaluate import wilson
from rpl_ros.transitions import Joiner, mode_of

FIT, LOSSES, UNUSABLE = range(3)
"""The verdict, and the exit code."""
SLOWER = 0.01
"""Difference of an action, no unit, from which the limits of motion count as felt."""
MOST_OPEN = 200
"""Episodes whose messages are still awaited."""


@dataclass
class _Tally:
    """
    What came of an episode: the steps of its states and commands, and how it went.

    `steps` is {topic: {step: what tells two messages apart}}.
    """

    steps: dict = field(default_factory=lambda: {topic: {} for topic in NEEDED})
    last: data.State = None
    returned: float = 0.0
    missed: int = 0
    limited: int = 0
    version: int = 0
    modes: set = field(default_factory=set)

    def add(self, topic, item):
        """Take a State or Command that did not come before."""
        self.steps[topic][item.step] = _content(topic, item)
        if topic == 'command':
            self.version = max(self.version, item.policy_version)
            self.modes.add(item.mode)
            return
        self.returned += item.reward
        self.missed += item.step > 0 and not item.applied
        self.limited += (item.motion.size == item.executed.size > 0
                         and bool((np.abs(item.motion - item.executed) > SLOWER).any()))
        if item.last:
            self.last = item

    @property
    def mode(self):
        """Return who drove: 'base', 'explore' or 'evaluate'."""
        return data.MODE_NAMES[mode_of(self.modes)]

    @property
    def absent(self):
        """Return how many messages lack up to the last one that is there."""
        length = max(max(steps, default=-1) for steps in self.steps.values()) + 1
        return 2 * length - sum(len(steps) for steps in self.steps.values())

    @property
    def unpaired(self):
        """Return how many messages have no partner of the same step."""
        return len(self.steps['state'].keys() ^ self.steps['command'].keys())


def _content(topic, item):
    """Return bytes in which two messages of one step differ where they contradict each other."""
    return (item.observation if topic == 'state' else item.sent).tobytes()


@dataclass
class Audit:
    """
    What is in a bag; `losses` says in words what keeps it from being fit, `error` why unusable.

    Durations in s, rates in Hz by the time of recording. `transitions` are those that a learner
    can use; `gaps` counts states and commands that lack within episodes, `missed` control steps
    in which nothing was executed. `conflicts` are messages that contradict another one of the same
    episode and step. `changed` transitions executed something else than what was sent, and in
    `limited` ones the limits of motion slowed the robot. `controllers` are those of base_action.
    """

    path: str
    task: str = ''
    files: int = 0
    size: int = 0
    duration: float = 0.0
    messages: dict = field(default_factory=dict)
    rates: dict = field(default_factory=dict)
    episodes: int = 0
    whole_episodes: int = 0
    unfinished_episodes: int = 0
    steps: int = 0
    transitions: int = 0
    gaps: int = 0
    duplicates: int = 0
    conflicts: int = 0
    changed: int = 0
    limited: int = 0
    terminated: int = 0
    run: str = ''
    horizon: int = 0
    max_ee_speed: float = 0.0
    controllers: list = field(default_factory=list)
    out_of_order: int = 0
    unpaired: int = 0
    missed: int = 0
    rejected: dict = field(default_factory=dict)
    policy_versions: list = field(default_factory=list)
    success: list = field(default_factory=list)
    damage: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    error: str = ''
    verdict: int = UNUSABLE


class _Auditor:
    """Goes through the messages of a bag once."""

    def __init__(self, audit, horizon, run):
        self.audit, self.report, self._horizon = audit, Report(run=run), horizon
        self.joiner, self.tallies = None, {}
        self.counts, self.times, self.newest = Counter(), {}, {}
        self.outcomes, self.rejected, self.versions = {}, Counter(), set()
        self.controllers = set()

    def run(self):
        """Read all; BagError where that is impossible."""
        audit = self.audit
        paths = storage_files(audit.path)
        audit.files, audit.size = len(paths), sum(path.stat().st_size for path in paths)
        waiting = []
        for items in read_items(audit.path, report=self.report, topics=tuple(TYPES)):
            for topic, moment, item in items:
                first, last = self.times.get(topic, (moment, moment))
                self.times[topic] = (min(first, moment), max(last, moment))
                self.counts[topic] += 1
                if topic in NEEDED:
                    waiting.append((topic, item))
                elif topic == 'base_action':
                    self.controllers.add(item.controller)
            if self.report.task:  # before the first state nobody knows it
                for topic, item in waiting:
                    self._take(topic, item)
                waiting.clear()
        if self.joiner is not None:
            self._join(self.joiner.flush())
            require_no_longer(audit.path, self.joiner.problems)
        for number in list(self.tallies):
            self._close(number)
        self._times()

    def _begin(self):
        """Find out what the bag is about, when its first state has come."""
        self.audit.task, known = self.report.task, about(self.audit.path, self.report.run)
        spec = bag_spec(self.audit.path, self._horizon, self.report.run)
        self.audit.horizon, self.audit.max_ee_speed = spec.horizon, known.max_ee_speed
        self.joiner = Joiner(spec)

    def _take(self, topic, item):
        if self.joiner is None:
            self._begin()
        tally = self.tallies.setdefault(item.episode, _Tally())
        key = (item.episode, item.step)
        if item.step in tally.steps[topic]:
            same = tally.steps[topic][item.step] == _content(topic, item)
            self.audit.duplicates += same
            self.audit.conflicts += not same
            return
        self.audit.out_of_order += key < self.newest.get(topic, key)
        self.newest[topic] = max(key, self.newest.get(topic, key))
        tally.add(topic, item)
        episodes, problem = self.joiner.add(topic, item)
        if problem:
            self.rejected[problem.partition(': ')[2]] += 1
        self._join(episodes)
        if len(self.tallies) > MOST_OPEN:
            self._close(next(iter(self.tallies)))

    def _join(self, episodes):
        audit = self.audit
        for episode in episodes:
            audit.steps += episode.steps
            audit.transitions += int(episode.valid.sum())
            audit.changed += int((episode.valid & (episode.sent != episode.executed).any(axis=1)
                                  ).sum())
            audit.terminated += episode.terminated

    def _close(self, number):
        """Count an episode of which nothing more is awaited."""
        tally, audit = self.tallies.pop(number), self.audit
        audit.episodes += 1
        audit.gaps += tally.absent
        audit.unpaired += tally.unpaired
        audit.missed += tally.missed
        audit.limited += tally.limited
        audit.unfinished_episodes += tally.last is None
        audit.whole_episodes += tally.last is not None and not tally.absent
        self.versions.add(tally.version)
        if tally.last is not None:
            key = (tally.version, tally.mode)
            self.outcomes.setdefault(key, []).append((tally.last.success, tally.returned))

    def _times(self):
        """Work out duration and rates, s and Hz."""
        audit = self.audit
        audit.messages = {topic: self.counts[topic] for topic in TYPES}
        if self.times:
            first, last = np.array(list(self.times.values())).T
            audit.duration = float(last.max() - first.min()) / 1e9
        for topic, (first, last) in self.times.items():
            if last > first:
                audit.rates[topic] = (self.counts[topic] - 1) / ((last - first) / 1e9)


def _success(outcomes):
    """Return rows of success by version and mode; the base controller is the same in all."""
    merged = {}
    for (version, mode), episodes in outcomes.items():
        merged.setdefault((None if mode == 'base' else version, mode), []).extend(episodes)
    rows = []
    for version, mode in sorted(merged, key=lambda key: (key[0] is not None, key[0] or 0, key[1])):
        episodes = merged[version, mode]
        wins = sum(won for won, _ in episodes)
        low, high = wilson(wins, len(episodes))
        rows.append({'policy_version': version, 'mode': mode, 'episodes': len(episodes),
                     'successes': wins, 'success_rate': wins / len(episodes), 'low': low,
                     'high': high,
                     'mean_return': sum(value for _, value in episodes) / len(episodes)})
    return rows


def _losses(audit):
    """Return in words what was lost."""
    found = list(audit.damage)
    if audit.gaps:
        found.append(f'{audit.gaps} states or commands are missing within episodes')
    if audit.conflicts:
        found.append(f'{audit.conflicts} messages contradict another one of the same episode and '
                     'step: more than one sender was recorded')
    if audit.unfinished_episodes:
        found.append(f'{audit.unfinished_episodes} episodes have no last state')
    found += [f'{count} messages were rejected: {reason}'
              for reason, count in audit.rejected.items()]
    lost = audit.steps - audit.transitions - audit.missed
    if found and lost > 0:
        found.append(f'{lost} transitions of {audit.steps}')
    return found


def audit_bag(path, horizon=0, run=''):
    """
    Return the Audit of a bag.

    Its episodes have `horizon` steps, 0: as many as it says, or its task. Of several runs, `run`
    is looked at, '': that of the first state.
    """
    audit = Audit(str(path))
    auditor = _Auditor(audit, horizon, run)
    try:
        auditor.run()
    except BagError as error:
        audit.error = str(error)
    audit.damage, audit.run = auditor.report.damage, auditor.report.run
    audit.controllers = sorted(auditor.controllers)
    audit.rejected = dict(auditor.rejected + auditor.report.problems)
    audit.policy_versions = sorted(auditor.versions)
    audit.success = _success(auditor.outcomes)
    audit.losses = _losses(audit)
    if not audit.error and not audit.transitions:
        audit.error = f'{path}: holds no transition that is whole'
    if not audit.error:
        audit.verdict = LOSSES if audit.losses else FIT
    return audit
