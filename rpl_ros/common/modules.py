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
How modules are found: not by accident in the current folder, except those that the user names.

`python -m` and `python -c` search the current folder first: a file mcap.py or a checkout of
rpl_ros there would be imported instead of the installed one.
"""

from importlib import import_module
from importlib.machinery import PathFinder
import os
import sys
from types import ModuleType
from typing import Any

from rpl_ros.common.brief import did_you_mean, one_line
from rpl_ros.common.described import described

_RUN = ('import sys; sys.path[:] = [path for path in sys.path if path]; '
        "from runpy import run_module; run_module('{}', run_name='__main__', alter_sys=True)")


def python_module(name: str) -> list[str]:
    """Return a command that runs the module `name` as `python -m` does, from any folder."""
    return [sys.executable, '-c', _RUN.format(name)]


def import_own(name: str) -> ModuleType:
    """
    Return the user's module `name`, installed or, if it is not, from the current folder.

    A module from the current folder can import others from there. Raises what import_module()
    raises.
    """
    top, here = name.partition('.')[0], os.getcwd()
    installed = PathFinder.find_spec(top)
    # Python takes any folder on the path as a package, even without __init__.py: no loader.
    if (installed is None or installed.loader is None) and here not in sys.path and (
            PathFinder.find_spec(top, [here])):
        sys.path.append(here)
    return import_module(name)


def load_own(path: str) -> Any:
    """
    Return the object at the user's `package.module:name`.

    ImportError if that is impossible; it names the line of the user's module that failed.
    """
    module_name, _, name = path.partition(':')
    cannot = f'{one_line(path, 200)} cannot be imported'
    try:
        module = import_own(module_name)
    except ModuleNotFoundError as error:
        # The user's module itself may be missing, or a module that it imports.
        missing = module_name == error.name or module_name.startswith(f'{error.name}.')
        raise ImportError(f'{cannot}: {error if missing else described(error)}') from error
    except (Exception, SystemExit) as error:  # a user's own module may raise anything
        raise ImportError(f'{cannot}: {described(error)}') from error
    if not hasattr(module, name):
        raise ImportError(f'{cannot}: {getattr(module, "__file__", module_name)} has no {name!r}'
                          f'{did_you_mean(name, vars(module))}')
    return getattr(module, name)
