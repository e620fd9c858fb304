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
A run on another host: its folder comes back while it runs, and a lost run starts again from it.

Nothing here depends on Ray: `call(method, *arguments)` calls a method of the one RunStore.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
import platform
import tempfile
import time
from typing import Any, TextIO

from rpl_ros.common.files import InUseError, lock_folder
from rpl_ros.runs.status import end_log
from rpl_ros.sweeps.folder_copy import Changes, file_states, read_changes, write_changes
from rpl_ros.sweeps.grid import Job
from rpl_ros.sweeps.local_runs import RunProcess

CONTINUE, STOP, REPLACED = 'continue', 'stop', 'replaced'
POLL = 0.2  # s
REPORT = 10.0  # s between two reports of what has changed
ASK = 2.0  # s between two questions whether to stop


class RunStore:
    """
    Holds the folders of all runs, on the host where the sweep was started.

    Each attempt at a run has a number, and only the newest one may write: a host that was lost and
    returns cannot overwrite what its successor has done.
    """

    def __init__(self) -> None:
        """Create a store in which no run has begun."""
        self.attempts: dict[str, int] = {}
        self.hosts: dict[str, str] = {}
        self.locks: dict[str, TextIO] = {}
        self.stopping = False

    def begin(self, folder: str, host: str) -> tuple[int, Changes, str]:
        """Begin an attempt: return (its number, the folder's files, why it cannot begin or '')."""
        path = Path(folder)
        if folder not in self.locks:
            try:
                self.locks[folder] = lock_folder(path)
            except (InUseError, OSError) as error:
                return 0, {}, str(error)
        self.attempts[folder] = self.attempts.get(folder, 0) + 1
        self.hosts[folder] = host
        files, _ = read_changes(path, {}, settle=0)
        return self.attempts[folder], files, STOP if self.stopping else ''

    def report(self, folder: str, attempt: int, changes: Changes | None = None) -> str:
        """Store changes; return whether the attempt must CONTINUE, STOP or was REPLACED."""
        if attempt != self.attempts.get(folder) or folder not in self.locks:
            return REPLACED
        if changes:
            write_changes(changes, Path(folder))
        return STOP if self.stopping else CONTINUE

    def end(self, folder: str, problem: str = '') -> None:
        """Unlock a run's folder; `problem` says why the run was lost, if it was."""
        self.hosts.pop(folder, None)
        if folder in self.locks:
            self.locks.pop(folder).close()
        if problem:
            Path(folder).mkdir(parents=True, exist_ok=True)
            end_log(Path(folder), problem)

    def stop(self) -> None:
        """Ask all runs to write a checkpoint and end."""
        self.stopping = True

    def running(self) -> dict[str, tuple[str, int]]:
        """Return {folder: (host, number of the attempt)} of the runs in progress."""
        return {folder: (host, self.attempts[folder]) for folder, host in self.hosts.items()}


def run_remotely(call: Callable[..., Any], job: Job, folder: str, command: Sequence[str] | None,
                 report_every: float = REPORT, settle: float = 1.0) -> str:
    """
    Run `job` in a temporary folder of this host until it ends; return '' or why it did not run.

    `folder` is on the RunStore's host: the run starts from its files, and all results go there.
    """
    attempt, files, problem = call('begin', folder, platform.node())
    if problem:
        call('end', folder)
        return '' if problem == STOP else problem
    with tempfile.TemporaryDirectory(prefix='rpl_') as parent:
        here = Path(parent) / job.name
        here.mkdir(parents=True)
        write_changes(files, here)
        known, answer = file_states(here), CONTINUE
        run = RunProcess(job, here, command)
        try:
            reported = asked = time.monotonic()
            while not run.has_ended(requests=int(answer == STOP)):
                time.sleep(POLL)
                now, changes = time.monotonic(), Changes()
                if now - reported > report_every:
                    reported = now
                    changes, known = read_changes(here, known, settle)
                if changes or now - asked > min(ASK, report_every):
                    asked, answer = now, call('report', folder, attempt, changes)
                    if answer == REPLACED:
                        return 'another host has taken over this run'
        finally:
            run.kill()
        call('report', folder, attempt, read_changes(here, known, settle=0)[0])
        call('end', folder)
    return ''
