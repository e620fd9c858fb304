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
The initial controllers by name: functions (observation, desired_goal) -> base action.

One that takes long over its first action has an attribute `prepare`, a function to call before;
one that keeps something from action to action has a function `reset`, called when an episode
begins; one for observations of a certain size has it in its attribute `observation_size`.
"""

from rpl_ros.config import did_you_mean
from rpl_ros.controllers.discrete_mpc_push import discrete_mpc_push
from rpl_ros.controllers.guard import ControllerError, described
from rpl_ros.controllers.miscalibrated_pick_and_place import miscalibrated_pick_and_place
from rpl_ros.controllers.reactive_hook import reactive_hook
from rpl_ros.controllers.reactive_pick_and_place import reactive_pick_and_place
from rpl_ros.controllers.reactive_push import reactive_push
from rpl_ros.modules import import_own

CONTROLLERS = {function.__name__: function for function in (
    reactive_push, reactive_pick_and_place, miscalibrated_pick_and_place, reactive_hook,
    discrete_mpc_push)}
# Built from a file: `name` takes the one that is shipped, `name:FILE` another. Named by text, as
# what they import (torch) is not needed for the others.
FROM_FILE = {'cached_pets': 'rpl_ros.controllers.cached_pets:make_cached_pets',
             'pets': 'rpl_ros.pets.controller:make_pets'}


def _load(path, name):
    """
    Return what is at `package.module:function`.

    ControllerError if it cannot be imported, with the line of the user's module that is at fault.
    """
    path, _, function = path.partition(':')
    try:
        module = import_own(path)
    except ModuleNotFoundError as error:
        # One that the user's module imports is another matter than that module itself.
        missing = path == error.name or path.startswith(f'{error.name}.')
        what = error if missing else described(error)
        raise ControllerError(f'controller {name!r} cannot be imported: {what}') from error
    except (Exception, SystemExit) as error:  # a user's own module may raise anything
        raise ControllerError(f'controller {name!r} cannot be imported: {described(error)}'
                              ) from error
    if not hasattr(module, function):
        near = did_you_mean(function, vars(module))
        raise ControllerError(f'controller {name!r} cannot be imported: '
                              f'{getattr(module, "__file__", path)} has no {function!r}{near}')
    return getattr(module, function)


def find_controller(name):
    """
    Return the controller called `name`, or the function at `package.module:function`.

    Of a class a new object.

    ValueError says what was wrong with the name or file and which controllers are built in.
    """
    if name in CONTROLLERS:
        return CONTROLLERS[name]
    module, colon, function = name.partition(':')
    if module in FROM_FILE:
        try:
            return _load(FROM_FILE[module], name)(function)
        except OSError as error:
            raise ValueError(f'controller {name!r} cannot read its file: {error}') from error
    if not colon:
        raise ValueError(f'unknown controller {name!r}: expected one of '
                         f'{", ".join([*CONTROLLERS, *FROM_FILE])}, or package.module:function '
                         'for your own')
    found = _load(name, name)
    if isinstance(found, type):
        try:
            found = found()  # a class: each graph, and each process that plays, has its own
        except Exception as error:  # a user's own class may raise anything
            raise ControllerError(f'controller {name!r} cannot be made: {described(error)}'
                                  ) from error
    if not callable(found):
        raise ValueError(f'controller {name!r} is a {type(found).__name__}, expected a function '
                         '(observation, desired_goal) -> base action')
    return found


def prepare(controller, name):
    """Let a controller do what takes long before its first action; ControllerError if it fails."""
    try:
        getattr(controller, 'prepare', lambda: None)()
    except Exception as error:  # a user's own function may raise anything
        raise ControllerError(f'controller {name!r} cannot be prepared: {described(error)}'
                              ) from error


def controller_for(spec, name=''):
    """
    Return the controller called `name`, or that of the task of `spec`, for this task.

    ValueError, too, where it is for observations of another size.
    """
    name = name or spec.controller
    controller = find_controller(name)
    # A user's own function mostly does not say its size, and is not tried: it might move things.
    size = getattr(controller, 'observation_size', spec.observation_size)
    if size != spec.observation_size:
        raise ValueError(f'controller {name!r} is for another task: it expects observations of '
                         f'{size} numbers, those of {spec.name} have {spec.observation_size}')
    return controller
