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
"""`rpl new`: a small package of the user's own that works, with a test that passes as it is."""

import argparse
from collections.abc import Iterator
import keyword
from pathlib import Path
import re

from rpl_ros.common.assets import share
from rpl_ros.common.exits import run_command

KINDS = {'task': 'an environment, its base controller and its file: docs/own_task.md',
         'controller': 'a base controller for a built-in task',
         'robot': 'the contract with a robot, a task and a controller: docs/own_robot.md'}
NAME = 'my_package'
"""How the packages in config/new are called."""
EXAMPLES = """examples:
  rpl new task my_task
  rpl new controller my_controller
  rpl new robot my_robot
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl new`."""
    parser = argparse.ArgumentParser(
        prog='rpl new', epilog=EXAMPLES, description='Write a small Python package that works, '
        'for pip and for a ROS 2 workspace.', formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kind', choices=KINDS, help='; '.join(
        f'{kind}: {text}' for kind, text in KINDS.items()))
    parser.add_argument('name', metavar='NAME', help='name of the package, and of its new folder')
    return parser


def files_of(kind: str, name: str) -> Iterator[tuple[Path, str]]:
    """Yield (path within the package, text) of the files of a new package."""
    for folder in (share('config') / 'new' / 'common', share('config') / 'new' / kind):
        for path in sorted(folder.rglob('*')):
            if path.is_file() and '__pycache__' not in path.parts:
                place = str(path.relative_to(folder)).replace(NAME, name)
                yield Path(place), path.read_text(encoding='utf-8').replace(NAME, name)


def new(kind: str, name: str) -> None:
    """Write a package into a new folder; ValueError where that is impossible."""
    if not re.fullmatch('[a-z][a-z0-9_]*', name) or keyword.iskeyword(name):
        raise ValueError(f'NAME is {name!r}, expected lower-case letters, digits and _, a letter '
                         'first, and no word of Python')
    root = Path(name)
    try:
        root.mkdir()
    except FileExistsError:
        raise ValueError(f'{root} already exists: choose another name, or move it away') from None
    for place, text in files_of(kind, name):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text, encoding='utf-8')
    print(f'{root} is ready. Try it: cd {root}; python -m pytest test; then see its README.md')


def main(argv: list[str] | None = None) -> int:
    """Run `rpl new`; return the exit code."""
    options = make_parser().parse_args(argv)
    return run_command('new', lambda: new(options.kind, options.name), (ValueError, OSError))
