# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The graph of push: ros2 launch rpl_ros push.launch.py --show-args."""

from rpl_ros.launching.ros_launch import generate


def generate_launch_description():
    """Return the launch description."""
    return generate('push')
