# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The initial controllers by name: functions (observation, desired_goal) -> base action.

One that takes long over its first action has an attribute `prepare`, a function to call before.
"""

from importlib import import_module

from rpl_ros.controllers.discrete_mpc_push import discrete_mpc_push
from rpl_ros.controllers.miscalibrated_pick_and_place import miscalibrated_pick_and_place
from rpl_ros.controllers.reactive_hook import reactive_hook
from rpl_ros.controllers.reactive_pick_and_place import reactive_pick_and_place
from rpl_ros.controllers.reactive_push import reactive_push

CONTROLLERS = {function.__name__: function for function in (
    reactive_push, reactive_pick_and_place, miscalibrated_pick_and_place, reactive_hook,
    discrete_mpc_push)}


def find_controller(name):
    """Return the controller called `name`, or the function at `package.module:function`.

    ValueError says what was wrong with the name and which ones are built in.
    """
    if name in CONTROLLERS:
        return CONTROLLERS[name]
    module, colon, function = name.partition(':')
    if not colon:
        raise ValueError(f'unknown controller {name!r}: expected one of '
                         f'{", ".join(CONTROLLERS)}, or package.module:function for your own')
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f'controller {name!r} cannot be imported: {error}') from error
    if not callable(found):
        raise ValueError(f'controller {name!r} is a {type(found).__name__}, expected a function '
                         '(observation, desired_goal) -> base action')
    return found
