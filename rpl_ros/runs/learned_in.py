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

"""The scene in which a policy was learned, from its run folder or else its file alone."""

from collections.abc import Container
from pathlib import Path
from typing import Any

from rpl_ros.policy.weights import (check_fit, MisfitError, PolicyHeader, PolicyShape, read_header,
                                    unpack)
from rpl_ros.runs.facts import launch_arguments
from rpl_ros.runs.layout import CHECKPOINTS, CONFIG
from rpl_ros.scene import EvaluationError, Scene
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.tasks.find import task_spec

IN_FILE = ('residual_scale', 'horizon', 'max_ee_speed')
"""Settings of the scene that each policy file holds, in its shape."""
IN_ABOUT = ('controller', 'arm', 'seed')
"""Settings of the scene that a policy file may hold, in its part `about`."""
ASSUMED = ('controller', 'arm')
"""Settings that may be unknown. With other values the same policy can do much worse."""
LIBRARIES = ('', 'unseen')
"""Objects that come with the package; others are a folder of the user."""
SAME_AS_BASE = ('the residual of this policy is zero, as in burn-in and on trial: it acts as the '
                'base controller (docs/learning.md)')


def is_base(content: bytes) -> bool:
    """Return whether the residual of a policy is 0 in every state: its last layer is 0."""
    tensors, shape = unpack(content)
    last = f'layer{shape.hidden_layers}'
    return not (shape.whole_action or tensors[f'{last}.weight'].any()
                or tensors[f'{last}.bias'].any())


def run_of(path: str) -> Path | None:
    """Return the run folder that a policy file lies in, or None."""
    folder = Path(path).resolve().parent
    return (folder.parent if folder.name == CHECKPOINTS and (folder.parent / CONFIG).is_file()
            else None)


def read_scene(run: Path, shape: PolicyShape) -> dict[str, Any]:
    """
    Return {setting: value} of the scene in which a run learned.

    The controller is left out where it was a node of the user. EvaluationError for files that
    cannot be used; MisfitError where a policy of this shape is of another run.
    """
    try:
        scene = Scene.of(load_settings(run / CONFIG))
        arguments = launch_arguments(run)
    except SettingsError as error:
        raise EvaluationError(str(error)) from None
    check_fit(shape, scene.expected(task_spec(scene.task, scene.horizon)))
    values = {name: value for name, value in vars(scene).items() if name != 'task'}
    if arguments.get('base') == 'false':
        del values['controller']
    return values


def told_by(header: PolicyHeader) -> dict[str, Any]:
    """Return {setting: value} of the scene of the training, as far as a policy file tells it."""
    shape, about = header.shape, header.about
    values = {name: getattr(shape, name) for name in IN_FILE if getattr(shape, name) is not None}
    values |= {name: about[name] for name in IN_ABOUT if name in about}
    return values | ({'objects': about['objects']} if about.get('objects') in LIBRARIES else {})


def learned_in(path: str, content: bytes, given: Container[str],
               defaults: Scene) -> tuple[dict[str, Any], str]:
    """
    Return ({setting: value}, line) for a policy file: the scene of its training, and its source.

    Settings in `given` come from the command line and are left out. The line says which values
    were found, in which file, and which values of `defaults` are assumed because none was found.
    """
    header = read_header(content)
    values = told_by(header)
    source, why = path, 'it lies in no run folder'
    run = run_of(path)
    if run:
        try:
            values, source = read_scene(run, header.shape), str(run / CONFIG)
            why = 'the base actions came from a node of your own'
        except MisfitError as error:
            why = f'{run / CONFIG} is of another run: the policy file says that {error}'
    values = {name: value for name, value in values.items() if name not in given}
    own = header.about.get('objects', '') not in LIBRARIES  # a folder that we do not know
    assumed = {name: getattr(defaults, name) for name in (*ASSUMED, *(['objects'] if own else []))
               if name not in values and name not in given}
    return values, _in_words(values, source, assumed, why)


def _in_words(values: dict[str, Any], source: str, assumed: dict[str, Any],
              why: str) -> str:
    """Return the line of learned_in()."""
    # 0 and '' mean the default of the task.
    told = ', '.join(f'{name} {value}' for name, value in values.items() if value not in (0, ''))
    line = f'taken from {source}: {told or "nothing but defaults"}'
    if assumed:
        names = ' and '.join(f'{name} {value or "of the library"}'
                             for name, value in assumed.items())
        options = ' or '.join(f'--{name}' for name in assumed)
        line += (f'. Assumed, because its training is not known ({why}): {names}; give '
                 f'{options} if it was another')
    return line
