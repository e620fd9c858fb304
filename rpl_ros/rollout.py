# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""One episode in one process: the reference that the ROS 2 graph is tested against."""

from rpl_ros.transitions import Joiner


def run_episode(task, controller, policy, number):
    """Play episode `number` and return (Episode, list of Commands, last State).

    `task` has reset and step, `controller` is a function (observation, desired_goal) -> base
    action, `policy` a ResidualPolicy.
    """
    joiner = Joiner(task.spec)
    commands = []
    state = task.reset(number)
    while True:
        base_action = controller(state.observation, state.desired_goal)
        command = policy.command(state, base_action)
        joiner.add('state', state)
        episodes, _ = joiner.add('command', command)
        commands.append(command)
        if state.last:
            return episodes[0], commands, state
        state = task.step(command.sent)
