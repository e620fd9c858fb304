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

"""When the adapter of a robot begins an episode: after a service of the scene or a person asks."""

from collections.abc import Sequence
import time
from typing import Any

import numpy as np
from rclpy.client import Client
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.task import Future
from rpl_msgs.srv import StartEpisode
from rpl_ros.robot.adapter import Adapter
from rpl_ros.robot.clocks import Instant
from rpl_ros.ros.episode_file import continue_above, keep_episode, require_status
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.ros.waiting import DISCOVERY_TIME, StartGate
from std_srvs.srv import Trigger

DISCOVERY_LIMIT = 3.0
"""Time, s, after which a new node knows all publishers that existed before it."""


SAME_TIME = 0.005
"""Time, s, within which two clocks are read for one Instant."""
TRIES = 5


def read_clocks(node: Node) -> Instant:
    """Return the present Instant: both clocks, read within SAME_TIME."""
    for _ in range(TRIES):
        now, ros_now = time.monotonic(), node.get_clock().now().nanoseconds * 1e-9
        if time.monotonic() - now < SAME_TIME:
            break  # otherwise the process was suspended in between, which looks like a jump
    return Instant(now, ros_now)


class Episodes:
    """
    Counts the episodes of an adapter node, and begins the next one when everything is ready.

    `next` is the number of the next episode.
    """

    def __init__(self, node: ManagedNode, adapter: Adapter, states: Publisher,
                 outputs: Sequence[Publisher], first: int) -> None:
        """
        Create client and service on the node; `first` is the number of the first episode.

        The readers of the publisher `states` must be ready, and no other node may publish on the
        topics of `outputs`: only one node may move an arm.
        """
        self.next = first
        self._node, self._adapter = node, adapter
        self._settings = settings = node.settings
        self._gate = StartGate(node, states, outputs, 'another node moves this arm',
                               DISCOVERY_LIMIT)
        require_status(node, self._gate)
        self._request: Future | None = None  # of the service of the scene
        self._announced: int | None = None  # the episode whose start a person was told to request
        self._began = 0.0  # by the steady clock, s
        self._scene: Client | None = None
        if settings.reset_service:
            self._scene = node.create_client(Trigger, settings.reset_service)
        self._wanted = False  # whether an episode was asked for, with setting on_request
        self._goal: np.ndarray | None = None  # (3,), m, in the world, of the next episode
        node.create_service(StartEpisode, '~/start_episode', self._on_start)

    def begin_next(self) -> None:
        """Begin the next episode if that is possible, or end the node when all are done."""
        node, settings = self._node, self._settings
        if settings.episodes and self.next >= settings.first_episode + settings.episodes:
            node.get_logger().info(f'all {settings.episodes} episodes are done')
            node.done = True
        elif self._gate.is_open():
            if self._wanted and self._scene is None:
                self._begin()
            elif self._scene is None:
                if self._announced != self.next:
                    self._announced = self.next
                    node.get_logger().info(f'to begin episode {self.next}, call the service '
                                           f'/{node.get_name()}/start_episode')
            elif self._request or settings.on_request and not self._wanted:
                return
            elif self._scene.service_is_ready():
                self._request = self._scene.call_async(Trigger.Request())
                self._request.add_done_callback(self._on_scene)
            else:
                node.warn('scene', f'the service {settings.reset_service} does not exist yet')

    def on_status(self, next_episodes: Sequence[int]) -> None:
        """Continue above the numbers in the learner's status, unless an episode is running."""
        if self._adapter.episode is None:
            self.next = continue_above(self.next, next_episodes, self._gate)

    def forget_start(self) -> bool:
        """Forget an episode that was asked for and has not begun; return whether there was one."""
        wanted, self._wanted, self._goal = self._wanted, False, None
        return wanted

    def warn_of_missing_inputs(self) -> None:
        """Warn of the inputs for which an episode that has begun has waited for some time."""
        if not self._adapter.playing and time.monotonic() - self._began > DISCOVERY_TIME:
            for reason, text in self._adapter.faults(read_clocks(self._node)).items():
                self._node.warn(reason, f'episode {self._adapter.episode} waits: {reason.name}: '
                                f'{text}')

    def _on_scene(self, future: Any) -> None:
        self._request = None
        answer = future.result()
        if self._settings.on_request and not self._wanted:
            return  # it was stopped before it began
        if answer.success and self._node.active:
            self._begin()
        elif not answer.success:
            self._node.warn('scene', f'{self._settings.reset_service} failed: {answer.message}')

    def _begin(self) -> None:
        now = read_clocks(self._node)
        self._began, self._wanted = now.steady, False
        goal, self._goal = self._goal, None
        keep_episode(self._node, self.next)
        self._adapter.begin(self.next, now.ros, goal)

    def _why_not(self) -> str:
        """Return why no episode can begin now, or ''."""
        adapter = self._adapter
        if not self._node.active:
            return 'the node is not active'
        if adapter.episode is not None:
            return f'episode {adapter.episode} is running'
        if self._wanted:
            return f'episode {self.next} begins already'
        if self._scene and not self._settings.on_request:
            return f'episodes begin with {self._settings.reset_service}'
        waits = self._settings.on_request  # it begins as soon as it can
        if adapter.mode.needs_reset or not adapter.at_rest and not waits:
            return f'the arm is not at rest: {adapter.mode.name}'
        if not waits and not self._gate.is_open():
            return 'not all nodes that read the states are ready, or not for long enough'
        return '; '.join(adapter.faults(read_clocks(self._node)).values())

    def _on_start(self, request: StartEpisode.Request,
                  response: StartEpisode.Response) -> StartEpisode.Response:
        """Begin the next episode for a person or an application."""
        try:
            goal = self._adapter.spec.checked_goal(request.desired_goal)
            why = ('only the simulator can set up a scene' if request.choose_scene
                   else self._why_not())
        except ValueError as error:
            why = str(error)
        response.success, response.message = not why, why or f'episode {self.next} begins'
        if not why:
            response.episode, self._goal = self.next, goal
            if self._settings.on_request:
                self._wanted = True  # as soon as all is ready and the scene is set up
            else:
                self._begin()
        return response
