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

Every node writes to RUN/log/<node>.log. The terminal belongs to dashboard_node while it draws its
live screen; what is said here meanwhile goes to RUN/log/launch.log, which that screen shows, and
is repeated on the terminal when the screen is at rest.
"""

from contextlib import contextmanager, suppress
from datetime import datetime
import os
import signal
import sys
import time

from rpl_ros.discovery import discovery_range, local_by_default
from rpl_ros.launching import child
from rpl_ros.launching.graph import MAX_RESTARTS
from rpl_ros.launching.run_folder import domain_id
from rpl_ros.modules import python_module

SETTLE = 1.0
"""Time for the last messages to arrive after a complete run, s."""
GRACE = ((signal.SIGINT, 15.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""Signals that end a node, and how long it then has, s: it writes its checkpoint or bag."""
POLL = 0.05
SCREEN = 'dashboard_node'
CLEAN = (0, -signal.SIGINT, 128 + signal.SIGINT)
"""Exit codes of a node that was asked to end: some end before they can catch the signal."""


def node_command(run, name):
    """Return the command line of the node `name` of `run`."""
    namespace = ['-r', f'__ns:={run.namespace}'] if run.namespace else []
    return [*python_module(f'rpl_ros.nodes.{name}'), '--ros-args', '--params-file',
            str(run.config), *namespace]


class Supervisor:
    """The processes of one run: start, watch, restart, end in order."""

    def __init__(self, run, command=node_command):
        """`command(run, name)` returns the command line of a node."""
        self.run = run
        self.command = command
        self.children = {}
        self.restarts = {process.executable: 0 for process in run.processes}
        self.given_up = set()  # nodes that died, and without which the run goes on
        self.interrupts = []
        self.held = []
        self.failed = []
        self.log = run.folder / 'log'
        self.log.mkdir(exist_ok=True)
        self.environment = {'ROS_LOG_DIR': str(self.log / 'ros'), **os.environ,
                            'PYTHONUNBUFFERED': '1', 'RCUTILS_COLORIZED_OUTPUT': '0'}
        local_by_default(self.environment)

    def live(self):
        """Return whether a live screen owns the terminal now."""
        screen = self.children.get(SCREEN)
        return screen is not None and screen.poll() is None and sys.stdout.isatty()

    def note(self, text):
        """Write `text` to launch.log, whose newest lines the live screen shows."""
        with open(self.log / 'launch.log', 'a', encoding='utf-8') as log:
            log.write(f'{datetime.now():%H:%M:%S} {text}\n')

    def say(self, text):
        """Tell the user, now or when the live screen has ended; `text` goes to the log at once."""
        self.note(text)
        self.held.append(text)
        if not self.live():
            self.release()

    def release(self):
        """Print what was held back."""
        with suppress(OSError):   # the terminal may be gone
            for text in self.held:
                print(text, file=sys.stderr, flush=True)
        self.held.clear()

    def start(self, name):
        """Start the node `name`."""
        self.children[name] = child.start(
            self.command(self.run, name), self.log / f'{name}.log', name == SCREEN,
            self.environment)

    def watch(self):
        """Return None while all is well, or the exit code that ends the graph."""
        if self.interrupts:
            return 128 + self.interrupts[0]
        for process in self.run.processes:
            name = process.executable
            code = self.children[name].poll()
            if code is None:
                continue
            child.kill_group(self.children[name])
            if name == self.run.main and code == 0:
                return 0
            if name in self.given_up:
                continue
            how = f'{name} died ({child.how_it_ended(code)})'
            if process.starts_again(code, self.restarts[name]):
                self.restarts[name] += 1
                self.say(f'{how}: started again ({self.restarts[name]} of {MAX_RESTARTS})')
                self.start(name)
                continue
            if process.on_exit == 'go_on':
                self.given_up.add(name)
                self.say(f'{how}: the run goes on without it')
                continue
            self.say(f'{how}: ending the graph')
            self.failed.append(name)
            return child.shell_code(code) or 1
        return None

    def wait(self, names, seconds):
        """Wait until the nodes `names` have ended; a further interrupt cuts the time short."""
        known, until = len(self.interrupts), time.monotonic() + seconds
        while time.monotonic() < until and len(self.interrupts) == known:
            if all(self.children[name].poll() is not None for name in names):
                return
            time.sleep(POLL)

    def end(self, names):
        """End the nodes `names`, harder and harder; return those that did not end cleanly."""
        names = [name for name in names
                 if name in self.children and self.children[name].poll() is None]
        forced = set()
        for sort, seconds in GRACE:
            left = [name for name in names if self.children[name].poll() is None]
            for name in left:
                if sort != signal.SIGINT:
                    self.say(f'{name} did not end in time: sending {sort.name}')
                    forced.add(name)
                self.children[name].send_signal(sort)
            self.wait(left, seconds)
        for name in names:
            child.kill_group(self.children[name])
        ended = {name: self.children[name].poll() for name in names}
        for name, code in ended.items():
            if code not in CLEAN and name not in forced:
                self.say(f'{name} ended badly ({child.how_it_ended(code)})')
        return [name for name, code in ended.items() if code not in CLEAN]

    def supervise(self):
        """Run the graph to its end and return the exit code."""
        for process in self.run.processes:
            self.start(process.executable)
        while (code := self.watch()) is None:
            time.sleep(POLL)
        if code == 0:
            self.wait([self.run.main, SCREEN], SETTLE)
        self.note('ending the nodes (Ctrl-C: do not wait for them)')
        for observers in (False, True):
            self.failed += self.end([process.executable for process in self.run.processes
                                     if process.observer == observers])
        if sys.stdout.isatty():
            print('\x1b[?25h', end='', flush=True)   # a killed live screen leaves no cursor
        self.release()
        for name in dict.fromkeys(self.failed):
            path = self.log / f'{name}.log'
            self.say(f'--- end of {path}:\n{child.tail(path)}')
        return code or (1 if self.failed else 0)


@contextmanager
def caught_signals(numbers):
    """Append each SIGINT, SIGTERM and SIGHUP to the list `numbers` instead of dying of it."""
    def note(number, frame):
        numbers.append(number)
    before = {number: signal.signal(number, note)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def episodes_done(run):
    """Return how many episodes RUN/metrics.csv holds."""
    with suppress(OSError):
        text = (run.folder / 'metrics.csv').read_text(encoding='utf-8')
        return max(0, len(text.splitlines()) - 1)
    return 0


def after_run(run, interrupts):
    """Run the command that follows a run; return its exit code, 130 if interrupted."""
    known = len(interrupts)
    process = child.start(list(run.after))
    while process.poll() is None:
        if len(interrupts) > known:
            known = len(interrupts)
            process.send_signal(signal.SIGINT)
            if known > 3:
                child.kill_group(process)
        time.sleep(POLL)
    child.kill_group(process)
    return child.shell_code(process.returncode)


def run(run, command=node_command):
    """
    Run the prepared `run` and its report; return the exit code.

    0: complete. 128 + number: ended by that signal. Otherwise the code of the node that failed,
    or of the report.
    """
    supervisor = Supervisor(run, command)
    names = ' '.join(process.executable for process in run.processes)
    where = f' · namespace {run.namespace}' if run.namespace else ''
    report = run.arguments['report'] == 'true'
    then = 'a report follows (report:=false: none)' if report else 'no report'
    print(f'{run.task}: {names}\nROS_DOMAIN_ID {domain_id()} · {discovery_range()}{where}\n'
          f'{run.folder} · Ctrl-C ends the run · {then}', flush=True)
    with caught_signals(supervisor.interrupts):
        code = supervisor.supervise()
        wanted = report and len(supervisor.interrupts) < 2
        reported = 0
        if wanted and not supervisor.failed and episodes_done(run):
            reported = after_run(run, supervisor.interrupts)
        elif wanted and not code:
            print(f'no report: {run.folder / "metrics.csv"} has no episode, did dashboard_node '
                  f'end early? rpl report {run.folder} makes one of the rest')
    return code or reported
