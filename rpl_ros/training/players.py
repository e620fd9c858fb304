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

"""Plays the episodes of a run: in this process, or in others while this one learns."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from rpl_ros.common.workers import call_kept, keep, Workers
from rpl_ros.data import Episode, Mode
from rpl_ros.evaluation.episodes import Outcome, outcome_of, play
from rpl_ros.policy.actor import load_actor
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.rollout import run_episode
from rpl_ros.scene import Scene


@dataclass(frozen=True)
class Weights:
    """A policy as the learner gives it out, with the fields of PolicyWeights.msg."""

    version: int
    prefer_base: bool
    data: bytes


@dataclass(frozen=True)
class PlayedEpisode:
    """A training episode: its transitions, its mode and policy, and its outcome."""

    episode: Episode
    mode: Mode
    policy_version: int
    outcome: Outcome


class Player:
    """A simulator, the base controller and the residual policy."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Build them from {node name: settings}."""
        self._scene = Scene.of(settings)
        self._task, self._guard = self._scene.build()
        self._policy = ResidualPolicy(settings['residual_node'], self._task.spec)
        self._version: int | None = None

    def play(self, number: int, weights: Weights) -> PlayedEpisode:
        """Play training episode `number`."""
        if weights.version != self._version:
            self._policy.offer(load_actor(weights.data, self._scene.expected(self._task.spec)),
                               weights.version, weights.prefer_base)
            self._version = weights.version
        self._guard.problem = ''
        episode, commands, _ = run_episode(self._task, self._guard, self._policy, number)
        return PlayedEpisode(episode, self._policy.mode, self._policy.version, outcome_of(
            self._task.spec, episode, commands, self._guard.problem))

    def evaluate(self, number: int, content: bytes | None) -> Outcome:
        """Play episode `number` without noise, with a policy, or the base alone for None."""
        policy = self._scene.policy(self._task.spec, content)
        return play(self._task, self._guard, policy, number)


class Players:
    """
    Plays episodes in `count` processes; with 0 in this one, within submit().

    The result is the same: an episode depends on its number and the weights alone.
    """

    def __init__(self, settings: dict[str, Any], count: int) -> None:
        """Prepare for {node name: settings}. The processes start with the first episodes."""
        self._player = None if count else Player(settings)
        self._pool = Workers(count, keep, Player, settings) if count else None

    def submit(self, method: str, *arguments: object) -> Future:
        """Return the Future of what a method of Player returns."""
        if self._pool:
            return self._pool.submit(call_kept, method, *arguments)
        future: Future = Future()
        future.set_result(getattr(self._player, method)(*arguments))
        return future

    def close(self) -> None:
        """End the processes after their current episodes."""
        if self._pool:
            self._pool.close()

    def kill(self) -> None:
        """End the processes at once."""
        if self._pool:
            self._pool.kill()
