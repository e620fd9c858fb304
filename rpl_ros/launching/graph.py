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
The one description of the graph of each task: its arguments, its processes, what follows a run.

Both launchers use it: `rpl launch` (processes.py) and launch_ros (ros_launch.py). Plain Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
import os
from pathlib import Path
import re
import secrets
from typing import Any

from rpl_ros.bags.errors import BagError
from rpl_ros.bags.files import bag_paths, bags_setting
from rpl_ros.common.modules import python_module
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.launching import robots
from rpl_ros.launching.episode_server import (READERS, SERVER, server_changes, server_settings,
                                              serves, SETS as SETS_SERVER)
from rpl_ros.launching.policy_argument import choose_policy, ChosenPolicy, SETS
from rpl_ros.launching.resume import find_resumed, Resumed
from rpl_ros.launching.robot import own_robot_settings, robot_settings
from rpl_ros.launching.robots import Process
from rpl_ros.learning.earliest import live_in_words
from rpl_ros.runs.layout import CHECKPOINTS, CONFIG, CONTRACT, TASK
from rpl_ros.runs.learned_in import is_base
from rpl_ros.settings.fields import did_you_mean, make_settings, SettingsError
from rpl_ros.settings.nodes import NODE_SETTINGS
from rpl_ros.settings.parameter_file import load_settings, read_parameter_file
from rpl_ros.settings.recipes import DEFAULT, recipe_file
from rpl_ros.settings.robots import shares
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.spec_file import spec_tree
from rpl_ros.tasks.specs import TASKS, UNSEEN

AUTO = 'auto'
BOOLEAN = ('true', 'false')


@dataclass(frozen=True)
class Argument:
    """
    A launch argument `name:=value`; an empty `choices` allows any text.

    `sets` names all settings that depend on the argument: 'node.setting', or 'setting' where it
    is that of each node that has it. A parameter file gives them, too, and the argument overrides
    the file.
    """

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """What can be launched for a task; the command `after`, RUN FOLDER follows the run."""

    task: str
    arguments: tuple[Argument, ...]
    processes: tuple[Process, ...]
    after: tuple[str, ...] = (*python_module('rpl_ros.cli'), 'report', '--in-proportion')


@dataclass(frozen=True)
class Run:
    """
    One run: a graph with all arguments resolved.

    `settings` holds {node name: settings} of all nodes, `arguments` the value of each argument.
    `main` is the executable whose exit code 0, for each robot, means that the run is complete.
    `shares` are what each robot plays: see settings.robots.shares().
    `texts` are {name: content} of more files in the folder: TASK, CONTRACT.
    """

    task: str
    folder: Path
    settings: dict[str, Any]
    processes: tuple[Process, ...]
    arguments: dict[str, str]
    after: tuple[str, ...]
    main: str
    run_id: str
    namespace: str = ''
    policy: ChosenPolicy | None = None
    resumed: Resumed | None = None
    shares: dict[int, tuple[int, int]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def robots(self) -> int:
        """Return the number of robots that share the learner."""
        return self.settings['learner_node'].robots

    @property
    def lines(self) -> Iterator[str]:
        """Yield in words with what the run begins, and from when on its residual can be used."""
        about = self.resumed or self.policy
        yield from about.lines if about else ()
        if self.arguments['learn'] == 'true' and not self.resumed:
            acts = self.policy and not is_base(self.policy.start.policy)
            yield ('the policy acts from the first episode on' if acts
                   else live_in_words(self.settings))

    @property
    def config(self) -> Path:
        """Return the path of the ROS parameter file that every node of the run reads."""
        return self.resumed.config if self.resumed else self.folder / CONFIG


SIM = 'sim_node'
ROBOTS = {'sim': (SIM,), 'fetch_sim': ('fetch_adapter_node', 'fetch_sim_node'),
          'fetch': ('fetch_adapter_node',), 'own': ('robot_adapter_node',)}
"""For each value of the argument robot, the processes of that robot; the first is `main`."""

PROCESSES = (
    Process('base_controller_node'),
    Process('residual_node'),
    Process('learner_node', on_exit='restart'),
    Process('recorder_node', observer=True),
    Process('dashboard_node', on_exit='continue', observer=True),
)

REALTIME_BASE_TIMEOUT = 0.03
"""How long residual_node waits for a base action in realtime mode, s, if no file sets it."""

SWITCHES = {'learn': 'learner_node', 'record': 'recorder_node', 'base': 'base_controller_node'}
"""Arguments with which a process can be left out."""

SETTING_ARGUMENTS = {
    **{name: (name,) for name in (
        'episodes', 'seed', 'objects', 'controller', 'bags', 'robots',
        'residual_share')},
    'mode': ('mode', 'base_timeout')}
"""Arguments with the name, description and choices of a setting -> the settings that they set."""


def _setting_argument(name: str, settings: dict[str, Any]) -> Argument:
    """Return the launch argument for the setting `name` of each node that has it."""
    found = next(one for one in settings.values() if hasattr(one, name))
    field = next(field for field in fields(found) if field.name == name)
    choices = field.metadata['choices']
    description = f'{field.metadata["doc"]}; {AUTO}: as in params_file ({getattr(found, name)!r})'
    return Argument(name, AUTO, description, choices and (AUTO, *choices) or (),
                    SETTING_ARGUMENTS[name])


def describe(task: str) -> Graph:
    """Return the Graph of `task`; SettingsError for an unknown task."""
    try:
        short = task_spec(task).short_name
    except ValueError as error:
        raise SettingsError(str(error)) from error
    path = recipe_file(task, DEFAULT)
    settings = load_settings(path, {'task': task})
    return Graph(task, (
        *(_setting_argument(name, settings) for name in SETTING_ARGUMENTS),
        Argument('out', AUTO, 'run folder to create; must not exist yet; auto: '
                 f'runs/{short}_<YYYYmmdd_HHMMSS>',
                 sets=('learner_node.out', 'recorder_node.out', 'dashboard_node.out')),
        Argument('resume', '', 'folder of a run of rpl launch that goes on; its configuration '
                 'applies, and episodes is the number of all its episodes',
                 sets=('first_episode', 'catch_up', 'catch_up_to', 'goes_on')),
        Argument('headless', AUTO, 'false: show the scene in a window; auto: a window where '
                 'DISPLAY or WAYLAND_DISPLAY is set', (AUTO, *BOOLEAN), ('window',)),
        Argument('policy', '', 'trained policy with which the run begins, or without learner_node '
                 'the policy that acts: a policy file, a run folder, or ready, for the one that '
                 'comes with the package; see docs/deploy.md', sets=SETS),
        Argument('learn', 'true', 'run learner_node; without it the policy does not change',
                 BOOLEAN, (*READERS, 'max_owed_updates')),
        Argument('record', 'true', 'run recorder_node, which writes an MCAP bag', BOOLEAN,
                 READERS),
        Argument('base', 'true', 'run base_controller_node; false: a node of yours reads the '
                 'topic state and publishes base_action', BOOLEAN, READERS),
        Argument('episode_server', 'false', 'true: an episode begins only when an application '
                 'asks for it with the action run_episode, see docs/skill.md', BOOLEAN,
                 SETS_SERVER),
        Argument('autostart', AUTO, 'false: the nodes that act wait for a lifecycle manager, see '
                 'docs/robot_nodes.md; auto: as in params_file (true)', (AUTO, *BOOLEAN),
                 ('autostart',)),
        Argument('params_file', str(path), 'ROS parameter file with the settings of the nodes'),
        Argument('namespace', '', 'namespace of all nodes and topics of the graph, e.g. robot1'),
        Argument('part', robots.ALL, 'what to run on this machine where a run is on several: all, '
                 'learner, or robot1, robot2, ...: see docs/several_robots.md'),
        Argument('run', '', 'id of the run, which all its parts share; empty: a new one'),
        Argument('report', 'true', 'make the report after the run', BOOLEAN),
        Argument('robot', 'sim', 'sim: sim_node; fetch_sim: a simulated Fetch with the topics '
                 'and services of the real one; fetch: the real one, see docs/real_robot.md; own: '
                 'any other robot, by its contract, see docs/own_robot.md',
                 tuple(ROBOTS), (*READERS, 'sim_node.arm', 'mode', 'base_timeout', 'horizon',
                                 'max_ee_speed', 'recorder_node.topics')),
        Argument('contract', AUTO, 'file with names and limits of the robot; auto: '
                 'config/robot/fetch.yaml of the package, for a Fetch'),
        Argument('reset_service', '', 'service that sets up the next scene of robot:=fetch or '
                 'own, std_srvs/Trigger; empty: a person sets it up and calls ~/start_episode'),
    ), PROCESSES)


def _checked_arguments(graph: Graph, given: dict[str, str]) -> dict[str, str]:
    """Return {name: text} of all arguments; SettingsError for an unknown name or bad choice."""
    known = {argument.name: argument for argument in graph.arguments}
    for name, value in given.items():
        if name not in known:
            raise SettingsError(f'unknown launch argument {name!r}{did_you_mean(name, known)}: '
                                f'expected one of {", ".join(known)}')
        choices = known[name].choices
        if choices and value not in choices:
            raise SettingsError(f'launch argument {name}:={value}{did_you_mean(value, choices)}: '
                                f'expected one of {", ".join(choices)}')
    return {name: given.get(name, argument.default) for name, argument in known.items()}


def _typed(name: str, text: str) -> object:
    """Return the text of a setting's argument as that setting's type, checked for its range."""
    cls = next(cls for cls in NODE_SETTINGS.values() if hasattr(cls, name))
    value: object = text
    kind = type(getattr(cls, name))
    if kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            raise SettingsError(f'launch argument {name}:={text}: expected a '
                                f'{"whole " if kind is int else ""}number') from None
    elif name == 'objects' and text not in ('', UNSEEN):
        path = Path(text).expanduser().absolute()
        if not path.is_dir():
            raise SettingsError(f'launch argument objects:={text}: no such folder')
        value = str(path)
    elif name == 'bags':
        try:
            value = bags_setting(bag_paths(text))
        except BagError as error:
            raise SettingsError(f'launch argument bags:={text}: {error}') from None
    make_settings(cls, {name: value}, 'launch argument')
    return value


def _load(task: str, arguments: dict[str, str], more: dict[str, Any]) -> dict[str, Any]:
    """
    Return {node: settings} of the parameter file, with the arguments that are settings.

    `more` are {setting: value} that follow from other arguments. SettingsError if the file is for
    another task.
    """
    path = arguments['params_file']
    for node, section in read_parameter_file(path).items():
        if section.get('task', task) != task:
            raise SettingsError(f'{path}: {node} is for the task {section["task"]!r}, not {task}')
    return load_settings(path, {'task': task, **more, **{
        name: _typed(name, arguments[name]) for name in SETTING_ARGUMENTS
        if arguments[name] != AUTO}})


def _window(headless: str) -> bool:
    """Return whether to show a window for the value of the argument headless."""
    if headless == AUTO:
        return any(os.environ.get(name) for name in ('DISPLAY', 'WAYLAND_DISPLAY'))
    return headless == 'false'


def _namespace(text: str) -> str:
    """Return the launch argument namespace in the form of ROS: '' or '/robot1'."""
    parts = text.strip('/').split('/') if text.strip('/') else []
    for part in parts:
        if not re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', part):
            raise SettingsError(f'launch argument namespace:={text}: expected letters, digits and '
                                '_, not a digit first, with / between the parts')
    return ''.join(f'/{part}' for part in parts)


def _changes(arguments: dict[str, str], settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return {setting: value} that follow from the arguments; names are as in Argument.sets."""
    sim, learns = settings[SIM], arguments['learn'] == 'true'
    readers = [name for name, there in (
        ('base_controller_node', arguments['base'] == 'true'), ('residual_node', True),
        ('learner_node', learns), ('recorder_node', arguments['record'] == 'true'),
        (SERVER, serves(arguments))) if there]
    changes = {
        'episodes': sim.episodes, 'catch_up': '', 'catch_up_to': '', 'goes_on': False,
        'learner_node.out': str(folder / CHECKPOINTS),
        'recorder_node.out': str(folder / 'bag'),
        'dashboard_node.out': str(folder),
        'window': _window(arguments['headless']),
        'wait_for': ' '.join(readers),
        # A controller of the user, in place of ours, reads the states, too.
        'subscribers': len(readers) + (arguments['base'] == 'false'),
        # A Fetch reads the base action, too; each robot reads the commands.
        **_readers_of('base_controller_node', arguments['robot'] != 'sim', [
            name for name in ('residual_node', 'recorder_node') if name in readers]),
        **_readers_of('residual_node', True, [
            name for name in ('learner_node', 'recorder_node', SERVER) if name in readers]),
        'max_owed_updates': sim.max_owed_updates if learns else 0}
    if sim.mode == 'realtime' and not settings['residual_node'].base_timeout:
        changes['base_timeout'] = REALTIME_BASE_TIMEOUT
    if arguments['autostart'] != AUTO:
        changes['autostart'] = arguments['autostart'] == 'true'
    return changes | server_changes(arguments)


def _readers_of(node: str, robot: bool, names: list[str]) -> dict[str, Any]:
    """Return {setting: value} of a node that others read, and whether the robot does."""
    return {f'{node}.readers': robot + len(names), f'{node}.announce_after': ' '.join(names)}


def with_changes(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return {node: settings} with {setting: value} changed; names are as in Argument.sets."""
    result = {}
    for node, one in settings.items():
        own = {name: value for key, value in changes.items()
               for place, _, name in [key.rpartition('.')]
               if place in ('', node) and hasattr(one, name)}
        result[node] = replace(one, **own)
    return result


def resolve(task: str, given: dict[str, str]) -> Run:
    """
    Return the Run of `task` for the arguments {name: text} that were given.

    SettingsError names the argument or setting that is unknown or out of range.
    """
    graph = describe(task)
    arguments = _checked_arguments(graph, given)
    resumed = find_resumed(task, given, {one.name: one.default for one in graph.arguments})
    if resumed:
        arguments = dict(resumed.arguments)
        if arguments['robot'] == 'own':
            arguments['contract'] = str(resumed.config.parent / CONTRACT)
    policy = None if resumed else choose_policy(task, arguments)
    settings = _load(task, arguments, policy.settings if policy else {})
    if arguments['bags'] not in (AUTO, '') and arguments['learn'] == 'false':
        raise SettingsError('launch argument bags: with learn:=false no node learns from them')
    robot, *others = ROBOTS[arguments['robot']]
    if robot != SIM:
        if arguments['mode'] == 'lockstep':
            raise SettingsError(f'launch argument mode:=lockstep: robot:={arguments["robot"]} '
                                'runs in real time')
        settings = (own_robot_settings if arguments['robot'] == 'own'
                    else robot_settings)(settings, arguments)
    if serves(arguments):
        settings[SERVER] = server_settings(settings, robot)
        others.append(SERVER)
    now = f'{task_spec(task).short_name}_{datetime.now():%Y%m%d_%H%M%S}'
    out = f'runs/{now}' if arguments['out'] in (AUTO, '') else arguments['out']
    folder = Path(out).expanduser().absolute()
    run_id = arguments['run'] or f'{now}_{secrets.token_hex(3)}'
    changes = {**_changes(arguments, settings, folder), 'run': run_id}
    texts = {}
    if task not in TASKS:
        texts[TASK] = to_yaml(spec_tree(task_spec(task)))
        changes['task'] = str(folder / TASK)
    if arguments['robot'] == 'own' and not resumed:
        texts[CONTRACT] = Path(settings[robot].contract).read_text(encoding='utf-8')
        changes[f'{robot}.contract'] = str(folder / CONTRACT)
    if policy:
        changes.update(policy.changes(settings, arguments, folder))
    if resumed:
        changes.update(resumed.changes(settings, arguments))
    settings, sim = with_changes(settings, changes), settings[SIM]
    left_out = {node for name, node in SWITCHES.items() if arguments[name] == 'false'}
    processes = (*map(Process, (robot, *others)),
                 *(process for process in graph.processes if process.executable not in left_out))
    count = settings['learner_node'].robots
    robots.check(arguments, count, sim)
    shared = (resumed.shares(sim) if resumed
              else shares(count, sim.first_episode, sim.episodes))
    processes = robots.processes_of(processes, count, arguments['part'], shared)
    return Run(task, folder, settings, processes, arguments, (*graph.after, str(folder)), robot,
               changes['run'], _namespace(arguments['namespace']), policy, resumed, shared,
               texts)
