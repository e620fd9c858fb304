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

"""The command `rpl`: finds the module of the subcommand and calls its main()."""

import argparse
import importlib
import os
import signal
import sys

from rpl_ros.common import console
from rpl_ros.common.assets import source_tree
from rpl_ros.common.exits import INTERRUPTED
from rpl_ros.common.versions import version_of
from rpl_ros.settings.fields import did_you_mean

COMMANDS = {
    'launch': ('rpl_ros.launching.launch', 'run a task live over ROS 2: rpl launch complex_hook'),
    'report': ('rpl_ros.reports.report', 'make curve, comparison and video of a run folder'),
    'evaluate': ('rpl_ros.evaluation.evaluate', 'compare base and residual on fresh episodes'),
    'compare': ('rpl_ros.reports.compare', 'compare policies on the same fresh episodes'),
    'policy': ('rpl_ros.runs.policy', 'what a policy file is, how it was trained and evaluated'),
    'train': ('rpl_ros.training.train', 'train in one process, without ROS 2'),
    'task': ('rpl_ros.tasks.command', 'list tasks; describe an environment as a task'),
    'new': ('rpl_ros.setup.new', 'write a small package for a task or controller of your own'),
    'sweep': ('rpl_ros.sweeps.sweep', 'train a grid of task x method x seed'),
    'plot': ('rpl_ros.reports.figures', "draw the paper's figures from run folders"),
    'pets': ('rpl_ros.pets.pets', 'learn the model of mbrl_pusher, and CachedPETS from it'),
    'bag': ('rpl_ros.bags.bag', 'recorded bags: check, plot, play, export'),
    'bench': ('benchmarks.bench', 'measure speed and print ratios'),
    'add-ros': ('rpl_ros.setup.add_ros', 'bring ROS 2 from PyPI into this environment'),
    'doctor': ('rpl_ros.setup.doctor', 'check this machine and the set-up'),
}


def make_parser() -> argparse.ArgumentParser:
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


def main(argv: list[str] | None = None) -> int:
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
        if words.command == 'bench' and not _find_benchmarks():
            parser.error('the benchmarks are part of the source tree alone: run `rpl bench` from '
                         'a clone of the repository, after `make setup`')
        module = importlib.import_module(COMMANDS[words.command][0])
        code = module.main(words.arguments)
        if code == INTERRUPTED and argv is None:  # else the caller continues
            _ignore_interrupt()
        return code
    except KeyboardInterrupt:
        if argv is None:
            _ignore_interrupt()
        print(f'rpl {words.command}: interrupted', file=sys.stderr)
        return INTERRUPTED


def _find_benchmarks() -> bool:
    """Put the folder of the benchmarks on the path; return whether there is one."""
    tree = source_tree()
    if tree and (tree / 'test' / 'benchmarks').is_dir():
        sys.path.append(str(tree / 'test'))
        return True
    return False


def _current_folder(parser: argparse.ArgumentParser) -> str:
    try:
        return os.getcwd()
    except OSError:
        parser.error('the current folder was removed: change to another one')


def _ignore_interrupt() -> None:
    """Ignore further Ctrl-C: it would end the process with a traceback or another exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == '__main__':
    sys.exit(main())
