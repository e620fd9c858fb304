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

"""`rpl train`: learn without ROS 2, with any of the paper's methods, and evaluate meanwhile."""

import argparse
from collections.abc import Collection
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rpl_ros.bags.about import about
from rpl_ros.bags.errors import BagError
from rpl_ros.bags.files import bag_paths, bag_size, bags_setting
from rpl_ros.common.arguments import cores, count
from rpl_ros.common.exits import handle_signals, run_command
from rpl_ros.common.progress import progress_bar
from rpl_ros.learning.checkpoint import FILE
from rpl_ros.learning.learner import LearningError
from rpl_ros.learning.process import tune_process
from rpl_ros.runs.layout import CHECKPOINTS
from rpl_ros.runs.train_folder import lock_run_folder, prepare_folder
from rpl_ros.scene import EvaluationError
from rpl_ros.settings.fields import parse_words, SettingsError
from rpl_ros.settings.nodes import NODE_SETTINGS
from rpl_ros.settings.recipes import (DEFAULT, method_settings, METHODS, recipe_file, recipes,
                                      settings_of)
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.option import add_task
from rpl_ros.training.session import FromBags, Interrupted, Online, Session
from rpl_ros.training.start import start_in, start_in_words, with_start
from rpl_ros.training.words import at_end, at_start, describe, new_notes

EXAMPLES = """examples:
  rpl train complex_hook
  rpl train push --method scratch --recipe paper --steps 500000 --seed 1 --out runs/scratch
  rpl train noisy_hook updates_per_step:=1.0 --actors 0
  rpl train complex_hook --bag runs/monday/bag --bag runs/tuesday/bag --updates 16000
  rpl train complex_hook --bag runs/monday/bag --online --steps 60000
  rpl train hook --from runs/simulated arm:=joints --steps 30000

The same command continues a run that was stopped, by Ctrl-C or otherwise.
"""
AGAIN = 'the same command continues from the last checkpoint'
OFFLINE = 'offline'
STEPS, UPDATES = 60_000, 16_000
"""Default length of a run in env steps, and of one from bags alone in gradient updates."""


def whole(text: str) -> int:
    """Return the whole number in `text`, 0 or more, for argparse."""
    return int(text) and count(text)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl train`."""
    parser = argparse.ArgumentParser(
        prog='rpl train', epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Learn a residual, or one of the baselines, without ROS 2.')
    add_task(parser)
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
    parser.add_argument('--from', dest='start', metavar='POLICY', help='begin with a trained '
                        'policy: a run folder, whose critics are used too; a policy file; or '
                        'ready, for the one that comes with the package')
    parser.add_argument('--updates', type=count, metavar='N', help='gradient updates to learn '
                        f'for from bags alone (default {UPDATES})')
    parser.add_argument('--online', action='store_true', help='with --bag: play as well; the '
                        'setting bag_ratio is the share of the bags in each batch')
    parser.add_argument('--out', metavar='DIR', help='run folder (default '
                        'runs/<task>_<method>_<recipe>_<seed>)')
    parser.add_argument('--evaluate-every', type=count, default=10_000, metavar='N',
                        help='environment steps, or updates from bags alone, between evaluations '
                        '(default 10000)')
    parser.add_argument('--evaluate-episodes', type=whole, default=100, metavar='N',
                        help='fresh episodes of each evaluation; 0: no evaluation, so that a run '
                        'from bags alone needs no simulator (default 100)')
    parser.add_argument('--actors', type=int, metavar='N', help='processes that play episodes '
                        'while this one learns; 0: play and learn in turn (default: 1, or 0 with '
                        'a single processor)')
    parser.add_argument('--device', default='auto', choices=('auto', 'cpu', 'cuda'),
                        help='where gradient updates are computed (default auto)')
    return parser


def complete(options: argparse.Namespace) -> None:
    """Set the options that were not given; SettingsError where options contradict."""
    options.offline = bool(options.bag) and not options.online
    if options.online and not options.bag:
        raise SettingsError('--online is for runs with --bag: without bags every run is online')
    for name, value in (('--bag', options.bag), ('--from', options.start)):
        if value and options.method == 'initial':
            raise SettingsError(f'{name}: the method initial learns nothing')
    wrong, where = ('steps', 'a run from bags alone') if options.offline else (
        'updates', 'a run that plays')
    if getattr(options, wrong) is not None:
        right = 'updates' if options.offline else 'steps'
        raise SettingsError(f'--{wrong} does not apply to {where}: give its length by --{right}')
    if options.actors is None:
        options.actors = int(cores() > 1)
    options.recipe = options.recipe or (OFFLINE if options.offline else DEFAULT)
    options.steps = 0 if options.offline else options.steps or STEPS
    options.updates = options.updates or UPDATES if options.offline else 0


def _settings_in(bags: list[str]) -> dict[str, str]:
    """Return {setting: text} with the horizon and speed that the first bag names, if it does."""
    known = None
    if bags:
        with suppress(BagError):  # reading its episodes gives the same error
            known = about(bags[0])
    if known is None or not known.horizon:
        return {}
    return {'horizon': str(known.horizon), 'max_ee_speed': str(known.max_ee_speed)}


def run_of(options: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Return (folder, run) that the command line describes, as prepare_folder() takes them."""
    recipe = options.params_file or options.recipe
    path = options.params_file or recipe_file(options.task, options.recipe)
    given = {'device': options.device, 'threads': str(min(2, cores(), 1 + options.actors)),
             'bags': bags_setting(options.bag), **parse_words(options.settings, 'setting')}
    for name, value in _settings_in(options.bag).items():
        given.setdefault(name, value)
    if options.seed is not None:
        given.setdefault('seed', str(options.seed))
    if options.offline:
        given.setdefault('trial_episodes', '0')  # a trial needs new episodes
    settings = settings_of(options.task, options.method, path, given)
    folder = Path(options.out or _default_folder(options, settings['learner_node'].seed))
    start, taken = None, ''
    if options.start:
        start, before = start_in(folder, options.start, options.task), settings
        settings = with_start(settings, start, _chosen(options, given), folder.absolute())
        taken = start_in_words(start, before, settings)
    bags = {str(bag): bag_size(bag) for bag in bag_paths(settings['learner_node'].bags)}
    return folder, {
        'task': options.task, 'method': options.method, 'recipe': recipe,
        'seed': settings['learner_node'].seed, 'steps': options.steps,
        'updates': options.updates, 'evaluate_episodes': options.evaluate_episodes,
        'offline': options.offline, 'bags': bags,
        'actors': 0 if options.offline else options.actors, 'settings': settings,
        'policy': {'from': options.start, **start.facts} if start else {}, 'start': start,
        'taken': taken}


def _chosen(options: argparse.Namespace, given: Collection[str]) -> Collection[str]:
    """Return the settings that a policy to begin with does not change: `given` and the method."""
    if options.params_file:
        return {field.name for one in NODE_SETTINGS.values() for field in fields(one)}
    return {*given, *method_settings(options.task, options.method), 'whole_action'}


def _default_folder(options: argparse.Namespace, seed: int) -> str:
    """Return the run folder where the user names none: one for each kind of run."""
    recipe = Path(options.params_file or options.recipe).stem
    kind = ('bags_' if options.online else '') + ('from_' if options.start else '')
    return f'runs/{task_spec(options.task).short_name}_{options.method}_{recipe}_{kind}{seed}'


class TrainingError(Exception):
    """A run that ended early: says why, and what remains."""


def train(options: argparse.Namespace) -> None:
    """Start or continue the run that the options of the command line describe."""
    console = Console(highlight=False, soft_wrap=True)
    complete(options)
    folder, run = run_of(options)
    with lock_run_folder(folder):
        if prepare_folder(folder, run):
            longer = '--updates' if options.offline else '--steps'
            console.print(f'{folder} is complete: to continue it, give more {longer}')
            return
        if run['taken']:
            console.print(run['taken'])
        try:
            run_session(options, run['settings'], folder, console)
        except (LearningError, OSError, BrokenProcessPool) as error:
            reason = ('a process that plays died: fewer --actors need less memory; otherwise look '
                      'at the controller and the environment, which may have ended it'
                      if isinstance(error, BrokenProcessPool) else error)
            raise TrainingError(f'{reason}; {folder / CHECKPOINTS / FILE} is the last good '
                                f'checkpoint, and {AGAIN}') from error


def run_session(options: argparse.Namespace, settings: dict[str, Any], folder: Path,
                console: Console) -> None:
    """Learn until the run is complete, or raise Interrupted after a checkpoint."""
    session = (FromBags if options.offline else Online)(options, settings, folder)
    for line in at_start(session, settings):
        console.print(line)
    try:
        with handle_signals(session.stop):
            show_run(session, console)
            session.finish()
    except Interrupted:
        raise
    except KeyboardInterrupt:
        session.abandon()
        raise
    finally:
        session.close()
    for line in at_end(session):
        console.print(line)


def show_run(session: Session, console: Console) -> None:
    """Run a session, with a progress bar and a line for each evaluation and note."""
    task, shown = session.options.task, len(session.evaluations.rows)
    with progress_bar(console, task, session.goal) as advance:
        def show(done: int, rows: list[dict]) -> None:
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


def main(argv: list[str] | None = None) -> int:
    """Run `rpl train`; return the exit code."""
    options = make_parser().parse_intermixed_args(argv)
    tune_process()
    return run_command('train', lambda: train(options), (
        EvaluationError, BagError, TrainingError, OSError, ValueError), f'interrupted; {AGAIN}')
