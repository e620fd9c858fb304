# Copyright 2026 rpl_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The nodes of the graph. A signal that comes while a node is imported ends it, with 130."""

import os
import signal
import sys

from rpl_ros.common.exits import INTERRUPTED, STOP_SIGNALS

# Python says '-m' until it has found the module; `ros2 run` starts a file called as the node.
if sys.argv[0] == '-m' or os.path.basename(sys.argv[0]).endswith('_node'):
    for number in STOP_SIGNALS:  # until run_node() handles them: nothing has begun yet
        signal.signal(number, lambda number, frame: os._exit(INTERRUPTED))
