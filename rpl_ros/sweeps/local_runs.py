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

"""Runs of `rpl train` as processes of this machine: how they start, stop, and what is logged."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import signal
import subprocess
import time

from rpl_ros.common import child
from rpl_ros.common.exits import handle_signals
from rpl_ros.common.modules import python_module
from rpl_ros.common.workers import ONE_THREAD
from rpl_ros.runs.layout import SUMMARY, SWEEP_LOG
from rpl_ros.runs.status import begin_log, end_log
from rpl_ros.sweeps.grid import Job
from rpl_ros.sweeps.sweep_status import SweepStatus

TRAIN = (*python_module('rpl_ros.cli'), 'train')
POLL = 0.1  # s
GRACE = 60.0  # s for checkpoints, where the sweep itself ends with an error
WAIT = 'waiting for the checkpoints of all runs; stop once more to kill them'
# Exit codes of a run that was asked to stop: some end before they can catch the signal.
STOPPED_CODES = (-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM)


class RunProcess:
    """A run that has been started. Its output is in the folder's sweep.log."""

    def __init__(self, job: Job, folder: Path, command: Sequence[str] | None = None) -> None:
        """
        Start `job` in `folder`, with one thread for numpy and torch.

        `command` replaces `rpl train`. OSError where the run cannot start.
        """
        words = [*(command or TRAIN), *job.words(folder)]
        folder.mkdir(parents=True, exist_ok=True)
        begin_log(folder, words)
        self._folder, self._requests = folder, 0
        self._popen = child.start(words, folder / SWEEP_LOG, environment={
            **os.environ, **ONE_THREAD, 'PYTHONUNBUFFERED': '1'})

    def has_ended(self, requests: int) -> bool:
        """
        Return whether the run has ended; if so, its log says how it failed.

        `requests` is the number of requests to stop so far. The first one goes to the run as
        SIGINT, so that it writes a checkpoint; the second one kills the run.
        """
        is_new, self._requests = requests > self._requests, requests
        if self._popen.poll() is None:
            if is_new and requests == 1:
                self.interrupt()
            elif is_new:
                child.kill_group(self._popen)
            return False
        child.kill_group(self._popen)  # processes that it left behind
        self._log_end(self._popen.returncode)
        return True

    def _log_end(self, code: int) -> None:
        """Log a failure; a run that ends because it was asked to has not failed."""
        finished = code == 0 and (self._folder / SUMMARY).is_file()
        stopped = self._requests > 1 or self._requests == 1 and code in STOPPED_CODES
        if not finished and not stopped:
            with suppress(OSError):  # a full disk must not end the other runs
                end_log(self._folder, child.how_it_ended(code) if code else
                        'ended without a summary.yaml')

    def interrupt(self) -> None:
        """Ask the run to write a checkpoint and end."""
        self._popen.send_signal(signal.SIGINT)

    def kill(self, grace: float = 0.0) -> None:
        """Kill the run and its own children, after `grace` seconds at most if it has not ended."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(grace)
        child.kill_group(self._popen)
        self._popen.wait()


@contextmanager
def stop_requests(limit: int = 0) -> Iterator[list[int]]:
    """
    Yield the list of the requests to stop (Ctrl-C, SIGTERM) that were received in the block.

    From request number `limit` on each one also raises KeyboardInterrupt, unless `limit` is 0.
    """
    received: list[int] = []

    def note(number: int, _: object) -> None:
        received.append(number)
        if 0 < limit <= len(received):
            raise KeyboardInterrupt
    with handle_signals(note):
        yield received


def run_here(jobs: Sequence[Job], sweep: SweepStatus, requests: Sequence[int],
             tick: Callable[[], None], workers: int, command: Sequence[str] | None = None) -> None:
    """
    Run `jobs`, `workers` at a time, until all have ended or a request to stop has been obeyed.

    `tick` is called every POLL seconds; `command` replaces `rpl train`.
    """
    running: dict[Job, RunProcess] = {}
    waiting, seen = list(jobs), 0
    try:
        while running or waiting and not requests:
            while waiting and len(running) < workers and not requests:
                job = waiting.pop(0)
                try:
                    running[job] = RunProcess(job, job.folder, command)
                except OSError as error:
                    sweep.ended(job, str(error))
                else:
                    sweep.started(job)
            if len(requests) > seen:
                seen = len(requests)
                sweep.console.print(WAIT)
            for job in [job for job, run in running.items() if run.has_ended(seen)]:
                del running[job]
                sweep.ended(job)
            tick()
            time.sleep(POLL)
    finally:
        for run in running.values():  # none, unless something went wrong here
            run.interrupt()
        for run in running.values():
            run.kill(GRACE)
