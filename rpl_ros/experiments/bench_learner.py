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
`rpl bench learner`: one gradient update, its samples, its replay, and the whole loop.

All on one thread. What is compared runs in turn, and the median of the pairs' ratios counts.
Updates and samples are measured in processor time, which other programs disturb least; the whole
loop, which may use several processes, in wall time.
"""

from importlib.util import find_spec as find_module
import itertools
import statistics
import time

import numpy as np
from rpl_ros.config import load_settings
from rpl_ros.data import Episode
from rpl_ros.experiments.bench_process import fresh, resident
from rpl_ros.experiments.methods import DEFAULT, recipe_file
from rpl_ros.learning import her
from rpl_ros.learning.ddpg import Ddpg
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.replay import Batch, Replay
from rpl_ros.tasks.specs import spec as find_spec
import torch

# Task and recipe: the paper's, and two critics with layer norm.
RECIPES = {'paper': ('push', 'paper'), 'strong': ('complex_hook', DEFAULT)}
# The loop as stable-baselines3's DDPG has it: targets follow at each update, the actor learns from
# the start, and there are no episodes for comparison.
LOOP = {'target_every': 1, 'target_keep': 0.995, 'burn_in': 'none', 'base_every': 0,
        'evaluate_every': 0, 'controller': f'{__name__}:no_controller'}


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
            action = self._judged(self.target_actor(after), batch.next_base_action)
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
        judged = self._judged(residual, batch.base_action)
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


def seconds(function, repeats, clock=time.process_time):
    """Return the time, s, of one of `repeats` calls of a function; by default processor time."""
    begin = clock()
    for _ in range(repeats):
        function()
    return (clock() - begin) / repeats


def in_turn(functions, pairs, repeats, clock=time.process_time):
    """Return times, s, one row for each function and one column for each of the pairs."""
    for function in functions:
        seconds(function, repeats)  # the first calls fill caches
    return np.array([[seconds(function, repeats, clock) for function in functions]
                     for _ in range(pairs)]).T


def update_figures(recipe, pairs=30, repeats=10):
    """Return figures of one update of a recipe against Eager, and of sampling against it."""
    learner = filled_learner(recipe)
    twin, rng = eager_twin(learner), np.random.default_rng(0)

    def sample():
        return her.sample(learner.replay, learner.settings.batch_size,
                          learner.settings.her_ratio, 'future', learner.spec, rng)

    batch = sample()
    ours, eager, sampling = in_turn(
        [lambda: learner.ddpg.update(batch, True), lambda: twin.update(batch), sample],
        pairs, repeats)
    return {'update_ms': round(1e3 * float(np.median(ours)), 2),
            'times_faster_than_eager': round(float(np.median(eager / ours)), 2),
            'sampling_share': round(float(np.median(sampling / ours)), 3)}


def threads_ratio(pairs, repeats=10):
    """Return how many times faster an update of the paper's recipe is on two threads."""
    learners = [filled_learner('paper', threads=threads) for threads in (1, 2)]
    batch = her.sample(learners[0].replay, 256, 0.8, 'future', learners[0].spec,
                       np.random.default_rng(0))
    one, two = in_turn([lambda ddpg=learner.ddpg: ddpg.update(batch, True)
                        for learner in learners], pairs, repeats, time.perf_counter)
    return float(np.median(one / two))


def flatness(capacity=1_000_000, repeats=2000):
    """
    Return time of sampling and memory for a replay of Push that fills up, and then forgets.

    At 1 % and 100 % of the capacity, and after as many transitions again.
    """
    spec, rng = find_spec('push'), np.random.default_rng(0)
    before, replay, figures, added = resident(), Replay(spec, capacity), {}, 0
    episodes = [synthetic_episode(spec, number) for number in range(100)]
    source = itertools.cycle(episodes)
    for percent in (1, 100, 200):
        while added * 100 < percent * capacity:
            added += replay.add(next(source))
        times = [seconds(lambda: her.sample(replay, 256, 0.8, 'future', spec, rng), 20)
                 for _ in range(max(1, repeats // 20))]
        figures[f'{percent} %'] = {
            'sampling_ms': round(1e3 * statistics.median(times), 3),
            'memory_mb': round((resident() - before) / 1e6)}
    return figures


def no_controller(observation, desired_goal):
    """Return no base action: the residual does it all, as in plain reinforcement learning."""
    return np.zeros(find_spec('push').action_size)


def our_rate(actors=0, steps=500):
    """
    Return env steps per second of the whole loop on Push, with no controller.

    `actors` are the processes that play episodes beside the learner, which then computes actor and
    critics side by side; 0 = all in turn, on one core.
    """
    from rpl_ros.experiments.loop import Loop
    settings = load_settings(recipe_file(*RECIPES['paper']), {**LOOP, 'threads': 1 + bool(actors)})
    loop = Loop(settings, actors)
    for _ in range(4):
        loop.advance()
    horizon = loop.learner.spec.horizon
    rate = horizon / seconds(loop.advance, steps // horizon, time.perf_counter)
    loop.close()
    return rate


def sb3_rate(steps=500, peer_env=False):
    """
    Return env steps per second of stable-baselines3's DDPG + HER with our_rate's settings.

    In our environment, or in that of gymnasium-robotics, which its users have.
    """
    from stable_baselines3 import DDPG, HerReplayBuffer
    from stable_baselines3.common.noise import NormalActionNoise

    from rpl_ros.experiments.bench_tasks import make_env, make_peer
    torch.set_num_threads(1)
    nodes, spec = load_settings(recipe_file(*RECIPES['paper']), LOOP), find_spec('push')
    settings = nodes['learner_node']
    noise = np.full(spec.action_size, nodes['residual_node'].noise_std)
    model = DDPG(
        'MultiInputPolicy', (make_peer if peer_env else make_env)('Push'), device='cpu', seed=0,
        learning_rate=settings.actor_learning_rate, buffer_size=settings.buffer_transitions,
        learning_starts=0, batch_size=settings.batch_size, tau=1.0 - settings.target_keep,
        gamma=settings.discount or 1.0 - 1.0 / spec.horizon, train_freq=(100, 'step'),
        gradient_steps=round(100 * settings.updates_per_step),
        action_noise=NormalActionNoise(np.zeros_like(noise), noise),
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={'n_sampled_goal': 4, 'goal_selection_strategy': 'future'},
        policy_kwargs={'net_arch': [settings.hidden_size] * settings.hidden_layers})
    model.learn(200)
    return 100 / seconds(lambda: model.learn(100, reset_num_timesteps=False), steps // 100,
                         time.perf_counter)


def loop_figures(pairs):
    """Return env steps per second of the whole loop on Push, ours and stable-baselines3's."""
    if find_module('stable_baselines3') is None:
        return 'not measured: pip install stable-baselines3'
    names = ('one_core', 'two_cores', 'sb3', 'sb3_gymnasium_robotics')
    rates = np.array([[fresh(our_rate, 0), fresh(our_rate, 1), fresh(sb3_rate),
                       fresh(sb3_rate, 500, True)] for _ in range(pairs)])
    ratios = {f'{ours}_times_{peer}': round(float(np.median(rates[:, n] / rates[:, m])), 2)
              for n, ours in enumerate(names[:2]) for m, peer in enumerate(names) if m > 1}
    return {**{name: round(float(rate), 1) for name, rate in zip(names, np.median(rates, axis=0))},
            **ratios}


def learner_figures(pairs):
    """Return all figures of the learner as {part: figures}."""
    return {**{f'update_{recipe}': fresh(update_figures, recipe, 10 * pairs)
               for recipe in RECIPES},
            'two_threads_times_one': round(fresh(threads_ratio, 10 * pairs), 2),
            'replay': fresh(flatness), 'loop_push': loop_figures(pairs)}
