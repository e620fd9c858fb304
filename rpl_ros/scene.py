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

"""The scene that episodes are played in, and the policies for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpl_ros.common.files import read_bytes
from rpl_ros.controllers import controller_for, prepare
from rpl_ros.controllers.guard import Guard
from rpl_ros.policy.actor import Actor, load_actor
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.policy.weights import check_fit, expected_of, PolicyShape, unpack, WeightsError
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import ResidualSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.specs import TaskSpec


@dataclass(frozen=True)
class Scene:
    """The settings of a simulation, as plain values that another process can receive."""

    task: str
    seed: int
    objects: str
    controller: str
    residual_scale: float
    horizon: int = 0
    max_ee_speed: float = 0.0
    arm: str = 'paper'

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> 'Scene':
        """Return the Scene of {node name: settings}."""
        sim, residual = settings['sim_node'], settings['residual_node']
        name = settings['base_controller_node'].controller or task_spec(sim.task).controller
        return cls(sim.task, sim.seed, sim.objects, name, residual.residual_scale, sim.horizon,
                   sim.max_ee_speed, sim.arm)

    def build(self) -> tuple[Any, Guard]:
        """
        Return (task, guarded controller); EvaluationError where one cannot be built.

        The guard raises ControllerError for a controller that fails at every step.
        """
        from rpl_ros.robot.simulated.make import make_simulated
        try:
            task = make_simulated(self.task, self.seed, self.objects, self.horizon,
                                  self.max_ee_speed, self.arm)
            controller = controller_for(task.spec, self.controller)
            prepare(controller, self.controller)
            return task, Guard(controller, task.spec.action_size, self.controller)
        except (ValueError, OSError) as error:
            raise EvaluationError(str(error)) from None

    def policy(self, spec: TaskSpec, data: bytes | None) -> ResidualPolicy:
        """Return the policy in the bytes of a policy file; for None, the base alone."""
        # Scale, speed and horizon are not compared: the command line may set others.
        actor = load_actor(data, expected_of(spec)) if data else None
        return greedy_policy(spec, actor, self.residual_scale, self.seed)

    def expected(self, spec: TaskSpec) -> dict[str, Any]:
        """Return {field of PolicyShape: value} of policies that were learned in this scene."""
        return expected_of(spec, residual_scale=self.residual_scale, horizon=spec.horizon,
                           max_ee_speed=self.max_ee_speed)


class EvaluationError(Exception):
    """An evaluation that is not possible: says what was found, where, and what was expected."""


def greedy_policy(spec: TaskSpec, actor: Actor | None, residual_scale: float,
                  seed: int = 0) -> ResidualPolicy:
    """Return a policy that acts without noise: with `actor`, or for None as the base."""
    settings = make_settings(ResidualSettings, {
        'residual_scale': residual_scale, 'seed': seed,
        'base_every': 0 if actor else 1, 'evaluate_every': 1 if actor else 0})
    policy = ResidualPolicy(settings, spec)
    if actor:
        policy.offer(actor, 1, False)
    return policy


def read_policy(path: str | Path, expected: dict[str, Any]) -> tuple[bytes, PolicyShape]:
    """
    Return the bytes and PolicyShape of a policy file; EvaluationError where it does not fit.

    `expected` is {field of PolicyShape: value}: see weights.expected_of().
    """
    try:
        content = read_bytes(path)
        _, shape = unpack(content)
        check_fit(shape, expected)
    except OSError as error:
        raise EvaluationError(f'{path}: cannot be read: {error.strerror}') from None
    except WeightsError as error:
        raise EvaluationError(f'{path}: not a policy that can be used: {error}') from None
    return content, shape
