# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The graph of mbrl_pusher: ros2 launch rpl_ros mbrl_pusher.launch.py --show-args."""

from rpl_ros.launching.ros_launch import generate


def generate_launch_description():
    """Return the launch description."""
    return generate('mbrl_pusher')
