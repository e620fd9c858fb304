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

"""The paper's methods (section V-D) and the recipes, as settings: one code learns all of them."""

from rpl_ros.assets import share
from rpl_ros.brief import brief
from rpl_ros.config import did_you_mean, load_settings, SettingsError
from rpl_ros.tasks.specs import SPECS
from rpl_ros.yaml_file import parse_yaml

# An actor that gives the whole action has no base policy to burn in on, and none to compare with.
BASELINE = {'whole_action': True, 'actor_sees_base': False, 'burn_in': 'none', 'base_every': 0,
            'evaluate_every': 0, 'trial_episodes': 0}
METHODS = {
    'residual': ('the base controller with a learned residual: RPL', {}),
    'initial': ('the base controller alone; nothing is learned', {}),
    'scratch': ('DDPG and HER without the base controller', BASELINE),
    'expert_explore': ('the same, with the base controller for exploration',
                       {**BASELINE, 'expert_probability': 0.8}),
}
# Share of the steps of expert_explore in which not the policy decides. The paper says 0.6 for all
# tasks, the authors' script that made the figures 0.6 for the hook and 0.3 for the others.
EXPERT_EPSILON = {'hook': 0.6, 'noisy_hook': 0.6, 'complex_hook': 0.6}
DEFAULT = 'robot_hour'
"""The recipe whose files lie in config/ itself: what we would use on a robot."""


def recipes():
    """Return the names of the recipes: the default one, and the folders of tasks in config/."""
    return [DEFAULT, *sorted({path.parent.name for task in SPECS
                              for path in share('config').glob(f'*/{task}.yaml')})]


def recipe_file(task, recipe):
    """Return the ROS parameter file of a recipe for a task; SettingsError if unknown."""
    known = recipes()
    if recipe not in known:
        raise SettingsError(f'unknown recipe {recipe!r}{did_you_mean(recipe, known)}: expected '
                            f'one of {", ".join(known)}')
    return share('config') / ('' if recipe == DEFAULT else recipe) / f'{task}.yaml'


def method_settings(task, method):
    """Return {setting: value} that makes the learner use `method`; SettingsError if unknown."""
    if method not in METHODS:
        raise SettingsError(f'unknown method {method!r}{did_you_mean(method, METHODS)}: expected '
                            f'one of {", ".join(METHODS)}')
    settings = dict(METHODS[method][1])
    if method == 'expert_explore':
        settings['random_probability'] = EXPERT_EPSILON.get(task, 0.3)
    return settings


def settings_of(task, method, path, given):
    """
    Return {node name: settings} from the parameter file at `path`.

    `given` is {setting: text} of the command line, which counts more than the method, and that
    more than the file. SettingsError for anything unknown, of a wrong type or out of range.
    """
    values = {name: _value(name, text) for name, text in given.items()}
    return load_settings(path, {**method_settings(task, method), **values, 'task': task})


def _value(name, text):
    """Return the value of a setting on the command line, which is YAML, as ROS reads it."""
    try:
        return parse_yaml(text) if text else ''
    except ValueError as error:
        raise SettingsError(f'setting {name}: {brief(text)} cannot be read: {error}') from None
