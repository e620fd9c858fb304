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

"""Runs as processes of this machine: started, watched, and asked to write their checkpoints."""

from contextlib import suppress
import os
import signal
import subprocess
import time

from rpl_ros.experiments.run_status import begin_log, end_log, LOG, SUMMARY
from rpl_ros.experiments.workers import ONE_THREAD
from rpl_ros.launching import child
from rpl_ros.modules import python_module

TRAIN = (*python_module('rpl_ros.cli'), 'train')
POLL = 0.1
GRACE = 60.0
"""Time for a checkpoint where the sweep itself ends with an error, s."""
WAIT = 'waiting for the checkpoints of all runs; once more kills them'
INTERRUPTED = (-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM)
"""How a run ends that was asked to: some end before they can catch the signal."""


class Stop:
    """
    Counts the requests to stop (Ctrl-C, SIGTERM) while it is entered.

    From request number `most` on each is a KeyboardInterrupt as well, where that is not 0: for
    who waits for others that may never answer.
    """

    def __init__(self, most=0):
        """Nobody has asked yet."""
        self.count, self._most = 0, most

    def _ask(self, *_):
        self.count += 1
        if 0 < self._most <= self.count:
            raise KeyboardInterrupt

    def __enter__(self):
        """Take over the signals."""
        self._before = {number: signal.signal(number, self._ask)
                        for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_):
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def start(job, folder, command=None):
    """Start a run in `folder`, on one core; return its Popen. What it says is in sweep.log."""
    words = [*(command or TRAIN), *job.words(folder)]
    folder.mkdir(parents=True, exist_ok=True)
    begin_log(folder, words)
    return child.start(words, folder / LOG,
                       environment={**os.environ, **ONE_THREAD, 'PYTHONUNBUFFERED': '1'})


def conclude(folder, code, asked):
    """Write into its log how a run failed, if it did and was not `asked` to end, once or twice."""
    if (folder / SUMMARY).is_file() and code == 0:
        return
    if asked and code in INTERRUPTED or asked > 1:
        return
    with suppress(OSError):  # a full disk shall not end the other runs
        end_log(folder, child.how_it_ended(code) if code else 'ended without a summary.yaml')


def run_here(jobs, board, stop, tick, workers, command=None):
    """
    Run `jobs`, `workers` at a time, until all have ended or `stop` asks for the end.

    The first request goes to each run as SIGINT, so that it writes a checkpoint; a second one
    kills them.
    """
    queue, running, asked = list(jobs), {}, 0
    try:
        while running or queue and not stop.count:
            while queue and len(running) < workers and not stop.count:
                job = queue.pop(0)
                try:
                    running[job] = start(job, job.folder, command)
                except OSError as error:
                    board.ended(job, str(error))
                else:
                    board.started(job)
            if stop.count > asked:
                asked = stop.count
                board.console.print(WAIT)
                for popen in running.values():
                    if asked == 1:
                        popen.send_signal(signal.SIGINT)
                    else:
                        child.kill_group(popen)
            for job, popen in list(running.items()):
                if popen.poll() is not None:
                    del running[job]
                    # Whatever it has left behind ends with it.
                    child.kill_group(popen)
                    conclude(job.folder, popen.returncode, asked)
                    board.ended(job)
            tick()
            time.sleep(POLL)
    finally:
        for popen in running.values():  # none, unless something went wrong here
            popen.send_signal(signal.SIGINT)
        for popen in running.values():
            with suppress(subprocess.TimeoutExpired):
                popen.wait(GRACE)
            child.kill_group(popen)
