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
"""`rpl task`: which tasks there are, and the file that describes one."""

import argparse
from dataclasses import replace
from importlib.metadata import entry_points

from rpl_ros.common.arguments import count
from rpl_ros.common.exits import run_command
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.tasks.environments import describe, GROUP
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.spec_file import spec_tree
from rpl_ros.tasks.specs import FILE_ENDINGS, TASKS, TaskSpec

EXAMPLES = """examples:
  rpl task list
  rpl task describe Pendulum-v1
  rpl task describe FetchReach-v4 --controller my_package.my_module:reach > reach.yaml
  rpl task describe my_package.my_module:make_environment --horizon 50 --repeat 3 > my_task.yaml
  rpl train my_task.yaml
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl task`."""
    parser = argparse.ArgumentParser(
        prog='rpl task', epilog=EXAMPLES, description='Tasks, and the files that describe them: '
        'see docs/own_task.md.', formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    commands.add_parser('list', help='the built-in tasks, and those of installed packages')
    one = commands.add_parser('describe', help='print the file (YAML) of a task')
    one.add_argument('task', metavar='TASK', help='an id of Gymnasium, package.module:function '
                     'of an environment, a built-in task, or a file')
    one.add_argument('--horizon', type=count, default=0, metavar='N', help='control steps of an '
                     'episode (default: as the environment says)')
    one.add_argument('--repeat', type=count, default=1, metavar='N', help='steps of the '
                     'environment in one control step, where it runs faster than the robot is '
                     'controlled (default 1)')
    one.add_argument('--python', default='', metavar='FILE', help='the interpreter that has the '
                     'environment, where it needs other versions than rpl_ros, for example '
                     '~/sim/.venv/bin/python')
    one.add_argument('--controller', default='', metavar='NAME', help='the base controller')
    return parser


def described(name: str, horizon: int, repeat: int, python: str) -> TaskSpec:
    """Return the TaskSpec of a task or environment; ValueError."""
    if name in TASKS or name.endswith(FILE_ENDINGS):
        if repeat != 1 or python:
            raise ValueError(f'--repeat, --python: {name} is no environment')
        return task_spec(name, horizon)
    return describe(name, horizon, repeat, python)


def run(options: argparse.Namespace) -> None:
    """Print what the options of the command line ask for."""
    if options.command == 'list':
        for name in TASKS:
            print(f'{name:16}{task_spec(name).text}')
        for entry in entry_points(group=GROUP):
            print(f'{entry.name:16}{entry.value}')
        return
    spec = described(options.task, options.horizon, options.repeat, options.python)
    if options.controller:
        spec = replace(spec, controller=options.controller)
    print(to_yaml(spec_tree(spec)), end='')


def main(argv: list[str] | None = None) -> int:
    """Run `rpl task`; return the exit code."""
    options = make_parser().parse_args(argv)
    return run_command('task', lambda: run(options), (ValueError,))
