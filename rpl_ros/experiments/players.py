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

"""Who plays the episodes of a run: this process, or others while this one learns."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache

from rpl_ros.data import Episode
from rpl_ros.experiments.evaluate import Outcome, outcome_of, play
from rpl_ros.experiments.pool import Scene
from rpl_ros.experiments.workers import Workers
from rpl_ros.policy.actor import load_actor
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.rollout import run_episode


@dataclass(frozen=True)
class Weights:
    """A policy as it is handed out: see PolicyWeights.msg."""

    version: int
    prefer_base: bool
    data: bytes


@dataclass(frozen=True)
class Played:
    """A training episode: its transitions, how it was driven, and how it went."""

    episode: Episode
    mode: int
    policy_version: int
    outcome: Outcome


class Player:
    """A simulator, the base controller and the residual policy."""

    def __init__(self, settings):
        """Take {node name: settings}, as config.load_settings returns them."""
        self._scene = Scene.of(settings)
        self._task, self._guard = self._scene.build()
        self._policy = ResidualPolicy(settings['residual_node'], self._task.spec)
        self._version = None

    def play(self, number, weights):
        """Play training episode `number` with Weights; return Played."""
        if weights.version != self._version:
            self._policy.offer(load_actor(weights.data, self._scene.expected(self._task.spec)),
                               weights.version, weights.prefer_base)
            self._version = weights.version
        self._guard.problem = ''
        episode, commands, _ = run_episode(self._task, self._guard, self._policy, number)
        return Played(episode, self._policy.mode, self._policy.version,
                      outcome_of(self._task.spec, episode, commands, self._guard.problem))

    def evaluate(self, number, content):
        """Play episode `number` without noise, with weights as bytes or None; return Outcome."""
        policy = self._scene.policy(self._task.spec, content)
        return play(self._task, self._guard, policy, number)


def _begin(settings):
    # Built with the first episode: an error in here would reach nobody.
    _begin.player = lru_cache(maxsize=1)(lambda: Player(settings))


def _call(method, *arguments):
    return getattr(_begin.player(), method)(*arguments)


class Players:
    """
    Plays episodes on `count` processes; with 0 in this one, each at once when it is asked for.

    What comes out is the same: an episode follows from its number and the weights alone.
    """

    def __init__(self, settings, count):
        """Take {node name: settings}; the processes start with the first episodes."""
        self._player = None if count else Player(settings)
        self._pool = Workers(count, _begin, settings) if count else None

    def submit(self, method, *arguments):
        """Return the Future of what Player.`method` returns."""
        if self._pool:
            return self._pool.submit(_call, method, *arguments)
        future = Future()
        future.set_result(getattr(self._player, method)(*arguments))
        return future

    def close(self):
        """End the processes; what they have not begun is dropped."""
        if self._pool:
            self._pool.close()

    def kill(self):
        """End the processes in the middle of what they do."""
        if self._pool:
            self._pool.kill()
