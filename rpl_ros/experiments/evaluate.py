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

"""`rpl evaluate`: success and return on fresh episodes, without noise, with 95 % intervals."""

import argparse
from collections import Counter
from dataclasses import dataclass
import json
import math
import os
import sys
import time

import numpy as np

from rpl_ros import data
from rpl_ros.assets import share
from rpl_ros.config import load_settings, make_settings, ResidualSettings, SettingsError
from rpl_ros.controllers import controller_for
from rpl_ros.controllers.guard import Guard
from rpl_ros.experiments.failures import how_it_failed
from rpl_ros.files import read_bytes
from rpl_ros.measures import measure_of
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.policy.weights import check_fit, expected_of, unpack, WeightsError
from rpl_ros.rewards import rewards_of
from rpl_ros.rollout import run_episode
from rpl_ros.tasks.specs import spec as find_spec
from rpl_ros.tasks.specs import SPECS

# Episode numbers of evaluations start here, so that no training run meets the same scenes.
FRESH = 1_000_000

EXAMPLES = """examples:
  rpl evaluate complex_hook
  rpl evaluate complex_hook --policy runs/NAME/checkpoints/policy_0060000.safetensors
  rpl evaluate hook --controller my_package.my_module:my_function --episodes 500
  rpl evaluate mbrl_pusher --controller pets --episodes 20
"""


class EvaluationError(Exception):
    """An evaluation that cannot be done: says what, where and what was expected."""


@dataclass(frozen=True)
class Outcome:
    """
    How one episode went; `stopped` counts the steps without a usable base action, of `steps`.

    `problem` says what was wrong with the first of them, `failure` how the episode failed.
    """

    success: bool
    episode_return: float
    steps: int
    stopped: int = 0
    problem: str = ''
    failure: str = ''


def wilson(successes, trials):
    """Return the 95 % Wilson interval (low, high) of a success rate; (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    z, rate = 1.959964, successes / trials
    centre = rate + z * z / (2 * trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # Rounding may put a bound on the wrong side of the rate, where that is 0 or 1.
    low, high = (centre - half) / scale, (centre + half) / scale
    return max(0.0, min(rate, low)), min(1.0, max(rate, high))


def mean_interval(values):
    """
    Return (mean, low, high): the mean of values and its 95 % interval by Student's t.

    All are equal for a single value.
    """
    values = np.asarray(values, dtype=np.float64)
    mean, freedom = float(values.mean()), len(values) - 1
    if not freedom:
        return mean, mean, mean
    z = 1.959964
    # Quantile of Student's t, expanded in 1 / freedom: right to 1 % from five values on.
    t = (z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
         + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3))
    half = t * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def greedy_policy(spec, actor, residual_scale, seed=0):
    """Return a ResidualPolicy that acts without noise: with `actor`, or as the base if None."""
    settings = make_settings(ResidualSettings, {
        'residual_scale': residual_scale, 'seed': seed, 'task': spec.name,
        'base_every': 0 if actor else 1, 'evaluate_every': 1 if actor else 0})
    policy = ResidualPolicy(settings, spec)
    if actor:
        policy.offer(actor, 1, False)
    return policy


def outcome_of(spec, episode, commands, problem=''):
    """Return the Outcome of what run_episode() returned."""
    stopped = sum(command.status == data.STOP_BAD_BASE for command in commands[:-1])
    return Outcome(episode.success, float(rewards_of(spec, episode).sum()), episode.steps, stopped,
                   problem, how_it_failed(spec, episode))


def play(task, guard, policy, number):
    """Return the Outcome of episode `number`; `guard` is a guarded controller."""
    guard.problem = ''
    episode, commands, _ = run_episode(task, guard, policy, number)
    return outcome_of(task.spec, episode, commands, guard.problem)


def evaluate(task, controller, policy, episodes, first=FRESH):
    """Return the Outcomes of `episodes` episodes from number `first` on."""
    guard = Guard(controller, task.spec.action_size)
    return [play(task, guard, policy, number) for number in range(first, first + episodes)]


def summarise(outcomes):
    """Return a dict with success rate and mean return of Outcomes, each with its 95 % interval."""
    wins = sum(outcome.success for outcome in outcomes)
    low, high = wilson(wins, len(outcomes))
    mean, return_low, return_high = mean_interval([item.episode_return for item in outcomes])
    return {'success_rate': wins / len(outcomes), 'low': low, 'high': high, 'mean_return': mean,
            'return_low': return_low, 'return_high': return_high}


def count_failures(outcomes):
    """Return {how episodes failed: number of Outcomes}, the most frequent first."""
    return dict(Counter(outcome.failure for outcome in outcomes if outcome.failure).most_common())


def trouble(outcomes):
    """Return one line about steps without a usable base action, or an empty text."""
    stopped = sum(outcome.stopped for outcome in outcomes)
    if not stopped:
        return ''
    first = next(outcome.problem for outcome in outcomes if outcome.stopped)
    return (f'the controller gave no usable action in {stopped} of '
            f'{sum(outcome.steps for outcome in outcomes)} steps, where the robot stops: {first}')


def read_policy(path, expected):
    """
    Return (bytes, PolicyShape) of a policy file; EvaluationError if of no use.

    `expected` is {field of a PolicyShape: value}: see weights.expected_of().
    """
    try:
        content = read_bytes(path)
        _, shape = unpack(content)
        check_fit(shape, expected)
    except OSError as error:
        raise EvaluationError(f'{path}: cannot be read: {error.strerror}') from None
    except WeightsError as error:
        raise EvaluationError(f'{path}: not a policy that can be used: {error}') from None
    return content, shape


def count(text):
    """Return the positive whole number in `text`, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is less than 1')
    return number


def cores():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


def make_parser():
    """Return the parser of `rpl evaluate`."""
    parser = argparse.ArgumentParser(
        prog='rpl evaluate', epilog=EXAMPLES, description='Success of a base controller, alone or '
        'with a learned residual, on fresh episodes.',
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('task', choices=SPECS)
    parser.add_argument('--controller', metavar='NAME', help='a built-in controller or '
                        "package.module:function (default: that of the policy's run, or the "
                        "task's)")
    parser.add_argument('--policy', metavar='FILE', help='policy_*.safetensors of a run; without '
                        'it the controller is evaluated alone')
    parser.add_argument('--residual-scale', type=float, metavar='X', help='factor on the residual '
                        '(default: that with which the policy was learned)')
    parser.add_argument('--episodes', type=count, default=100, metavar='N', help='(default 100)')
    parser.add_argument('--seed', type=int, metavar='S', help='seed of the scenes (default: that '
                        "of the policy's run, or as in config/<task>.yaml)")
    parser.add_argument('--objects', metavar='DIR', help='folder of STL or OBJ meshes to use '
                        'instead of the library of complex_hook, or unseen: a hundred more of the '
                        "library's kinds (default: those of the policy's run)")
    parser.add_argument('--horizon', type=int, metavar='N', help='control steps of an episode '
                        '(default: those with which the policy was learned, or as in '
                        'config/<task>.yaml)')
    parser.add_argument('--max-ee-speed', type=float, metavar='V', help="speed of a Fetch's "
                        'gripper under a held action of 1, m/s (default: that with which the '
                        'policy was learned, or as in config/<task>.yaml)')
    parser.add_argument('--arm', choices=('paper', 'joints'), help="how a Fetch's arm is "
                        "simulated: joints has the limits of the real robot's controller "
                        "(default: that of the policy's run, or as in config/<task>.yaml)")
    parser.add_argument('--workers', type=count, default=cores(), metavar='W',
                        help='processes to use (default: one for each processor)')
    parser.add_argument('--json', action='store_true', help='write one line of JSON to standard '
                        'output, all else to standard error')
    return parser


def read_scene(options):
    """
    Return (Scene, policy as bytes or None, notes) for the options of the command line.

    A note says what was taken from where, or that the policy is the base controller still.
    """
    # Here: they build on this module.
    from rpl_ros.experiments.learned_in import is_base, learned_in, SAME_AS_BASE
    from rpl_ros.experiments.pool import Scene
    given = {name: getattr(options, name) for name in (
        'seed', 'objects', 'controller', 'residual_scale', 'horizon', 'max_ee_speed',
        'arm') if getattr(options, name) is not None}
    policy, notes, config = None, [], share('config') / f'{options.task}.yaml'
    if options.policy:
        policy, shape = read_policy(options.policy, expected_of(find_spec(options.task)))
        learned, line = learned_in(options.policy, shape, given,
                                   Scene.of(load_settings(config, {'task': options.task})))
        given, notes = {**learned, **given}, [line, *([SAME_AS_BASE] if is_base(policy) else [])]
    try:
        scene = Scene.of(load_settings(config, {**given, 'task': options.task}))
        controller_for(find_spec(options.task), scene.controller)
    except (ValueError, OSError) as error:
        raise EvaluationError(str(error)) from None
    return scene, policy, notes


def show(console, scene, policy, figures, seconds):
    """Print the result of an evaluation."""
    what = f'{scene.controller} with {policy}' if policy else f'{scene.controller} alone'
    console.print(f'{scene.task}, {figures["episodes"]} fresh episodes, seed {scene.seed}: {what}')
    measure = measure_of(scene.task)
    mean, low, high = (measure.exact(figures[name]) for name in measure.figures)
    returns = f'mean return {figures["mean_return"]:.1f}; ' if measure.rate else ''
    console.print(f'{measure.label} {mean}, 95 % interval {low} to {high} ({measure.method}); '
                  f'{returns}{seconds:.0f} s')
    if figures['failures']:
        console.print('failures: ' + ', '.join(
            f'{number} {how}' for how, number in figures['failures'].items()))


def main(argv=None):
    """Run `rpl evaluate`; return the exit code."""
    from rich.console import Console
    from rpl_ros.experiments.pool import evaluate_policies
    from rpl_ros.experiments.progress import progress_bar
    options = make_parser().parse_args(argv)
    console = Console(stderr=options.json, highlight=False, soft_wrap=True)
    start = time.monotonic()
    try:
        scene, policy, notes = read_scene(options)
        for note in notes:
            console.print(note)
        with progress_bar(console, scene.task, options.episodes) as advance:
            outcomes, = evaluate_policies(scene, [policy], options.episodes, options.workers,
                                          progress=advance)
    except (EvaluationError, SettingsError) as error:
        print(f'rpl evaluate: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('rpl evaluate: interrupted', file=sys.stderr)
        return 130
    figures = {'task': scene.task, 'controller': scene.controller, 'policy': options.policy,
               'episodes': options.episodes, 'seed': scene.seed, 'objects': scene.objects,
               'residual_scale': scene.residual_scale, 'horizon': scene.horizon,
               'max_ee_speed': scene.max_ee_speed, 'arm': scene.arm, **summarise(outcomes),
               'failures': count_failures(outcomes)}
    seconds = time.monotonic() - start
    show(console, scene, options.policy, figures, seconds)
    if trouble(outcomes):
        print(f'rpl evaluate: warning: {trouble(outcomes)}', file=sys.stderr)
    if options.json:
        print(json.dumps({**figures, 'seconds': round(seconds, 1)}))
    return 0
