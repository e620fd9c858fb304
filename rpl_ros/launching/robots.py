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

"""The part of a graph that runs on this machine, and what differs between its robots."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
import json
from pathlib import Path
import re
import time
from typing import Any

from rpl_ros.common.child import how_it_ended
from rpl_ros.common.discovery import too_many
from rpl_ros.common.exits import BAD_SETTINGS
from rpl_ros.runs.layout import LAST_EPISODE, robot_folder
from rpl_ros.settings.fields import did_you_mean, SettingsError
from rpl_ros.settings.robots import check_numbers, name_of, robot_numbers

ALL, LEARNER = 'all', 'learner'
"""Values of the launch argument part; the others are the names of the robots."""
SHARED = ('learner_node', 'dashboard_node')
"""The nodes that serve all robots."""
SHARED_TOPICS = ('policy_weights', 'learner_status')
"""Topics of these nodes that the nodes of each robot read."""
MAX_RESTARTS = 3
"""How many times a process with on_exit 'restart' is restarted before its death ends the graph."""
HEALTHY = 30.0
"""Time, s, after which the earlier restarts of a robot's process no longer count."""


@dataclass(frozen=True)
class Process:
    """
    A process of the graph; its executable and its node have the same name.

    `on_exit` is 'stop' (its death ends the graph), 'restart', or 'continue' (the graph continues
    without it). An observer is ended after the others, so that it receives their last messages.
    `robot` is 1, 2, ... for the nodes of one of several robots, otherwise 0.
    """

    executable: str
    on_exit: str = 'stop'
    observer: bool = False
    robot: int = 0

    @property
    def name(self) -> str:
        """Return its name within the graph: 'learner_node', 'robot2/sim_node'."""
        return f'{name_of(self.robot)}/{self.executable}' if self.robot else self.executable

    def can_restart(self, code: int, restarts: int) -> bool:
        """Return whether to restart it, after exit code `code` and a number of restarts."""
        return self.on_exit == 'restart' and code != BAD_SETTINGS and restarts < MAX_RESTARTS


def processes_of(processes: Iterable[Process], robots: int, part: str,
                 playing: Container[int]) -> tuple[Process, ...]:
    """
    Return the processes of a part of a graph, those of one robot once for each that is `playing`.

    SettingsError for a part that does not exist, or where there are too many to find each other.
    """
    names = [name_of(robot) or 'robot1' for robot in robot_numbers(robots)]
    if part not in (ALL, LEARNER, *names):
        raise SettingsError(f'launch argument part:={part}{did_you_mean(part, names)}: expected '
                            f'one of {", ".join((ALL, LEARNER, *names))} (robots is {robots})')
    wanted = [robot for robot, name in zip(robot_numbers(robots), names)
              if part in (ALL, name) and robot in playing]
    found: list[Process] = []
    for one in processes:
        if one.executable in SHARED:
            found += [one] if part in (ALL, LEARNER) else []
        elif robots == 1:
            found += [one] if wanted else []
        else:
            found += [replace(one, robot=robot, on_exit='restart') for robot in wanted]
    if problem := too_many(len(found)):
        raise SettingsError(f'robots is {robots}, which needs {len(found)} processes; {problem}')
    return tuple(found)


def check(arguments: Mapping[str, str], robots: int, sim: Any) -> None:
    """Raise SettingsError where the launch arguments do not fit several robots, or a part."""
    check_numbers(robots, sim.first_episode, sim.episodes)
    part, run = arguments['part'], arguments['run']
    if run and not re.fullmatch(r'[A-Za-z0-9_.-]{1,100}', run):
        raise SettingsError(f'launch argument run:={run}: expected up to 100 letters, digits and '
                            '_ . -')
    if part not in (ALL, LEARNER) and not run:
        raise SettingsError(f'launch argument part:={part}: it also needs run:=ID; the launcher '
                            'of part:=learner prints the id')
    if part == LEARNER and arguments['learn'] == 'false':
        raise SettingsError('launch argument part:=learner: with learn:=false there is none')


def parameters(run: Any, process: Process) -> dict[str, Any]:
    """Return {setting: value} in which a process of one of several robots differs from config."""
    if not process.robot:
        return {}
    own, robot = run.settings[process.executable], process.robot
    folder = robot_folder(run.folder, robot)
    first, episodes = run.shares[robot]
    values = {
        'first_episode': lambda _: first, 'episodes': lambda _: episodes,
        'last_episode_file': lambda _: str(folder / LAST_EPISODE),
        'window': lambda shown: shown and robot == 1}
    if process.executable == 'recorder_node':
        values['out'] = lambda out: str(folder / Path(out).name)
    return {name: change(getattr(own, name)) for name, change in values.items()
            if hasattr(own, name)}


def remappings(run: Any, process: Process) -> list[tuple[str, str]]:
    """Return [(topic, full name)] of the topics that one of several robots shares with others."""
    return [(topic, f'{run.namespace}/{topic}') for topic in SHARED_TOPICS if process.robot]


def namespace(run: Any, process: Process) -> str:
    """Return the namespace of a process: '', '/lab' or '/lab/robot2'."""
    return run.namespace + (f'/{name_of(process.robot)}' if process.robot else '')


def ros_arguments(run: Any, process: Process) -> list[str]:
    """Return the words after --ros-args of a process."""
    place = namespace(run, process)
    return ['--params-file', str(run.config), *(['-r', f'__ns:={place}'] if place else []),
            *(word for old, new in remappings(run, process) for word in ('-r', f'{old}:={new}')),
            *(word for name, value in parameters(run, process).items()
              for word in ('-p', f'{name}:={json.dumps(value)}'))]


def in_words(run: Any) -> str:
    """Return the nodes of a run in words, those of a robot once."""
    robots = sorted({process.robot for process in run.processes} - {0})
    own = [one.executable for one in run.processes if one.robot in robots[:1]]
    shared = [one.executable for one in run.processes if not one.robot]
    names = [*([f'{", ".join(map(name_of, robots))}: {" ".join(own)}'] if robots else []),
             *([' '.join(shared)] if shared else [])]
    return ' · '.join(names)


def join_in_words(run: Any) -> str:
    """Return how robots on other machines join the part of a run that has the learner; or ''."""
    if run.arguments['part'] != LEARNER:
        return ''
    place = f' namespace:={run.namespace}' if run.namespace else ''
    return (f'a robot joins with: rpl launch {run.task} robots:={run.robots} part:=robot1 '
            f'run:={run.run_id}{place}')


RESTART, GO_ON, LEAVE, STOP, COMPLETE = 'restart', 'go on', 'leave', 'stop', 'complete'


@dataclass
class Deaths:
    """
    Decides what follows when a process of a run ends.

    `done` are the robots whose episodes are played, `gone` those that left the run, and
    `restarts` counts by name of the process.
    """

    processes: Sequence[Process]
    main: str
    done: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    restarts: dict[str, int] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)  # s

    def begin(self, process: Process) -> None:
        """Note that a process starts."""
        self._begun[process.name] = time.monotonic()

    def decide(self, process: Process, code: int) -> tuple[str, str]:
        """
        Return (what to do, text for the user) after the end of a process with an exit code.

        RESTART it, GO_ON without it, let its robot LEAVE the run, STOP the run with an error, or
        end the COMPLETE run.
        """
        name, robot = process.name, process.robot
        if process.executable == self.main and code == 0:
            self.done.add(robot)
            return (GO_ON if self._robots() else COMPLETE), ''
        how = f'{name} died ({how_it_ended(code)})'
        if process.robot and robot not in self._robots():
            return GO_ON, f'{how}, which its robot no longer needs'
        if process.robot and time.monotonic() - self._begun.get(name, 0.0) > HEALTHY:
            self.restarts[name] = 0
        restarts = self.restarts.get(name, 0)
        if process.can_restart(code, restarts):
            self.restarts[name] = restarts + 1
            return RESTART, f'{how}: restarted ({restarts + 1} of {MAX_RESTARTS})'
        if process.on_exit == 'continue':
            return GO_ON, f'{how}: the run continues without it'
        if process.robot and self._robots() - {robot}:
            self.gone.add(robot)
            return LEAVE, f'{how}: {name_of(robot)} leaves the run, the other robots go on'
        return STOP, f'{how}: ending the graph'

    def _robots(self) -> set[int]:
        """Return the robots that still play."""
        return {one.robot for one in self.processes
                if one.executable == self.main} - self.done - self.gone
