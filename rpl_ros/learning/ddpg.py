# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""DDPG on the residual: one gradient update of critics and actor (paper, section III)."""

from copy import deepcopy
import ctypes

import numpy as np
import torch

from rpl_ros.learning.networks import actor_tensors, Critics, make_actor
from rpl_ros.policy.actor import CLIP


def use_fast_products():
    """Let torch use oneDNN's matrix products where they are as exact as float32.

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


def keep_freed_memory():
    """Let glibc keep what is freed; other C libraries are left as they are.

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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.actor = make_actor(shape)
            self.critics = Critics(shape, settings.critics, settings.layer_norm)
        self.target_actor, self.target_critics = deepcopy(self.actor), deepcopy(self.critics)
        for target in (self.target_actor, self.target_critics):
            target.requires_grad_(False)
        # fused: one pass over weights and moments, a tenth of the whole update saved.
        self.actor_optimizer = torch.optim.Adam(
            self.actor.parameters(), lr=settings.actor_learning_rate, fused=True)
        self.critic_optimizer = torch.optim.Adam(
            self.critics.parameters(), lr=settings.critic_learning_rate, fused=True)
        self._discount = settings.discount or 1.0 - 1.0 / spec.horizon
        # No return is lower than that of -1 in each step; the dense reward has no such bound.
        self._lowest = -1.0 / (1.0 - self._discount) if spec.reward == 'sparse' else -np.inf
        self._moments = {}

    def set_moments(self, observation, goal):
        """Take (mean, std) of observations and of goals, float32 arrays."""
        frames = 1 + self._shape.history
        self._moments = {
            'mean': torch.from_numpy(np.concatenate([*[observation[0]] * frames, goal[0]])),
            'std': torch.from_numpy(np.concatenate([*[observation[1]] * frames, goal[1]]))}

    def _inputs(self, observation, previous, goal, base_action):
        """Return the networks' input (B, I), as policy.actor.Actor builds it for one state."""
        frames = (observation, previous)[:1 + self._shape.history]
        raw = torch.cat([torch.from_numpy(part) for part in (*frames, goal)], dim=1)
        inputs = ((raw - self._moments['mean']) / self._moments['std']).clamp_(-CLIP, CLIP)
        if self._shape.sees_base:
            inputs = torch.cat([inputs, torch.from_numpy(base_action).clamp(-1, 1)], dim=1)
        return inputs

    def _judged(self, residual, base_action):
        """Return the action (B, A) that the critics judge, for a residual of the policy."""
        if self._settings.critic_action == 'residual':
            return residual
        return (base_action + self._settings.residual_scale * residual).clamp(-1, 1)

    def update(self, batch, train_actor):
        """Do one gradient update on a Batch; return its figures as a dict of floats."""
        inputs = self._inputs(batch.observation, batch.previous_observation, batch.goal,
                              batch.base_action)
        base = torch.from_numpy(batch.base_action)
        loss = self._update_critics(batch, inputs)
        if train_actor:
            residual, value = self._value(inputs, base)
            actor_loss = -value + self._settings.action_l2 * residual.square().mean()
            self.actor_optimizer.zero_grad(set_to_none=True)
            actor_loss.backward(inputs=list(self.actor.parameters()))  # none for the critics
            self.actor_optimizer.step()
        else:
            with torch.no_grad():
                residual, value = self._value(inputs, base)
        return {'critic_loss': loss, 'mean_q': value.item(),
                'mean_residual': residual.detach().abs().mean().item()}

    def _value(self, inputs, base_action):
        """Return the policy's residual (B, A) and its mean Q, a scalar tensor.

        Of several critics the lowest counts: the actor shall not move to where they disagree.
        """
        residual = self.actor(inputs)
        value = self.critics(inputs, self._judged(residual, base_action)).amin(dim=0)
        return residual, value.mean()

    def _update_critics(self, batch, inputs):
        """Do one step on the mean squared Bellman error; return it."""
        with torch.no_grad():
            after = self._inputs(batch.next_observation, batch.observation, batch.goal,
                                 batch.next_base_action)
            action = self._judged(self.target_actor(after),
                                  torch.from_numpy(batch.next_base_action))
            future = self.target_critics(after, action).amin(dim=0)
            # Time limits end no episode here: the future counts after the last step too.
            target = (torch.from_numpy(batch.reward) + self._discount * future).clamp_(
                self._lowest, 0.0)
        taken = batch.residual if self._settings.critic_action == 'residual' else batch.sent
        error = self.critics(inputs, torch.from_numpy(taken)) - target
        loss = error.square().mean(dim=1)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        self.critic_optimizer.step()
        return loss.mean().item()

    @torch.no_grad()
    def update_targets(self):
        """Move the target networks towards the trained ones."""
        keep = self._settings.target_keep
        for target, source in ((self.target_actor, self.actor),
                               (self.target_critics, self.critics)):
            torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), 1.0 - keep)

    def policy_tensors(self):
        """Return the actor's layers as {name: numpy array}."""
        return actor_tensors(self.actor)
