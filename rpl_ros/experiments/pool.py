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
Episodes of several policies on several processes; the outcome depends on neither their number.

Each process builds the scene once.
"""

from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache

from rpl_ros.controllers import controller_for
from rpl_ros.controllers.guard import ControllerError, Guard
from rpl_ros.experiments.evaluate import EvaluationError, FRESH, greedy_policy, play
from rpl_ros.experiments.workers import Workers
from rpl_ros.policy.actor import load_actor
from rpl_ros.policy.weights import expected_of
from rpl_ros.tasks.specs import spec as find_spec


@dataclass(frozen=True)
class Scene:
    """What episodes are played in, by names and numbers only, so that a process can be told."""

    task: str
    seed: int
    objects: str
    controller: str
    residual_scale: float
    horizon: int = 0
    max_ee_speed: float = 0.0
    arm: str = 'paper'

    @classmethod
    def of(cls, settings):
        """Return the Scene of {node name: settings}."""
        sim, residual = settings['sim_node'], settings['residual_node']
        name = settings['base_controller_node'].controller or find_spec(sim.task).controller
        return cls(sim.task, sim.seed, sim.objects, name, residual.residual_scale, sim.horizon,
                   sim.max_ee_speed, sim.arm)

    def build(self):
        """
        Return (task, guarded controller); EvaluationError where that cannot be done.

        A controller that fails at every step is a ControllerError.
        """
        from rpl_ros.tasks import make_task
        try:
            task = make_task(self.task, self.seed, self.objects, self.horizon,
                             self.max_ee_speed, self.arm)
            controller = controller_for(task.spec, self.controller)
            return task, Guard(controller, task.spec.action_size, self.controller)
        except (ValueError, OSError) as error:
            raise EvaluationError(str(error)) from None

    def policy(self, spec, data):
        """Return the policy of weights given as bytes; of None, the base controller alone."""
        # Scale, speed and horizon may be others on purpose, as the command line says.
        actor = load_actor(data, expected_of(spec)) if data else None
        return greedy_policy(spec, actor, self.residual_scale, self.seed)

    def expected(self, spec):
        """Return {field of a PolicyShape: value} of policies that were learned in this scene."""
        return expected_of(spec, residual_scale=self.residual_scale, horizon=spec.horizon,
                           max_ee_speed=self.max_ee_speed)


class _Worker:
    """What a process keeps between episodes."""

    def __init__(self, scene, policies):
        self.task, self.guard = scene.build()
        self.policy = lru_cache(maxsize=2)(
            lambda index: scene.policy(self.task.spec, policies[index]))


def _begin(scene, policies):
    # Built with the first episode: an error in here would reach nobody.
    _begin.worker = lru_cache(maxsize=1)(lambda: _Worker(scene, policies))


def _play(index, number):
    worker = _begin.worker()
    return play(worker.task, worker.guard, worker.policy(index), number)


def evaluate_policies(scene, policies, episodes, workers, first=FRESH, progress=None):
    """
    Return, for each of `policies` (weights as bytes, None: base alone), a list of Outcomes.

    Each plays the episodes `first` to `first + episodes - 1`. `progress()` is called after each
    episode. EvaluationError where scene or controller cannot be built, the controller fails at
    every step, or a process dies.
    """
    items = [(index, first + number) for index in range(len(policies))
             for number in range(episodes)]
    outcomes = []
    with Workers(min(workers, len(items)), _begin, scene, policies) as pool:
        try:
            for future in [pool.submit(_play, *item) for item in items]:
                outcomes.append(future.result())
                if progress:
                    progress()
        except ControllerError as error:
            raise EvaluationError(str(error)) from None
        except BrokenProcessPool:
            raise EvaluationError('a worker process died; was there enough memory? Fewer '
                                  '--workers need less') from None
    return [outcomes[start:start + episodes] for start in range(0, len(items), episodes)]
