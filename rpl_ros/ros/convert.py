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


"""Between the messages of rpl_msgs and the dataclasses of rpl_ros.data, field by field."""

import array

import numpy as np
from rpl_msgs import msg
from rpl_ros.data import BaseAction, Command, State
from std_msgs.msg import Header


def to_wire(values: np.ndarray) -> array.array:
    """Return a float64 array as an array.array, which rclpy stores without checking each item."""
    return array.array('d', np.ascontiguousarray(values, dtype=np.float64).tobytes())


def from_wire(values: array.array) -> np.ndarray:
    """Return a float64[] field as a new numpy array."""
    return np.array(values, dtype=np.float64)


def to_bytes(data: bytes) -> array.array:
    """Return bytes as an array.array, which rclpy stores in uint8[] without checking each item."""
    return array.array('B', data)


def state_message(state: State, task: str, header: Header, run: str) -> msg.State:
    """Return the message of a State of the task called `task`."""
    return msg.State(
        header=header, run=run, episode=state.episode, step=state.step, task=task,
        observation=to_wire(state.observation), achieved_goal=to_wire(state.achieved_goal),
        desired_goal=to_wire(state.desired_goal), reward=state.reward, success=state.success,
        terminated=state.terminated, truncated=state.truncated, applied=state.applied,
        command_age=state.command_age, executed=to_wire(state.executed),
        motion=to_wire(state.motion), problem=state.problem)


def read_state(message: msg.State) -> State:
    """Return the State in a message."""
    return State(
        episode=message.episode, step=message.step, observation=from_wire(message.observation),
        achieved_goal=from_wire(message.achieved_goal),
        desired_goal=from_wire(message.desired_goal), reward=message.reward,
        success=message.success, terminated=message.terminated, truncated=message.truncated,
        applied=message.applied, command_age=message.command_age,
        executed=from_wire(message.executed), motion=from_wire(message.motion),
        problem=message.problem)


def base_action_message(answer: BaseAction, header: Header, run: str) -> msg.BaseAction:
    """Return the message of a BaseAction."""
    return msg.BaseAction(header=header, run=run, episode=answer.episode, step=answer.step,
                          controller=answer.controller, action=to_wire(answer.action))


def command_message(command: Command, header: Header, run: str) -> msg.Command:
    """Return the message of a Command."""
    return msg.Command(
        header=header, run=run, episode=command.episode, step=command.step, mode=command.mode,
        policy_version=command.policy_version, base_action=to_wire(command.base_action),
        residual=to_wire(command.residual), residual_scale=command.residual_scale,
        total=to_wire(command.total), sent=to_wire(command.sent), status=command.status)


def read_command(message: msg.Command) -> Command:
    """Return the Command in a message."""
    return Command(
        episode=message.episode, step=message.step, mode=message.mode,
        policy_version=message.policy_version, base_action=from_wire(message.base_action),
        residual=from_wire(message.residual), residual_scale=message.residual_scale,
        total=from_wire(message.total), sent=from_wire(message.sent), status=message.status)
