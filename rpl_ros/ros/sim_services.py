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
The services of sim_node: start and stop an episode, pause, single steps; and its speed.

docs/simulator_services.md describes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from rpl_msgs.srv import StartEpisode
from rpl_ros.data import State
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.settings.fields import SettingsError
from rpl_ros.tasks.specs import TaskSpec
from std_srvs.srv import SetBool, Trigger


@dataclass(frozen=True)
class Wanted:
    """An episode that was asked for: number of its scene and goal (G,), m; None: its own."""

    scene: int | None = None
    goal: np.ndarray | None = None


class Simulation(Protocol):
    """
    What the services need of sim_node.

    `state` is the present state, None between episodes; `answered` tells whether its command has
    arrived, `number` is that of the present or next episode.
    """

    state: State | None
    answered: bool
    number: int

    def why_not_ready(self) -> str:
        """Return why no episode can begin, or ''."""

    def begin(self) -> None:
        """Begin the episode that is wanted, if none is running."""

    def cut(self) -> None:
        """End the present episode: the gripper holds still for one step."""

    def advance(self) -> None:
        """Do one control step, or leave an episode that is over."""

    def go_on(self) -> None:
        """Continue after a pause."""

    def set_speed_factor(self, factor: float) -> str:
        """Make a control step last 40 ms / factor; return why that is impossible, or ''."""


class SimServices:
    """Offers the services; `wanted` is the episode that must begin next, `paused` stops time."""

    def __init__(self, node: ManagedNode, simulation: Simulation, spec: TaskSpec) -> None:
        """Create the services on `node`."""
        self.wanted: Wanted | None = None
        self.paused = False
        self._node, self._simulation, self._spec = node, simulation, spec
        for name, kind, answer in (('start_episode', StartEpisode, self._on_start),
                                   ('stop_episode', Trigger, self._on_stop),
                                   ('pause', SetBool, self._on_pause),
                                   ('step', Trigger, self._on_step)):
            node.create_service(kind, f'~/{name}', answer)
        if node.settings.on_request:
            node.get_logger().info('an episode begins when ~/start_episode is called')
        node.accept_changes(self._on_parameters)

    def close(self) -> None:
        """Accept no more changes of parameters."""
        self._node.end_changes()

    @property
    def may_begin(self) -> bool:
        """Return whether the next episode may begin: by itself, or because it is wanted."""
        by_itself = not self.paused and not self._node.settings.on_request
        return by_itself or self.wanted is not None

    def take(self) -> Wanted:
        """Return what is wanted of the episode that begins now, and forget it."""
        wanted, self.wanted = self.wanted or Wanted(), None
        return wanted

    @property
    def holds(self) -> bool:
        """Return whether time stands still within an episode."""
        state = self._simulation.state
        return self.paused and state is not None and not state.last

    def _on_start(self, request: StartEpisode.Request,
                  response: StartEpisode.Response) -> StartEpisode.Response:
        simulation = self._simulation
        try:
            goal = self._spec.checked_goal(request.desired_goal)
            response.message = simulation.why_not_ready()
        except ValueError as error:
            response.message = str(error)
        if response.message:
            return response
        self.wanted = Wanted(request.scene if request.choose_scene else None, goal)
        response.success = True
        response.episode = simulation.number + (simulation.state is not None)
        scene = f' with scene {request.scene}' if request.choose_scene else ''
        response.message = f'episode {response.episode} begins{scene}'
        self._node.get_logger().info(response.message)
        simulation.cut()
        simulation.begin()
        return response

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        state = self._simulation.state
        runs = state is not None and not state.last
        response.success = runs or self.wanted is not None
        response.message = (f'episode {self._simulation.number} ends' if runs else
                            'no episode begins' if response.success else 'no episode is running')
        self.wanted = None
        self._simulation.cut()
        return response

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        was, self.paused = self.paused, request.data
        response.success = True
        response.message = 'paused' if self.paused else 'continues'
        self._node.get_logger().info(response.message)
        if was and not self.paused:
            self._simulation.go_on()
        return response

    def _on_step(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.message = self._why_no_step()
        response.success = not response.message
        if response.success:
            simulation, state = self._simulation, self._simulation.state
            if state is None or state.last:
                self.wanted = self.wanted or Wanted()
            simulation.advance()
            state = simulation.state
            response.message = (f'step {state.step} of episode {state.episode}' if state else
                                'the next episode does not begin yet')
        return response

    def _why_no_step(self) -> str:
        """Return why no single step can be done, or ''."""
        state = self._simulation.state
        if not self.paused:
            return 'the simulation is not paused: call ~/pause first'
        if state is None:
            return self._simulation.why_not_ready()
        if not self._node.active:
            return 'the node is not active'
        if not self._simulation.answered:
            return f'no command for step {state.step} of episode {state.episode} has arrived yet'
        return ''

    def _on_parameters(self, changes: dict[str, Any]) -> None:
        why = ('speed_factor' in changes
               and self._simulation.set_speed_factor(changes['speed_factor']))
        if why:
            raise SettingsError(why)
