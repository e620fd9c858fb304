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

"""Chunks of actions and controllers of a lower rate: which action each control step executes."""

import numpy as np
import pytest
from rpl_ros.controllers import controller_for, find_controller
from rpl_ros.controllers.guard import Guard
from rpl_ros.controllers.paced import Paced
from rpl_ros.tasks.find import task_spec

SEEN = np.zeros(2), np.zeros(0)


class Scripted:
    """Gives the answers of a list, one at each call, and notes what happens to it."""

    def __init__(self, *answers):
        """Begin with the first answer."""
        self.answers, self.events = list(answers), []

    def reset(self, episode):
        """Note the episode."""
        self.events.append(episode)

    def __call__(self, observation, desired_goal):
        """Return the next answer, or raise it."""
        self.events.append('call')
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Slow(Scripted):
    """Is called in each third control step."""

    every = 3


def plain(observation, desired_goal):
    """Stand still."""
    return [0.0]


def actions(controller, steps):
    """Return the first elements of the actions of some steps."""
    return [controller(*SEEN)[0] for _ in range(steps)]


def test_the_rows_of_a_chunk_are_executed_one_after_the_other():
    inner = Scripted([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]], [4.0, 40.0], [[5.0, 50.0]])
    paced = Paced(inner, 1)
    paced.reset(0)
    found = [paced(*SEEN).tolist() for _ in range(5)]
    assert found == [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0], [5.0, 50.0]]
    assert inner.events == [0, 'call', 'call', 'call']


def test_an_action_is_held_and_each_row_of_a_chunk_too():
    assert actions(Paced(Scripted([1.0], [[2.0], [3.0]], [4.0]), 2), 7) == [1, 1, 2, 2, 3, 3, 4]


def test_a_new_episode_forgets_the_rest():
    inner = Scripted([[1.0], [2.0], [3.0]], [[4.0], [5.0]], [6.0])
    paced = Paced(inner, 2)
    paced.reset(0)
    assert actions(paced, 3) == [1, 1, 2]
    paced.reset(7)
    assert actions(paced, 1) == [4]
    paced.forget()  # a node that was not active
    assert actions(paced, 1) == [6]
    assert inner.events == [0, 'call', 7, 'call', 'call']


def test_a_chunk_belongs_to_the_wrapper_and_each_action_to_its_caller():
    chunk = np.array([[1.0], [2.0]])
    paced = Paced(Scripted(chunk, [9.0]), 2)
    action = paced(*SEEN)
    chunk[:] = 7.0
    action[:] = 8.0
    assert actions(paced, 4) == [1, 2, 2, 9]


@pytest.mark.parametrize('bad', [
    [[1.0], [np.nan], [3.0]], [[np.inf]], np.empty((0, 1)), [], 'left', ValueError('lost'),
    [[1.0], [2.0, 3.0]]])
def test_nothing_of_a_bad_chunk_is_executed_and_the_next_step_asks_again(bad):
    inner = Scripted([[1.0], [2.0]], bad, [3.0])
    guard = Guard(Paced(inner, 2), 1)
    guard.reset(0)
    np.testing.assert_array_equal(actions(guard, 6), [1, 1, 2, 2, np.nan, 3])
    assert 'ValueError' in guard.problem and inner.events.count('call') == 3


def test_an_action_of_another_size_stops_the_robot_in_each_step_that_it_is_for():
    guard = Guard(Paced(Scripted([1.0, 2.0], [3.0]), 2), 1)
    np.testing.assert_array_equal(actions(guard, 3), [np.nan, np.nan, 3])
    assert guard.problem == 'it returned [1. 2.], expected 1 finite numbers'


def test_every_is_an_attribute_or_stands_in_the_text_which_counts_more():
    assert Slow.every == find_controller(f'{__name__}:Slow').every == 3
    assert find_controller(f'{__name__}:Slow every=5').every == 5
    held = find_controller(f'{__name__}:plain every=4')  # no argument for a factory
    assert (held.every, held.controller.function) == (4, plain)
    assert find_controller('reactive_push').every == 1
    slow = find_controller('reactive_push every=3')
    assert (slow.every, slow.name, slow.observation_size) == (3, 'reactive_push', 25)


def test_a_built_in_one_may_be_slower():
    spec, rng = task_spec('push'), np.random.default_rng(0)
    fast, slow = (controller_for(spec, f'reactive_push{more}') for more in ('', ' every=3'))
    seen = [(rng.normal(size=25), rng.normal(size=3)) for _ in range(7)]
    for controller in (fast, slow):
        controller.reset(0)
    expected = [fast(*one) for one in seen]
    for step, one in enumerate(seen):
        np.testing.assert_array_equal(slow(*one), expected[step - step % 3])
