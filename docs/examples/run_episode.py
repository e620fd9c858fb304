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

"""
Let the robot do its task once: a client of the action run_episode in a few lines.

    rpl launch push episode_server:=true      # in another terminal
    python docs/examples/run_episode.py 1.40 0.80 0.42
"""

import sys

import rclpy
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from rpl_msgs.action import RunEpisode


def main(goal: list[float]) -> int:
    """Play an episode with a desired goal, m; Ctrl-C stops the robot. Return 0 for a success."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)  # Ctrl-C is for us, see below
    node = rclpy.create_node('run_episode_client')
    action = ActionClient(node, RunEpisode, 'run_episode')
    action.wait_for_server()
    sent = action.send_goal_async(RunEpisode.Goal(desired_goal=goal), show)
    wait(node, sent)
    ended = sent.result().get_result_async()
    try:
        wait(node, ended)
    except KeyboardInterrupt:
        sent.result().cancel_goal_async()
        wait(node, ended)
    result = ended.result().result
    print(result.reason)
    return 0 if result.success else 1


def wait(node: Node, future: Future) -> None:
    """Wait for a Future; a Ctrl-C takes effect within 0.1 s."""
    while not future.done():
        rclpy.spin_once(node, timeout_sec=0.1)


def show(message: RunEpisode.Impl.FeedbackMessage) -> None:
    """Print the progress."""
    print(f'step {message.feedback.step}: {message.feedback.distance:.3f} m', flush=True)


if __name__ == '__main__':
    raise SystemExit(main([float(word) for word in sys.argv[1:]]))
