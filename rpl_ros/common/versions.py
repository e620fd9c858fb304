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

"""Versions of packages, and the commit of the checkout, for run.yaml and bags."""

from importlib import metadata
from pathlib import Path
import re
import subprocess

PACKAGES = ('rpl_ros', 'numpy', 'mujoco', 'torch', 'rclpy')


def version_of(package: str) -> str:
    """Return the version of an installed package, or 'unknown'."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
    manifest = Path(__file__).parents[2] / 'package.xml'
    if package == 'rpl_ros' and manifest.is_file():
        found = re.search(r'<version>(.*?)</version>', manifest.read_text(encoding='utf-8'))
        return found[1] if found else 'unknown'
    return 'unknown'


def git_commit() -> str:
    """Return the commit of the checkout, '+dirty' if files differ from it; '' outside of one."""
    root = Path(__file__).parents[2]
    if not (root / '.git').exists():
        return ''

    def git(*words: str) -> str:
        return subprocess.run(['git', '-C', str(root), *words], capture_output=True, text=True,
                              check=True).stdout.strip()
    try:
        return git('rev-parse', 'HEAD') + ('+dirty' if git('status', '--porcelain') else '')
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
