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
What a machine must have before rpl_ros can be set up, and the pinned versions in setup.cfg.

Only the standard library and the syntax of Python 3.6: bootstrap.py runs this with the python3 of
the machine, which may be too old.
"""
import configparser
import ctypes
import importlib.util
import os
from pathlib import Path
import re
import shutil
import sys
import sysconfig
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

OLDEST, NEWEST = (3, 10), (3, 13)
ROOT = Path(__file__).resolve().parents[2]
SET_UP_GB, SET_UP_CUDA_GB = 4, 12   # of .venv and of what pip unpacks for it
FROM_DISTRIBUTION = ('numpy', 'pyyaml')   # pins that give way to a distribution's own version
ROS_FROM_PYPI = ('jazzy', 'kilted')       # of which PyPI has wheels; groups of setup.cfg
DEFAULT_ROS = 'kilted'
RANGES = ('export',)                      # groups of setup.cfg without exact versions

OK, WARN, FAIL = 'ok', 'warn', 'FAIL'


class Finding(NamedTuple):
    """Result of one check: its level, what was seen, and what to do about it."""

    level: str
    what: str
    remedy: str = ''

    def line(self) -> str:
        """Return the finding as one line of text."""
        return f'{self.level:4} {self.what}' + (f': {self.remedy}' if self.remedy else '')


def check_python(version: Optional[Sequence[int]] = None) -> Finding:
    """Check that (major, minor) of this Python, or of `version`, is a supported one."""
    version = tuple(version or sys.version_info[:2])[:2]
    found = 'Python {}.{}'.format(*version)
    if OLDEST <= version <= NEWEST:
        return Finding(OK, found)
    wanted = '{}.{} to {}.{}'.format(*OLDEST, *NEWEST)
    return Finding(FAIL, found + ' is not supported',
                   f'install one of {wanted}, then `make setup PYTHON=python3.12` or the like')


def check_venv() -> Finding:
    """Check that Python can make a virtual environment with pip in it (Debian splits this off)."""
    missing = [name for name in ('venv', 'ensurepip') if importlib.util.find_spec(name) is None]
    if not missing:
        return Finding(OK, 'venv module')
    return Finding(FAIL, f'Python has no {" and no ".join(missing)} module',
                   'apt-get install python3-venv')


def check_headers(folder: Union[str, Path, None] = None) -> Finding:
    """Check that Python.h is there: the messages become Python extensions in C."""
    folder = folder or sysconfig.get_paths()['include']
    if (Path(folder) / 'Python.h').exists():
        return Finding(OK, 'Python headers')
    return Finding(FAIL, f'Python.h is not in {folder}', 'apt-get install python3-dev')


def check_compiler(environ: Optional[Mapping[str, str]] = None) -> Finding:
    """Check that a C++ compiler is on the PATH of `environ`."""
    environ = os.environ if environ is None else environ
    # $CXX may carry options, as in "ccache g++".
    names = environ.get('CXX', '').split()[:1] + ['c++', 'g++', 'clang++']
    for name in names:
        found = shutil.which(name, path=environ.get('PATH', os.defpath))
        if found:
            return Finding(OK, f'C++ compiler {found}')
    return Finding(FAIL, 'no C++ compiler', 'apt-get install g++')


def check_disk(folder: Path = ROOT, needed: float = SET_UP_GB) -> Finding:
    """Check that `needed` GB are free where `folder` lies."""
    free = shutil.disk_usage(str(folder)).free / 1e9
    if free >= needed:
        return Finding(OK, f'{free:.0f} GB free on disk')
    return Finding(FAIL, f'{free:.1f} GB free on disk at {folder}', f'make room: {needed} GB')


def check_egl(load: Callable[[str], Any] = ctypes.CDLL) -> Finding:
    """Check that the libraries for pictures without a screen load; only videos need them."""
    missing = []
    for library, package in (('libEGL.so.1', 'libegl1'), ('libGL.so.1', 'libgl1')):
        try:
            load(library)
        except OSError:
            missing.append(package)
    if not missing:
        return Finding(OK, 'EGL libraries')
    return Finding(WARN, 'no EGL or GL library (only videos and pictures need them)',
                   f'apt-get install {" ".join(missing)}')


def ros_source(environ: Mapping[str, str], has_rclpy: bool) -> str:
    """
    Return the source of ROS 2: 'pypi', or the 'distribution' whose setup file was sourced.

    'mismatch' is a sourced distribution that this Python cannot use: it would shadow PyPI's ROS.
    """
    if not (environ.get('ROS_DISTRO') and environ.get('AMENT_PREFIX_PATH')):
        return 'pypi'
    return 'distribution' if has_rclpy else 'mismatch'


def venv_name(ros: str) -> str:
    """Return the name of the folder that the set-up makes; `ros` is '' for the default."""
    return '.venv' if ros in ('', DEFAULT_ROS) else f'.venv_{ros}'


def check_ros(environ: Optional[Mapping[str, str]] = None, has_rclpy: Optional[bool] = None,
              wanted: str = '') -> Finding:
    """
    Check that a sourced ROS 2 distribution, if there is one, is usable by this Python.

    `wanted` is the distribution that was asked for by name, or ''.
    """
    environ = os.environ if environ is None else environ
    if has_rclpy is None:
        has_rclpy = importlib.util.find_spec('rclpy') is not None
    source = ros_source(environ, has_rclpy)
    if source == 'mismatch':
        return Finding(FAIL, f'ROS 2 {environ["ROS_DISTRO"]} is sourced, but this Python has no '
                       'rclpy', 'use PYTHON=/usr/bin/python3, or a shell without the distribution')
    if source == 'pypi':
        return Finding(OK, f'ROS 2 {wanted or DEFAULT_ROS} from PyPI (no distribution is sourced)')
    if wanted not in ('', environ['ROS_DISTRO']):
        return Finding(FAIL, f'ROS 2 {environ["ROS_DISTRO"]} is sourced, not {wanted}',
                       'use a shell without it, or omit ROS=')
    return Finding(OK, f'ROS 2 {environ["ROS_DISTRO"]}')


def read_pins(path: Path = ROOT / 'setup.cfg') -> Dict[str, List[str]]:
    """Return the lines of setup.cfg with exact versions: group -> list, without RANGES."""
    config = configparser.ConfigParser(interpolation=None)
    with open(str(path), encoding='utf-8') as file:
        config.read_file(file)
    return {group: [line.strip() for line in text.splitlines() if line.strip()]
            for group, text in config['options.extras_require'].items() if group not in RANGES}


def split_pin(line: str) -> Tuple[str, str, bool]:
    """
    Return (name, version, applies) of a line like 'a[b]==1.2; python_version < "3.11"'.

    ValueError for any other kind of line or marker.
    """
    found = re.fullmatch(r'([\w.-]+)(?:\[\w+\])?==([\w.]+)'
                         r'(?:; python_version (<|>=) "3\.(\d+)")?', line)
    if not found:
        raise ValueError(f'setup.cfg: {line!r} is not an exact version')
    name, version, relation, minor = found.groups()
    older = relation is not None and sys.version_info < (3, int(minor))
    return name, version, relation is None or older == (relation == '<')
