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

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
import ctypes

import numpy as np
from rpl_ros.learning.networks import Actor, actor_tensors, Critics
from rpl_ros.learning.replay import Batch
from rpl_ros.policy.actor import CLIP
import torch


SMALLEST_SCALE = 1e-3
"""Of Q, where it is divided by its size: Q is 0 where all goals are reached."""


def use_fast_products():
    """
    Let torch use oneDNN's matrix products where they are as exact as float32.

    They are up to twice as fast as MKL's on AMD processors, but torch allows them only together
    with bfloat16 products, which some processors then really use; so look at the result.
    """
    generator = torch.Generator().manual_seed(0)
    left = torch.rand(64, 256, generator=generator)
    right = torch.rand(256, 64, generator=generator)
    exact = left.double() @ right.double()
    torch.set_float32_matmul_precision('medium')
    error = ((left @ right).double() / exact - 1.0).abs().max().item()
    if error > 1e-5:  # float32 gives 1e-6, bfloat16 1e-3
        torch.set_float32_matmul_precision('highest')


def find_device(name):
    """Return the torch.device of 'auto', 'cpu' or 'cuda'; ValueError where there is none."""
    if name == 'cuda' and not torch.cuda.is_available():
        raise ValueError('device is cuda, but torch finds no CUDA device here: device:=cpu, or '
                         'make setup TORCH=cuda on a machine that has one')
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    return torch.device(name)


def keep_freed_memory():
    """
    Let glibc keep what is freed; other C libraries are left as they are.

    An update takes and frees some megabytes. glibc gives them back to the kernel, which has to
    clear them again for the next update: 200 to 700 pages each, a tenth of its time.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt:
        mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD, bytes: keep so much at the heap's end
        mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, bytes, its maximum: blocks below are in the heap


class Ddpg:
    """Actor, critics, their targets and optimisers for one task."""

    def __init__(self, settings, spec, shape):
        """Take the LearnerSettings, TaskSpec and PolicyShape; weights come from the seed."""
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
        self._trained = [*self._actor_parameters, *self.critics.parameters()]
        self._targets = [*self.target_actor.parameters(), *self.target_critics.parameters()]
        # fused: one pass over weights and moments, a tenth of the whole update saved.
        self.actor_optimizer = torch.optim.Adam(
            self._actor_parameters, lr=settings.actor_learning_rate, fused=True)
        self.critic_optimizer = torch.optim.Adam(
            self.critics.parameters(), lr=settings.critic_learning_rate, fused=True)
        self._discount = settings.discount or 1.0 - 1.0 / spec.horizon
        # No return is lower than that of -1 in each step; the dense reward has no such bound.
        self._lowest = -1.0 / (1.0 - self._discount) if spec.reward == 'sparse' else -np.inf
        self._moments = {}
        side_by_side = settings.threads > 1 and self._device.type == 'cpu'
        self._helper = ThreadPoolExecutor(1) if side_by_side else None

    def set_moments(self, observation, goal):
        """Take (mean, std) of observations and of goals, float32 arrays."""
        frames = 1 if self._shape.averaged else 1 + self._shape.history
        self._moments = {
            name: self._tensor(np.concatenate([*[observation[n]] * frames, goal[n]]))
            for n, name in enumerate(('mean', 'std'))}

    def _inputs(self, observation, remembered, goal, base_action):
        """Return the networks' input (B, I), as policy.actor.Actor builds it for one state."""
        if self._shape.averaged:
            return torch.stack([self._input((frame,), goal, base_action)
                                for frame in (observation, remembered)])
        return self._input((observation, remembered)[:1 + self._shape.history], goal, base_action)

    def _input(self, frames, goal, base_action):
        """Return the input (B, I) of observations (B, O), normalised."""
        raw = torch.cat([*frames, goal], dim=1)
        inputs = ((raw - self._moments['mean']) / self._moments['std']).clamp_(-CLIP, CLIP)
        if self._shape.sees_base:
            inputs = torch.cat([inputs, base_action.clamp(-1, 1)], dim=1)
        return inputs

    def _tensor(self, array):
        return torch.from_numpy(array).to(self._device)

    def _judged(self, residual, base_action):
        """Return the action (B, A) that the critics judge, for a residual of the policy."""
        if self._settings.critic_action == 'residual' or self._shape.whole_action:
            return residual
        return (base_action + self._settings.residual_scale * residual).clamp(-1, 1)

    def update(self, batch, train_actor):
        """
        Do one gradient update on a Batch; return its figures as a dict of floats.

        Both gradients are taken at the same weights, as in the authors' code; so with more than
        one thread they are computed side by side.
        """
        batch = Batch(**{name: self._tensor(array) for name, array in vars(batch).items()})
        inputs = self._inputs(batch.observation, batch.remembered, batch.goal, batch.base_action)
        if self._helper:
            critics = self._helper.submit(self._critics_gradient, batch, inputs)
            residual, value = self._actor_gradient(batch, inputs, train_actor)
            loss = critics.result()
        else:
            loss = self._critics_gradient(batch, inputs)
            residual, value = self._actor_gradient(batch, inputs, train_actor)
        self.critic_optimizer.step()
        if train_actor:
            self.actor_optimizer.step()
        return {'critic_loss': loss.item(), 'mean_q': value.item(),
                'mean_residual': residual.detach().abs().mean().item()}

    def _actor_gradient(self, batch, inputs, train):
        """
        Return the policy's residual (B, A) and its mean Q; with `train`, leave the gradient.

        Of several critics the lowest counts: the actor shall not move to where they disagree.
        With data_weight it is held to the recorded actions as well, as TD3+BC does.
        """
        with torch.set_grad_enabled(train):
            residual = self.actor(inputs)
            judged = self._judged(residual, batch.base_action)
            values = self.critics(inputs, judged).amin(dim=0)
            value = values.mean()
        if train:
            self.actor_optimizer.zero_grad(set_to_none=True)
            loss = self._settings.action_l2 * residual.square().mean()
            weight = self._settings.data_weight
            if weight:
                recorded = batch.executed if self._shape.whole_action else batch.residual
                loss = loss + weight * (residual - recorded).square().mean()
                value_scale = values.detach().abs().mean().clamp_min(SMALLEST_SCALE)
                loss = loss - value / value_scale
            else:
                loss = loss - value
            loss.backward(inputs=self._actor_parameters)  # none for the critics
        return residual, value

    def _critics_gradient(self, batch, inputs):
        """Leave the gradient of the mean squared Bellman error, and return that."""
        with torch.no_grad():
            after = self._inputs(batch.next_observation, batch.next_remembered, batch.goal,
                                 batch.next_base_action)
            action = self._judged(self.target_actor(after), batch.next_base_action)
            future = self.target_critics(after, action).amin(dim=0)
            # A time limit ends no return: only what the task itself has ended has no future.
            future *= 1.0 - batch.terminal
            target = (batch.reward + self._discount * future).clamp_(self._lowest, 0.0)
        residual = self._settings.critic_action == 'residual' and not self._shape.whole_action
        error = self.critics(inputs, batch.residual if residual else batch.executed) - target
        loss = error.square().mean(dim=1)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        return loss.mean()

    @torch.no_grad()
    def update_targets(self):
        """Move the target networks towards the trained ones."""
        torch._foreach_lerp_(self._targets, self._trained, 1.0 - self._settings.target_keep)

    def policy_tensors(self):
        """Return the actor's layers as {name: numpy array}."""
        return actor_tensors(self.actor)
