# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Bags as data: messages and episodes from MCAP and sqlite3 bags; no ROS, torch or simulator."""
