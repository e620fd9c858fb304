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

"""The first states of each task as they were: another release of MuJoCo must not go unnoticed."""

import json
from pathlib import Path

import numpy as np
import pytest
from rpl_ros.tasks import _check_mujoco, make_task

GOLDEN = json.loads((Path(__file__).parent / 'golden_states.json').read_text())


@pytest.mark.parametrize('name', GOLDEN)
def test_first_states_are_as_recorded(name):
    """They were with MuJoCo 4.0.0; those of 3.17.0 differ by less than 1e-12."""
    task = make_task(name, 0)
    start = task.reset(0)
    for action in ([0.5, -0.5, -0.5, 1.0], [-1.0, 0.3, 0.2, -1.0]):
        state = task.step(np.array(action))
    # Another processor may round differently; another release differs by far more.
    np.testing.assert_allclose(start.observation, GOLDEN[name]['first'], atol=1e-8)
    np.testing.assert_allclose(start.desired_goal, GOLDEN[name]['goal'], atol=1e-8)
    np.testing.assert_allclose(state.observation, GOLDEN[name]['after_two_steps'], atol=1e-6)


def test_another_mujoco_is_named(recwarn):
    make_task('push', 0)
    _check_mujoco('4.0.7')
    _check_mujoco('3.17.0')
    assert not recwarn.list
    for version in ('3.3.7', '3.1.7', '4.1.0', '40.0.0'):
        with pytest.warns(UserWarning, match=f'MuJoCo 3.17 and 4.0. This is {version}: '):
            _check_mujoco(version)
