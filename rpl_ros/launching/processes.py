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
Starts and watches the processes of a run on machines without launch_ros.

Every node writes to RUN/log/<node>.log. While dashboard_node draws its live screen, only it may
write to the terminal: our own messages go to RUN/log/launch.log, whose new lines the live screen
shows, and are repeated on the terminal after the screen has ended.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
import os
import signal
import subprocess
import sys
import time
from typing import TextIO

from rpl_ros.common import child
from rpl_ros.common.discovery import discovery_range, local_by_default
from rpl_ros.common.exits import handle_signals, INTERRUPTED, STOP_SIGNALS
from rpl_ros.common.modules import python_module
from rpl_ros.launching import robots
from rpl_ros.launching.graph import Run
from rpl_ros.launching.robots import Deaths, Process
from rpl_ros.runs.layout import METRICS
from rpl_ros.runs.prepare import domain_id

NodeCommand = Callable[[Run, str], list[str]]

LAST_MESSAGES = 1.0
"""Time for the last messages to arrive after a complete run, s."""
GRACE = ((signal.SIGINT, 15.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""Signals that end a node, and the time it then has to write its checkpoint or bag, s."""
POLL_PERIOD = 0.05  # s
SCREEN = 'dashboard_node'
CLEAN = (0, -signal.SIGINT, INTERRUPTED)
"""Exit codes of a node that was asked to end: some receive the signal before they handle it."""


def node_command(run: Run, name: str) -> list[str]:
    """Return the command line of the process `name` of `run`."""
    process = next(one for one in run.processes if one.name == name)
    return [*python_module(f'rpl_ros.nodes.{process.executable}'), '--ros-args',
            *robots.ros_arguments(run, process)]


class Supervisor:
    """The processes of one run: start, watch, restart, end in order."""

    def __init__(self, run: Run, command: NodeCommand = node_command,
                 lock: TextIO | None = None) -> None:
        """`command(run, name)` returns the command line of a process; all keep `lock` locked."""
        self.run, self.lock = run, lock
        self.command = command
        self.children: dict[str, subprocess.Popen] = {}
        self.deaths = Deaths(run.processes, run.main)
        self.ended: set[str] = set()  # processes that ended, and without which the run continues
        self.interrupts: list[int] = []
        self.held: list[str] = []  # messages that the terminal does not show yet
        self.failed: list[str] = []
        self.repeated: dict[str, int] = {}  # bytes of each log that repeat_warnings() has read
        self.log = run.folder / 'log'
        self.log.mkdir(exist_ok=True)
        self.environment = {'ROS_LOG_DIR': str(self.log / 'ros'), **os.environ,
                            'PYTHONUNBUFFERED': '1', 'RCUTILS_COLORIZED_OUTPUT': '0'}
        local_by_default(self.environment)

    def live(self) -> bool:
        """Return whether the live screen is drawn on the terminal now."""
        screen = self.children.get(SCREEN)
        return screen is not None and screen.poll() is None and sys.stdout.isatty()

    def note(self, text: str) -> None:
        """Write `text` to launch.log, whose newest lines the live screen shows."""
        with open(self.log / 'launch.log', 'a', encoding='utf-8') as log:
            log.write(f'{datetime.now():%H:%M:%S} {text}\n')

    def say(self, text: str) -> None:
        """Print `text` now or after the live screen has ended, and log it at once."""
        self.note(text)
        self.held.append(text)
        if not self.live():
            self.release()

    def repeat_warnings(self) -> None:
        """Print the new warnings and errors of the nodes, where this part has no screen."""
        if any(process.executable == SCREEN for process in self.run.processes):
            return
        for name in self.children:
            with suppress(OSError), open(self.log / f'{name}.log', 'rb') as file:
                file.seek(self.repeated.get(name, 0))
                new, end, _ = file.read().rpartition(b'\n')
                self.repeated[name] = self.repeated.get(name, 0) + len(new + end)
                for line in new.decode(errors='replace').splitlines():
                    if line.startswith(('[WARN]', '[ERROR]', '[FATAL]')):
                        print(line, file=sys.stderr, flush=True)

    def release(self) -> None:
        """Print the messages that were held back."""
        with suppress(OSError):   # the terminal may be gone
            for text in self.held:
                print(text, file=sys.stderr, flush=True)
        self.held.clear()

    def start(self, process: Process) -> None:
        """Start a process."""
        log = self.log / f'{process.name}.log'
        log.parent.mkdir(exist_ok=True)
        self.deaths.begin(process)
        self.children[process.name] = child.start(
            self.command(self.run, process.name), log, process.executable == SCREEN,
            self.environment, [self.lock.fileno()] if self.lock else ())

    def watch(self) -> int | None:
        """Return None while the graph runs, or the exit code that ends it."""
        if self.interrupts:
            return 128 + self.interrupts[0]
        for process in self.run.processes:
            name = process.name
            code = self.children[name].poll()
            if code is None or name in self.ended:
                continue
            child.kill_group(self.children[name])
            what, text = self.deaths.decide(process, code)
            if text:
                self.say(text)
            if what == robots.COMPLETE:
                return 0
            if what == robots.RESTART:
                self.start(process)
                continue
            self.ended.add(name)
            if what in (robots.STOP, robots.LEAVE):
                self.failed.append(name)
            if what == robots.STOP:
                return child.shell_code(code) or 1
            if what == robots.LEAVE:
                self.leave(process.robot)
        return None

    def leave(self, robot: int) -> None:
        """End the other processes of a robot that leaves the run."""
        names = [one.name for one in self.run.processes if one.robot == robot]
        self.failed += [name for name in self.end(names) if name not in self.failed]
        self.ended.update(names)

    def wait(self, names: Iterable[str], seconds: float) -> None:
        """Wait up to `seconds`, or until a new interrupt, for the nodes `names` to end."""
        known, until = len(self.interrupts), time.monotonic() + seconds
        while time.monotonic() < until and len(self.interrupts) == known:
            if all(self.children[name].poll() is not None for name in names):
                return
            time.sleep(POLL_PERIOD)

    def end(self, names: Iterable[str]) -> list[str]:
        """End the nodes `names`, by force if necessary; return those that did not end cleanly."""
        names = [name for name in names
                 if name in self.children and self.children[name].poll() is None]
        forced = set()
        for number, seconds in GRACE:
            left = [name for name in names if self.children[name].poll() is None]
            for name in left:
                if number != signal.SIGINT:
                    self.say(f'{name} did not end in time: sending {number.name}')
                    forced.add(name)
                self.children[name].send_signal(number)
            self.wait(left, seconds)
        for name in names:
            child.kill_group(self.children[name])
        ended = {name: self.children[name].poll() for name in names}
        for name, code in ended.items():
            if code is not None and code not in CLEAN and name not in forced:
                self.say(f'{name} ended with an error ({child.how_it_ended(code)})')
        return [name for name, code in ended.items() if code not in CLEAN]

    def supervise(self) -> int:
        """Run the graph to its end and return the exit code."""
        for process in self.run.processes:
            self.start(process)
        while (code := self.watch()) is None:
            self.repeat_warnings()
            time.sleep(POLL_PERIOD)
        if code == 0:
            self.wait([one.name for one in self.run.processes
                       if one.executable in (self.run.main, SCREEN)], LAST_MESSAGES)
        self.note('ending the nodes (Ctrl-C ends them without waiting)')
        for observers in (False, True):
            self.failed += self.end([process.name for process in self.run.processes
                                     if process.observer == observers])
        if sys.stdout.isatty():
            print('\x1b[?25h', end='', flush=True)  # show the cursor: a killed screen hid it
        self.release()
        for name in dict.fromkeys(self.failed):
            path = self.log / f'{name}.log'
            self.say(f'--- end of {path}:\n{child.tail(path)}')
        return code or (1 if self.failed else 0)


def episodes_done(run: Run) -> int:
    """Return the number of episodes in RUN/metrics.csv."""
    with suppress(OSError):
        text = (run.folder / METRICS).read_text(encoding='utf-8')
        return max(0, len(text.splitlines()) - 1)
    return 0


def after_run(run: Run, interrupts: list[int]) -> int:
    """Run the command that follows a run; return its exit code, 130 if interrupted."""
    known = len(interrupts)
    process = child.start(list(run.after))
    while process.poll() is None:
        if len(interrupts) > known:
            known = len(interrupts)
            process.send_signal(signal.SIGINT)
            if known > 3:
                child.kill_group(process)
        time.sleep(POLL_PERIOD)
    child.kill_group(process)
    return child.shell_code(process.returncode)


def run(run: Run, command: NodeCommand = node_command, lock: TextIO | None = None) -> int:
    """
    Run the prepared `run` and its report; return the exit code.

    `lock` keeps the run folder locked until the last node has ended; then it is closed.

    0: complete. 128 + number: ended by that signal. Otherwise: the exit code of the node that
    failed, or of the report.
    """
    supervisor = Supervisor(run, command, lock)
    where = f' · namespace {run.namespace}' if run.namespace else ''
    report = run.arguments['report'] == 'true' and any(
        process.executable == SCREEN for process in run.processes)
    then = 'a report follows (report:=false for none)' if report else 'no report'
    print(f'{run.task}: {robots.in_words(run)}\n'
          f'ROS_DOMAIN_ID {domain_id()} · {discovery_range()}{where}\n'
          f'{run.folder} · Ctrl-C ends the run · {then}', flush=True)
    if join := robots.join_in_words(run):
        print(join, flush=True)
    with handle_signals(lambda number, frame: supervisor.interrupts.append(number),
                        (*STOP_SIGNALS, signal.SIGHUP)):
        code = supervisor.supervise()
        if lock:
            lock.close()  # the report sees that the run has ended
        wanted = report and len(supervisor.interrupts) < 2
        reported = 0
        if wanted and not supervisor.failed and episodes_done(run):
            reported = after_run(run, supervisor.interrupts)
        elif wanted and not code:
            print(f'no report: {run.folder / METRICS} has no episode; did dashboard_node '
                  f'end early? `rpl report {run.folder}` reports the rest')
    return code or reported
