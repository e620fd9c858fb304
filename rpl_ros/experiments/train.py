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

"""`rpl train`: learn without ROS 2, with any of the paper's methods; evaluate on the way."""

import argparse
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
import signal
import sys

from rpl_ros.bags.about import about
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.files import bag_paths, bag_size, bags_setting
from rpl_ros.config import parse_words, SettingsError
from rpl_ros.experiments import train_folder
from rpl_ros.experiments.evaluate import cores, count, EvaluationError
from rpl_ros.experiments.methods import DEFAULT, METHODS, recipe_file, recipes, settings_of
from rpl_ros.experiments.session import Interrupted, Offline, Online
from rpl_ros.experiments.train_words import at_end, at_start, describe, new_notes
from rpl_ros.learning.checkpoint import FILE
from rpl_ros.learning.learner import LearningError
from rpl_ros.tasks.specs import SPECS

EXAMPLES = """examples:
  rpl train complex_hook
  rpl train push --method scratch --recipe paper --steps 500000 --seed 1 --out runs/scratch
  rpl train noisy_hook updates_per_step:=1.0 --actors 0
  rpl train complex_hook --bag runs/monday/bag --bag runs/tuesday/bag --updates 16000
  rpl train complex_hook --bag runs/monday/bag --online --steps 60000

The same command goes on where a run was stopped, with Ctrl-C or otherwise.
"""
OFFLINE = 'offline'
STEPS, UPDATES = 60_000, 16_000
"""How long a run is, in env steps, or from bags alone in gradient updates."""


def whole(text):
    """Return the whole number in `text`, 0 or more, for argparse."""
    return int(text) and count(text)


def make_parser():
    """Return the parser of `rpl train`."""
    parser = argparse.ArgumentParser(
        prog='rpl train', epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Learn a residual, or one of the baselines, without ROS 2.')
    parser.add_argument('task', choices=SPECS)
    parser.add_argument('settings', nargs='*', metavar='name:=value',
                        help='any setting of config/<task>.yaml')
    parser.add_argument('--method', default='residual', metavar='NAME', help='; '.join(
        f'{name}: {text}' for name, (text, _) in METHODS.items()) + ' (default residual)')
    parser.add_argument('--recipe', metavar='NAME', help='hyperparameters: '
                        f'{", ".join(recipes())} (default: {OFFLINE} for a run from bags alone, '
                        f'else {DEFAULT}: config/<task>.yaml)')
    parser.add_argument('--params-file', metavar='FILE', help='ROS parameter file to use instead '
                        'of a recipe')
    parser.add_argument('--seed', type=int, metavar='S', help="(default: the recipe's, 0)")
    parser.add_argument('--steps', type=count, metavar='N', help='environment steps to learn for '
                        f'(default {STEPS})')
    parser.add_argument('--bag', action='append', default=[], metavar='BAG', help='learn from '
                        'this bag alone, a folder or file; may be given several times')
    parser.add_argument('--updates', type=count, metavar='N', help='gradient updates to learn '
                        f'for from bags alone (default {UPDATES})')
    parser.add_argument('--online', action='store_true', help='with --bag: play as well; the '
                        'setting bag_ratio is the share of each batch that comes from the bags')
    parser.add_argument('--out', metavar='DIR', help='run folder (default '
                        'runs/<task>_<method>_<recipe>_<seed>)')
    parser.add_argument('--evaluate-every', type=count, default=10_000, metavar='N',
                        help='environment steps, or updates from bags alone, between evaluations '
                        '(default 10000)')
    parser.add_argument('--evaluate-episodes', type=whole, default=100, metavar='N',
                        help='fresh episodes for each of them; 0: none, which needs no simulator '
                        'where bags are all there is to learn from (default 100)')
    parser.add_argument('--actors', type=int, metavar='N', help='processes that play episodes '
                        'while this one learns; 0: play and learn in turn (default: 1, or 0 where '
                        'there is only one processor)')
    parser.add_argument('--device', default='auto', choices=('auto', 'cpu', 'cuda'),
                        help='where gradient updates are computed (default auto)')
    return parser


def complete(options):
    """Set what the command line leaves open; SettingsError where its options do not fit."""
    options.offline = bool(options.bag) and not options.online
    if options.online and not options.bag:
        raise SettingsError('--online is for runs with --bag: without bags every run is online')
    if options.bag and options.method == 'initial':
        raise SettingsError('--bag: the method initial learns nothing')
    wrong, where = ('steps', 'a run from bags alone') if options.offline else (
        'updates', 'a run that plays')
    if getattr(options, wrong) is not None:
        right = 'updates' if options.offline else 'steps'
        raise SettingsError(f'--{wrong} is of no use for {where}: its length is --{right}')
    if options.actors is None:
        options.actors = int(cores() > 1)
    options.recipe = options.recipe or (OFFLINE if options.offline else DEFAULT)
    options.steps = 0 if options.offline else options.steps or STEPS
    options.updates = options.updates or UPDATES if options.offline else 0


def _told_by(bags):
    """Return {setting: text} of what the first of some bags tells of its horizon and speed."""
    known = None
    if bags:
        with suppress(BagError):  # who reads it will say what is wrong with it
            known = about(bags[0])
    if known is None or not known.horizon:
        return {}
    return {'horizon': str(known.horizon), 'max_ee_speed': str(known.max_ee_speed)}


def read_run(options):
    """Return the dict that train_folder.begin wants for the options of the command line."""
    recipe = options.params_file or options.recipe
    path = options.params_file or recipe_file(options.task, options.recipe)
    given = {'device': options.device, 'threads': str(min(2, cores(), 1 + options.actors)),
             'bags': bags_setting(options.bag), **parse_words(options.settings, 'setting')}
    for name, value in _told_by(options.bag).items():
        given.setdefault(name, value)
    if options.seed is not None:
        given.setdefault('seed', str(options.seed))
    if options.offline:
        given.setdefault('trial_episodes', '0')  # nobody plays the episodes of a trial
    settings = settings_of(options.task, options.method, path, given)
    bags = {str(bag): bag_size(bag) for bag in bag_paths(settings['learner_node'].bags)}
    return {'task': options.task, 'method': options.method, 'recipe': recipe,
            'seed': settings['learner_node'].seed, 'steps': options.steps,
            'updates': options.updates, 'offline': options.offline, 'bags': bags,
            'actors': 0 if options.offline else options.actors, 'settings': settings}


def train(options, run, folder, console):
    """Do the run in `folder`; `run` is what read_run() returned."""
    session = (Offline if options.offline else Online)(options, run['settings'], folder)
    for line in at_start(session, run['settings']):
        console.print(line)
    before = {number: signal.signal(number, session.stop)
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        follow(session, console)
        session.finish()
    except KeyboardInterrupt:
        session.abandon()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        session.close()
    for line in at_end(session):
        console.print(line)


def follow(session, console):
    """Let a Session run, with a progress bar and a line for each evaluation and note."""
    from rpl_ros.experiments.progress import progress_bar
    task, shown = session.options.task, len(session.evaluations.rows)
    with progress_bar(console, task, session.goal) as advance:
        def show(done, rows):
            nonlocal shown
            for row in rows[shown:]:
                console.print(f'{int(row[session.at]):,} {session.unit}: {describe(task, [row])}')
            shown = len(rows)
            for line in new_notes(session):
                console.print(line)
            advance(completed=done, description=describe(task, rows))
        episodes = session.options.evaluate_episodes
        session.evaluating = lambda played: advance(
            completed=session.done, description=f'{task}: evaluates, {played} of {episodes}')
        session.run(show)


def main(argv=None):
    """Run `rpl train`; return the exit code."""
    from rich.console import Console
    options = make_parser().parse_intermixed_args(argv)
    again = 'the same command goes on from its last checkpoint'
    folder, lock = None, None
    try:
        complete(options)
        run = read_run(options)
        folder = Path(options.out or f'runs/{options.task}_{options.method}_'
                      f'{Path(run["recipe"]).stem}_'
                      f'{"bags_" if options.online else ""}{run["seed"]}')
        lock = train_folder.take(folder)
        console = Console(highlight=False, soft_wrap=True)
        if train_folder.begin(folder, run):
            longer = '--updates' if options.offline else '--steps'
            console.print(f'{folder} is finished: more {longer} go on with it')
            return 0
        train(options, run, folder, console)
        return 0
    except (SettingsError, EvaluationError, BagError, ValueError) as error:
        print(f'rpl train: {error}', file=sys.stderr)
        return 2
    except (LearningError, OSError, BrokenProcessPool) as error:
        if isinstance(error, BrokenProcessPool):
            error = 'a process that plays died; was there enough memory?'
        print(f'rpl train: {error}; {folder / "checkpoints" / FILE} is the last good one, and '
              f'{again}', file=sys.stderr)
        return 2
    except (Interrupted, KeyboardInterrupt):
        print(f'rpl train: interrupted; {again}', file=sys.stderr)
        return 130
    finally:
        if lock:
            lock.close()
