# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""`rpl train`: the whole loop in one process, with the parts that the ROS 2 graph runs apart.

It is the reference for the graph (a test compares them) and the quick way to try settings.
"""

import argparse
from pathlib import Path
import sys
import time

import numpy as np
from rich.progress import Progress
import yaml

from rpl_ros import data
from rpl_ros.assets import share
from rpl_ros.config import load_settings, parse_words
from rpl_ros.controllers import controller_for
from rpl_ros.experiments.evaluate import evaluate, greedy_policy, outcome_of
from rpl_ros.files import csv_text, write_file
from rpl_ros.learning.learner import Learner
from rpl_ros.measures import measure_of
from rpl_ros.policy.actor import Actor
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.policy.weights import unpack
from rpl_ros.rollout import run_episode
from rpl_ros.tasks import make_task
from rpl_ros.tasks.specs import SPECS

EXAMPLES = """examples:
  rpl train hook --episodes 50
  rpl train complex_hook updates_per_step:=0.5 seed:=1 --evaluate-every 100 --out runs/try1
"""


class Loop:
    """Simulator, controller, residual policy and learner, in turn."""

    def __init__(self, settings):
        """Take {node name: settings}, as config.load_settings returns them.

        ValueError for objects or a controller that cannot be used.
        """
        sim, self.learner_settings = settings['sim_node'], settings['learner_node']
        self.task = make_task(sim.task, sim.seed, sim.objects)
        self.first_episode = sim.first_episode
        self.controller = controller_for(self.task.spec,
                                         settings['base_controller_node'].controller)
        self.policy = ResidualPolicy(settings['residual_node'], self.task.spec)
        self.learner = Learner(self.learner_settings)
        self.actor = None
        self.publish()

    def publish(self):
        """Hand the learner's newest weights to the policy, through the bytes of the wire."""
        tensors, shape = unpack(self.learner.publish())
        self.actor = Actor(tensors, shape)
        self.policy.offer(self.actor, self.learner.version, self.learner.burn_in.active)

    def run(self, number):
        """Play one episode, then do the updates it asks for; return its Outcome."""
        episode, commands, _ = run_episode(self.task, self.controller, self.policy, number)
        self.learner.add(episode)
        while self.learner.owed:
            self.learner.update()
            if self.learner.updates % self.learner_settings.publish_every == 0:
                self.publish()
        return outcome_of(self.task.spec, episode, commands)

    def evaluate(self, episodes):
        """Return the Outcomes of the present policy, without noise, on fresh episodes."""
        policy = greedy_policy(self.task.spec, self.actor, self.learner_settings.residual_scale)
        return evaluate(self.task, self.controller, policy, episodes)


def mean_of(measure, outcomes):
    """Return the mean success or return of Outcomes, NaN of none."""
    return float(np.mean([measure.of(outcome) for outcome in outcomes] or [np.nan]))


def train(loop, episodes, evaluate_every, evaluate_episodes, out=None, report=None):
    """Run `episodes` episodes of a Loop; return rows (dicts), one for each evaluation.

    Rows are appended to `out`/metrics.csv where `out` is a folder. `report(number, rows)` is
    called after each episode.
    """
    rows, played = [], {mode: [] for mode in data.MODE_NAMES}
    measure = measure_of(loop.task.spec.name)
    start = time.monotonic()
    first = loop.first_episode
    for number in range(first, first + episodes):
        outcome = loop.run(number)
        played[loop.policy.mode].append(outcome)
        if evaluate_every and (number - first + 1) % evaluate_every == 0:
            learner = loop.learner
            rows.append({
                'episodes': number - first + 1, 'env_steps': learner.transitions,
                'updates': learner.updates, 'burn_in': learner.burn_in.active,
                measure.name: mean_of(measure, loop.evaluate(evaluate_episodes)),
                **{f'{name}_{measure.name}': round(mean_of(measure, played[mode][-50:]), 3)
                   for mode, name in data.MODE_NAMES.items()},
                **{name: round(value, 4) for name, value in learner.figures.items()},
                'seconds': round(time.monotonic() - start, 1)})
            if out:
                write_file(Path(out) / 'metrics.csv', csv_text(rows))
        if report:
            report(number - first + 1, rows)
    return rows


def main(argv=None):
    """Run `rpl train`; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='rpl train', description='Train a residual in one process, without ROS 2.',
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('task', choices=SPECS)
    parser.add_argument('settings', nargs='*', metavar='name:=value',
                        help='any setting of config/<task>.yaml')
    parser.add_argument('--episodes', type=int, default=600)
    parser.add_argument('--evaluate-every', type=int, default=100, metavar='N',
                        help='episodes between evaluations, 0 = none (default 100)')
    parser.add_argument('--evaluate-episodes', type=int, default=100, metavar='N')
    parser.add_argument('--params-file', help='ROS parameter file (default config/<task>.yaml)')
    parser.add_argument('--out', help='folder for metrics.csv')
    options = parser.parse_args(argv)
    try:
        path = options.params_file or share('config') / f'{options.task}.yaml'
        settings = load_settings(path, {
            name: yaml.safe_load(text) if text else ''
            for name, text in parse_words(options.settings, 'setting').items()})
        loop = Loop(settings)
    except ValueError as error:
        print(f'rpl train: {error}', file=sys.stderr)
        return 2
    with Progress() as progress:
        bar = progress.add_task(options.task, total=options.episodes)
        train(loop, options.episodes, options.evaluate_every, options.evaluate_episodes,
              options.out, lambda done, rows: progress.update(
                  bar, completed=done, description=describe(options.task, rows)))
    return 0


def describe(task, rows):
    """Return the progress bar's text."""
    measure = measure_of(task)
    return (f'{task}: {measure.label} {measure.exact(rows[-1][measure.name])}' if rows
            else task)
