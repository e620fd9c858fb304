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
Plays the episodes of several policies in several processes, each with a scene of its own.

The outcomes do not depend on the number of processes.
"""

from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache

from rpl_ros.common.workers import call_kept, keep, Workers
from rpl_ros.controllers.function import ControllerError
from rpl_ros.evaluation.episodes import FRESH, Outcome, play
from rpl_ros.scene import EvaluationError, Scene


class _Worker:
    """A scene and the policies in one process."""

    def __init__(self, scene: Scene, policies: Sequence[bytes | None]) -> None:
        self.task, self.guard = scene.build()
        self.policy = lru_cache(maxsize=2)(
            lambda index: scene.policy(self.task.spec, policies[index]))

    def play(self, index: int, number: int) -> Outcome:
        return play(self.task, self.guard, self.policy(index), number)


def evaluate_policies(scene: Scene, policies: Sequence[bytes | None], episodes: int, workers: int,
                      first: int = FRESH,
                      progress: Callable[[], object] = lambda: None) -> list[list[Outcome]]:
    """
    Return a list of Outcomes for each policy: bytes of a policy file, or None for the base alone.

    Each plays the episodes `first` to `first + episodes - 1` in up to `workers` processes.
    `progress()` is called after each episode. EvaluationError where scene or controller cannot be
    built, the controller fails at every step, or a process dies.
    """
    items = [(index, first + number) for index in range(len(policies))
             for number in range(episodes)]
    outcomes = []
    with Workers(min(workers, len(items)), keep, _Worker, scene, policies) as pool:
        try:
            for future in [pool.submit(call_kept, 'play', *item) for item in items]:
                outcomes.append(future.result())
                progress()
        except ControllerError as error:
            raise EvaluationError(str(error)) from None
        except BrokenProcessPool:
            raise EvaluationError(
                f'a process that plays {scene.task} with the controller {scene.controller} died: '
                'fewer --workers need less memory; otherwise look at the controller and the '
                'environment, which may have ended it') from None
    return [outcomes[start:start + episodes] for start in range(0, len(items), episodes)]
