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

"""The base controllers of docs/examples/foreign_tasks.py, without the packages of their tasks."""

from pathlib import Path

import numpy as np
import pytest
from rpl_ros.controllers import find_controller
from rpl_ros.controllers.function import base_action
from rpl_ros.data import State
from rpl_ros.tasks import make_task


@pytest.fixture(autouse=True)
def examples(monkeypatch):
    """Let the examples be found."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / 'docs' / 'examples'))


@pytest.mark.parametrize('name, observations, goals, actions', [
    ('Reach', 10, 3, 4), ('Slide', 25, 3, 4), ('PandaPush offset=0.03', 18, 3, 3),
    ('pendulum', 3, 0, 1), ('lander', 8, 0, 2)])
def test_actions_have_the_size_of_the_task_and_stay_within_its_limits(
        name, observations, goals, actions):
    controller, rng = find_controller(f'foreign_tasks:{name}'), np.random.default_rng(0)
    for episode in range(5):
        controller.reset(episode)
        for step in range(50):
            goal = rng.normal(size=goals)
            action = base_action(controller, State(
                episode, step, rng.normal(size=observations), goal, goal))
            assert action.shape == (actions,) and (np.abs(action) <= 1.0).all()


def test_the_pendulum_is_swung_up():
    task, controller = make_task('Pendulum-v1', 0), find_controller('foreign_tasks:pendulum')
    for episode in range(3):
        controller.reset(episode)
        state = task.reset(episode)
        while not state.last:
            state = task.step(base_action(controller, state))
        assert state.observation[0] > 0.95  # the cosine of its angle
