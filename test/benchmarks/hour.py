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
`rpl bench hour`: what a robot-hour of learning costs, and the policy on the robot's computer.

Learning is in process on one core, in wall time, once the actor moves; the policy runs in a
process of its own without torch, as residual_node does.
"""

import statistics
import sys
import time

from benchmarks.process import fresh, resident
import numpy as np
from rpl_ros.policy.actor import Actor
from rpl_ros.policy.weights import PolicyShape
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import DEFAULT, recipe_file

STEPS = 90_000
"""Control steps in an hour of a robot at 25 Hz."""
LAYERS, SIZE = 3, 256


def actor_figures(calls=5000):
    """Return the time of one act() of a 3 x 256 policy and the memory of this process."""
    shape = PolicyShape('complex_hook', 40, 3, 4, LAYERS, SIZE, sees_base=True)
    rng = np.random.default_rng(0)
    actor = Actor({name: np.abs(rng.standard_normal(size)).astype(np.float32)
                   for name, size in shape.tensors().items()}, shape)
    observation, goal, base = rng.standard_normal(40), rng.standard_normal(3), np.zeros(4)
    times = []
    for _ in range(calls):
        begin = time.perf_counter()
        actor.act(observation, observation, goal, base)
        times.append(time.perf_counter() - begin)
    return {'act_ms': round(1e3 * statistics.median(times), 3),
            'act_ms_99th': round(1e3 * float(np.quantile(times, 0.99)), 3),
            'memory_mb': round(resident() / 1e6), 'torch': 'torch' in sys.modules}


def learning_figures(task, rounds, episodes=3):
    """Return times of playing and learning, ms for each env step, and those of STEPS steps."""
    from rpl_ros.learning.process import tune_process
    from rpl_ros.training.loop import Loop
    tune_process()
    loop = Loop(load_settings(recipe_file(task, DEFAULT), {'burn_in': 'none'}))
    loop.advance()
    times = []
    for _ in range(rounds):
        begin, played, steps = time.perf_counter(), 0.0, loop.learner.transitions
        for _ in range(episodes):
            start = time.perf_counter()
            loop.store(loop.act())
            played += time.perf_counter() - start
            loop.update()
        whole = time.perf_counter() - begin
        times.append(np.array([played, whole - played]) / (loop.learner.transitions - steps))
    playing, learning = map(float, np.median(times, axis=0))
    return {'playing_ms_a_step': round(1e3 * playing, 2),
            'learning_ms_a_step': round(1e3 * learning, 2),
            'learning_to_playing': round(float(np.median([b / a for a, b in times])), 2),
            f'minutes_of_{STEPS}_steps': round(STEPS * (playing + learning) / 60.0, 1)}


def hour(task, pairs):
    """Return {part: figures} for a task."""
    return {'learning': learning_figures(task, pairs), 'actor': fresh(actor_figures)}
