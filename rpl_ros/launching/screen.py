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

"""
The statistics of a live run, and how they are shown: a screen, a line, a row of metrics.csv.

Plain Python: a result or status is any object with the fields of EpisodeResult or LearnerStatus.
All times are of one monotonic clock, s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TYPE_CHECKING

from rpl_ros.common.progress import clock
from rpl_ros.data import Mode, MODE_NAMES
from rpl_ros.settings.robots import name_of, robot_of
from rpl_ros.tasks.score import Measure, SUCCESS
from rpl_ros.tasks.specs import CONTROL_PERIOD

if TYPE_CHECKING:
    from rich.console import Group

RATE_WINDOW = 10.0
"""Time over which the speed is averaged, s."""
LEFT_WINDOW = 60.0
"""Time over which the speed is averaged for the time that is left, s."""
SILENT_AFTER = 5.0
"""Time without a status after which the learner is shown as silent, s."""
QUIET_AFTER = 60.0
"""Time without an episode after which the line of a robot says so, s."""
SHOWN = ((Mode.BASE, 'base'), (Mode.EVALUATE, 'residual'), (Mode.EXPLORE, 'exploring'))


class RunStatistics:
    """
    What is known about a run that began at time `start`.

    `episodes` is the number of episodes that it will have (0: unknown). Success or return is
    averaged over the last `window` episodes of each mode.
    """

    def __init__(self, episodes: int, window: int, start: float, measure: Measure = SUCCESS,
                 robots: Sequence[int] = (), period: float = CONTROL_PERIOD) -> None:
        """
        Begin without a result.

        `robots` are the numbers of several robots, `period` is the time of a control step, s.
        """
        self.measure, self.period = measure, period
        self.expected = episodes
        self.start = start
        self.seen: set[int] = set()  # numbers of the episodes
        self.steps = self.missed = self.fallbacks = 0
        self.values: dict[int, deque[float]] = {mode: deque(maxlen=window) for mode in MODE_NAMES}
        self.history: deque[tuple[float, int, int]] = deque()  # (time, steps, episodes)
        self.status: Any = None  # the newest LearnerStatus
        self.status_time = start
        self.warnings: deque[str] = deque(maxlen=4)
        self.robots = {robot: RunStatistics(0, window, start, measure) for robot in robots
                       if len(robots) > 1}

    def go_on(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Count the rows of metrics.csv that earlier parts of this run have written."""
        modes = {name: mode for mode, name in MODE_NAMES.items()}
        for row in rows:
            self.seen.add(int(row['episode']))
            self.steps += int(row['steps'])
            self.missed += int(row['missed'])
            self.fallbacks += int(row['fallbacks'])
            self.values[modes[row['mode']]].append(float(row[self.measure.name]))
        if rows:
            self.start -= float(rows[-1]['wall_time_s'])
        for robot, own in self.robots.items():
            own.go_on([row for row in rows if robot_of(int(row['episode'])) == robot])

    @property
    def episodes(self) -> int:
        """Return the number of episodes done."""
        return len(self.seen)

    def add_status(self, status: Any, now: float) -> None:
        """Keep a LearnerStatus."""
        self.status, self.status_time = status, now

    def add_result(self, result: Any, now: float) -> tuple | None:
        """Count an EpisodeResult; return its row of metrics.csv, or None for a repeated one."""
        if result.episode in self.seen:
            return None
        self.seen.add(result.episode)
        self.steps += result.steps
        self.missed += result.missed
        self.fallbacks += result.fallbacks
        self.values[result.mode].append(self.measure.of(result))
        robot = robot_of(result.episode)
        if robot in self.robots:
            self.robots[robot].add_result(result, now)
        self._remember(result, now)
        while len(self.history) > 2 and self.history[1][0] < now - LEFT_WINDOW:
            self.history.popleft()
        status = self.status
        return (result.episode, result.steps, self.steps, MODE_NAMES[result.mode],
                result.policy_version, int(result.success), round(result.episode_return, 6),
                result.missed, result.fallbacks, round(result.duration, 4),
                round(result.command_age_max, 6), status.updates if status else 0,
                int(status.burn_in) if status else 0,
                int(status.on_trial) if status else 0, result.problem,
                robot, round(now - self.start, 3))

    def _remember(self, result: Any, now: float) -> None:
        """Note the progress; if results arrive in a burst, spread them over their durations."""
        if not self.history:
            self.history.append((now, self.steps - result.steps, self.episodes - 1))
        short = max(0.0, result.duration - (now - self.history[-1][0]))
        if short:
            self.history = deque((then - short, *done) for then, *done in self.history)
        self.history.append((now, self.steps, self.episodes))

    def rates(self, now: float, seconds: float) -> tuple[float, float]:
        """Return (steps/s, episodes/s) over about the last `seconds`, or (0, 0) if unknown."""
        recent = [entry for entry in self.history if entry[0] > now - seconds]
        if len(recent) < 2:
            recent = list(self.history)[-2:]
        if len(recent) < 2:
            return 0.0, 0.0
        first, before, last = recent[0], recent[-2], recent[-1]
        # Nothing is known between two results: only a long silence means that the run stopped.
        silence = max(seconds, 2 * (last[0] - before[0]))
        until = last[0] if now - last[0] < silence else now
        span = max(until - first[0], 1e-6)
        return (last[1] - first[1]) / span, (last[2] - first[2]) / span

    def seconds_left(self, now: float) -> float | None:
        """Return the time until all episodes are done, s, or None if unknown."""
        rate = self.rates(now, LEFT_WINDOW)[1]
        if not self.expected or not rate:
            return None
        return max(0, self.expected - self.episodes) / rate

    def means(self, separator: str) -> str:
        """Return the mean success or return of each mode in words."""
        names = dict(SHOWN)
        if self.status and self.status.on_trial:
            names[Mode.EVALUATE] = ('residual in burn-in' if self.status.burn_in
                                    else 'residual on trial')
        return separator.join(f'{name} {self.measure.tally(self.values[mode])}'
                              for mode, name in names.items())


def speed(numbers: RunStatistics, now: float, text: str) -> str:
    """Return `text` with the steps per second and their ratio to real time filled in."""
    if not numbers.history:
        return 'first episode under way'
    rate = numbers.rates(now, RATE_WINDOW)[0]
    return text.format(rate, rate * numbers.period)


def learning_state(numbers: RunStatistics, now: float) -> str:
    """Return what the learner does, in a few words."""
    status = numbers.status
    if status is None:
        return 'no learner_status received'
    if status.error:
        return f'stopped: {status.error}'
    if now - numbers.status_time > SILENT_AFTER:
        return f'silent for {now - numbers.status_time:.0f} s'
    if status.burn_in:
        acts = 'base action' if status.on_trial else 'residual'  # of a policy that was given
        return f'burn-in: only the critic learns, {acts} used'
    if status.on_trial:
        return 'actor learns, residual on trial, base action used'
    return 'actor learns, residual used' if status.updates else 'no update yet'


def robot_line(numbers: RunStatistics, now: float) -> str:
    """Return the state of one of several robots in a line of text."""
    if not numbers.history:
        return f'{numbers.episodes} episodes before' if numbers.episodes else 'no episode yet'
    silent = now - numbers.history[-1][0]
    return (f'{numbers.episodes} episodes   {numbers.steps:,} steps   '
            + speed(numbers, now, '{:.0f}/s   {:.1f} x real time') + f'   {numbers.means("   ")}'
            + (f'   no episode for {silent:.0f} s' if silent > QUIET_AFTER else ''))


def plain_line(numbers: RunStatistics, now: float) -> str:
    """Return the state of the run in one line of text."""
    parts = [f'{clock(now - numbers.start)}',
             f'episode {numbers.episodes}' + (f'/{numbers.expected}' if numbers.expected else ''),
             f'{numbers.steps} steps', speed(numbers, now, '{:.0f} steps/s (x{:.1f})'),
             f'{numbers.measure.name}: {numbers.means(", ")}',
             learning_state(numbers, now)]
    if numbers.status:
        parts.append(f'{numbers.status.updates} updates, policy {numbers.status.policy_version}')
    if numbers.expected:
        parts.append(f'{clock(numbers.seconds_left(now))} left')
    parts += [f'{name_of(robot)} {own.episodes}' for robot, own in numbers.robots.items()]
    return ' | '.join(parts)


def _learner_rows(numbers: RunStatistics, now: float) -> Iterator[tuple[str, str]]:
    """Yield (label, text) of the learner's part of the screen."""
    status = numbers.status
    yield 'learner', learning_state(numbers, now)
    if status:
        yield 'updates', (f'{status.updates:,}   {status.updates_per_second:.0f}/s   '
                          f'owed {status.owed_updates:,}   rejected {status.rejected:,}')
        yield 'policy', f'version {status.policy_version}   mean |residual| ' \
                        f'{status.mean_residual:.3f}'
        yield 'critic', f'loss {status.critic_loss:.4f}   mean Q {status.mean_q:.2f}'


def screen_rows(numbers: RunStatistics, now: float) -> list[tuple[str, str]]:
    """Return [(label, text)] of the screen below its progress bar."""
    rows = [('env steps', f'{numbers.steps:,}   '
             + speed(numbers, now, '{:.0f}/s   {:.1f} x real time')),
            (numbers.measure.name, numbers.means('   ')),
            *_learner_rows(numbers, now)]
    rows += [(name_of(robot), robot_line(own, now)) for robot, own in numbers.robots.items()]
    if numbers.missed or numbers.fallbacks:
        rows.append(('problems', f'{numbers.missed} missed commands   {numbers.fallbacks} '
                     'fallbacks'))
    return rows


def draw(numbers: RunStatistics, now: float, title: str) -> Group:
    """Return the live screen, for `rich` to print."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text
    done = f'{numbers.episodes}' + (f'/{numbers.expected}' if numbers.expected else '')
    head = Table.grid(padding=(0, 2))
    head.add_row(Text(f'episode {done}'),
                 ProgressBar(total=numbers.expected or None, completed=numbers.episodes, width=30),
                 Text(f'{clock(now - numbers.start)} so far'),
                 Text(f'{clock(numbers.seconds_left(now))} left') if numbers.expected else '')
    body = Table.grid(padding=(0, 2))
    for label, text in screen_rows(numbers, now):
        bad = label == 'problems' or text.startswith(('stopped', 'silent'))
        body.add_row(Text(label, style='dim'), Text(text, style='red' if bad else ''))
    warnings = [Text(text, style='yellow', no_wrap=True, overflow='ellipsis')
                for text in numbers.warnings]
    panel = Panel(Group(head, '', body, *warnings), title=title, title_align='left')
    # The empty line is for the cursor: at the end of a full line, the ^C that a terminal echoes
    # would wrap and shift the screen.
    return Group(panel, '')
