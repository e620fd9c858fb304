# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The graph of pick_and_place: ros2 launch rpl_ros pick_and_place.launch.py --show-args."""

from rpl_ros.launching.ros_launch import generate


def generate_launch_description():
    """Return the launch description."""
    return generate('pick_and_place')
