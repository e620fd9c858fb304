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
from rpl_ros.common.intervals import wilson
from rpl_ros.transitions import Joiner, mode_of

FIT, LOSSES, UNUSABLE = range(3)
"""The verdict, and the exit code."""
SLOWED = 0.01
"""Difference of an action, no unit, from which the motion limits have changed it."""
MOST_OPEN = 200
"""Episodes for which more messages are expected."""


@dataclass
class _Episode:
    """
    What was recorded of an episode.

    `steps` is {topic: {step: bytes by which messages that contradict each other differ}}.
    """

    steps: dict[str, dict[int, bytes]] = field(
        default_factory=lambda: {topic: {} for topic in NEEDED})
    last: data.State | None = None
    total_reward: float = 0.0
    missed: int = 0
    limited: int = 0
    version: int = 0
    modes: set[int] = field(default_factory=set)

    def add(self, topic: str, item: data.State | data.Command, content: bytes) -> None:
        """Add the first State or Command of a step."""
        self.steps[topic][item.step] = content
        if isinstance(item, data.Command):
            self.version = max(self.version, item.policy_version)
            self.modes.add(item.mode)
            return
        self.total_reward += item.reward
        self.missed += item.step > 0 and not item.applied
        self.limited += (item.motion.size == item.executed.size > 0
                         and bool((np.abs(item.motion - item.executed) > SLOWED).any()))
        if item.last:
            self.last = item

    @property
    def gaps(self) -> int:
        """Return how many messages are missing up to the last recorded step."""
        length = max(max(steps, default=-1) for steps in self.steps.values()) + 1
        return 2 * length - sum(len(steps) for steps in self.steps.values())

    @property
    def unpaired(self) -> int:
        """Return how many messages have no partner of the same step."""
        return len(self.steps['state'].keys() ^ self.steps['command'].keys())


@dataclass
class Audit:
    """
    What is in a bag; `losses` says why it is not fit for training, `error` why it is unusable.

    Durations in s, rates in Hz by the time of recording. `transitions` are those that a learner
    can use. `gaps` is the number of states and commands that are missing within episodes, `missed`
    the number of control steps in which nothing was executed. `conflicts` are messages that
    contradict another one of the same episode and step. `changed` transitions executed another
    action than the sent one; in `limited` ones the motion limits slowed the robot. `controllers`
    are those of base_action. `success` has a row for each version of the weights and mode.
    `problems` is {why episodes could not continue: their number}: no transition of them is used.
    """

    path: str
    task: str = ''
    files: int = 0
    size: int = 0
    duration: float = 0.0
    messages: dict[str, int] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
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
    controllers: list[str] = field(default_factory=list)
    out_of_order: int = 0
    unpaired: int = 0
    missed: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    policy_versions: list[int] = field(default_factory=list)
    success: list[dict] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    error: str = ''
    verdict: int = UNUSABLE


class _Auditor:
    """Reads the messages of a bag once and counts them in an Audit."""

    def __init__(self, audit: Audit, horizon: int, run: str) -> None:
        self.audit, self.report, self._horizon = audit, Report(run=run), horizon
        self.joiner: Joiner | None = None
        self.open: dict[int, _Episode] = {}
        self.times: dict[str, tuple[int, int]] = {}  # topic: its first and last message
        self.newest: dict[str, tuple[int, int]] = {}  # topic: newest episode and step
        self.outcomes: dict[tuple[int, str], list[tuple[bool, float]]] = {}
        self.counts: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.versions: set[int] = set()
        self.controllers: set[str] = set()

    def run(self) -> None:
        """Read the whole bag; BagError where that is impossible."""
        audit = self.audit
        paths = storage_files(audit.path)
        audit.files, audit.size = len(paths), sum(path.stat().st_size for path in paths)
        waiting: list[tuple[str, data.State | data.Command]] = []
        for items in read_items(audit.path, report=self.report, topics=tuple(TYPES)):
            for topic, time, item in items:
                first, last = self.times.get(topic, (time, time))
                self.times[topic] = (min(first, time), max(last, time))
                self.counts[topic] += 1
                if topic in NEEDED:
                    waiting.append((topic, item))
                elif topic == 'base_action':
                    self.controllers.add(item.controller)
            if self.report.task:  # unknown before the first state
                joiner = self.joiner = self.joiner or self._start()
                for topic, item in waiting:
                    self._add(joiner, topic, item)
                waiting.clear()
        if self.joiner is not None:
            self._count_joined(self.joiner.flush())
            require_no_longer(audit.path, self.joiner.problems)
        for number in list(self.open):
            self._close(number)
        self._count_messages()

    def _start(self) -> Joiner:
        """Find out task, horizon and speed of the bag."""
        self.audit.task = self.report.task or ''
        spec = bag_spec(self.audit.path, self._horizon, self.report.run)
        self.audit.horizon = spec.horizon
        self.audit.max_ee_speed = about(self.audit.path, self.report.run).max_ee_speed
        return Joiner(spec)

    def _add(self, joiner: Joiner, topic: str, item: data.State | data.Command) -> None:
        """Count a State or Command."""
        episode = self.open.setdefault(item.episode, _Episode())
        content = (item.observation if isinstance(item, data.State) else item.sent).tobytes()
        if item.step in episode.steps[topic]:
            same = episode.steps[topic][item.step] == content
            self.audit.duplicates += same
            self.audit.conflicts += not same
            return
        key = (item.episode, item.step)
        newest = self.newest.get(topic, key)
        self.audit.out_of_order += key < newest
        self.newest[topic] = max(key, newest)
        episode.add(topic, item, content)
        joined, problem = joiner.add(topic, item)
        if problem:
            self.rejected[problem.partition(': ')[2]] += 1
        self._count_joined(joined)
        if len(self.open) > MOST_OPEN:
            self._close(next(iter(self.open)))

    def _count_joined(self, episodes: list[data.Episode]) -> None:
        audit = self.audit
        for episode in episodes:
            audit.steps += episode.steps
            audit.transitions += int(episode.valid.sum())
            audit.changed += int((episode.valid & (episode.sent != episode.executed).any(axis=1)
                                  ).sum())
            audit.terminated += episode.terminated
            if episode.problem:
                self.problems[episode.problem] += 1

    def _close(self, number: int) -> None:
        """Count an episode that is complete, or of which no more messages are expected."""
        episode, audit = self.open.pop(number), self.audit
        audit.episodes += 1
        audit.gaps += episode.gaps
        audit.unpaired += episode.unpaired
        audit.missed += episode.missed
        audit.limited += episode.limited
        audit.unfinished_episodes += episode.last is None
        audit.whole_episodes += episode.last is not None and not episode.gaps
        self.versions.add(episode.version)
        if episode.last is not None:
            key = (episode.version, data.MODE_NAMES[mode_of(episode.modes)])
            self.outcomes.setdefault(key, []).append((episode.last.success, episode.total_reward))

    def _count_messages(self) -> None:
        audit = self.audit
        audit.messages = {topic: self.counts[topic] for topic in TYPES}
        if self.times:
            first, last = np.array(list(self.times.values())).T
            audit.duration = float(last.max() - first.min()) / 1e9
        audit.rates = {topic: (self.counts[topic] - 1) / ((last - first) / 1e9)
                       for topic, (first, last) in self.times.items() if last > first}


def _success(outcomes: dict[tuple[int, str], list[tuple[bool, float]]]) -> list[dict]:
    """Return a row for each (version, mode); the base controller is the same in all versions."""
    merged: dict[tuple[int | None, str], list[tuple[bool, float]]] = {}
    for (version, mode), episodes in outcomes.items():
        merged.setdefault((None if mode == 'base' else version, mode), []).extend(episodes)
    rows = []
    for key in sorted(merged, key=lambda key: (key[0] is not None, key[0] or 0, key[1])):
        successes, returns = zip(*merged[key])
        low, high = wilson(sum(successes), len(successes))
        rows.append({'policy_version': key[0], 'mode': key[1], 'episodes': len(successes),
                     'successes': sum(successes), 'success_rate': sum(successes) / len(successes),
                     'low': low, 'high': high, 'mean_return': sum(returns) / len(returns)})
    return rows


def _losses(audit: Audit) -> list[str]:
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


def audit_bag(path: object, horizon: int = 0, run: str = '') -> Audit:
    """
    Return the Audit of the bag at `path`; its `error` says why a bag cannot be read.

    `horizon` is the number of control steps of an episode, 0: as the bag or its task says. Of
    several runs, `run` is audited, '': the run of the first state.
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
    audit.problems = dict(auditor.problems)
    audit.policy_versions = sorted(auditor.versions)
    audit.success = _success(auditor.outcomes)
    audit.losses = _losses(audit)
    if not audit.error and not audit.transitions:
        audit.error = f'{path}: holds no transition that is whole'
    if not audit.error:
        audit.verdict = LOSSES if audit.losses else FIT
    return audit
