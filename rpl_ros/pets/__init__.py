# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
