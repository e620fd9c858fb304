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

"""The state of a run of a sweep, read from the files in its folder."""

from dataclasses import dataclass
from datetime import datetime
import fcntl
from math import isfinite
import os
from pathlib import Path
import re
import shlex
from typing import Any, Protocol

from rpl_ros.common.brief import brief
from rpl_ros.common.files import LOCK, open_regular
from rpl_ros.runs.facts import finished, read_facts, read_mapping
from rpl_ros.runs.layout import CONFIG, EVALUATION, METRICS, RUN, SWEEP_LOG
from rpl_ros.settings.fields import SettingsError
from rpl_ros.tasks.find import task_spec

QUEUED, RUNNING, STOPPED, FAILED, FINISHED = 'queued', 'running', 'stopped', 'failed', 'finished'
STATES = (RUNNING, FAILED, STOPPED, QUEUED, FINISHED)
TAIL = 8192  # bytes at the end of a file that are searched for its last lines
ENDED = re.compile(r'rpl sweep: .* failed: (.*)')


class _Job(Protocol):  # what a sweeps.grid.Job has and is needed here

    @property
    def folder(self) -> Path: ...
    @property
    def task(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def settings(self) -> tuple[tuple[str, Any], ...]: ...


@dataclass(frozen=True)
class Status:
    """State of a run, its env steps, its last evaluation (None: not evaluated) and a remark."""

    state: str
    env_steps: int = 0
    value: float | None = None
    note: str = ''


def last_lines(path: Path) -> list[str]:
    """Return the last complete lines of a text file; [] where it cannot be read."""
    try:
        with open_regular(path) as file:
            start = max(0, file.seek(0, os.SEEK_END) - TAIL)
            file.seek(start)
            lines = file.read().decode(errors='replace').split('\n')[:-1]
    except OSError:
        return []
    return lines[1:] if start else lines


def last_number(path: Path, column: str) -> float | None:
    """Return a column of the last row of a CSV file; None where it is not a finite number."""
    lines = last_lines(path)
    try:
        with open_regular(path, 'r', errors='replace') as file:
            header = file.readline(TAIL).strip().split(',')
        value = float(lines[-1].split(',')[header.index(column)]) if lines else None
    except (OSError, ValueError, IndexError):
        return None
    return value if value is not None and isfinite(value) else None


def in_use(folder: Path) -> bool:
    """Return whether another process has the lock of a run folder."""
    try:
        with open_regular(folder / LOCK) as file:
            # A shared lock: two processes that only look do not see each other.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def begin_log(folder: Path, command: list) -> None:
    """Append to the run's log that `command` starts."""
    with open(folder / SWEEP_LOG, 'a', encoding='utf-8') as file:
        file.write(f'rpl sweep: {_now()} started: {shlex.join(map(str, command))}\n')


def end_log(folder: Path, how: str) -> None:
    """Append to the run's log how it failed."""
    with open(folder / SWEEP_LOG, 'a', encoding='utf-8') as file:
        # The run may have ended in the middle of a line.
        file.write(f'\nrpl sweep: {_now()} failed: {how}\n')


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec='seconds')


def failure(folder: Path) -> str:
    """Return how the last attempt failed, and its last line of output; '' if it did not fail."""
    lines = [line for line in last_lines(folder / SWEEP_LOG) if line.strip()]
    found = ENDED.match(lines[-1]) if lines else None
    if not found:
        return ''
    said = lines[-2].strip() if len(lines) > 1 and not lines[-2].startswith('rpl sweep: ') else ''
    return f'{found[1]}: {said}' if said else found[1]


def read_figures(job: _Job) -> tuple[int, float | None]:
    """Return (env steps, last evaluation or None) of a job from its CSV files."""
    folder = job.folder
    steps = last_number(folder / METRICS, 'total_steps')
    evaluated = last_number(folder / EVALUATION, 'env_steps')
    value = last_number(folder / EVALUATION, task_spec(job.task).measure.column)
    return int(max(steps or 0, evaluated or 0)), value


def read_status(job: _Job) -> Status:
    """Return the Status of a job from its folder."""
    folder, figures = job.folder, read_figures(job)
    if finished(folder, job.steps):
        return Status(FINISHED, *figures)
    if in_use(folder):
        return Status(RUNNING, *figures)
    failed = failure(folder)
    if failed:
        return Status(FAILED, *figures, failed)
    return Status(STOPPED if (folder / RUN).is_file() else QUEUED, *figures)


def check_same(job: _Job) -> None:
    """
    Raise SettingsError where the folder of a job holds a run of another configuration.

    Its number of steps may differ: a longer run continues the shorter one.
    """
    facts = read_facts(job.folder)
    wanted = {name: getattr(job, name) for name in ('task', 'method', 'recipe', 'seed')}
    pairs = [(name, facts[name], value) for name, value in wanted.items() if name in facts]
    sections = [section['ros__parameters']
                for section in read_mapping(job.folder / CONFIG).values()
                if isinstance(section, dict) and isinstance(section.get('ros__parameters'), dict)]
    pairs += [(name, section[name], value) for name, value in job.settings
              for section in sections if name in section]
    for name, there, value in pairs:
        if there != value:
            raise SettingsError(f'{job.folder} holds another run: its {name} is '
                                f'{brief(there)}, not {brief(value)}: give another out or label, '
                                'or move it away')
