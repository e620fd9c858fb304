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
The one description of the graph: its arguments, its processes and what follows a run.

Read by both launchers: `rpl launch` (`processes`) and launch_ros (`ros_launch`). Plain Python.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
import os
from pathlib import Path
import re
import secrets
import sys

from rpl_ros.bags.errors import BagError
from rpl_ros.bags.files import bag_paths, bags_setting
from rpl_ros.config import (did_you_mean, load_settings, make_settings, Managed, NODE_SETTINGS,
                            read_parameter_file, SettingsError)
from rpl_ros.launching.robot import robot_settings
from rpl_ros.modules import python_module
from rpl_ros.tasks.specs import SPECS, UNSEEN

AUTO = 'auto'
BOOLEAN = ('true', 'false')
MAX_RESTARTS = 3
"""How often a process with on_exit 'restart' is started again before the graph ends."""
BAD_SETTINGS = 2
"""Exit code of a node that cannot begin with its settings: started again, it could not either."""


@dataclass(frozen=True)
class Argument:
    """A launch argument `name:=value`; an empty `choices` admits any text."""

    name: str
    default: str
    description: str
    choices: tuple = ()


@dataclass(frozen=True)
class Process:
    """
    A process of the graph; its executable and its node have the same name.

    `on_exit` is 'stop' (its death ends the graph), 'restart' or 'go_on' (the graph does without
    it). An observer is ended after the others, so that it sees their last messages.
    """

    executable: str
    on_exit: str = 'stop'
    observer: bool = False

    def starts_again(self, code, restarts):
        """Return whether to start it again after its end with `code` and so many restarts."""
        return self.on_exit == 'restart' and code != BAD_SETTINGS and restarts < MAX_RESTARTS


@dataclass(frozen=True)
class Graph:
    """What can be launched for a task; `after` follows the run, with the run folder appended."""

    task: str
    arguments: tuple
    processes: tuple
    after: tuple = (*python_module('rpl_ros.cli'), 'report', '--in-proportion')


@dataclass(frozen=True)
class Run:
    """
    One run: a graph with all arguments resolved.

    `settings` holds {node name: settings} of all nodes, `arguments` the value of each argument.
    `main` is the process whose exit code 0 means that the run is complete.
    """

    task: str
    folder: Path
    settings: dict
    processes: tuple
    arguments: dict
    after: tuple
    main: str
    run_id: str
    namespace: str = ''

    @property
    def config(self):
        """Return the path of the ROS parameter file that every node of the run reads."""
        return self.folder / 'config.yaml'


SIM = 'sim_node'
ROBOTS = {'sim': (SIM,), 'fetch_sim': ('fetch_adapter_node', 'fetch_sim_node'),
          'fetch': ('fetch_adapter_node',)}
"""For each value of the argument robot, the processes that stand for it; the first is `main`."""

PROCESSES = (
    Process('base_controller_node'),
    Process('residual_node'),
    Process('learner_node', on_exit='restart'),
    Process('recorder_node', observer=True),
    Process('dashboard_node', on_exit='go_on', observer=True),
)

REALTIME_BASE_TIMEOUT = 0.03
"""How long residual_node waits for a base action in realtime mode, s, where no file says so."""

SETTING_ARGUMENTS = ('episodes', 'seed', 'mode', 'objects', 'controller', 'bags')


def packaged_config(task):
    """
    Return the path of the parameter file of `task` that comes with the package.

    SettingsError names the places where it was looked for.
    """
    prefixes = [*filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)),
                sys.prefix]
    # A checkout comes first: there, a file that was just edited is the one that is meant.
    places = [Path(__file__).parents[2] / 'config',
              *(Path(prefix) / 'share/rpl_ros/config' for prefix in prefixes)]
    for place in places:
        if (place / f'{task}.yaml').is_file():
            return place / f'{task}.yaml'
    raise SettingsError(f'no parameter file {task}.yaml in any of {", ".join(map(str, places))}')


def _setting_argument(name, settings):
    """Return the launch argument that overrides the setting `name` of any node."""
    found = next(values for values in settings.values()
                 if name in {spec.name for spec in fields(values)})
    spec = next(spec for spec in fields(found) if spec.name == name)
    choices = spec.metadata['choices']
    described = f'{spec.metadata["doc"]}; {AUTO}: as in params_file ({getattr(found, name)!r})'
    return Argument(name, AUTO, described, choices and (AUTO, *choices) or ())


def describe(task):
    """Return the Graph of `task`; SettingsError for an unknown task."""
    if task not in SPECS:
        raise SettingsError(f'unknown task {task!r}{did_you_mean(task, SPECS)}: '
                            f'expected one of {", ".join(SPECS)}')
    path = packaged_config(task)
    settings = load_settings(path)
    return Graph(task, (
        *(_setting_argument(name, settings) for name in SETTING_ARGUMENTS),
        Argument('out', AUTO, 'run folder to create; must not exist yet; auto: '
                 f'runs/{task}_<YYYYmmdd_HHMMSS>'),
        Argument('headless', AUTO, 'false: show the scene in a window; auto: a window where '
                 'DISPLAY or WAYLAND_DISPLAY is set', (AUTO, *BOOLEAN)),
        Argument('learn', 'true', 'run learner_node; without it the residual stays as it is',
                 BOOLEAN),
        Argument('record', 'true', 'run recorder_node, which writes an MCAP bag', BOOLEAN),
        Argument('base', 'true', 'run base_controller_node; false: a node of your own reads the '
                 'topic state and publishes base_action', BOOLEAN),
        Argument('autostart', AUTO, 'false: the nodes that act wait for a lifecycle manager, see '
                 'docs/real_robot.md; auto: as in params_file (true)', (AUTO, *BOOLEAN)),
        Argument('params_file', str(path), 'ROS parameter file with the settings of the nodes'),
        Argument('namespace', '', 'namespace of all nodes and topics of the graph, e.g. robot1'),
        Argument('report', 'true', 'make the report after the run', BOOLEAN),
        Argument('robot', 'sim', 'sim: sim_node; fetch_sim: a simulated Fetch behind the '
                 'interfaces of the real one; fetch: the real one. See docs/real_robot.md',
                 tuple(ROBOTS)),
        Argument('contract', AUTO, 'file with names and limits of the robot; auto: '
                 'config/robot/fetch.yaml of the package'),
    ), PROCESSES)


def _checked_arguments(graph, given):
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


def _typed(name, text):
    """Return the text of a setting's argument as that setting's type, checked for its range."""
    for cls in NODE_SETTINGS.values():
        kinds = {spec.name: type(spec.default) for spec in fields(cls)}
        if name in kinds:
            break
    value = text
    if kinds[name] is int:
        try:
            value = int(text)
        except ValueError:
            raise SettingsError(f'launch argument {name}:={text}: expected a whole number'
                                ) from None
    elif name == 'objects' and text not in ('', UNSEEN):
        value = str(Path(text).expanduser().absolute())
        if not Path(value).is_dir():
            raise SettingsError(f'launch argument objects:={text}: no such folder')
    elif name == 'bags':
        try:
            value = bags_setting(bag_paths(text))
        except BagError as error:
            raise SettingsError(f'launch argument bags:={text}: {error}') from None
    make_settings(cls, {name: value}, 'launch argument')
    return value


def _load(task, arguments, overrides):
    """Return the settings of all nodes; SettingsError if the file is for another task."""
    path = arguments['params_file']
    for node, section in read_parameter_file(path).items():
        if section.get('task', task) != task:
            raise SettingsError(f'{path}: {node} is for the task {section["task"]!r}, not {task}')
    settings = load_settings(path, {**overrides, 'task': task})
    scales = [settings[node].residual_scale for node in ('residual_node', 'learner_node')]
    if scales[0] != scales[1]:
        raise SettingsError(f'{path}: residual_scale is {scales[0]} for residual_node but '
                            f'{scales[1]} for learner_node: set it in the section /**')
    return settings


def _window(headless):
    """Return whether to show a window for the value of the argument headless."""
    if headless == AUTO:
        return any(os.environ.get(name) for name in ('DISPLAY', 'WAYLAND_DISPLAY'))
    return headless == 'false'


def _namespace(text):
    """Return the launch argument namespace as ROS has it: '' or '/robot1'."""
    parts = text.strip('/').split('/') if text.strip('/') else []
    for part in parts:
        if not re.fullmatch('[A-Za-z_][A-Za-z0-9_]*', part):
            raise SettingsError(f'launch argument namespace:={text}: expected letters, digits and '
                                '_, not a digit first, with / between the parts')
    return ''.join(f'/{part}' for part in parts)


def _readers(on):
    """Return the names of the nodes of a graph that read the state; `on` are its switches."""
    return [name for name, there in (
        ('base_controller_node', on['base']), ('residual_node', True),
        ('learner_node', on['learn']), ('recorder_node', on['record'])) if there]


def resolve(task, given):
    """
    Return the Run of `task` for the arguments {name: text} that were given.

    SettingsError names the argument or setting that is unknown or out of range.
    """
    graph = describe(task)
    arguments = _checked_arguments(graph, given)
    on = {name: arguments[name] == 'true' for name in ('learn', 'record', 'base')}
    overrides = {name: _typed(name, arguments[name]) for name in SETTING_ARGUMENTS
                 if arguments[name] != AUTO}
    settings = _load(task, arguments, overrides)
    if overrides.get('bags') and not on['learn']:
        raise SettingsError('launch argument bags: learn:=false leaves nobody to learn from them')

    out = arguments['out']
    if out in (AUTO, ''):
        out = f'runs/{task}_{datetime.now():%Y%m%d_%H%M%S}'
    folder = Path(out).expanduser().absolute()
    sim = settings[SIM]
    readers = _readers(on)
    settings[SIM] = sim = replace(
        sim, window=_window(arguments['headless']), wait_for=' '.join(readers),
        # A user's controller, in place of ours, reads the state, too.
        subscribers=len(readers) + (not on['base']),
        max_owed_updates=sim.max_owed_updates if on['learn'] else 0)
    robot, *others = ROBOTS[arguments['robot']]
    if robot != SIM:
        if arguments['mode'] == 'lockstep':
            raise SettingsError(f'launch argument mode:=lockstep: robot:={arguments["robot"]} '
                                'runs in real time')
        settings = robot_settings(settings, arguments, packaged_config)
    if (robot != SIM or sim.mode == 'realtime') and not settings['residual_node'].base_timeout:
        settings['residual_node'] = replace(settings['residual_node'],
                                            base_timeout=REALTIME_BASE_TIMEOUT)
    for node, out in (('learner_node', folder / 'checkpoints'), ('recorder_node', folder / 'bag'),
                      ('dashboard_node', folder)):
        settings[node] = replace(settings[node], out=str(out))
    settings['dashboard_node'] = replace(settings['dashboard_node'], episodes=sim.episodes)

    if arguments['autostart'] != AUTO:
        settings = {node: replace(one, autostart=arguments['autostart'] == 'true')
                    if isinstance(one, Managed) else one for node, one in settings.items()}

    run_id = f'{task}_{datetime.now():%Y%m%d_%H%M%S}_{secrets.token_hex(3)}'
    settings = {node: replace(one, run=run_id) for node, one in settings.items()}

    switches = {'learner_node': on['learn'], 'recorder_node': on['record'],
                'base_controller_node': on['base']}
    processes = (*map(Process, (robot, *others)),
                 *(process for process in graph.processes
                   if switches.get(process.executable, True)))
    return Run(task, folder, settings, processes, arguments, (*graph.after, str(folder)), robot,
               run_id, _namespace(arguments['namespace']))
