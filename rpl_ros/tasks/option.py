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
"""The option of command lines that names a task."""

import argparse
from pathlib import Path
from typing import Any

from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.specs import FILE_ENDINGS, TaskError, TASKS

HELP = (f'{", ".join(TASKS)}; a Gymnasium environment: its id or package.module:function; or a '
        f'file of a task, which ends in {FILE_ENDINGS[0]}: see docs/own_task.md')


def full_name(text: str) -> str:
    """Return the name of a task, the path of a file as an absolute one."""
    return str(Path(text).expanduser().absolute()) if text.endswith(FILE_ENDINGS) else text


def task_name(text: str) -> str:
    """Return the full_name() of a task, for argparse."""
    name = full_name(text)
    try:
        task_spec(name)
    except TaskError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name


def add_task(parser: argparse.ArgumentParser, flag: str = 'task', note: str = '',
             **options: Any) -> None:
    """Add the option to a parser; `note` stands after its help."""
    parser.add_argument(flag, type=task_name, metavar='TASK',
                        help=HELP.replace('%', '%%') + note, **options)
