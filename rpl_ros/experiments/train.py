# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""`rpl train`: learn without ROS 2, with any of the paper's methods; evaluate on the way."""

import argparse
from pathlib import Path
import signal
import sys
import time

from rpl_ros.config import parse_words, SettingsError
from rpl_ros.experiments import train_folder
from rpl_ros.experiments.evaluate import cores, count, EvaluationError, FRESH, summarise
from rpl_ros.experiments.loop import Loop
from rpl_ros.experiments.methods import DEFAULT, METHODS, recipe_file, recipes, settings_of
from rpl_ros.experiments.players import Players
from rpl_ros.experiments.run_status import SUMMARY
from rpl_ros.files import write_file
from rpl_ros.launching.run_folder import to_yaml
from rpl_ros.learning.checkpoint import FILE, resume, save
from rpl_ros.learning.learner import LearningError
from rpl_ros.measures import measure_of
from rpl_ros.tasks.specs import SPECS

EXAMPLES = """examples:
  rpl train complex_hook
  rpl train push --method scratch --recipe paper --steps 500000 --seed 1 --out runs/scratch
  rpl train noisy_hook updates_per_step:=1.0 --actors 0

The same command goes on where a run was stopped, with Ctrl-C or otherwise.
"""


class Interrupted(Exception):
    """Ctrl-C or SIGTERM came."""


class Session:
    """One call of `rpl train`: the loop, its tables, and what is written when."""

    def __init__(self, options, settings, folder):
        """Build loop and players, and go on from the checkpoint in `folder` if there is one."""
        self.options, self.folder = options, folder
        workers = max(options.actors, cores()) if options.actors else 0
        self.learns = options.method != 'initial'
        self.loop = Loop(settings, options.actors, Players(settings, workers))
        self.learner = self.loop.learner
        extra = resume(folder / 'checkpoints', self.learner)
        if extra is not None:
            self.loop.restore(extra)
        done = self.learner.transitions
        self.metrics = train_folder.Table(folder / 'metrics.csv', train_folder.METRICS,
                                          'total_steps', done)
        self.evaluations = train_folder.Table(folder / 'evaluation.csv', train_folder.EVALUATION,
                                              'env_steps', done)
        rows = [*self.metrics.rows, *self.evaluations.rows]
        self._before = max((float(row['wall_time_s']) for row in rows), default=0.0)
        self._start = time.monotonic()
        self._saved = done
        self.stopped = False
        self.scalars = _scalars(folder, done)

    def seconds(self):
        """Return for how long this run has gone on, earlier calls included, s."""
        return self._before + time.monotonic() - self._start

    def stop(self, signum=None, frame=None):
        """End after the update or episode under way; a second Ctrl-C ends at once."""
        if self.stopped and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.stopped = True

    def save(self):
        """Write a checkpoint."""
        save(self.folder / 'checkpoints', self.learner, self.loop.state())
        self._saved = self.learner.transitions

    def run(self, advance):
        """Learn and evaluate; `advance(env steps, row of evaluation.csv)` after each episode."""
        steps, every = self.options.steps if self.learns else 0, self.options.evaluate_every
        self._learn()
        while True:
            done, last = self.learner.transitions, self.evaluations.rows
            at = int(last[-1]['env_steps']) if last else -1
            if at < done and (at < 0 or done // every > at // every or done >= steps):
                self._evaluate()
            advance(done, self.evaluations.rows[-1])
            if done >= steps:
                return
            self._step()

    def _step(self):
        """Play an episode and learn from it; write what is due."""
        played = self.loop.play()
        row = train_folder.metrics_row(played, self.learner, self.seconds())
        self.metrics.add(row)
        self._learn()
        if self.learner.transitions - self._saved >= self.loop.settings.checkpoint_every:
            self.save()
            for name in ('critic_loss', 'mean_q', 'mean_residual', 'return', 'success'):
                self.scalars.add_scalar(f'training/{name}', row[name], row['total_steps'])

    def _learn(self):
        self.loop.learn(lambda: self.stopped)
        if self.stopped:
            self.save()
            raise Interrupted

    def _evaluate(self):
        """Evaluate the policy of this moment; before learning, what the method begins with."""
        learner = self.learner
        initial = not learner.updates and not self.loop.settings.whole_action
        content = None if initial else learner.policy()
        if learner.updates:
            self.save()
            name = f'policy_{learner.transitions:07d}.safetensors'
            write_file(self.folder / 'checkpoints' / name, content)
        futures = []
        for number in range(FRESH, FRESH + self.options.evaluate_episodes):
            futures.append(self.loop.players.submit('evaluate', number, content))
            if self.stopped:
                raise Interrupted
        outcomes = []
        for future in futures:
            outcomes.append(future.result())
            if self.stopped:
                raise Interrupted
        figures = summarise(outcomes)
        row = {'env_steps': learner.transitions, 'success': figures['success_rate'],
               **{name: round(figures[name], 6) for name in
                  ('low', 'high', 'mean_return', 'return_low', 'return_high')},
               'policy': 'base' if initial else name if learner.updates else 'untrained',
               'updates': learner.updates, 'wall_time_s': round(self.seconds(), 1)}
        self.evaluations.add(row)
        for name in ('success', 'mean_return'):
            self.scalars.add_scalar(f'evaluation/{name}', row[name], row['env_steps'])

    def finish(self):
        """Write summary.yaml: it says that the run is complete."""
        rows = [{name: row[name] for name in ('env_steps', 'success', 'mean_return')}
                for row in self.evaluations.rows]
        write_file(self.folder / SUMMARY, to_yaml({
            'env_steps': self.learner.transitions, 'updates': self.learner.updates,
            'first': rows[0], 'last': rows[-1], 'seconds': round(self.seconds(), 1)}))

    def close(self):
        """End players and close the files."""
        self.loop.close()
        for part in (self.metrics, self.evaluations, self.scalars):
            part.close()


def _scalars(folder, done):
    """Return a TensorBoard writer; of an earlier call, what lies beyond `done` is hidden."""
    from torch.utils.tensorboard import SummaryWriter
    return SummaryWriter(folder / 'tensorboard', purge_step=done + 1 if done else None)


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
    parser.add_argument('--recipe', default=DEFAULT, metavar='NAME', help='hyperparameters: '
                        f'{", ".join(recipes())} (default {DEFAULT}: config/<task>.yaml)')
    parser.add_argument('--params-file', metavar='FILE', help='ROS parameter file to use instead '
                        'of a recipe')
    parser.add_argument('--seed', type=int, default=0, metavar='S', help='(default 0)')
    parser.add_argument('--steps', type=count, default=60_000, metavar='N',
                        help='environment steps to learn for (default 60000)')
    parser.add_argument('--out', metavar='DIR', help='run folder (default '
                        'runs/<task>_<method>_<recipe>_<seed>)')
    parser.add_argument('--evaluate-every', type=count, default=10_000, metavar='N',
                        help='environment steps between evaluations (default 10000)')
    parser.add_argument('--evaluate-episodes', type=count, default=100, metavar='N',
                        help='fresh episodes for each of them (default 100)')
    parser.add_argument('--actors', type=int, metavar='N', help='processes that play episodes '
                        'while this one learns; 0: play and learn in turn (default: 1, or 0 where '
                        'there is only one processor)')
    parser.add_argument('--device', default='auto', choices=('auto', 'cpu', 'cuda'),
                        help='where gradient updates are computed (default auto)')
    return parser


def read_run(options):
    """Return the dict that train_folder.begin wants for the options of the command line."""
    recipe = options.params_file or options.recipe
    path = options.params_file or recipe_file(options.task, options.recipe)
    given = {'seed': str(options.seed), 'device': options.device,
             'threads': str(min(2, cores(), 1 + options.actors)),
             **parse_words(options.settings, 'setting')}
    settings = settings_of(options.task, options.method, path, given)
    return {'task': options.task, 'method': options.method, 'recipe': recipe,
            'seed': settings['learner_node'].seed, 'steps': options.steps,
            'actors': options.actors, 'settings': settings}


def describe(task, row):
    """Return what a row of evaluation.csv says, in words."""
    measure = measure_of(task)
    return f'{task}: {measure.label} {measure.exact(float(row[measure.column]))}'


def train(options, run, folder, console):
    """Do the run in `folder`; `run` is what read_run() returned."""
    from rpl_ros.experiments.progress import progress_bar
    session = Session(options, run['settings'], folder)
    before = {number: signal.signal(number, session.stop)
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with progress_bar(console, options.task, options.steps) as advance:
            session.run(lambda done, row: advance(completed=done,
                                                  description=describe(options.task, row)))
        session.finish()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        session.close()
    console.print(f'{describe(options.task, session.evaluations.rows[0])} before, '
                  f'{describe(options.task, session.evaluations.rows[-1])} after '
                  f'{session.learner.transitions:,} steps; see {folder}')


def main(argv=None):
    """Run `rpl train`; return the exit code."""
    from rich.console import Console
    options = make_parser().parse_args(argv)
    if options.actors is None:
        options.actors = int(cores() > 1)
    again = 'the same command goes on from its last checkpoint'
    folder, lock = None, None
    try:
        run = read_run(options)
        folder = Path(options.out or f'runs/{options.task}_{options.method}_'
                      f'{Path(run["recipe"]).stem}_{run["seed"]}')
        lock = train_folder.take(folder)
        console = Console(highlight=False, soft_wrap=True)
        if train_folder.begin(folder, run):
            console.print(f'{folder} is finished: more --steps go on with it')
            return 0
        train(options, run, folder, console)
        return 0
    except (SettingsError, EvaluationError, ValueError) as error:
        print(f'rpl train: {error}', file=sys.stderr)
        return 2
    except (LearningError, OSError) as error:
        print(f'rpl train: {error}; {folder / "checkpoints" / FILE} is the last good one, and '
              f'{again}', file=sys.stderr)
        return 2
    except (Interrupted, KeyboardInterrupt):
        print(f'rpl train: interrupted; {again}', file=sys.stderr)
        return 130
    finally:
        if lock:
            lock.close()
