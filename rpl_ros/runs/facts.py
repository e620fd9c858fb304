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

"""run.yaml: how a run was made, and how long it is."""

from pathlib import Path
from typing import Any

from rpl_ros.common.brief import brief
from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.runs.layout import RUN, SUMMARY
from rpl_ros.settings.fields import SettingsError

TYPES: dict[str, type] = {
    'task': str, 'method': str, 'recipe': str, 'seed': int, 'command': str, 'steps': int,
    'updates': int, 'evaluate_episodes': int, 'offline': bool, 'arguments': dict,
    'policy': dict, 'parts': list}
"""Facts that we use, and their types. `rpl launch` and `rpl train` each write some of them."""


def read_mapping(path: Path) -> dict:
    """Return the mapping in a YAML file, {} without a file; SettingsError for anything else."""
    try:
        content = read_yaml(path) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise SettingsError(f'{path}: cannot be read: {error}') from None
    if not isinstance(content, dict):
        raise SettingsError(f'{path}: expected a mapping')
    return content


def read_facts(folder: Path) -> dict[str, Any]:
    """
    Return the facts in the run.yaml of a run folder; {} where there is no such file.

    SettingsError where the file cannot be read, or where a fact is not of its type in TYPES.
    """
    path = folder / RUN
    facts = read_mapping(path)
    for name, kind in TYPES.items():
        value: Any = facts.get(name, kind())
        other_type = type(value) is not kind
        if other_type or kind is int and not 0 <= value < 2**63:
            raise SettingsError(f'{path}: {name} is {brief(value)}, expected a value of type '
                                f'{kind.__name__}' + (' from 0 to 2**63' if kind is int else ''))
    return facts


def launch_arguments(folder: Path) -> dict[str, Any]:
    """Return the arguments of `rpl launch` in a run folder; {} for a run of `rpl train`."""
    return read_facts(folder).get('arguments', {})


def finished(folder: Path, steps: int, updates: int = 0) -> bool:
    """Return whether `rpl train` has completed a run of at least this length in a folder."""
    facts = read_facts(folder)
    return ((folder / SUMMARY).is_file() and facts.get('steps', 0) >= steps
            and facts.get('updates', 0) >= updates)
