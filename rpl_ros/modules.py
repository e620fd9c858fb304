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
Which modules are found: never one that lies in the current folder by chance, but one named there.

Python looks into the current folder first, for `python -m` and `python -c`: a file mcap.py or a
checkout of rpl_ros that lies there would be imported in place of the installed one.
"""

from importlib import import_module
from importlib.machinery import PathFinder
import os
import sys

_RUN = ('import sys; sys.path[:] = [path for path in sys.path if path]; '
        "from runpy import run_module; run_module('{}', run_name='__main__', alter_sys=True)")


def python_module(name):
    """Return the words that run the module `name`, as `python -m` does it, wherever one is."""
    return [sys.executable, '-c', _RUN.format(name)]


def import_own(name):
    """
    Return the module of a user called `name`, also if it lies in the current folder.

    What is installed comes first. A module that was found in the current folder also finds those
    beside it. Raises what import_module() raises.
    """
    top, here = name.partition('.')[0], os.getcwd()
    installed = PathFinder.find_spec(top)
    # A folder without __init__.py, anywhere on the path, counts as a package for Python.
    if (installed is None or installed.loader is None) and here not in sys.path and (
            PathFinder.find_spec(top, [here])):
        sys.path.append(here)
    return import_module(name)
