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

"""DDPG on the residual: one gradient update of critics and actor (paper, section III)."""

from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
from rpl_ros.learning.adam import adam_layout, dump_adam, restore_adam
from rpl_ros.learning.networks import Actor, actor_tensors, Critics, set_actor_tensors
from rpl_ros.learning.replay import Batch
from rpl_ros.policy.actor import CLIP
from rpl_ros.policy.weights import PolicyShape
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.specs import SPARSE, TaskSpec
import torch

SMALLEST_SCALE = 1e-3
"""Of the mean absolute Q value, by which it is divided: Q is 0 where all goals are reached."""
NETWORKS = ('actor', 'critics', 'target_actor', 'target_critics')
OPTIMIZERS = ('actor_optimizer', 'critic_optimizer')
Moments = tuple[np.ndarray, np.ndarray]
"""Mean and standard deviation, float32 arrays (size,)."""


def find_device(name: str) -> torch.device:
    """Return the torch.device of 'auto', 'cpu' or 'cuda'; ValueError where there is no CUDA."""
    if name == 'cuda' and not torch.cuda.is_available():
        raise ValueError('device is cuda, but torch finds no CUDA device here: device:=cpu, or '
                         'make setup TORCH=cuda on a machine that has one')
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    return torch.device(name)


class Ddpg:
    """Actor, critics, their target networks and optimisers for one task."""

    def __init__(self, settings: LearnerSettings, spec: TaskSpec, shape: PolicyShape) -> None:
        """Draw the first weights from the seed in the settings."""
        self._settings, self._shape = settings, shape
        self._device = find_device(settings.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.actor = Actor(shape, settings.zero_last_layer).to(self._device)
            self.critics = Critics(shape, settings.critics, settings.layer_norm).to(self._device)
        self.target_actor, self.target_critics = deepcopy(self.actor), deepcopy(self.critics)
        for target in (self.target_actor, self.target_critics):
            target.requires_grad_(False)
        # Lists, made once: to walk through the modules for them takes 3 % of an update.
        self._actor_parameters = list(self.actor.parameters())
        self._trained: list[torch.Tensor] = [*self._actor_parameters, *self.critics.parameters()]
        self._targets: list[torch.Tensor] = [
            *self.target_actor.parameters(), *self.target_critics.parameters()]
        # fused: one pass over weights and moments, which saves a tenth of the whole update.
        self.actor_optimizer = torch.optim.Adam(
            self._actor_parameters, lr=settings.actor_learning_rate, fused=True)
        self.critic_optimizer = torch.optim.Adam(
            self.critics.parameters(), lr=settings.critic_learning_rate, fused=True)
        self._discount = settings.discount or 1.0 - 1.0 / spec.horizon
        # No return is lower than that of -1 in each step; other rewards have no such bound.
        self._lowest = -1.0 / (1.0 - self._discount) if spec.reward == SPARSE else -np.inf
        self._highest = max(0.0, spec.highest_reward) / (1.0 - self._discount)
        self._moments: dict[str, torch.Tensor] = {}
        parallel = settings.threads > 1 and self._device.type == 'cpu'
        self._helper = ThreadPoolExecutor(1) if parallel else None

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return {name: array} of all networks and optimisers; optimisers none before updates."""
        tensors = {f'{name}/{key}': value.numpy(force=True) for name in NETWORKS
                   for key, value in getattr(self, name).state_dict().items()}
        for name in OPTIMIZERS:
            tensors |= dump_adam(getattr(self, name), f'{name}/')
        return tensors

    def layout(self, found: Container[str]) -> dict[str, tuple]:
        """
        Return {name: (dtype, shape)} that load_state_dict() expects.

        An optimiser has tensors only where `found`, the names in a file, contains one of its own.
        """
        layout = {}
        for name in NETWORKS:
            for key, value in getattr(self, name).state_dict().items():
                layout[f'{name}/{key}'] = value.numpy(force=True).dtype, tuple(value.shape)
        for name in OPTIMIZERS:
            moments = adam_layout(getattr(self, name), f'{name}/')
            if any(key in found for key in moments):
                layout |= moments
        return layout

    def load_state_dict(self, tensors: dict[str, np.ndarray]) -> None:
        """Continue from what state_dict() returned; other tensors are ignored."""
        for name in NETWORKS:
            network = getattr(self, name)
            network.load_state_dict({key: torch.from_numpy(tensors[f'{name}/{key}'])
                                     for key in network.state_dict()})
        for name in OPTIMIZERS:
            restore_adam(getattr(self, name), tensors, f'{name}/')

    def set_actor(self, tensors: dict[str, np.ndarray]) -> None:
        """Give actor and target actor the layers of a policy, named as in policy_tensors()."""
        for actor in (self.actor, self.target_actor):
            set_actor_tensors(actor, tensors)

    def set_moments(self, observation: Moments, goal: Moments) -> None:
        """Normalise inputs by these moments of observations and goals from now on."""
        frames = 1 if self._shape.averaged else 1 + self._shape.history
        self._moments = {
            name: self._tensor(np.concatenate([*[observation[n]] * frames, goal[n]]))
            for n, name in enumerate(('mean', 'std'))}

    def _inputs(self, observation: torch.Tensor, remembered: torch.Tensor, goal: torch.Tensor,
                base_action: torch.Tensor) -> torch.Tensor:
        """Return the networks' input (B, I), as policy.actor.Actor builds it for one state."""
        if self._shape.averaged:
            return torch.stack([self._input((frame,), goal, base_action)
                                for frame in (observation, remembered)])
        return self._input((observation, remembered)[:1 + self._shape.history], goal, base_action)

    def _input(self, frames: tuple[torch.Tensor, ...], goal: torch.Tensor,
               base_action: torch.Tensor) -> torch.Tensor:
        """Return the normalised input (B, I) of observations (B, O)."""
        raw = torch.cat([*frames, goal], dim=1)
        inputs = ((raw - self._moments['mean']) / self._moments['std']).clamp_(-CLIP, CLIP)
        if self._shape.sees_base:
            inputs = torch.cat([inputs, base_action.clamp(-1, 1)], dim=1)
        return inputs

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)

    def _critic_action(self, residual: torch.Tensor, base_action: torch.Tensor) -> torch.Tensor:
        """Return the action (B, A) that the critics see for a residual of the policy."""
        if self._settings.critic_action == 'residual' or self._shape.whole_action:
            return residual
        return (base_action + self._settings.residual_scale * residual).clamp(-1, 1)

    def update(self, arrays: Batch[np.ndarray], train_actor: bool) -> dict[str, float]:
        """
        Do one gradient update and return its figures: critic_loss, mean_q and mean_residual.

        Both gradients are computed at the same weights, as in the authors' code. With two threads
        they are therefore computed in parallel.
        """
        batch = Batch(**{name: self._tensor(array) for name, array in vars(arrays).items()})
        inputs = self._inputs(batch.observation, batch.remembered, batch.goal, batch.base_action)
        if self._helper:
            critics = self._helper.submit(self._critics_gradient, batch, inputs)
            residual, mean_q = self._actor_gradient(batch, inputs, train_actor)
            critic_loss = critics.result()
        else:
            critic_loss = self._critics_gradient(batch, inputs)
            residual, mean_q = self._actor_gradient(batch, inputs, train_actor)
        self.critic_optimizer.step()
        if train_actor:
            self.actor_optimizer.step()
        return {'critic_loss': critic_loss.item(), 'mean_q': mean_q.item(),
                'mean_residual': residual.detach().abs().mean().item()}

    def _actor_gradient(self, batch: Batch[torch.Tensor], inputs: torch.Tensor,
                        train: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Return the policy's residual (B, A) and its mean Q; with `train`, leave the gradient.

        Of several critics the lowest value is used, so that the actor does not move to where they
        disagree. With data_weight the loss also holds it to the recorded actions, as in TD3+BC.
        """
        with torch.set_grad_enabled(train):
            residual = self.actor(inputs)
            action = self._critic_action(residual, batch.base_action)
            q_value = self.critics(inputs, action).amin(dim=0)
            mean_q = q_value.mean()
        if train:
            self.actor_optimizer.zero_grad(set_to_none=True)
            actor_loss = self._settings.action_l2 * residual.square().mean()
            weight = self._settings.data_weight
            if weight:
                recorded = batch.executed if self._shape.whole_action else batch.residual
                actor_loss = actor_loss + weight * (residual - recorded).square().mean()
                q_scale = q_value.detach().abs().mean().clamp_min(SMALLEST_SCALE)
                actor_loss = actor_loss - mean_q / q_scale
            else:
                actor_loss = actor_loss - mean_q
            actor_loss.backward(inputs=self._actor_parameters)  # none for the critics
        return residual, mean_q

    def _critics_gradient(self, batch: Batch[torch.Tensor],
                          inputs: torch.Tensor) -> torch.Tensor:
        """Leave the gradient of the mean squared Bellman error, and return that error."""
        with torch.no_grad():
            next_inputs = self._inputs(batch.next_observation, batch.next_remembered, batch.goal,
                                       batch.next_base_action)
            next_action = self._critic_action(self.target_actor(next_inputs),
                                              batch.next_base_action)
            next_q_value = self.target_critics(next_inputs, next_action).amin(dim=0)
            # A time limit does not end the return: only an end by the task itself does.
            next_q_value *= 1.0 - batch.terminal
            target = (batch.reward + self._discount * next_q_value).clamp_(
                self._lowest, self._highest)
        residual = self._settings.critic_action == 'residual' and not self._shape.whole_action
        error = self.critics(inputs, batch.residual if residual else batch.executed) - target
        loss = error.square().mean(dim=1)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        return loss.mean()

    @torch.no_grad()
    def update_targets(self) -> None:
        """Move the target networks towards the trained ones by the share 1 - target_keep."""
        torch._foreach_lerp_(self._targets, self._trained, 1.0 - self._settings.target_keep)

    def policy_tensors(self) -> dict[str, np.ndarray]:
        """Return the actor's layers, named as in PolicyShape.tensors()."""
        return actor_tensors(self.actor)
