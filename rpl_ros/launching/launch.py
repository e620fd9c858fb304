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

"""`rpl launch TASK name:=value ...`: the graph of a task without launch_ros."""

import textwrap

from rpl_ros.common.exits import BAD_SETTINGS, run_command
from rpl_ros.launching import processes
from rpl_ros.launching.graph import describe, resolve
from rpl_ros.runs import prepare
from rpl_ros.settings.fields import parse_words, SettingsError
from rpl_ros.setup.add_ros import missing_for_graph
from rpl_ros.tasks.specs import TASKS

HELP = ('-h', '--help')


def task_help() -> str:
    """Return the help text that lists the tasks."""
    return '\n'.join([
        'usage: rpl launch TASK [name:=value ...]', '',
        'Run simulator, base controller, residual and learner of a task as ROS 2 nodes.', '',
        f'tasks: {", ".join(TASKS)}', '',
        f'`rpl launch {next(reversed(TASKS))} --help` lists the arguments.'])


def argument_help(task: str) -> str:
    """Return the help text that lists the arguments of `task` with defaults and choices."""
    lines = [f'usage: rpl launch {task} [name:=value ...]', '', 'arguments:']
    for argument in describe(task).arguments:
        choices = f'  ({" | ".join(argument.choices)})' if argument.choices else ''
        lines.append(f'  {argument.name}:={argument.default}{choices}')
        lines += textwrap.wrap(argument.description, 91, initial_indent=' ' * 6,
                               subsequent_indent=' ' * 6)
    return '\n'.join([
        *lines, '', 'examples:',
        f'  rpl launch {task} episodes:=100 headless:=true out:=runs/first',
        f'  rpl launch {task} resume:=runs/first episodes:=200',
        f'  rpl launch {task} mode:=realtime',
        f'  rpl launch {task} policy:=runs/first learn:=false',
        f'  rpl launch {task} controller:=my_package.my_module:my_function',
        f'  rpl launch {task} base:=false      with your own node that publishes base_action',
        f'  ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET rpl launch {task}',
        '      with nodes on other machines: by default, messages stay on this machine'])


def main(argv: list[str]) -> int:
    """Run `rpl launch` with the words `argv`; return the exit code."""
    if not argv or argv[0] in HELP:
        print(task_help())
        return 0 if argv else BAD_SETTINGS
    return run_command('launch', lambda: launch(*argv), (SettingsError,))


def launch(task: str, *words: str) -> int:
    """Run the graph of a task with the arguments `words`; return the exit code."""
    if any(word in HELP for word in words):
        print(argument_help(task))
        return 0
    if problem := missing_for_graph():
        raise SettingsError(problem)
    run = resolve(task, parse_words(words, 'launch argument'))
    with prepare.prepare(run) as lock:
        for line in run.lines:
            print(line, flush=True)
        return processes.run(run, lock=lock)
