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
A run on another host: its folder comes back while it runs, and a lost one is taken up again.

Nothing here knows what carries the calls: `call(method, *arguments)` reaches the one Keeper.
"""

import fcntl
from pathlib import Path
import platform
import signal
import tempfile
import time

from rpl_ros.experiments.folder_copy import merge, pack, state_of
from rpl_ros.experiments.local_runs import conclude, start
from rpl_ros.experiments.run_status import end_log
from rpl_ros.files import LOCK
from rpl_ros.launching import child

GO, STOP, STALE = 'go', 'stop', 'stale'
POLL = 0.2
REPORT = 10.0
"""Time between two looks at what has changed, s."""
BEAT = 2.0
"""Time between two questions whether to stop, s."""


class Keeper:
    """
    Keeps the folders of all runs on the host where the sweep was started.

    Each attempt at a run has a number, and only the newest one may write: a host that was taken
    for lost and comes back cannot undo what its successor has done.
    """

    def __init__(self):
        """No run has begun."""
        self.attempts, self.hosts, self.names, self.locks = {}, {}, {}, {}
        self.stopping = False

    def begin(self, folder, host):
        """Begin an attempt: return (its number, Pack of the folder, why it cannot begin or '')."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        if folder not in self.locks:
            file = open(path / LOCK, 'a', encoding='utf-8')
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return 0, None, f'{folder} is in use by another process'
            self.locks[folder] = file
        self.attempts[folder] = self.attempts.get(folder, 0) + 1
        self.hosts[folder] = host
        content, state = pack(path, {}, settle=0)
        self.names[folder] = frozenset(state)
        return self.attempts[folder], content, STOP if self.stopping else ''

    def report(self, folder, attempt, content=None):
        """Take what has changed; return whether the attempt shall GO on, STOP or is STALE."""
        if attempt != self.attempts.get(folder) or folder not in self.locks:
            return STALE
        if content:
            merge(content, folder, self.names[folder])
            self.names[folder] = content.names
        return STOP if self.stopping else GO

    def end(self, folder, how=''):
        """Let go of a run's folder; `how` says why it was lost, if it was."""
        self.hosts.pop(folder, None)
        if folder in self.locks:
            self.locks.pop(folder).close()
        if how:
            Path(folder).mkdir(parents=True, exist_ok=True)
            end_log(Path(folder), how)

    def stop(self):
        """Ask all runs to write a checkpoint and end."""
        self.stopping = True

    def running(self):
        """Return {folder: (host, number of the attempt)} of the runs that are under way."""
        return {folder: (host, self.attempts[folder]) for folder, host in self.hosts.items()}


def carry_out(call, job, folder, command, report_every=REPORT, settle=1.0):
    """
    Run `job` in a temporary folder of this host until it ends; return '' or why it did not run.

    `folder` is the one on the Keeper's host, from which it goes on and to which all comes back.
    """
    attempt, content, why = call('begin', folder, platform.node())
    if why:
        call('end', folder)
        return '' if why == STOP else why
    with tempfile.TemporaryDirectory(prefix='rpl_') as parent:
        here = Path(parent) / job.name
        here.mkdir(parents=True)
        if content:
            merge(content, here)
        known, answer = state_of(here), GO
        popen = start(job, here, command)
        try:
            reported = beaten = time.monotonic()
            while popen.poll() is None:
                time.sleep(POLL)
                now, content = time.monotonic(), None
                if now - reported > report_every:
                    reported = now
                    content, known = pack(here, known, settle)
                if content or now - beaten > min(BEAT, report_every):
                    beaten, before = now, answer
                    answer = call('report', folder, attempt, content)
                    if answer == STALE:
                        return 'another host has taken it over'
                    if answer == STOP and before != STOP:
                        popen.send_signal(signal.SIGINT)
        finally:
            child.kill_group(popen)
            popen.wait()
        conclude(here, popen.returncode, answer == STOP)
        call('report', folder, attempt, pack(here, known, settle=0)[0])
        call('end', folder)
    return ''
