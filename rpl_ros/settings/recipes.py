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

"""
The methods of the paper (section V-D) and the recipes, both as settings of the same learner.

A recipe is a set of ROS parameter files: config/RECIPE/TASK.yaml.
"""

from pathlib import Path
from typing import Any

from rpl_ros.common.assets import share
from rpl_ros.common.brief import brief
from rpl_ros.common.yaml_file import parse_yaml
from rpl_ros.settings.fields import did_you_mean, SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.tasks.specs import TASKS

# An actor that gives the whole action has no base policy for a burn-in or a comparison.
BASELINE = {'whole_action': True, 'actor_sees_base': False, 'burn_in': 'none', 'base_every': 0,
            'evaluate_every': 0, 'trial_episodes': 0}
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    'residual': ('the base controller with a learned residual: RPL', {}),
    'initial': ('the base controller alone; nothing is learned', {}),
    'scratch': ('DDPG and HER without the base controller', BASELINE),
    'expert_explore': ('the same, with the base controller for exploration',
                       {**BASELINE, 'expert_probability': 0.8}),
}
# expert_explore: share of the steps in which the policy does not decide. The paper says 0.6 for
# all tasks; the authors' script for the figures uses 0.6 for the hook tasks, 0.3 for the others.
EXPERT_EPSILON = {'hook': 0.6, 'noisy_hook': 0.6, 'complex_hook': 0.6}
DEFAULT = 'robot_hour'
"""The recipe whose files lie in config/ itself: what we would use on a robot."""
ANY_TASK = 'any_task'
"""Name of the file that a recipe has for all tasks without a file of their own."""


READY = 'ready'
"""Folder of config/ with the policies that come with the package, and the text that means them."""


def recipes() -> list[str]:
    """Return the names of the recipes: the default one, and the folders of config/ with tasks."""
    folders = {path.parent.name for name in (*TASKS, ANY_TASK)
               for path in share('config').glob(f'*/{name}.yaml')}
    return [DEFAULT, *sorted(folders - {READY})]


def recipe_file(task: str, recipe: str) -> Path:
    """Return the ROS parameter file of a recipe for a task; SettingsError if unknown."""
    known = recipes()
    if recipe not in known:
        raise SettingsError(f'unknown recipe {recipe!r}{did_you_mean(recipe, known)}: expected '
                            f'one of {", ".join(known)}')
    folder = share('config') / ('' if recipe == DEFAULT else recipe)
    own = folder / f'{task}.yaml' if task in TASKS else None
    found = next((path for path in (own, folder / f'{ANY_TASK}.yaml')
                  if path and path.is_file()), own)
    if found is None:
        raise SettingsError(f'recipe {recipe!r} is for built-in tasks only: use {DEFAULT}, or '
                            '--params-file')
    return found


def method_settings(task: str, method: str) -> dict[str, Any]:
    """Return {setting: value} that makes the learner use `method`; SettingsError if unknown."""
    if method not in METHODS:
        raise SettingsError(f'unknown method {method!r}{did_you_mean(method, METHODS)}: expected '
                            f'one of {", ".join(METHODS)}')
    settings = dict(METHODS[method][1])
    if method == 'expert_explore':
        settings['random_probability'] = EXPERT_EPSILON.get(task, 0.3)
    return settings


def settings_of(task: str, method: str, path: Path | str,
                given: dict[str, str]) -> dict[str, Any]:
    """
    Return {node name: settings} from the parameter file at `path`.

    `given` is {setting: text} of the command line. It overrides the method, which overrides the
    file. SettingsError for anything unknown, of a wrong type or out of range.
    """
    values = {name: _value(name, text) for name, text in given.items()}
    return load_settings(path, {**method_settings(task, method), **values, 'task': task})


def _value(name: str, text: str) -> object:
    """Return the value of a setting on the command line, which is YAML as in ROS."""
    try:
        return parse_yaml(text) if text else ''
    except ValueError as error:
        raise SettingsError(f'setting {name}: {brief(text)} cannot be read: {error}') from None
