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

"""Synthetic episodes, learners filled with them, and the same DDPG as plain PyTorch."""

import numpy as np
from rpl_ros.data import Episode
from rpl_ros.learning.ddpg import Ddpg
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.process import tune_process
from rpl_ros.learning.replay import Batch
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, recipe_file
import torch

# Task and recipe: the paper's, and two critics with layer norm.
RECIPES = {'paper': ('push', 'paper'), 'strong': ('complex_hook', DEFAULT)}


class Eager(Ddpg):
    """The same DDPG as a textbook has it in PyTorch, in float32: what speed is held against."""

    def __init__(self, settings, spec, shape):
        """Take what Ddpg takes; the weights are the same for the same seed."""
        super().__init__(settings, spec, shape)
        for network in (self.actor, self.critics, self.target_actor, self.target_critics):
            for module in network.modules():
                if isinstance(module, torch.nn.ReLU):
                    module.inplace = False
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(),
                                                lr=settings.actor_learning_rate)
        self.critic_optimizer = torch.optim.Adam(self.critics.parameters(),
                                                 lr=settings.critic_learning_rate)

    def update(self, batch, train_actor=True):
        """Do one gradient update on a Batch with true float32 products; return its figures."""
        products = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision('highest')
        batch = Batch(**{name: torch.from_numpy(array) for name, array in vars(batch).items()})
        inputs = self._inputs(batch.observation, batch.remembered, batch.goal, batch.base_action)
        after = self._inputs(batch.next_observation, batch.next_remembered, batch.goal,
                             batch.next_base_action)
        with torch.no_grad():
            action = self._critic_action(self.target_actor(after), batch.next_base_action)
            future, _ = self.target_critics(after, action).min(dim=0)
            future = future * (1.0 - batch.terminal)
            target = (batch.reward + self._discount * future).clamp(self._lowest, 0.0)
        taken = (batch.residual if self._settings.critic_action == 'residual'
                 else batch.executed)
        losses = [torch.nn.functional.mse_loss(values, target)
                  for values in self.critics(inputs, taken)]
        self.critic_optimizer.zero_grad()
        sum(losses).backward()

        self.critics.requires_grad_(False)
        residual = self.actor(inputs)
        judged = self._critic_action(residual, batch.base_action)
        value = self.critics(inputs, judged).min(dim=0)[0].mean()
        loss = self._settings.action_l2 * (residual ** 2).mean() - value
        self.actor_optimizer.zero_grad()
        loss.backward()
        self.critics.requires_grad_(True)
        self.critic_optimizer.step()
        self.actor_optimizer.step()
        torch.set_float32_matmul_precision(products)
        return {'critic_loss': sum(losses).item() / len(losses), 'mean_q': value.item(),
                'mean_residual': residual.abs().mean().item()}


def synthetic_episode(spec, number):
    """Return an Episode of normally distributed numbers for a TaskSpec: full length, no gaps."""
    rng, steps = np.random.default_rng(number), spec.horizon

    def rows(count, size):
        return rng.standard_normal((count, size), dtype=np.float32)

    residuals, base_actions = rows(steps, spec.action_size), rows(steps + 1, spec.action_size)
    sent = np.clip(residuals + base_actions[:-1], -1, 1)
    return Episode(
        episode=number, observations=rows(steps + 1, spec.observation_size),
        achieved_goals=spec.reach * rows(steps + 1, spec.goal_size),
        desired_goal=spec.reach * rows(1, spec.goal_size)[0], base_actions=base_actions,
        residuals=residuals, sent=sent, executed=sent,
        valid=np.ones(steps, bool), success=False)


def filled_learner(recipe, episodes=200, threads=1):
    """Return a Learner of a recipe with synthetic episodes in its replay."""
    settings = load_settings(recipe_file(*RECIPES[recipe]),
                             {'burn_in': 'none', 'threads': threads})['learner_node']
    tune_process()
    learner = Learner(settings)
    for number in range(episodes):
        learner.add(synthetic_episode(learner.spec, number))
    return learner


def eager_twin(learner):
    """Return an Eager with the weights and moments of a Learner that did no update yet."""
    twin = Eager(learner.settings, learner.spec, learner.shape)
    observations, goals = learner.normalizers().values()
    twin.set_moments(observations.moments(), goals.moments())
    return twin
