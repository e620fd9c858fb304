# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The robot side in plain Python: what lies between the graph's topics and a Fetch's own."""
