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

"""The branches of ReactiveHook, with actions that were worked out by hand."""

import numpy as np
import pytest
from rpl_ros.controllers.reactive_hook import reactive_hook

GOAL = np.array([1.65, 0.75, 0.42])


@pytest.mark.parametrize('grip, thing, hook, finger, expected', [
    ([1.3, 0.7, 0.4], [1.65, 0.75], [1.3, 0.7], 0.03, [0, 0, 0, -1]),      # there
    # To (1.35, 0.6, 0.5), 5 cm over the hook, at 10 per metre.
    ([1.3, 0.75, 0.6], [1.8, 0.75], [1.35, 0.6], 0.0, [0.5, -1.5, -1, 0]),
    ([1.35, 0.6, 0.6], [1.8, 0.75], [1.35, 0.6], 0.0, [0, 0, 0, 1]),       # over it: open
    ([1.35, 0.6, 0.6], [1.8, 0.75], [1.35, 0.6], 0.05, [0, 0, -2, 0]),     # down to 0.4
    ([1.35, 0.6, 0.4], [1.8, 0.75], [1.35, 0.6], 0.05, [0, 0, 0, -1]),     # close
    # Held, too far in front, then too far to the right: to (1.8 - 0.5, 0.75 - 0.05, 0.45).
    ([1.45, 0.75, 0.4], [1.8, 0.75], [1.45, 0.75], 0.03, [-1.5, -0.5, 0.5, -1]),
    ([1.3, 0.55, 0.4], [1.8, 0.75], [1.3, 0.55], 0.03, [0, 1.5, 0.5, -1]),
    # Behind the object: along the way to the goal, (-0.3, 0.4), with 0.4.
    ([1.3, 0.7, 0.4], [1.95, 0.35], [1.3, 0.7], 0.03, [-0.24, 0.32, 0, -1])])
def test_branches_of_reactive_hook(grip, thing, hook, finger, expected):
    seen = np.zeros(40)
    seen[0:3], seen[3:6], seen[25:28] = grip, [*thing, 0.42], [*hook, 0.45]
    seen[9:11] = finger
    np.testing.assert_allclose(reactive_hook(seen, GOAL), expected, atol=1e-9)
