# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The command `rpl`: finds the subcommand's module and hands over to it."""

import argparse
import importlib
import sys

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
    'doctor': ('rpl_ros.doctor', 'check what this machine lacks'),
}


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
    parser = make_parser()
    words = parser.parse_args(argv)
    if words.command not in COMMANDS:
        parser.error(f'unknown command {words.command!r}{did_you_mean(words.command, COMMANDS)}: '
                     f'expected one of {", ".join(COMMANDS)}')
    module = importlib.import_module(COMMANDS[words.command][0])
    return module.main(words.arguments)


if __name__ == '__main__':
    sys.exit(main())
