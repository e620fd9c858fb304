# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""`rpl pets`: learn the pusher's model, and make the table of CachedPETS from it."""

import argparse
from dataclasses import fields
from pathlib import Path
import sys

from rpl_ros.experiments.evaluate import count
from rpl_ros.pets.planner import PlanSettings
from rpl_ros.policy.weights import WeightsError
from rpl_ros.tasks.specs import spec as find_spec

TASK = 'mbrl_pusher'


def make_parser():
    """Return the parser of `rpl pets`."""
    parser = argparse.ArgumentParser(prog='rpl pets', description='PETS for mbrl_pusher: '
                                     'model-based, and slow; its table CachedPETS is fast.')
    commands = parser.add_subparsers(dest='command', required=True)
    train = commands.add_parser('train', help='learn the model; run again, it goes on')
    train.add_argument('--steps', type=count, default=15000, help='env steps (default 15000)')
    train.add_argument('--seed', type=int, default=0, help='(default 0)')
    train.add_argument('--out', default='runs/pets', metavar='DIR', help='(default runs/pets)')
    train.add_argument('--hidden-size', type=count, default=200, metavar='H',
                       help='units in each of three hidden layers (default 200, as in PETS)')
    for field in fields(PlanSettings):
        train.add_argument(f'--{field.name.replace("_", "-")}', type=type(field.default),
                           default=field.default, help=f'of planning (default {field.default})')
    return parser


def train(options):
    """Learn the model; returns the exit code."""
    from rich.console import Console
    from rpl_ros.experiments.progress import progress_bar
    from rpl_ros.pets.training import MODEL_FILE, Training
    from rpl_ros.tasks import make_task
    console = Console(highlight=False, soft_wrap=True)
    settings = PlanSettings(**{field.name: getattr(options, field.name)
                               for field in fields(PlanSettings)})
    training = Training(make_task(TASK, options.seed), options.seed, options.out, settings,
                        options.hidden_size)
    horizon = find_spec(TASK).horizon
    episodes = -(-options.steps // horizon)
    with progress_bar(console, 'PETS, env steps', episodes * horizon) as advance:
        advance(training.episodes * horizon)
        while training.episodes < episodes:
            number, total = training.episodes, training.advance()
            advance(horizon)
            console.print(f'episode {number}: return {total:.1f}')
    console.print(f'the model is {Path(options.out) / MODEL_FILE}')
    return 0


def main(argv=None):
    """Run `rpl pets`; return the exit code."""
    options = make_parser().parse_args(argv)
    try:
        return {'train': train}[options.command](options)
    except (WeightsError, OSError) as error:
        print(f'rpl pets: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('rpl pets: interrupted', file=sys.stderr)
        return 130
