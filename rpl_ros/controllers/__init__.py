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

"""The base controllers by name: see Controller in rpl_ros/contracts.py."""

from functools import partial
from typing import Any

from rpl_ros.common.described import described
from rpl_ros.common.modules import load_own
from rpl_ros.contracts import Controller
from rpl_ros.controllers.arguments import call, parse_text, require_arguments
from rpl_ros.controllers.discrete_mpc_push import discrete_mpc_push
from rpl_ros.controllers.function import checked, ControllerError
from rpl_ros.controllers.miscalibrated_pick_and_place import miscalibrated_pick_and_place
from rpl_ros.controllers.paced import Paced, paced
from rpl_ros.controllers.reactive_hook import reactive_hook
from rpl_ros.controllers.reactive_pick_and_place import reactive_pick_and_place
from rpl_ros.controllers.reactive_push import reactive_push
from rpl_ros.tasks.specs import TaskSpec

CONTROLLERS = {controller.name: controller for controller in (
    reactive_push, reactive_pick_and_place, miscalibrated_pick_and_place, reactive_hook,
    discrete_mpc_push)}
# Built from a file: `name` uses the one that is part of the package, `name:FILE` another. Named as
# text, because the others do not need what these import (torch).
FROM_FILE = {'cached_pets': 'rpl_ros.pets.cached_pets:make_cached_pets',
             'pets': 'rpl_ros.pets.controller:make_pets'}
"""Kind of a file -> module:factory of its path; for an empty one, of the shipped file."""
TRAINED = {'sb3': 'rpl_ros.trained.sb3_policy:Sb3Policy',
           'onnx': 'rpl_ros.trained.onnx_policy:OnnxPolicy'}
"""The same of files that other libraries wrote; none is shipped."""


def _load(path: str, text: str) -> Any:
    """Return the object at `package.module:function`; ControllerError if that is impossible."""
    try:
        return load_own(path)
    except ImportError as error:
        what = str(error).removeprefix(f'{path} ')
        raise ControllerError(f'controller {text!r} {what}') from error


def find_controller(text: str) -> Paced:
    """
    Return the controller that a text names, such as `my_package.module:make gain=3.0 every=2`.

    The name is a built-in one, a kind of file with its path, or the user's package.module:name.
    What follows are keyword arguments, in YAML: with some, the user's function or class is called
    with them, and returns the controller. Without, a class is called, and a function is the
    controller. `every` is for Paced. Each caller has its own object. ValueError says what is wrong
    and which controllers are built in.
    """
    name, arguments = parse_text(text)
    every = arguments.pop('every', None)
    kind, _, path = name.partition(':')
    if name in CONTROLLERS:
        if arguments:
            raise ControllerError(f'controller {text!r}: {name} takes no argument but every')
        found: Any = CONTROLLERS[name]
    elif kind in FROM_FILE or kind in TRAINED:
        found = _from_file(kind, path, arguments, text)
    else:
        found = _own(name, arguments, text)
    return paced(checked(found, text), every, text)


def _from_file(kind: str, path: str, arguments: dict[str, Any], text: str) -> Any:
    """Return the controller in a file; ValueError where the file cannot be used."""
    factory = partial(_load({**FROM_FILE, **TRAINED}[kind], text), path)
    require_arguments(factory, arguments, kind, text)
    try:
        return factory(**arguments)
    except ControllerError as error:
        raise ControllerError(f'controller {text!r}: {error}') from error
    except OSError as error:
        raise ValueError(f'controller {text!r} cannot read its file: {error}') from error


def _own(name: str, arguments: dict[str, Any], text: str) -> Any:
    """Return what the user's package.module:name is or makes; ValueError."""
    first, *rest = name.split(maxsplit=1)
    if rest:
        raise ControllerError(f'controller {text!r}: {rest[0]!r} follows {first}, expected '
                              'name=value')
    if ':' not in name:
        raise ValueError(f'unknown controller {name!r}: expected one of '
                         f'{", ".join([*CONTROLLERS, *FROM_FILE])}, sb3:FILE.zip, '
                         'onnx:FILE.onnx, or package.module:function for your own')
    found = _load(name, text)
    return call(found, arguments, text) if arguments or isinstance(found, type) else found


def prepare(controller: Controller, name: str) -> None:
    """Let a controller load or build what takes long; ControllerError if that fails."""
    try:
        getattr(controller, 'prepare', lambda: None)()
    except Exception as error:  # a user's own function may raise anything
        raise ControllerError(f'controller {name!r} cannot be prepared: {described(error)}'
                              ) from error


def controller_for(spec: TaskSpec, text: str = '') -> Controller:
    """
    Return the controller that a text names, or that of the task if `text` is empty.

    ValueError as from find_controller(), and where it is for another task.
    """
    text = text or spec.controller
    if not text:
        raise ControllerError(f'task {spec.name} has no base controller of its own: name one with '
                              'controller:=package.module:function, or with --controller')
    controller = find_controller(text)
    # A user's function has no size in most cases. It is not called to find out: it might move a
    # robot.
    size = getattr(controller, 'observation_size', None)
    if size not in (None, spec.observation_size):
        raise ValueError(f'controller {text!r} is for another task: it expects observations of '
                         f'{size} numbers, those of {spec.name} have {spec.observation_size}')
    try:
        getattr(controller, 'for_task', lambda spec: None)(spec)
    except Exception as error:  # a user's own controller may raise anything
        what = str(error) if isinstance(error, ControllerError) else described(error)
        raise ControllerError(f'controller {text!r} does not fit the task {spec.name}: {what}'
                              ) from error
    return controller
