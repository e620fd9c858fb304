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

"""The command `rpl`: finds the subcommand's module and hands over to it."""

import argparse
import importlib
import os
import signal
import sys

from rpl_ros import console
from rpl_ros.config import did_you_mean
from rpl_ros.launching.run_folder import version_of

COMMANDS = {
    'launch': ('rpl_ros.launching.cli', 'run a task live over ROS 2: rpl launch complex_hook'),
    'report': ('rpl_ros.experiments.report', 'make curve, comparison and video of a run folder'),
    'evaluate': ('rpl_ros.experiments.evaluate', 'compare base and residual on fresh episodes'),
    'train': ('rpl_ros.experiments.train', 'train in one process, without ROS 2'),
    'sweep': ('rpl_ros.experiments.sweep', 'train a grid of task x method x seed'),
    'plot': ('rpl_ros.experiments.figures', "draw the paper's figures from run folders"),
    'pets': ('rpl_ros.experiments.pets', 'learn the model of mbrl_pusher, and CachedPETS from it'),
    'bag': ('rpl_ros.experiments.bag', 'look into recorded bags: audit, pictures, export'),
    'bench': ('rpl_ros.experiments.bench', 'measure speed and print ratios'),
    'add-ros': ('rpl_ros.add_ros', 'bring ROS 2 from PyPI into this environment'),
    'doctor': ('rpl_ros.doctor', 'check what this machine lacks'),
}
INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell has it."""


def make_parser():
    """Return the parser of `rpl` itself; what follows a subcommand is not parsed here."""
    lines = [f'  {name:10}{text}' for name, (_, text) in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog='rpl', description='Residual Policy Learning over ROS 2.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='\n'.join(['commands:', *lines, '', '`rpl COMMAND --help` says more.']))
    parser.add_argument('--version', action='version', version=f'rpl {version_of("rpl_ros")}')
    parser.add_argument('command', metavar='COMMAND', help='one of the commands below')
    parser.add_argument('arguments', nargs=argparse.REMAINDER, metavar='...',
                        help='arguments of the command')
    return parser


def main(argv=None):
    """Run `rpl` with the words `argv` (default: the command line); return the exit code."""
    console.begin()
    parser = make_parser()
    words = parser.parse_args(argv)
    if words.command not in COMMANDS:
        parser.error(f'unknown command {words.command!r}{did_you_mean(words.command, COMMANDS)}: '
                     f'expected one of {", ".join(COMMANDS)}')
    for what, text in (('the path of the current folder', _current_folder(parser)),
                       *((f'an argument of {words.command}', text) for text in words.arguments)):
        if not console.is_utf8(text):
            parser.error(f'{what} is not valid UTF-8, which ROS 2 and YAML need: {text!a}')
    try:
        module = importlib.import_module(COMMANDS[words.command][0])
        code = module.main(words.arguments)
        if code == INTERRUPTED and argv is None:  # else whoever called goes on
            _ignore_interrupt()
        return code
    except KeyboardInterrupt:
        if argv is None:
            _ignore_interrupt()
        print(f'rpl {words.command}: interrupted', file=sys.stderr)
        return INTERRUPTED


def _current_folder(parser):
    try:
        return os.getcwd()
    except OSError:
        parser.error('the current folder was removed: change to another one')


def _ignore_interrupt():
    """Take no more Ctrl-C: it would end the end itself, with a traceback or another code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == '__main__':
    sys.exit(main())
