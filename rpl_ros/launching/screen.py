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
The numbers of a run and how they are shown: a live screen, a plain line, a row of metrics.csv.

Plain Python: results and statuses are anything with the fields of EpisodeResult and
LearnerStatus. All times are those of one monotonic clock, s.
"""

from collections import deque

from rpl_ros.data import BASE, EVALUATE, EXPLORE, MODE_NAMES
from rpl_ros.measures import MEASURES
from rpl_ros.tasks.specs import CONTROL_PERIOD

COLUMNS = ('episode', 'steps', 'total_steps', 'mode', 'policy_version', 'success', 'return',
           'missed', 'fallbacks', 'duration_s', 'command_age_max_s', 'updates', 'burn_in',
           'on_trial', 'wall_time_s')
RATE_WINDOW = 10.0
LEFT_WINDOW = 60.0
SILENT = 5.0
"""Time without a status after which the learner is shown as silent, s."""
SHOWN = ((BASE, 'base'), (EVALUATE, 'residual'), (EXPLORE, 'exploring'))


class Numbers:
    """What is known about a run that started at `start` and shall have `episodes` (0: unknown)."""

    def __init__(self, episodes, window, start, measure=MEASURES['success']):
        """Success or return is averaged over the last `window` episodes of each mode."""
        self.measure = measure
        self.expected = episodes
        self.start = start
        self.seen = set()
        self.steps = self.missed = self.fallbacks = 0
        self.values = {mode: deque(maxlen=window) for mode in MODE_NAMES}
        self.history = deque()
        self.status = None
        self.status_time = start
        self.warnings = deque(maxlen=4)

    @property
    def episodes(self):
        """Return the number of episodes done."""
        return len(self.seen)

    def add_status(self, status, now):
        """Take a LearnerStatus."""
        self.status, self.status_time = status, now

    def add_result(self, result, now):
        """Take an EpisodeResult; return its row of metrics.csv, or None if it came before."""
        if result.episode in self.seen:
            return None
        self.seen.add(result.episode)
        self.steps += result.steps
        self.missed += result.missed
        self.fallbacks += result.fallbacks
        self.values[result.mode].append(self.measure.of(result))
        self._remember(result, now)
        while len(self.history) > 2 and self.history[1][0] < now - LEFT_WINDOW:
            self.history.popleft()
        status = self.status
        return (result.episode, result.steps, self.steps, MODE_NAMES[result.mode],
                result.policy_version, int(result.success), round(result.episode_return, 6),
                result.missed, result.fallbacks, round(result.duration, 4),
                round(result.command_age_max, 6), status.updates if status else 0,
                int(status.burn_in) if status else 0,
                int(status.on_trial) if status else 0, round(now - self.start, 3))

    def _remember(self, result, now):
        """Note when how much was done; a result that came in a burst took its time before."""
        if not self.history:
            self.history.append((now, self.steps - result.steps, self.episodes - 1))
        short = max(0.0, result.duration - (now - self.history[-1][0]))
        if short:
            self.history = deque((then - short, *done) for then, *done in self.history)
        self.history.append((now, self.steps, self.episodes))

    def rates(self, now, seconds):
        """Return (steps/s, episodes/s) over about the last `seconds`, or (0, 0) if unknown."""
        recent = [entry for entry in self.history if entry[0] > now - seconds]
        if len(recent) < 2:
            recent = list(self.history)[-2:]
        if len(recent) < 2:
            return 0.0, 0.0
        first, before, last = recent[0], recent[-2], recent[-1]
        # Between two results nothing is known: only a long silence counts as standing still.
        silence = max(seconds, 2 * (last[0] - before[0]))
        until = last[0] if now - last[0] < silence else now
        span = max(until - first[0], 1e-6)
        return (last[1] - first[1]) / span, (last[2] - first[2]) / span

    def seconds_left(self, now):
        """Return the time until all episodes are done, s, or None if unknown."""
        rate = self.rates(now, LEFT_WINDOW)[1]
        if not self.expected or not rate:
            return None
        return max(0, self.expected - self.episodes) / rate

    def means(self, between):
        """Return the mean success or return of each mode in words, with `between` them."""
        names = dict(SHOWN)
        if self.status and self.status.on_trial:
            names[EVALUATE] = 'residual on trial'
        return between.join(f'{name} {self.measure.tally(self.values[mode])}'
                            for mode, name in names.items())


def clock(seconds):
    """Return a time in s as [h:]mm:ss, '--:--' for None."""
    if seconds is None:
        return '--:--'
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02d}:{rest:02d}' if hours else f'{minutes:02d}:{rest:02d}'


def speed(numbers, now, text):
    """Return steps/s, and how many times real time that is, as `text`; unknown before a result."""
    if not numbers.history:
        return 'first episode under way'
    rate = numbers.rates(now, RATE_WINDOW)[0]
    return text.format(rate, rate * CONTROL_PERIOD)


def learning_state(numbers, now):
    """Return what the learner does, in a few words."""
    status = numbers.status
    if status is None:
        return 'no learner heard'
    if status.error:
        return f'stopped: {status.error}'
    if now - numbers.status_time > SILENT:
        return f'silent for {now - numbers.status_time:.0f} s'
    if status.burn_in:
        return 'burn-in: critic learns alone, the base counts'
    if status.on_trial:
        return 'actor learns, residual on trial: the base counts'
    if not status.updates:
        return 'no update yet: the base counts'
    return 'actor learns, the residual counts'


def plain_line(numbers, now):
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
    return ' | '.join(parts)


def _learner_rows(numbers, now):
    """Yield (label, text) of the learner's part of the screen."""
    status = numbers.status
    yield 'learner', learning_state(numbers, now)
    if status:
        yield 'updates', (f'{status.updates:,}   {status.updates_per_second:.0f}/s   '
                          f'owed {status.owed_updates:,}   rejected {status.rejected:,}')
        yield 'policy', f'version {status.policy_version}   mean |residual| ' \
                        f'{status.mean_residual:.3f}'
        yield 'critic', f'loss {status.critic_loss:.4f}   mean Q {status.mean_q:.2f}'


def screen_rows(numbers, now):
    """Return [(label, text)] of the screen below its progress bar."""
    rows = [('env steps', f'{numbers.steps:,}   '
             + speed(numbers, now, '{:.0f}/s   {:.1f} x real time')),
            (numbers.measure.name, numbers.means('   ')),
            *_learner_rows(numbers, now)]
    if numbers.missed or numbers.fallbacks:
        rows.append(('trouble', f'{numbers.missed} missed commands   {numbers.fallbacks} '
                                'fallbacks'))
    return rows


def draw(numbers, now, title):
    """Return the live screen as something that `rich` prints."""
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
        bad = label == 'trouble' or text.startswith(('stopped', 'silent'))
        body.add_row(Text(label, style='dim'), Text(text, style='red' if bad else ''))
    warnings = [Text(text, style='yellow', no_wrap=True, overflow='ellipsis')
                for text in numbers.warnings]
    panel = Panel(Group(head, '', body, *warnings), title=title, title_align='left')
    # The cursor rests in the empty line: at the end of a full one the ^C that a terminal echoes
    # would wrap and shift the screen.
    return Group(panel, '')
