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

"""How far a run is, from the files in its folder alone, and the log that a sweep keeps there."""

from dataclasses import dataclass
from datetime import datetime
import fcntl
from math import isfinite
import os
import re
import shlex

from rpl_ros.brief import brief
from rpl_ros.config import SettingsError
from rpl_ros.files import LOCK, open_regular
from rpl_ros.measures import measure_of
from rpl_ros.yaml_file import read_yaml

QUEUED, RUNNING, STOPPED, FAILED, FINISHED = 'queued', 'running', 'stopped', 'failed', 'finished'
STATES = (RUNNING, FAILED, STOPPED, QUEUED, FINISHED)
LOG, SUMMARY = 'sweep.log', 'summary.yaml'
TAIL = 8192
"""Bytes from a file's end in which its last lines are looked for."""
ENDED = re.compile(r'rpl sweep: .* failed: (.*)')


@dataclass(frozen=True)
class Status:
    """State of a run, its env steps, its last evaluation (None: none yet) and a remark."""

    state: str
    env_steps: int = 0
    value: float | None = None
    note: str = ''


def last_lines(path):
    """Return the last complete lines of a text file as a list; empty where there is none."""
    try:
        with open_regular(path) as file:
            start = max(0, file.seek(0, os.SEEK_END) - TAIL)
            file.seek(start)
            lines = file.read().decode(errors='replace').split('\n')[:-1]
    except OSError:
        return []
    return lines[1:] if start else lines


def last_number(path, column):
    """Return a column of the last row of a CSV file as a float; None where there is none."""
    lines = last_lines(path)
    try:
        with open_regular(path, 'r', errors='replace') as file:
            header = file.readline(TAIL).strip().split(',')
        value = float(lines[-1].split(',')[header.index(column)]) if lines else None
    except (OSError, ValueError, IndexError):
        return None
    return value if value is not None and isfinite(value) else None


def in_use(folder):
    """Return whether another process holds the lock of a run folder."""
    try:
        with open_regular(folder / LOCK) as file:
            # Shared, so that two that only look do not see each other.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def begin_log(folder, command):
    """Note in the run's log that `command` is started."""
    with open(folder / LOG, 'a', encoding='utf-8') as file:
        file.write(f'rpl sweep: {_now()} started: {shlex.join(map(str, command))}\n')


def end_log(folder, how):
    """Note in the run's log how it failed."""
    with open(folder / LOG, 'a', encoding='utf-8') as file:
        # The run may have been ended in the middle of a line.
        file.write(f'\nrpl sweep: {_now()} failed: {how}\n')


def _now():
    return datetime.now().astimezone().isoformat(timespec='seconds')


def failure(folder):
    """Return how the last attempt failed, with the last line it said; '' if it did not fail."""
    lines = [line for line in last_lines(folder / LOG) if line.strip()]
    found = ENDED.match(lines[-1]) if lines else None
    if not found:
        return ''
    said = lines[-2].strip() if len(lines) > 1 and not lines[-2].startswith('rpl sweep: ') else ''
    return f'{found[1]}: {said}' if said else found[1]


def read_figures(job):
    """Return (env steps, last evaluation or None) of a Job from its CSV files."""
    folder = job.folder
    steps = last_number(folder / 'metrics.csv', 'total_steps')
    evaluated = last_number(folder / 'evaluation.csv', 'env_steps')
    value = last_number(folder / 'evaluation.csv', measure_of(job.task).column)
    return int(max(steps or 0, evaluated or 0)), value


def finished(folder, steps, updates=0):
    """Return whether a run folder holds a complete run, at least as long as this."""
    run = _load(folder / 'run.yaml')
    done = [run.get(name, 0) for name in ('steps', 'updates')]
    for name, value in zip(('steps', 'updates'), done):
        if type(value) is not int:
            raise SettingsError(f'{folder / "run.yaml"}: {name} is {brief(value)}, expected a '
                                'whole number')
    return (folder / SUMMARY).is_file() and done[0] >= steps and done[1] >= updates


def read_status(job):
    """Return the Status of a Job from its folder."""
    folder, figures = job.folder, read_figures(job)
    if finished(folder, job.steps):
        return Status(FINISHED, *figures)
    if in_use(folder):
        return Status(RUNNING, *figures)
    failed = failure(folder)
    if failed:
        return Status(FAILED, *figures, failed)
    return Status(STOPPED if (folder / 'run.yaml').is_file() else QUEUED, *figures)


def _load(path):
    """Return a YAML file as a dict; {} where there is none. SettingsError if it is unreadable."""
    try:
        content = read_yaml(path) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise SettingsError(f'{path}: cannot be read: {error}') from None
    return content if isinstance(content, dict) else {}


def check_same(job):
    """
    Raise SettingsError where the folder of `job` holds a run with another configuration.

    More steps than before are none: the run goes on.
    """
    facts = _load(job.folder / 'run.yaml')
    wanted = {name: getattr(job, name) for name in ('task', 'method', 'recipe', 'seed')}
    pairs = [(name, facts[name], value) for name, value in wanted.items() if name in facts]
    sections = [section['ros__parameters']
                for section in _load(job.folder / 'config.yaml').values()
                if isinstance(section, dict) and isinstance(section.get('ros__parameters'), dict)]
    pairs += [(name, section[name], value) for name, value in job.settings
              for section in sections if name in section]
    for name, there, value in pairs:
        if there != value:
            raise SettingsError(f'{job.folder} holds another run: its {name} is '
                                f'{brief(there)}, not {brief(value)}: give another out or label, '
                                'or move it away')
