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
import json
import sys
import time
from typing import Any

from rich.console import Console
from rpl_ros.common.arguments import cores, count
from rpl_ros.common.exits import run_command
from rpl_ros.common.progress import progress_bar
from rpl_ros.controllers import controller_for
from rpl_ros.evaluation.episodes import count_failures, summarise, trouble
from rpl_ros.evaluation.pool import evaluate_policies
from rpl_ros.policy.tensor_file import digest
from rpl_ros.policy.weights import expected_of
from rpl_ros.runs.learned_in import is_base, learned_in, SAME_AS_BASE
from rpl_ros.runs.policies import find_policy
from rpl_ros.scene import EvaluationError, read_policy, Scene
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, recipe_file
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.option import add_task

EXAMPLES = """examples:
  rpl evaluate complex_hook
  rpl evaluate complex_hook --policy ready
  rpl evaluate complex_hook --policy runs/NAME/checkpoints/policy_0060000.safetensors
  rpl evaluate hook --controller my_package.my_module:my_function --episodes 500
  rpl evaluate mbrl_pusher --controller pets --episodes 20
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl evaluate`."""
    parser = argparse.ArgumentParser(
        prog='rpl evaluate', epilog=EXAMPLES, description='Success of a base controller, alone or '
        'with a learned residual, on fresh episodes.',
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_task(parser)
    parser.add_argument('--controller', metavar='NAME', help='a built-in controller or '
                        "package.module:function (default: that of the policy's run, or the "
                        "task's)")
    parser.add_argument('--policy', metavar='POLICY', help='a policy file, a run folder (its '
                        'newest policy), or ready: the policy that comes with the package; '
                        'without it the controller is evaluated alone')
    parser.add_argument('--residual-scale', type=float, metavar='X', help='factor on the residual '
                        '(default: that with which the policy was learned)')
    add_scene_options(parser)
    return parser


def add_scene_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which episodes are played, and how."""
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


def read_scene(options: argparse.Namespace) -> tuple[Scene, bytes | None, list[str]]:
    """
    Return (Scene, policy file or None, notes) for the options of the command line.

    The notes say where the settings of the scene come from, and whether the residual is zero.
    """
    given = {name: getattr(options, name) for name in (
        'seed', 'objects', 'controller', 'residual_scale', 'horizon', 'max_ee_speed',
        'arm') if getattr(options, name) is not None}
    policy: bytes | None = None
    notes: list[str] = []
    config = recipe_file(options.task, DEFAULT)
    if options.policy:
        path = find_policy(options.policy, options.task)
        policy, _ = read_policy(path, expected_of(task_spec(options.task)))
        learned, line = learned_in(str(path), policy, given,
                                   Scene.of(load_settings(config, {'task': options.task})))
        given, notes = {**learned, **given}, [line, *([SAME_AS_BASE] if is_base(policy) else [])]
    try:
        scene = Scene.of(load_settings(config, {**given, 'task': options.task}))
        controller_for(task_spec(options.task), scene.controller)
    except (ValueError, OSError) as error:
        raise EvaluationError(str(error)) from None
    return scene, policy, notes


def show(console: Console, scene: Scene, policy: str | None, figures: dict[str, Any],
         seconds: float) -> None:
    """Print the result of an evaluation; `policy` is the path of its file."""
    what = f'{scene.controller} with {policy}' if policy else f'{scene.controller} alone'
    spec = task_spec(scene.task)
    console.print(f'{spec.name}, {figures["episodes"]} fresh episodes, seed {scene.seed}: {what}')
    measure = spec.measure
    mean, low, high = (measure.exact(figures[name]) for name in measure.figures)
    returns = f'mean return {figures["mean_return"]:.1f}; ' if measure.rate else ''
    console.print(f'{measure.label} {mean}, 95 % interval {low} to {high} ({measure.method}); '
                  f'{returns}{seconds:.0f} s')
    if figures['failures']:
        console.print('failures: ' + ', '.join(
            f'{number} {how}' for how, number in figures['failures'].items()))


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate what the options of the command line describe, and print the result."""
    console = Console(stderr=options.json, highlight=False, soft_wrap=True)
    start = time.monotonic()
    scene, policy, notes = read_scene(options)
    for note in notes:
        console.print(note)
    with progress_bar(console, task_spec(scene.task).name, options.episodes) as advance:
        outcomes, = evaluate_policies(scene, [policy], options.episodes, options.workers,
                                      progress=advance)
    figures = {'task': scene.task, 'controller': scene.controller, 'policy': options.policy,
               'digest': digest(policy) if policy else None,
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


def main(argv: list[str] | None = None) -> int:
    """Run `rpl evaluate`; return the exit code."""
    options = make_parser().parse_args(argv)
    return run_command('evaluate', lambda: evaluate(options), (EvaluationError, SettingsError))
