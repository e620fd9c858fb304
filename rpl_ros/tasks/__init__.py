# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The simulated tasks by name."""


def make_task(name, seed, objects=''):
    """Return the simulated task called `name`; its episode n is always the same for one seed.

    ValueError for an unknown name or unusable `objects` (a folder of meshes for complex_hook).
    """
    # Imported here because rpl_ros.tasks.specs is for machines without MuJoCo, too.
    from rpl_ros.tasks.block import BlockTask
    from rpl_ros.tasks.hook import HookTask
    from rpl_ros.tasks.mbrl_pusher import PusherTask
    kinds = {'push': BlockTask, 'slippery_push': BlockTask, 'pick_and_place': BlockTask,
             'hook': HookTask, 'noisy_hook': HookTask, 'complex_hook': HookTask,
             'mbrl_pusher': PusherTask}
    if name not in kinds:
        raise ValueError(f'unknown task {name!r}: expected one of {", ".join(kinds)}')
    return kinds[name](name, seed, objects)
