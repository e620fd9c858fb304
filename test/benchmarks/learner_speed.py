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

from benchmarks.process import fresh, resident
from learning_tools import eager_twin, filled_learner, RECIPES, synthetic_episode
import numpy as np
from rpl_ros.learning import her
from rpl_ros.learning.replay import Replay
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import recipe_file
from rpl_ros.tasks.find import task_spec
import torch

# The loop as stable-baselines3's DDPG has it: targets follow at each update, the actor learns from
# the start, and there are no episodes for comparison.
LOOP = {'target_every': 1, 'target_keep': 0.995, 'burn_in': 'none', 'base_every': 0,
        'evaluate_every': 0, 'controller': f'{__name__}:no_controller'}


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
    spec, rng = task_spec('push'), np.random.default_rng(0)
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
    return np.zeros(task_spec('push').action_size)


def our_rate(actors=0, steps=500):
    """
    Return env steps per second of the whole loop on Push, with no controller.

    `actors` are the processes that play episodes beside the learner, which then computes actor and
    critics side by side; 0 = all in turn, on one core.
    """
    from rpl_ros.learning.process import tune_process
    from rpl_ros.training.loop import Loop
    tune_process()
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

    from benchmarks.task_speed import make_env, make_peer
    torch.set_num_threads(1)
    nodes, spec = load_settings(recipe_file(*RECIPES['paper']), LOOP), task_spec('push')
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
