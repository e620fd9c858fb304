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

"""`rpl add-ros`: brings ROS 2 from PyPI, and our messages, into a virtual environment."""

import argparse
from importlib import metadata
from importlib.util import find_spec
import os
from pathlib import Path
import sys

from rpl_ros.common.assets import share
from rpl_ros.setup import bootstrap, message_build, prerequisites as pre

HOW = 'run `rpl add-ros`, or `make setup` in a checkout'


def missing_for_graph() -> str:
    """Return what this environment lacks to run the graph, as a text; '' if nothing is missing."""
    for name, part in (('rclpy', 'rclpy'), ('rpl_msgs', 'rpl_msgs.msg')):
        # A folder with the sources of the messages also looks like a package.
        if find_spec(name) is None or find_spec(part) is None:
            return f'{name} is not installed for {sys.executable}: {HOW}'
    return ''


def add(ros: str) -> None:
    """Install the wheels of the distribution `ros`, or use a sourced one; compile rpl_msgs."""
    made = bootstrap.Environment(Path(sys.prefix))
    distribution = pre.ros_source(os.environ, find_spec('rclpy') is not None) == 'distribution'
    groups = 'build' if distribution else f'build,{ros}'
    with bootstrap.step('ROS 2 ' + (os.environ['ROS_DISTRO'] if distribution else ros)):
        made.pip('install', '--prefer-binary', f'rpl_ros[{groups}]=={metadata.version("rpl_ros")}')
    with bootstrap.step('rpl_msgs'):
        message_build.build(made.folder, distribution, made.run, share('rpl_msgs'))
    bootstrap.link_programs(made.folder)


def main(argv: list[str] | None = None) -> int:
    """Run `rpl add-ros`; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='rpl add-ros', description=f'Install what the graph needs in {sys.prefix}.',
        epilog='example: rpl add-ros --ros jazzy')
    parser.add_argument('--ros', choices=pre.ROS_FROM_PYPI, default=pre.DEFAULT_ROS,
                        help='distribution to take from PyPI where none is sourced (default '
                        f'{pre.DEFAULT_ROS})')
    options = parser.parse_args(argv)
    if sys.prefix == sys.base_prefix:
        parser.error(f'{sys.prefix} is no virtual environment: install rpl_ros in one first')
    findings = [pre.check_headers(), pre.check_compiler(), pre.check_ros()]
    missing = [finding.line() for finding in findings if finding.level == pre.FAIL]
    if missing:
        print('\n'.join(missing), file=sys.stderr)
        return 1
    try:
        add(options.ros)
    except bootstrap.SetUpError as error:
        print(f'rpl add-ros: {error}', file=sys.stderr)
        return 1
    print('rpl launch works here now')
    return 0
