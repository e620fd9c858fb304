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

"""The folder of `rpl train`: whether a run may start or continue in it."""

from pathlib import Path
from typing import Any, TextIO

from rpl_ros.common.brief import brief
from rpl_ros.common.files import InUseError, LOCK, lock_folder, write_file
from rpl_ros.common.yaml_file import to_yaml
from rpl_ros.runs.facts import finished, read_facts
from rpl_ros.runs.layout import CONFIG, POLICY, RUN, SUMMARY, SWEEP_LOG
from rpl_ros.runs.prepare import circumstances, parameter_file
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings

SAME = ('task', 'method', 'seed', 'actors', 'offline', 'bags', 'policy')
"""Facts of run.yaml that cannot change when a run continues."""


def lock_run_folder(folder: Path) -> TextIO:
    """
    Make `folder` if it does not exist and lock it; return the open lock file.

    SettingsError where another process has the lock.
    """
    try:
        return lock_folder(folder)
    except InUseError as error:
        raise SettingsError(f'{error}, another run: wait for it, or give another folder with '
                            '--out') from error


def prepare_folder(folder: Path, run: dict[str, Any]) -> bool:
    """
    Write config.yaml and run.yaml; return True, and write nothing, where the run is complete.

    `run` has task, method, recipe, seed, actors, offline, bags, policy, settings, steps, updates,
    the Start, None without one, and `taken`, a line for the user. A run in the folder must be the
    same but for steps and updates. SettingsError where it is not, or where the folder holds other
    files.
    """
    if (folder / RUN).exists():
        try:
            difference = _difference_from(folder, run)
        except (OSError, ValueError) as error:
            raise SettingsError(f'{folder}: its run.yaml or config.yaml cannot be read: {error}; '
                                'give another folder with --out') from error
        if difference:
            raise SettingsError(f'{folder} holds a run with another configuration: {difference}; '
                                'give another folder with --out')
        if finished(folder, run['steps'], run['updates']):
            return True
    elif any(path.name not in (LOCK, SWEEP_LOG) for path in folder.iterdir()):
        raise SettingsError(f'{folder} holds something else: give another folder with --out')
    (folder / SUMMARY).unlink(missing_ok=True)
    facts = {name: value for name, value in run.items()
             if name not in ('settings', 'start', 'taken')}
    if run['start'] and not (folder / POLICY).is_file():
        run['start'].copy_to(folder)
    write_file(folder / CONFIG, parameter_file(run['settings']))
    write_file(folder / RUN, to_yaml({**facts, **circumstances()}))
    return False


def _difference_from(folder: Path, run: dict[str, Any]) -> str:
    """Return in words how `run` differs from the one in `folder`, or ''."""
    before = read_facts(folder)
    if 'arguments' in before:
        return 'it is one of rpl launch'
    config = load_settings(folder / CONFIG)
    return (_difference({name: run[name] for name in SAME},
                        {'policy': {}, **{name: before.get(name) for name in SAME
                                          if name in before}})
            or _difference({node: vars(settings) for node, settings in run['settings'].items()},
                           {node: vars(settings) for node, settings in config.items()}))


def _difference(wanted: dict, found: dict, prefix: str = '') -> str:
    """Return in words the first difference of two trees, or ''."""
    for name in sorted({*wanted, *found}, key=str):
        one, two = wanted.get(name), found.get(name)
        if isinstance(one, dict) and isinstance(two, dict):
            text = _difference(one, two, f'{prefix}{name}.')
            if text:
                return text
        elif one != two:
            return f'{prefix}{name} is {brief(two)} there, {brief(one)} asked for'
    return ''
