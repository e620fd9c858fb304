# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""For the robot's own computer, with ROS 1: copied there alone, Python 2.7 as well as 3."""
