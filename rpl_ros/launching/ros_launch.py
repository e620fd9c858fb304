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

Differs from `rpl launch` in what ROS users expect: output on the screen with the node's name,
logs in the usual place, and no report after Ctrl-C (a shut-down launch starts nothing new).
"""

import os
from pathlib import Path
import signal
import sys

from launch import LaunchDescription
from launch.actions import (DeclareLaunchArgument, EmitEvent, ExecuteProcess, LogInfo,
                            OpaqueFunction, RegisterEventHandler, TimerAction)
from launch.event_handlers import OnProcessExit, OnShutdown
from launch.events import matches_action, Shutdown
from launch.events.process import SignalProcess
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from rpl_ros.config import SettingsError
from rpl_ros.launching.child import how_it_ended, LAUNCHER
from rpl_ros.launching.graph import describe, MAX_RESTARTS, resolve
from rpl_ros.launching.processes import CLEAN, episodes_done, GRACE, SETTLE
from rpl_ros.launching.run_folder import prepare
from rpl_ros.learning.earliest import live_in_words


class GraphFailed(RuntimeError):
    """Ends the launch with exit code 1: only an exception does that."""


def _fail(why):
    """Return the action that ends the launch with exit code 1."""
    def throw(context):
        raise GraphFailed(why)
    return OpaqueFunction(function=throw)


class Course:
    """The course of one run: what follows when a process ends."""

    def __init__(self, run):
        """Nothing is started yet: see `actions`."""
        self.run = run
        self.nodes = {}
        self.restarts = {process.executable: 0 for process in run.processes}
        self.complete = False
        self.interrupted = set()
        self.failed = ''

    def actions(self):
        """Return the actions that start the graph."""
        learns = self.run.arguments['learn'] == 'true'
        return [LogInfo(msg=f'run folder: {self.run.folder}'),
                *([LogInfo(msg=live_in_words(self.run.settings))] if learns else []),
                RegisterEventHandler(OnShutdown(on_shutdown=self.on_shutdown)),
                *(action for process in self.run.processes for action in self.start(process))]

    def start(self, process):
        """Return the actions that start a process and watch it."""
        name = process.executable
        (_, gentle), (_, hard), _ = GRACE
        environment = {'PYTHONUNBUFFERED': '1', LAUNCHER: str(os.getpid())}
        node = Node(package='rpl_ros', executable=name, name=name, output='screen',
                    namespace=self.run.namespace or None, parameters=[str(self.run.config)],
                    additional_env=environment,
                    sigterm_timeout=str(gentle), sigkill_timeout=str(hard))
        self.nodes[name] = node

        def on_exit(event, context):
            del self.nodes[name]
            return [] if context.is_shutdown else self.on_exit(process, event.returncode)
        return [RegisterEventHandler(OnProcessExit(target_action=node, on_exit=on_exit)), node]

    def on_exit(self, process, code):
        """Return the actions that follow the end of a process."""
        name = process.executable
        if self.complete:
            if code not in CLEAN:
                self.failed = f'{name} ended badly ({how_it_ended(code)})'
            return self.end_next()
        if name == self.run.main and code == 0:
            self.complete = True
            return [TimerAction(period=SETTLE, actions=[
                OpaqueFunction(function=lambda context: self.end_next())])]
        died = f'{name} died ({how_it_ended(code)})'
        if process.on_exit == 'go_on':
            return [LogInfo(msg=f'{died}: the run goes on without it')]
        if process.starts_again(code, self.restarts[name]):
            self.restarts[name] += 1
            return [LogInfo(msg=f'{died}: started again ({self.restarts[name]} of '
                                f'{MAX_RESTARTS})'), *self.start(process)]
        return [_fail(f'{died}: ending the graph')]

    def end_next(self):
        """Return the actions that end the next nodes of a complete run: observers last."""
        for observers in (False, True):
            left = [process.executable for process in self.run.processes
                    if process.observer == observers and process.executable in self.nodes]
            if left:
                new = [name for name in left if name not in self.interrupted]
                self.interrupted.update(new)
                return [action for name in new for action in self.interrupt(name)]
        return self.after()

    def interrupt(self, name):
        """Return the actions that end a node, by force if it takes too long."""
        node = self.nodes[name]

        def send(number):
            return EmitEvent(event=SignalProcess(signal_number=number,
                                                 process_matcher=matches_action(node)))

        def force(context):
            if self.nodes.get(name) is not node:
                return []
            return [LogInfo(msg=f'{name} did not end in time: sending SIGKILL'),
                    send(signal.SIGKILL)]
        return [send(signal.SIGINT),
                TimerAction(period=GRACE[0][1], actions=[OpaqueFunction(function=force)])]

    def after(self):
        """Return the actions that follow when all processes of a complete run have ended."""
        if self.failed:
            return [_fail(self.failed)]
        # What else a user's launch file has started is not ours to end.
        end = ([EmitEvent(event=Shutdown(reason='the run is complete'))]
               if _is_alone(self.run.task) else [LogInfo(msg=f'{self.run.folder}: complete')])
        if self.run.arguments['report'] != 'true' or not episodes_done(self.run):
            return end

        def reported(event, context):
            if event.returncode != 0:
                return [_fail(f'the report failed ({how_it_ended(event.returncode)})')]
            return end
        report = ExecuteProcess(cmd=list(self.run.after), output='screen', name='report')
        return [RegisterEventHandler(OnProcessExit(target_action=report, on_exit=reported)),
                report]

    def on_shutdown(self, event, context):
        """Return the action that says how to get the report of a run that was cut short."""
        if self.complete or not episodes_done(self.run):
            return []
        return [LogInfo(msg=f'for the report: rpl report {self.run.folder}')]


def _is_alone(task):
    """Return whether the launch is that of our file alone, and no file of a user includes it."""
    return any(Path(word).name == f'{task}.launch.py' for word in sys.argv)


def _given(context, graph):
    """
    Return {name: text} of the launch arguments.

    launch itself accepts any name; those typed after `ros2 launch ... <task>.launch.py` must be
    ours, those of a launch file that includes this one are its own affair.
    """
    given = {argument.name: LaunchConfiguration(argument.name).perform(context)
             for argument in graph.arguments}
    if _is_alone(graph.task):
        typed = (word.partition(':=') for word in context.argv)
        given.update({name: value for name, separator, value in typed if separator})
    return given


def _start(context, graph):
    """Return the actions of the run that the launch arguments describe."""
    try:
        run = resolve(graph.task, _given(context, graph))
        prepare(run)
    except SettingsError as error:
        if _is_alone(graph.task):
            raise
        # Raised at once, it would leave behind what a user's file has just begun to start: launch
        # ends only processes that it has seen begin.
        return [LogInfo(msg=f'error: {error}'),
                TimerAction(period=SETTLE, actions=[_fail(str(error))])]
    return Course(run).actions()


def generate(task):
    """Return the LaunchDescription of a task."""
    graph = describe(task)
    return LaunchDescription([
        *(DeclareLaunchArgument(argument.name, default_value=argument.default,
                                description=argument.description,
                                choices=argument.choices or None)
          for argument in graph.arguments),
        OpaqueFunction(function=_start, args=[graph])])
