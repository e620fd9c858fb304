# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""No test talks to the network."""

from rpl_ros.discovery import local_by_default

local_by_default()
