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
The graph for launch_ros: what the files in launch/ return.

It follows the habits of ROS where `rpl launch` does not: output on the screen with the name of
the node, logs in the usual place, and no report after Ctrl-C: after a shutdown, launch starts
nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
import os
from pathlib import Path
import signal
import sys
from typing import NoReturn, TextIO

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (DeclareLaunchArgument, EmitEvent, ExecuteProcess, LogInfo,
                            OpaqueFunction, RegisterEventHandler, TimerAction)
from launch.event_handlers import OnProcessExit, OnShutdown
from launch.events import matches_action, Shutdown
from launch.events.process import ProcessExited, SignalProcess
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from rpl_ros.common.child import how_it_ended, LAUNCHER
from rpl_ros.launching import robots
from rpl_ros.launching.graph import describe, Graph, resolve, Run
from rpl_ros.launching.processes import CLEAN, episodes_done, GRACE, LAST_MESSAGES
from rpl_ros.launching.robots import Deaths, Process
from rpl_ros.runs.prepare import prepare
from rpl_ros.settings.fields import SettingsError
from rpl_ros.tasks.option import full_name, HELP
from rpl_ros.tasks.specs import TASKS


OWN_TASK = 'own_task'
"""Name of the launch file for tasks that are not built in."""
DECLARED = 'complex_hook'
"""The task whose arguments that launch file shows: defaults that differ follow from the task."""


class GraphFailed(RuntimeError):
    """Ends the launch with exit code 1: only an exception does that."""


def _fail(why: str) -> OpaqueFunction:
    """Return the action that ends the launch with exit code 1."""
    def throw(context: LaunchContext) -> NoReturn:
        raise GraphFailed(why)
    return OpaqueFunction(function=throw)


class LaunchSequence:
    """The actions of one run: those that start it, and those that follow when a process ends."""

    def __init__(self, run: Run, lock: TextIO | None = None) -> None:
        """Start nothing yet: see actions(). `lock` is that of the run folder, and is kept."""
        self.run, self.lock = run, lock
        self.nodes: dict[str, Node] = {}  # that run now, by name of the process
        self.deaths = Deaths(run.processes, run.main)
        self.complete = False
        self.interrupted: set[str] = set()  # nodes that were asked to end
        self.failed = ''

    def actions(self) -> list[Action]:
        """Return the actions that start the graph."""
        join = robots.join_in_words(self.run)
        return [LogInfo(msg=f'run folder: {self.run.folder}'),
                *(LogInfo(msg=line) for line in self.run.lines),
                *([LogInfo(msg=join)] if join else []),
                RegisterEventHandler(OnShutdown(on_shutdown=self.on_shutdown)),
                *(action for process in self.run.processes for action in self.start(process))]

    def start(self, process: Process) -> list[Action]:
        """Return the actions that start a process and watch it."""
        name = process.name
        (_, gentle), (_, hard), _ = GRACE
        environment = {'PYTHONUNBUFFERED': '1', LAUNCHER: str(os.getpid())}
        own = robots.parameters(self.run, process)
        node = Node(package='rpl_ros', executable=process.executable, name=process.executable,
                    output='screen', namespace=robots.namespace(self.run, process) or None,
                    parameters=[str(self.run.config), *([own] if own else [])],
                    remappings=robots.remappings(self.run, process), additional_env=environment,
                    sigterm_timeout=str(gentle), sigkill_timeout=str(hard))
        self.nodes[name] = node
        self.deaths.begin(process)

        def on_exit(event: ProcessExited, context: LaunchContext) -> list[Action]:
            del self.nodes[name]
            return [] if context.is_shutdown else self.on_exit(process, event.returncode)
        return [RegisterEventHandler(OnProcessExit(target_action=node, on_exit=on_exit)), node]

    def on_exit(self, process: Process, code: int) -> list[Action]:
        """Return the actions that follow the end of a process."""
        name = process.name
        if self.complete or process.robot in self.deaths.gone:
            if code not in CLEAN:
                self.failed = f'{name} ended with an error ({how_it_ended(code)})'
            return self.end_next() if self.complete else []
        what, text = self.deaths.decide(process, code)
        said: list[Action] = [LogInfo(msg=text)] if text else []
        if what == robots.COMPLETE:
            self.complete = True
            return [TimerAction(period=LAST_MESSAGES, actions=[
                OpaqueFunction(function=lambda context: self.end_next())])]
        if what == robots.STOP:
            return [_fail(text)]
        if what == robots.LEAVE:
            self.failed = text
            said += [action for one in self.run.processes
                     if one.robot == process.robot and one.name in self.nodes
                     for action in self.interrupt(one.name)]
        return [*said, *(self.start(process) if what == robots.RESTART else [])]

    def end_next(self) -> list[Action]:
        """Return the actions that end the next nodes of a complete run: observers last."""
        for observers in (False, True):
            left = [process.name for process in self.run.processes
                    if process.observer == observers and process.name in self.nodes]
            if left:
                new = [name for name in left if name not in self.interrupted]
                self.interrupted.update(new)
                return [action for name in new for action in self.interrupt(name)]
        return self.after()

    def interrupt(self, name: str) -> list[Action]:
        """Return the actions that end a node, by force if it takes too long."""
        node = self.nodes[name]

        def send(number: int) -> EmitEvent:
            return EmitEvent(event=SignalProcess(signal_number=number,
                                                 process_matcher=matches_action(node)))

        def force(context: LaunchContext) -> list[Action]:
            if self.nodes.get(name) is not node:
                return []
            return [LogInfo(msg=f'{name} did not end in time: sending SIGKILL'),
                    send(signal.SIGKILL)]
        return [send(signal.SIGINT),
                TimerAction(period=GRACE[0][1], actions=[OpaqueFunction(function=force)])]

    def after(self) -> list[Action]:
        """Return the actions that follow when all processes of a complete run have ended."""
        if self.lock:
            self.lock.close()  # the report sees that the run has ended
        if self.failed:
            return [_fail(self.failed)]
        # A user's launch file that includes ours may have started more: do not end that.
        end = ([EmitEvent(event=Shutdown(reason='the run is complete'))]
               if _is_alone(self.run.task) else [LogInfo(msg=f'{self.run.folder}: complete')])
        if self.run.arguments['report'] != 'true' or not episodes_done(self.run):
            return end

        def reported(event: ProcessExited, context: LaunchContext) -> list[Action]:
            if event.returncode != 0:
                return [_fail(f'the report failed ({how_it_ended(event.returncode)})')]
            return end
        report = ExecuteProcess(cmd=list(self.run.after), output='screen', name='report')
        return [RegisterEventHandler(OnProcessExit(target_action=report, on_exit=reported)),
                report]

    def on_shutdown(self, event: Shutdown, context: LaunchContext) -> list[Action]:
        """Return the action that says how to get the report of a run that did not complete."""
        if self.complete or not episodes_done(self.run):
            return []
        return [LogInfo(msg=f'for the report: rpl report {self.run.folder}')]


def _is_alone(task: str) -> bool:
    """Return whether our launch file was launched itself, not included by a user's file."""
    stem = task if task in TASKS else OWN_TASK
    return any(Path(word).name == f'{stem}.launch.py' for word in sys.argv)


def _given(context: LaunchContext, graph: Graph) -> dict[str, str]:
    """
    Return {name: text} of the launch arguments.

    launch accepts any name. Of names typed after `ros2 launch ... <task>.launch.py` we check that
    they are ours; a launch file that includes this one may have arguments of its own.
    """
    given = {argument.name: LaunchConfiguration(argument.name).perform(context)
             for argument in graph.arguments}
    if _is_alone(graph.task):
        typed = (word.partition(':=') for word in context.argv)
        given.update({name: value for name, separator, value in typed if separator})
    if graph.task not in TASKS:  # the defaults were declared before the task was known
        declared = {argument.name: argument.default for argument in describe(DECLARED).arguments}
        given = {name: value for name, value in given.items()
                 if name != 'task' and value != declared.get(name)}
    return given


def _within(context: LaunchContext, run: Run) -> Run:
    """
    Return a run of several robots in the namespace that a user's launch file has set.

    Their topics need full names: those of the learner lie outside of a robot's own namespace.
    """
    outer = context.launch_configurations.get('ros_namespace', '').rstrip('/')
    return replace(run, namespace=f'/{outer.lstrip("/")}{run.namespace}') if (
        outer and run.robots > 1) else run


def _start(context: LaunchContext, graph: Graph) -> list[Action]:
    """Return the actions of the run that the launch arguments describe."""
    try:
        run = _within(context, resolve(graph.task, _given(context, graph)))
        lock = prepare(run)
    except SettingsError as error:
        if _is_alone(graph.task):
            raise
        # Raised at once, it would leave running what the user's file has just started: launch ends
        # only processes whose start it has seen.
        return [LogInfo(msg=f'error: {error}'),
                TimerAction(period=LAST_MESSAGES, actions=[_fail(str(error))])]
    return LaunchSequence(run, lock).actions()


def launch_file(task: str) -> Callable[[], LaunchDescription]:
    """Return the generate_launch_description() of the launch file of a task."""
    return partial(_description, task)


def _start_own(context: LaunchContext) -> list[Action]:
    """Return the actions of a run of the task in the launch argument of this name."""
    name = full_name(LaunchConfiguration('task').perform(context))
    if name in TASKS:
        raise SettingsError(f'launch argument task:={name}: a built-in task has a launch file of '
                            f'its own: {name}.launch.py')
    return _start(context, describe(name))


def _description(task: str) -> LaunchDescription:
    own = task == OWN_TASK
    graph = describe(DECLARED if own else task)
    start = OpaqueFunction(function=_start_own) if own else (
        OpaqueFunction(function=_start, args=[graph]))
    return LaunchDescription([
        *([DeclareLaunchArgument('task', description=HELP)] if own else []),
        *(DeclareLaunchArgument(argument.name, default_value=argument.default,
                                description=argument.description,
                                choices=argument.choices or None)
          for argument in graph.arguments),
        start])
