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

"""Compiles rpl_msgs into a virtual environment; a part of bootstrap.py, standard library only."""
import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Callable, List

SOURCE = Path(__file__).resolve().parents[2] / 'rpl_msgs'

# A venv above a distribution: libraries of rpl_msgs must be found before the process starts, so
# the interpreter starts itself once more. (The wheels from PyPI bring the same for themselves.)
# Our folders come last, as they do for Python: a workspace that is sourced goes before.
RESTART = """import os
import sys

wanted = {'LD_LIBRARY_PATH': os.path.join(sys.prefix, 'lib'), 'AMENT_PREFIX_PATH': sys.prefix}
lacking = {name: folder for name, folder in wanted.items()
           if folder not in os.environ.get(name, '').split(':')}
for name, folder in lacking.items():
    os.environ[name] = (os.environ.get(name, '') + ':' + folder).lstrip(':')
if lacking:
    os.execv(sys.executable, [sys.executable] + sys.orig_argv[1:])
"""


def python_paths(python: Path) -> List[str]:
    """Return the folders of `python`: its headers, its numpy's headers, and its packages."""
    code = ('import numpy, sysconfig; paths = sysconfig.get_paths(); '
            'print(paths["include"], numpy.get_include(), paths["purelib"], sep="\\n")')
    return subprocess.check_output([str(python), '-c', code], universal_newlines=True).splitlines()


def repair_exports(prefix: Path, python_include: str, numpy_include: str) -> int:
    """
    Replace folders of the machine that built the ROS wheels in their CMake files.

    Return how many files were changed.
    """
    changed = 0
    for path in (prefix / 'share').rglob('*.cmake'):
        old = path.read_text(encoding='utf-8', errors='surrogateescape')
        new = re.sub(r'/opt/python/[^/;"]+/include/python3\.\d+t?', lambda _: python_include, old)
        new = re.sub(r'/opt/python/[^;"]+/numpy/_core/include', lambda _: numpy_include, new)
        if new != old:
            path.write_text(new, encoding='utf-8', errors='surrogateescape')
            changed += 1
    return changed


def build(venv: Path, distribution: bool, run: Callable[..., None], source: Path = SOURCE) -> None:
    """
    Compile rpl_msgs, from its folder `source`, and install it into `venv`.

    `run(command, **environ)` runs a program.
    """
    python = venv / 'bin' / 'python'
    python_include, numpy_include, purelib = python_paths(python)
    prefixes = [str(venv)]
    if distribution:
        prefixes += os.environ['AMENT_PREFIX_PATH'].split(':')
        (Path(purelib) / 'rpl_ros_restart.py').write_text(RESTART, encoding='utf-8')
        (Path(purelib) / 'rpl_ros_restart.pth').write_text('import rpl_ros_restart\n',
                                                           encoding='utf-8')
    else:
        repair_exports(venv, python_include, numpy_include)
    environ = {'PATH': f'{venv / "bin"}:{os.environ["PATH"]}',
               'AMENT_PREFIX_PATH': ':'.join(prefixes)}
    cmake = shutil.which('cmake', path=environ['PATH'])
    folder = venv / 'build' / 'rpl_msgs'
    # PYTHON_INSTALL_DIR: Debian's Python would choose lib/python3/dist-packages, where a virtual
    # environment does not look.
    run([cmake, '-S', source, '-B', folder, '-G', 'Ninja', '-DBUILD_TESTING=OFF',
         f'-DCMAKE_PREFIX_PATH={";".join(prefixes)}', f'-DCMAKE_INSTALL_PREFIX={venv}',
         f'-DPython3_EXECUTABLE={python}', '-DPython3_FIND_VIRTUALENV=ONLY',
         f'-DPYTHON_INSTALL_DIR={os.path.relpath(purelib, str(venv))}'], **environ)
    run([cmake, '--build', folder, '--target', 'install'], **environ)
