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

"""`rpl policy info`: what a policy is, how it was trained and evaluated, and how to use it."""

import argparse
from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

from rpl_ros.common.exits import run_command
from rpl_ros.common.files import csv_rows
from rpl_ros.policy.about import ABOUT
from rpl_ros.policy.tensor_file import digest
from rpl_ros.runs.about_run import about_run
from rpl_ros.runs.facts import read_facts, read_mapping
from rpl_ros.runs.layout import EVALUATION, REPORT, SUMMARY
from rpl_ros.runs.learned_in import is_base, run_of
from rpl_ros.runs.policies import read_any_policy, READY
from rpl_ros.settings.fields import SettingsError
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.option import add_task

CARD = '.yaml'
"""Suffix of a card: it lies beside its policy and has the digest of that file."""
FIGURES = ('success', 'low', 'high', 'mean_return', 'return_low', 'return_high')
"""Columns of a table of evaluations that are told; the intervals are of 95 %."""
HOW = ('episodes', 'seed', 'objects')
"""What is told of an evaluation beside FIGURES."""
EXAMPLES = """examples:
  rpl policy info runs/first
  rpl policy info policy_0060000.safetensors --json
  rpl policy info ready complex_hook
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `rpl policy`."""
    parser = argparse.ArgumentParser(
        prog='rpl policy', epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description='What a policy is, how it was trained and evaluated, and how to use it.')
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    info = commands.add_parser('info', help='print all that is known of a policy',
                               description='Print all that is known of a policy.')
    info.add_argument('policy', metavar='POLICY', help='a policy file, a run folder (its newest '
                      'policy), or ready: the policy that comes with the package')
    add_task(info, note='; needed for ready', nargs='?')
    info.add_argument('--json', action='store_true', help='write one line of JSON')
    return parser


def evaluations_of(run: Path | None, path: Path, content: bytes) -> list[dict[str, Any]]:
    """
    Return what is known of evaluations of a policy, in its card and its run folder.

    Each has `source`, the file; HOW, None where unknown; FIGURES of the policy; and in `base`
    those of the base controller, None where unknown.
    """
    found = []
    if evaluated := card_of(path, content).get('evaluated'):
        file = path.with_suffix(CARD)
        found.append({'source': str(file), **{name: evaluated.get(name) for name in HOW},
                      **_figures(file, evaluated),
                      'base': _figures(file, evaluated.get('base'))})
    if run is None:
        return found
    scene, facts = about_run(run), read_facts(run)
    for folder, how in ((run, {**scene, 'episodes': facts.get('evaluate_episodes')}),
                        (run / REPORT, read_mapping(run / REPORT / SUMMARY))):
        file = folder / EVALUATION
        rows = {row.get('policy'): _figures(file, row) for row in _rows(file)}
        if path.name in rows:
            found.append({'source': str(file), **{name: how.get(name) for name in HOW},
                          **rows[path.name], 'base': rows.get('base')})
    return found


def card_of(path: Path, content: bytes) -> dict[str, Any]:
    """Return the card beside a policy file; {} where there is none with its digest."""
    card = read_mapping(path.with_suffix(CARD)) if path.suffix != CARD else {}
    return card if card.get('sha256') == digest(content) else {}


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        return list(csv_rows(file)) if file.is_file() else []
    except (OSError, ValueError) as error:
        raise SettingsError(f'{file}: cannot be read: {error}') from None


def _figures(file: Path, row: Any) -> dict[str, float]:
    try:
        return {name: float(row[name]) for name in FIGURES}
    except (KeyError, ValueError, TypeError) as error:
        raise SettingsError(f'{file}: an evaluation cannot be read: {error!r}') from None


def facts_of(text: str, task: str = '') -> dict[str, Any]:
    """
    Return all that is known of the policy that `text` means, for JSON; None where unknown.

    SettingsError as read_any_policy(), or where a file of its run folder cannot be used.
    """
    path, content, header = read_any_policy(text, task)
    run = run_of(str(path))
    about = {**(about_run(run) if run else {}), **header.about}
    name = READY if text == READY else str(path)
    words = header.shape.task
    return {
        'file': str(path), 'digest': digest(content), 'bytes': len(content),
        'run': str(run) if run else None, 'run_id': read_facts(run).get('run') if run else None,
        **vars(header.shape), 'version': header.version, 'prefer_base': header.prefer_base,
        'residual_is_zero': is_base(content), 'training': {key: about.get(key) for key in ABOUT},
        'evaluations': evaluations_of(run, path, content),
        'commands': {'evaluate': f'rpl evaluate {words} --policy {name}',
                     'run': f'rpl launch {words} policy:={name} learn:=false'}}


def in_words(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (name, text) for each line about what facts_of() returns."""
    training = {name: 'unknown' if value is None else str(value)
                for name, value in facts['training'].items()}
    yield 'task', facts['task']
    yield 'file', f'{facts["file"]}, {facts["bytes"]:,} bytes'
    yield 'sha256', facts['digest']
    yield 'policy', _kind(facts)
    yield 'network', (f'{facts["hidden_layers"]} hidden layers of {facts["hidden_size"]}; '
                      f'observation {facts["observation_size"]}, goal {facts["goal_size"]}, '
                      f'action {facts["action_size"]}' + ''.join(_inputs(facts)))
    yield 'robot', ', '.join(_robot(facts))
    yield 'learned on', (f'robot {training["robot"]}, controller {training["controller"]}, arm '
                         f'{training["arm"]}, objects '
                         f'{training["objects"] or "of the library"}')
    yield 'learned by', (f'method {training["method"]}, recipe {training["recipe"]}, seed '
                         f'{training["seed"]}, {training["transitions"]} transitions, '
                         f'{training["updates"]} updates, rpl_ros {training["package"]}')
    if facts['training']['begun_from']:
        yield 'begun from', f'the policy with sha256 {training["begun_from"]}'
    yield 'version', str(facts['version'])
    yield 'run', ', '.join(filter(None, (facts['run'], facts['run_id']))) or 'unknown'
    for found in facts['evaluations']:
        yield 'evaluated', _evaluation(facts['task'], found)
    if not facts['evaluations']:
        yield 'evaluated', 'unknown'
    yield 'to evaluate', facts['commands']['evaluate']
    yield 'to run', facts['commands']['run']


def _kind(facts: dict[str, Any]) -> str:
    if facts['residual_is_zero']:
        return 'the residual is zero: it acts as the base controller'
    return ('gives the whole action' if facts['whole_action'] else
            f'adds a residual to the base action, with residual_scale {facts["residual_scale"]}')


def _inputs(facts: dict[str, Any]) -> Iterator[str]:
    if facts['history']:
        yield f', one remembered observation (history_keep {facts["history_keep"]})'
    if facts['sees_base']:
        yield ', base action'


def _robot(facts: dict[str, Any]) -> Iterator[str]:
    horizon, speed = facts['horizon'], facts['max_ee_speed']
    yield 'horizon unknown' if horizon is None else f'{horizon} control steps an episode'
    yield ('speed unknown' if speed is None else f'{speed} m/s for an action of 1' if speed
           else "speed of the paper's simulation")


def _evaluation(task: str, found: dict[str, Any]) -> str:
    measure = task_spec(task).measure
    keys = FIGURES[:3] if measure.rate else FIGURES[3:]

    def figures(values: dict[str, Any]) -> str:
        mean, low, high = (measure.exact(values[key]) for key in keys)
        return f'{mean} (95 % interval {low} to {high})'
    episodes, seed, objects = ('unknown' if found[name] is None else found[name]
                               for name in HOW)
    base = f'; base controller {figures(found["base"])}' if found['base'] else ''
    return (f'{measure.label} {figures(found)}{base}; episodes {episodes}, seed {seed}, objects '
            f'{objects or "of the library"} [{found["source"]}]')


def info(options: argparse.Namespace) -> None:
    """Print what is known of the policy that the options name."""
    facts = facts_of(options.policy, options.task or '')
    if options.json:
        print(json.dumps(facts))
        return
    for name, text in in_words(facts):
        print(f'{name:12}{text}')


def main(argv: list[str] | None = None) -> int:
    """Run `rpl policy`; return the exit code."""
    options = make_parser().parse_args(argv)
    return run_command('policy', lambda: info(options), (SettingsError,))
