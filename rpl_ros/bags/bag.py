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

"""`rpl bag`: what is in a bag, pictures, playing it back to the learner, and data sets from it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
import json
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from rpl_ros.bags.audit import Audit, audit_bag, FIT, LOSSES, UNUSABLE
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.export import export_lerobot
from rpl_ros.bags.files import bags_of
from rpl_ros.bags.plot import bag_with, draw_episode
from rpl_ros.common.exits import BAD_SETTINGS, INTERRUPTED
from rpl_ros.common.files import write_file
from rpl_ros.common.intervals import wilson
from rpl_ros.common.modules import python_module
from rpl_ros.setup.add_ros import missing_for_graph

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES = """examples:
  rpl bag info runs/first/bag
  rpl bag info recorded_by_ros2_bag.mcap --json
  rpl bag plot runs/first/bag --episode 40 --out episode_40.png
  rpl bag play runs/first/bag --rate 0
  rpl bag export runs/first runs/second/bag --format lerobot --out data_set
"""
VERDICTS = {FIT: 'fit for training', LOSSES: 'usable, with losses', UNUSABLE: 'unusable'}
MOST_RANGES = 8
"""Largest number of ranges of versions in the table of successes; --json has each version."""


def _facts(audit: Audit) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table, (name, text)."""
    yield 'task', (f'{audit.task}, {audit.horizon} steps an episode'
                   + (f', {audit.max_ee_speed:g} m/s' if audit.max_ee_speed else ''))
    if audit.run:
        yield 'run', audit.run
    yield 'controller', ', '.join(audit.controllers) or 'not recorded'
    yield 'files', f'{audit.files}, {audit.size / 1e6:,.1f} MB'
    yield 'duration', f'{audit.duration:,.1f} s'
    yield 'episodes', (f'{audit.episodes:,}: {audit.whole_episodes:,} whole, '
                       f'{audit.unfinished_episodes:,} without a last state, '
                       f'{audit.terminated:,} ended by the task')
    yield 'steps', f'{audit.steps:,}'
    yield 'transitions', f'{audit.transitions:,} that a learner can use'
    for problem, count in audit.problems.items():
        yield 'not used', f'{count:,} episodes that could not continue: {problem}'
    yield 'gaps', f'{audit.gaps:,} states or commands are missing'
    yield 'unpaired', f'{audit.unpaired:,} messages'
    yield 'duplicates', f'{audit.duplicates:,}'
    yield 'out of order', f'{audit.out_of_order:,}'
    yield 'contradictions', f'{audit.conflicts:,}'
    yield 'missed steps', f'{audit.missed:,}'
    yield 'executed', (f'another action than the sent one in {audit.changed:,} transitions; '
                       f'motion was limited in {audit.limited:,} steps')
    for topic, count in audit.messages.items():
        rate = f', {audit.rates[topic]:,.1f} Hz' if topic in audit.rates else ''
        yield topic, f'{count:,} messages{rate}'
    versions = audit.policy_versions
    if versions:
        yield 'policy versions', f'{len(versions)}: {versions[0]} to {versions[-1]}'


def _by_ranges(rows: list[dict]) -> Iterator[tuple[str, str, list[dict]]]:
    """Yield (versions, mode, rows of Audit.success) for MOST_RANGES ranges of versions."""
    versions = sorted({row['policy_version'] for row in rows} - {None})
    size = -(-len(versions) // MOST_RANGES) or 1
    ranges = [versions[start:start + size] for start in range(0, len(versions), size)]
    for part in ([None], *ranges):
        label = ('-' if part[0] is None else str(part[0]) if len(part) == 1
                 else f'{part[0]} to {part[-1]}')
        for mode in ('base', 'explore', 'evaluate'):
            chosen = [row for row in rows if row['policy_version'] in part
                      and row['mode'] == mode]
            if chosen:
                yield label, mode, chosen


def _print_audit(audit: Audit, console: Console) -> None:
    """Print an audit as tables, then the verdict; of an unreadable bag only what is wrong."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, text in _facts(audit):
        facts.add_row(name, text)
    if audit.messages:
        console.print(facts)
    if audit.success:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for name in ('weights', 'mode', 'episodes', 'success', '95 % (Wilson)', 'mean return'):
            table.add_column(name, justify='left' if name == 'mode' else 'right')
        for versions, mode, rows in _by_ranges(audit.success):
            episodes = sum(row['episodes'] for row in rows)
            wins = sum(row['successes'] for row in rows)
            low, high = wilson(wins, episodes)
            returned = sum(row['mean_return'] * row['episodes'] for row in rows) / episodes
            table.add_row(versions, mode, str(episodes), f'{wins / episodes:.1%}',
                          f'{low:.1%} to {high:.1%}', f'{returned:.1f}')
        console.print(table)
    for loss in audit.losses:
        console.print(f'lost: {loss}', style='yellow')
    if audit.error:
        console.print(f'error: {audit.error}', style='red')
    console.print(f'{audit.path}: {VERDICTS[audit.verdict]}')


def info(options: argparse.Namespace) -> int:
    """Print the audit of a bag, or of each one of a run; return the worst verdict."""
    from rich.console import Console
    verdicts = []
    for bag in bags_of(options.bag):
        audit = audit_bag(bag, options.horizon, options.run)
        verdicts.append(audit.verdict)
        if options.json:
            print(json.dumps({**asdict(audit), 'verdict': VERDICTS[audit.verdict]}))
        else:
            _print_audit(audit, Console(highlight=False, markup=False, soft_wrap=True))
    return max(verdicts)


def plot(options: argparse.Namespace) -> int:
    """Write the picture of an episode."""
    bag = bag_with(bags_of(options.bag), options.episode, options.run)
    content, number = draw_episode(bag, options.episode, options.run)
    out = options.out or Path(f'episode_{number}.png')
    write_file(out, content)
    print(out)
    return 0


def export(options: argparse.Namespace) -> int:
    """Write a LeRobot data set of the episodes of bags, and say what is in it."""
    bags = [bag for path in options.bags for bag in bags_of(path)]
    for line in export_lerobot(bags, options.out, options.horizon, options.run):
        print(line)
    return 0


def play(options: argparse.Namespace) -> int:
    """Become player_node; return BAD_SETTINGS where ROS 2 is missing."""
    if problem := missing_for_graph():
        print(f'rpl bag play: {problem}', file=sys.stderr)
        return BAD_SETTINGS
    # Quoted: ROS reads values as YAML, and a folder may be called 1e5.
    values = {'bag': json.dumps(str(options.bag)), 'rate': float(options.rate),
              'run': json.dumps(options.run), 'subscribers': options.subscribers}
    sys.stdout.flush()
    return os.execv(sys.executable, [
        *python_module('rpl_ros.nodes.player_node'), '--ros-args',
        *(word for name, value in values.items() for word in ('-p', f'{name}:={value}'))])


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl bag`."""
    parser = argparse.ArgumentParser(
        prog='rpl bag', description='Inspect bags of recorder_node and of `ros2 bag`.',
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')

    def add(name: str, function: Callable[[argparse.Namespace], int], text: str,
            number: str | None = None) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=text, description=f'{text[0].upper()}{text[1:]}.', epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter)
        command.add_argument('bags' if number else 'bag', type=Path, metavar='BAG', nargs=number,
                             help='folder or file: MCAP, or sqlite3 of rosbag2; or run folder')
        command.add_argument('--run', default='', metavar='ID', help='the run to read, where a '
                             'bag holds several (default: that of the first state)')
        command.set_defaults(function=function)
        return command
    audit = add('info', info, 'say what is in a bag, and whether it can be trained from '
                '(exit code 0: yes, 1: with losses, 2: no)')
    audit.add_argument('--horizon', type=int, default=0, metavar='N', help='control steps of an '
                       'episode where the bag does not tell')
    audit.add_argument('--json', action='store_true', help='print one JSON object')
    picture = add('plot', plot, 'draw positions, commands and reward of an episode')
    picture.add_argument('--episode', type=int, metavar='N', help='default: the first one')
    picture.add_argument('--out', type=Path, metavar='FILE.png', help='default: episode_N.png')
    player = add('play', play, 'publish state, command and policy_weights of a bag over ROS 2, '
                 'for a learner_node in the same ROS_DOMAIN_ID')
    player.add_argument('--rate', type=float, default=1.0, metavar='R', help='speed relative '
                        'to the recording; 0: as fast as the learner can process (default 1)')
    player.add_argument('--subscribers', type=int, default=1, metavar='N',
                        help='subscriptions on state to wait for (default 1)')
    data_set = add('export', export, 'write the whole transitions of bags of one task as a data '
                   'set for other learners (needs pyarrow)', '+')
    data_set.add_argument('--format', choices=['lerobot'], default='lerobot',
                          help='lerobot: LeRobot v3.0 (default)')
    data_set.add_argument('--horizon', type=int, default=0, metavar='N', help='control steps '
                          'of an episode where the bags do not tell')
    data_set.add_argument('--out', type=Path, required=True, metavar='DIR',
                          help='folder of the data set; must not exist')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `rpl bag`; return the exit code."""
    options = make_parser().parse_args(argv)
    try:
        return options.function(options)
    except (BagError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print('rpl bag: interrupted; nothing was written', file=sys.stderr)
        return INTERRUPTED
