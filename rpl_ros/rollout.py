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

"""One episode in one process: the reference that the ROS 2 graph is tested against."""

import numpy as np

from rpl_ros.controllers.guard import begin_episode
from rpl_ros.transitions import Joiner


def run_episode(task, controller, policy, number):
    """
    Play episode `number` and return (Episode, list of Commands, last State).

    `task` has reset and step, `controller` is a function (observation, desired_goal) -> base
    action, which is told that the episode begins where it has a reset(); `policy` is a
    ResidualPolicy.
    """
    begin_episode(controller)
    joiner = Joiner(task.spec)
    commands, none = [], np.zeros(task.spec.action_size)
    state = task.reset(number)
    while True:
        # A planner takes its time: it is not asked where nothing comes of its answer.
        base_action = (controller(state.observation, state.desired_goal)
                       if policy.asks_base(number) else none)
        command = policy.command(state, base_action)
        joiner.add('state', state)
        episodes, _ = joiner.add('command', command)
        commands.append(command)
        if state.last:
            return episodes[0], commands, state
        state = task.step(command.sent)
