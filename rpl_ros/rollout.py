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

from collections.abc import Callable

from rpl_ros.contracts import Controller, Policy, Task
from rpl_ros.controllers.function import Act, as_controller, base_action
from rpl_ros.data import Command, Episode, State
from rpl_ros.transitions import Joiner


def run_episode(task: Task, controller: Controller | Act, policy: Policy, number: int,
                watch: Callable[[State], object] = lambda state: None,
                ) -> tuple[Episode, list[Command], State]:
    """
    Play episode `number`; return it, the command for each of its states, and the last State.

    `watch` is called with each state before its command.
    """
    controller = as_controller(controller)
    controller.reset(number)
    joiner = Joiner(task.spec)
    commands = []
    state = task.reset(number)
    while True:
        watch(state)
        command = policy.command(state, base_action(controller, state))
        joiner.add('state', state)
        episodes, _ = joiner.add('command', command)
        commands.append(command)
        if state.last:
            return episodes[0], commands, state
        state = task.step(command.sent)
