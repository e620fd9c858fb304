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
Planning of PETS: the cross-entropy method over sequences of actions, evaluated by the ensemble.

Each candidate is played through each network of the ensemble, which it keeps to the end of the
horizon (TS-infinity), with the change of state drawn from the network's Gaussian.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from rpl_ros.pets.ensemble import Ensemble, LAYERS, NETWORKS
from rpl_ros.policy.checked import check_keys, check_value, WeightsError
from rpl_ros.tasks.mbrl_pusher import GOAL_WEIGHT, Pusher, TIP_WEIGHT, TORQUE_WEIGHT
import torch
from torch.nn.functional import silu, softplus

OBJECT, TIP = map(Pusher.spec.columns, ('object', 'tip'))


def _setting(default: float, doc: str, high: float, low: float = 0.0) -> Any:
    return field(default=default, metadata={'doc': doc, 'low': low, 'high': high})


@dataclass(frozen=True)
class PlanSettings:
    """
    The amount of planning in each control step.

    PETS: horizon 25, population 500, elites 50, iterations 5, 20 particles, no correlation and no
    elites kept. Here the noise of consecutive steps is correlated and elites are kept from one
    iteration to the next, which makes up for a population that two processor cores can afford
    (C. Pinneri et al., iCEM, 2020).
    """

    horizon: int = _setting(25, 'control steps to look ahead', 1000, 1)
    population: int = _setting(64, 'candidates in each iteration', 100_000, 1)
    elites: int = _setting(8, 'best candidates, around which the next ones are drawn', 100_000, 1)
    iterations: int = _setting(3, 'iterations in each control step', 1000, 1)
    keep: float = _setting(0.1, 'share of the old mean and variance that an iteration keeps', 1.0)
    correlation: float = _setting(0.5, 'correlation of the noise of two consecutive steps', 1.0)
    first_std: float = _setting(0.5, 'first standard deviation; PETS: a quarter of the range',
                                10.0)


def read_plan(values: Any) -> PlanSettings:
    """Return the PlanSettings in the header of a model; WeightsError where they are none."""
    known = {spec.name: spec for spec in fields(PlanSettings)}
    check_keys('plan', values, (), known)
    plan = PlanSettings(**{
        name: check_value(name, value, type(known[name].default), known[name].metadata['low'],
                          known[name].metadata['high']) for name, value in values.items()})
    if plan.elites > plan.population:
        raise WeightsError(f'elites is {plan.elites}, expected at most the population, '
                           f'{plan.population}')
    return plan


def correlate(horizon: int, correlation: float) -> torch.Tensor:
    """Return the matrix (H, H) that turns independent noise (H, ...) into a process of order 1."""
    lag = torch.arange(horizon)[:, None] - torch.arange(horizon)
    matrix = torch.where(lag >= 0, correlation ** lag.clamp(min=0).float(), torch.zeros(()))
    matrix[:, 1:] *= (1 - correlation ** 2) ** 0.5
    return matrix


def cem(cost: Callable[[torch.Tensor], torch.Tensor], mean: torch.Tensor, settings: PlanSettings,
        generator: torch.Generator) -> torch.Tensor:
    """
    Return the mean (H, A) of the best candidates in [-1, 1] found from `mean` on.

    `cost` takes candidates (H, N, A) and returns (N,); `generator` is a torch.Generator.
    """
    mixing = correlate(len(mean), settings.correlation)
    variance = torch.full_like(mean, settings.first_std ** 2)
    elites = mean[:, None]
    for _ in range(settings.iterations):
        count = settings.population - elites.shape[1]
        noise = torch.randn(len(mean), count * mean.shape[1], generator=generator)
        noise = (mixing @ noise).view(len(mean), count, -1).clamp_(-2.0, 2.0)
        # As in PETS: two standard deviations must stay within [-1, 1].
        room = torch.minimum(mean + 1.0, 1.0 - mean).div(2.0).square()
        std = torch.minimum(variance, room).sqrt()
        candidates = torch.cat([mean[:, None] + std[:, None] * noise, elites], dim=1)
        best = cost(candidates).topk(settings.elites, largest=False).indices
        elites = candidates[:, best]
        mean = torch.lerp(elites.mean(dim=1), mean, settings.keep)
        variance = torch.lerp(elites.var(dim=1, unbiased=False), variance, settings.keep)
    return mean


class Dynamics:
    """The ensemble's weights with its scalers folded in, for many predictions one by one."""

    def __init__(self, ensemble: Ensemble) -> None:
        """Copy the weights of an Ensemble as they are now."""
        with torch.no_grad():
            values, scalers = ensemble.parameters, ensemble.scalers
            first = values['weight0'] / scalers['input_std'][:, None]
            bias = values['bias0'] - (scalers['input_mean'] @ first)[:, None]
            self._hidden = [(bias, first), *(
                (values[f'bias{n}'].clone(), values[f'weight{n}'].clone())
                for n in range(1, LAYERS))]
            self._last = values[f'bias{LAYERS}'].clone(), values[f'weight{LAYERS}'].clone()
            self._highest, self._lowest = values['highest'].clone(), values['lowest'].clone()
            self._change = scalers['change_mean'].clone(), scalers['change_std'].clone()
        self.shape = ensemble.shape

    def draw(self, states: torch.Tensor, actions: torch.Tensor,
             noise: torch.Tensor) -> torch.Tensor:
        """Return the next of states (5, N, S) for actions (5, N, A) and normal noise (5, N, S)."""
        values = torch.cat([states, actions], dim=2)
        for bias, weight in self._hidden:
            values = silu(torch.baddbmm(bias, values, weight), inplace=True)
        mean, raw = torch.baddbmm(self._last[0], values, self._last[1]).split(
            self.shape.state_size, dim=2)
        raw = self._highest - softplus(self._highest - raw)
        std = (0.5 * (self._lowest + softplus(raw - self._lowest))).exp_()
        middle, spread = self._change
        return states + middle + spread * (mean + std * noise)


DEFAULT_PLAN = PlanSettings()


class Planner:
    """Plans the pusher's next torques; keeps the rest of the plan for the next step."""

    def __init__(self, ensemble: Ensemble, settings: PlanSettings = DEFAULT_PLAN) -> None:
        """Copy the weights of an Ensemble over pusher states."""
        self.settings = settings
        self._dynamics = Dynamics(ensemble)
        self._generator = torch.Generator()
        self.begin(0)

    def begin(self, seed: int) -> None:
        """Start an episode: forget the plan; all random numbers follow from `seed`."""
        self._generator.manual_seed(seed)
        self._plan = torch.zeros(self.settings.horizon, self._dynamics.shape.action_size)

    @torch.inference_mode()
    def act(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the action (7,), 1 = 1 N m, for an observation (20,) and a goal (3,), m."""
        start = torch.as_tensor(observation, dtype=torch.float32)
        goal = torch.as_tensor(desired_goal, dtype=torch.float32)
        plan = cem(lambda actions: self._cost(start, goal, actions), self._plan, self.settings,
                   self._generator)
        self._plan = torch.cat([plan[1:], torch.zeros(1, plan.shape[1])])
        return plan[0].double().numpy()

    def _cost(self, start: torch.Tensor, goal: torch.Tensor,
              actions: torch.Tensor) -> torch.Tensor:
        """Return the mean cost (N,) over the networks of candidates (H, N, A)."""
        horizon, count, _ = actions.shape
        size = (horizon, NETWORKS, count, len(start))
        noise = torch.randn(size, generator=self._generator)
        states = start.expand(size[1:])
        total = TORQUE_WEIGHT * actions.square().sum(dim=(0, 2))
        for step in range(horizon):
            states = self._dynamics.draw(states, actions[step].expand(NETWORKS, -1, -1),
                                         noise[step])
            thing = states[..., OBJECT]
            to_goal = (thing - goal).abs().sum(dim=2)
            to_tip = (thing - states[..., TIP]).abs().sum(dim=2)
            total = total + (GOAL_WEIGHT * to_goal + TIP_WEIGHT * to_tip).mean(dim=0)
        return total.nan_to_num(nan=1e6)
