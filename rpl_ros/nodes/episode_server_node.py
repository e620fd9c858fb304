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
episode_server_node: plays an episode for an application, with the action `run_episode`.

It calls the services of sim_node or fetch_adapter_node and of residual_node: see docs/skill.md.
"""

from __future__ import annotations

from functools import partial
import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.client import Client
from rclpy.task import Future
from rpl_msgs.action import RunEpisode
from rpl_msgs.msg import Command, State as StateMessage
from rpl_msgs.srv import StartEpisode
from rpl_ros.ros.convert import read_state
from rpl_ros.ros.episode_run import EpisodeRun
from rpl_ros.ros.params import RplNode
from rpl_ros.ros.qos import announce, subscribe
from rpl_ros.ros.robot_messages import from_time
from rpl_ros.ros.running import run_node
from rpl_ros.ros.waiting import Wait
from rpl_ros.settings.nodes import EpisodeServerSettings
from std_srvs.srv import SetBool, Trigger

CANCELLED = 'cancelled'
FIND_PERIOD = 0.1
"""Time between two looks for a service that is not found yet, s."""
LAST_STATE_TIMEOUT = 2.0
"""Time from the answer to a stop to the last state, after which the goal ends without it, s."""


class EpisodeServerNode(RplNode):
    """Offers the action; one goal at a time."""

    def __init__(self) -> None:
        """Connect to the robot; the action is there from now on."""
        super().__init__('episode_server_node', EpisodeServerSettings)
        robot = self.settings.robot
        self._start: Any = self.create_client(StartEpisode, f'{robot}/start_episode')
        self._stop: Any = self.create_client(Trigger, f'{robot}/stop_episode')
        self._residual: Any = self.create_client(SetBool, 'residual_node/use_residual')
        self._run: EpisodeRun | None = None
        self._goal: ServerGoalHandle | None = None
        self._ended: Future[None] = Future()
        self._wait = Wait(self, 0.0)
        subscribe(self, 'state', self._on_state)
        subscribe(self, 'command', self._on_command)
        self._action = ActionServer(self, RunEpisode, 'run_episode', self._execute,
                                    cancel_callback=self._on_cancel)
        self.create_steady_timer(1.0, self._watch)
        announce(self)
        self.get_logger().info(f'ready: the action run_episode starts episodes of {robot}')

    async def _execute(self, goal: ServerGoalHandle) -> RunEpisode.Result:
        """Play the episode of a goal; its result says how it ended, or why there was none."""
        if self._run is not None:
            goal.abort()
            return RunEpisode.Result(reason='another goal is running: cancel it first')
        self._run, self._goal, self._ended = EpisodeRun(goal.request.time_limit), goal, Future()
        if goal.is_cancel_requested:
            self._run.why = CANCELLED
        try:
            why = await self._begin(self._run, goal.request)
            if why:
                self._end(goal, False)
                return RunEpisode.Result(reason=why)
            self._check()
            await self._ended
            run = self._run
            self._end(goal, run.success)
            return RunEpisode.Result(success=run.success, reason=run.in_words(),
                                     episode=run.number, steps=run.steps)
        finally:
            self._run = self._goal = None
            self._wait.end()

    def _end(self, goal: ServerGoalHandle, success: bool) -> None:
        """Set the state of the goal that ends."""
        if goal.is_cancel_requested:
            goal.canceled()
        elif success:
            goal.succeed()
        else:
            goal.abort()

    async def _begin(self, run: EpisodeRun, request: RunEpisode.Goal) -> str:
        """Begin the episode; return why that is impossible, or ''."""
        if not request.time_limit >= 0.0:
            return f'time_limit is {request.time_limit}, expected 0 or more, s'
        for client in (self._residual, self._start):
            if not await self._is_found(client, run):
                return run.why or _refusal(client, None)
        answer = await self._answer(self._residual, SetBool.Request(data=request.residual))
        if run.why or not answer or not answer.success:
            return run.why or _refusal(self._residual, answer)
        answer = await self._answer(self._start,
                                    StartEpisode.Request(desired_goal=request.desired_goal))
        if answer is None or run.why:  # it may have begun, or may begin later
            self._spawn(self._stop_and_wait, run)
        if not answer or not answer.success:
            return run.why or _refusal(self._start, answer)
        run.number = answer.episode
        return ''

    async def _is_found(self, client: Client, run: EpisodeRun) -> bool:
        """Return whether a service exists: a node that has just started has not found all yet."""
        end = time.monotonic() + self.settings.service_timeout
        while not client.service_is_ready():
            if run.why or time.monotonic() > end:
                return False
            await self._pause(FIND_PERIOD)
        return True

    async def _pause(self, seconds: float) -> None:
        """Let other callbacks run for a time, s."""
        over: Future[None] = Future()
        timer = self.create_steady_timer(seconds, lambda: _set_once(over, None))
        await over
        self.destroy_timer(timer)

    def _spawn(self, task: Any, run: EpisodeRun) -> None:
        """Run a coroutine beside the present one."""
        assert self.executor is not None
        self.executor.create_task(task, run)

    async def _answer(self, client: Client, request: Any) -> Any:
        """Return the response of a service, or None where none comes in time."""
        future = client.call_async(request)
        first: Future[Any] = Future()
        timer = self.create_steady_timer(self.settings.service_timeout,
                                         lambda: _set_once(first, None))
        future.add_done_callback(lambda done: _set_once(first, done.result()))
        answer = await first
        self.destroy_timer(timer)
        client.remove_pending_request(future)
        return answer

    def _on_state(self, message: StateMessage) -> None:
        if self._run is not None:
            self._wait.end()
            self._run.add(read_state(message), from_time(message.header.stamp))
            self._check()

    def _check(self) -> None:
        """End the goal whose episode is over; stop the one that is late."""
        run = self._run
        assert run is not None
        if run.is_over:
            _set_once(self._ended, None)
        elif run.is_late and not run.why:
            self._stop_episode(f'the time limit of {run.time_limit:g} s is over')

    def _on_command(self, message: Command) -> None:
        run = self._run
        if run is None or run.present is None or self._goal is None or not self._goal.is_active:
            return
        if (message.episode, message.step) == (run.number, run.present.step):
            self._goal.publish_feedback(RunEpisode.Feedback(
                step=message.step, distance=run.distance, sent=message.sent))

    def _on_cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        if goal is self._goal:
            self._stop_episode(CANCELLED)
        return CancelResponse.ACCEPT

    def _stop_episode(self, why: str) -> None:
        """Let the robot stop; the goal ends with the last state, or soon after the answer."""
        run = self._run
        if run is None or run.why:
            return
        run.why = why
        self.get_logger().info(f'stops the episode: {why}')
        self._spawn(self._stop_and_wait, run)

    async def _stop_and_wait(self, run: EpisodeRun) -> None:
        """Call the service of the robot; end the goal, also if no last state follows."""
        answer = await self._answer(self._stop, Trigger.Request())
        if not answer or not answer.success:
            self.get_logger().error(_refusal(self._stop, answer))
        await self._pause(LAST_STATE_TIMEOUT)
        if self._run is run:
            _set_once(self._ended, None)

    def _watch(self) -> None:
        """Say what a goal waits for; end it if the robot's node has gone."""
        run = self._run
        if run is None or run.number is None:
            return
        if self._start.service_is_ready():
            self._wait.update(f'for the next state of episode {run.number}')
        else:
            run.why = run.why or f'{self.settings.robot} has gone'
            _set_once(self._ended, None)

    def close(self) -> None:
        """Take the action away."""
        self._action.destroy()


def _refusal(client: Any, answer: Any) -> str:
    """Return why a service did not do what was asked."""
    return answer.message if answer else f'{client.srv_name} does not answer: is its node running?'


def _set_once(future: Future, value: Any) -> None:
    """Set the result of a future that has none yet."""
    if not future.done():
        future.set_result(value)


main = partial(run_node, EpisodeServerNode)

if __name__ == '__main__':
    raise SystemExit(main())
