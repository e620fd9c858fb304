# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""How far the messages of a graph go: by default, not beyond this machine. See docs/network.md."""

import os

VARIABLE, HERE = 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST'
SETTINGS = (VARIABLE, 'ROS_LOCALHOST_ONLY', 'ROS_DISCOVERY_SERVER')
"""Environment variables with which a person has decided already."""


def local_by_default(environment=os.environ):
    """Keep discovery on this machine, unless the environment says something else."""
    if not any(environment.get(name) for name in SETTINGS):
        environment[VARIABLE] = HERE


def discovery_range(environment=os.environ):
    """Return in words what is in force, for the first lines of a run."""
    given = next((name for name in SETTINGS if environment.get(name)), None)
    return f'{given}={environment[given]}' if given else f'{VARIABLE}={HERE}'
