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

"""In what scene a policy was learned: as its run folder tells, or else its file alone."""

from pathlib import Path

from rpl_ros.config import load_settings, SettingsError
from rpl_ros.experiments.evaluate import EvaluationError
from rpl_ros.experiments.pool import Scene
from rpl_ros.experiments.run_record import launch_arguments
from rpl_ros.policy.weights import check_fit, MisfitError, unpack
from rpl_ros.tasks.specs import spec

IN_FILE = ('residual_scale', 'horizon', 'max_ee_speed')
"""What a policy file tells."""
ASSUMED = ('controller', 'arm')
"""What it does not tell, and without which the same policy can fare much worse."""
SAME_AS_BASE = ('the residual of this policy is zero, as in burn-in and on trial: what is '
                'evaluated is the base controller (docs/learning.md)')


def is_base(content):
    """Return whether a policy in bytes adds nothing to the base action: its last layer is 0."""
    tensors, shape = unpack(content)
    last = f'layer{shape.hidden_layers}'
    return not (shape.whole_action or tensors[f'{last}.weight'].any()
                or tensors[f'{last}.bias'].any())


def config_of(path):
    """Return the config.yaml of the run folder that a policy file lies in, or None."""
    folder = Path(path).resolve().parent
    config = folder.parent / 'config.yaml'
    return config if folder.name == 'checkpoints' and config.is_file() else None


def read_config(config, shape):
    """
    Return {setting: value} of the scene in which the run of a config.yaml learned.

    Without the controller where that was a node of the user's own. EvaluationError for a file
    that cannot be used; MisfitError where a policy of this PolicyShape is of another run.
    """
    try:
        scene = Scene.of(load_settings(config))
    except SettingsError as error:
        raise EvaluationError(str(error)) from None
    check_fit(shape, scene.expected(spec(scene.task, scene.horizon)))
    values = {name: value for name, value in vars(scene).items() if name != 'task'}
    if launch_arguments(config.parent / 'run.yaml').get('base') == 'false':
        del values['controller']
    return values


def learned_in(path, shape, given, defaults):
    """
    Return ({setting: value}, line) for a policy file: the scene of its training, and its source.

    `shape` is its PolicyShape, `given` are names that the command line gives: they are left out.
    The line says what was taken from where, and which values of the Scene `defaults` are assumed
    because nothing tells them.
    """
    values = {name: getattr(shape, name) for name in IN_FILE if getattr(shape, name) is not None}
    source, why = path, 'it lies in no run folder'
    config = config_of(path)
    if config:
        try:
            values, source = read_config(config, shape), config
            why = 'the base actions came from a node of your own'
        except MisfitError as error:
            why = f'{config} is of another run: the policy file says that {error}'
    values = {name: value for name, value in values.items() if name not in given}
    assumed = {name: getattr(defaults, name) for name in ASSUMED
               if name not in values and name not in given}
    return values, _in_words(values, source, assumed, why)


def _in_words(values, source, assumed, why):
    """Return the line of learned_in()."""
    # 0 and '' stand for the task's own.
    told = ', '.join(f'{name} {value}' for name, value in values.items() if value not in (0, ''))
    line = f'taken from {source}: {told or "nothing but defaults"}'
    if assumed:
        values = ' and '.join(f'{name} {value}' for name, value in assumed.items())
        options = ' or '.join(f'--{name}' for name in assumed)
        line += (f'. Assumed, as nothing tells with what it learned ({why}): {values}; give '
                 f'{options} if it was another')
    return line
