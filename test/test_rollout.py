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


"""The episode in one process records what the graph records."""

from graph_tools import in_process, random_policy
import numpy as np
import pytest
from rpl_ros.controllers import find_controller
from rpl_ros.data import Mode


@pytest.mark.parametrize('whole', [False, True])
def test_each_command_carries_the_base_action_also_where_the_policy_gives_all_of_it(whole):
    """As base_controller_node answers each state, whatever the method makes of the answer."""
    content = random_policy('slippery_push', np.random.default_rng(0), whole_action=whole)
    controller = find_controller('reactive_push')
    for episode, commands, _ in in_process('slippery_push', content):
        for command, observation in zip(commands, episode.observations):
            expected = controller(observation, episode.desired_goal)
            np.testing.assert_array_equal(command.base_action, expected)
        np.testing.assert_array_equal(episode.base_actions,
                                      [command.base_action for command in commands])
        if whole and episode.mode != Mode.BASE:
            np.testing.assert_array_equal(commands[0].total, commands[0].residual)
