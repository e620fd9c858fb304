# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Which bodies a task of the Fetch needs to know the poses of."""

from rpl_ros.tasks.specs import spec

WITH_HOOK = 40
"""Length of an observation that has a hook in it."""


def body_names(task):
    """Return the names of the bodies whose poses the task called `task` needs of a tracker."""
    return ('object', 'hook', 'goal') if spec(task).observation_size == WITH_HOOK else (
        'object', 'goal')
