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
The parts of `rpl bench` about the simulated tasks: steps, resets, planning, many episodes.

The peer is gymnasium-robotics, whose Fetch environments have the same arm, substeps and
observations. What is compared is run in turn, an episode each, with the same actions. Where one
core is at work, time is that of the processor, so that what else runs there counts for little.
"""

from functools import cache
import statistics
import time
from types import SimpleNamespace

import mujoco
import numpy as np
from rpl_ros.common.workers import Workers
from rpl_ros.controllers import find_controller
from rpl_ros.evaluation.pool import evaluate_policies
from rpl_ros.scene import Scene
from rpl_ros.tasks import make_task
from rpl_ros.tasks.specs import CONTROL_PERIOD

ENVS = ('Push', 'PickAndPlace')
HORIZON = 50  # steps
EPISODES = 20  # for each pair that is asked for: an episode takes 20 ms
AUTHORS_PLANNING = 6.0  # s, about: planning of an episode in the authors' code
MANY = 600  # episodes to evaluate on one and on two processes


def sim_ratio(task_name, pairs, steps=400):
    """Return figures of task.step against bare mj_step with the same commands and substeps."""
    task = make_task(task_name, 0)
    controller = find_controller(task.spec.controller)
    count = steps // task.spec.horizon
    ratios, rates = [], []
    for pair in range(pairs):
        bare = full = 0.0
        for number in range(pair * count, (pair + 1) * count):
            # First without the clock: controllers that plan, and the log, leave cold caches.
            state = task.reset(number)
            actions, log = [], [task.save()]
            while not state.last:
                actions.append(controller(state.observation, state.desired_goal))
                state = task.step(actions[-1])
                log.append(commands(task))
            task.reset(number)
            for action in actions:
                begin = time.thread_time()
                task.step(action)
                full += time.thread_time() - begin
            bare += bare_steps(task, number, log)
        ratios.append(bare / full)
        rates.append(count * task.spec.horizon / full)
    return {'env_steps_per_second': round(statistics.median(rates), 1),
            'ratio_to_bare_mj_step': round(statistics.median(ratios), 3)}


def commands(task):
    """Return what the last step gave to MuJoCo: the mocap body's pose and the controls."""
    return np.r_[task.data.mocap_pos[0], task.data.mocap_quat[0], task.data.ctrl]


def bare_steps(task, number, log):
    """Return the time, s, that mj_step alone takes for the logged episode of `task`."""
    task.reset(number)  # the scene; then the very commands that task.step gave to MuJoCo
    model, data = task.model, task.data
    task.restore(log[0])
    total = 0.0
    for row in log[1:]:
        data.mocap_pos[0], data.mocap_quat[0], data.ctrl[:] = row[:3], row[3:7], row[7:]
        begin = time.thread_time()
        mujoco.mj_step(model, data, nstep=round(CONTROL_PERIOD / model.opt.timestep))
        total += time.thread_time() - begin
    return total


def make_env(name):
    """Return our Gymnasium environment of a task, wrappers and all."""
    import gymnasium
    import rpl_ros.envs  # noqa: F401  (registers)
    return gymnasium.make(f'rpl/{name}-v0')


def make_peer(name):
    """Return the environment of gymnasium-robotics for the same task."""
    import gymnasium
    import gymnasium_robotics
    from gymnasium_robotics.utils import mujoco_utils
    gymnasium.register_envs(gymnasium_robotics)

    def numbers(enum):
        return SimpleNamespace(**{key: int(value) for key, value in enum.__members__.items()})
    # It compares entries of integer arrays with MuJoCo's enums, which are unequal since MuJoCo
    # 3.12: it stops with an AssertionError. With plain numbers all its comparisons hold again.
    mujoco_utils.mujoco = SimpleNamespace(**{**vars(mujoco), 'mjtEq': numbers(mujoco.mjtEq),
                                             'mjtJoint': numbers(mujoco.mjtJoint)})
    return gymnasium.make(f'Fetch{name}-v4')


def play(env, seed, task=None):
    """Return (time, s, of the steps of a random episode, log of commands if `task` is given)."""
    actions = np.random.default_rng(seed).uniform(-1, 1, (HORIZON, 4)).astype(np.float32)
    env.reset(seed=seed)
    log, total = [task.save()] if task else [], 0.0
    for action in actions:
        begin = time.thread_time()
        env.step(action)
        total += time.thread_time() - begin
        if task:
            log.append(commands(task))
    return total, log


def _play_all(env, seeds):
    return sum(play(env, seed)[0] for seed in seeds)


@cache
def _own_env(name):
    return make_env(name)


def _work(name, seeds):
    """Return the time, s, of the steps of episodes; a worker process keeps its environment."""
    return _play_all(_own_env(name), seeds)


def one_core(name, peer, pairs):
    """Return figures of our env.step against bare mj_step and against the peer's, on one core."""
    env = make_env(name)
    task = env.unwrapped.task
    times = []
    for seed in range(pairs * EPISODES):
        _, log = play(env, seed, task)
        full, _ = play(env, seed)  # again: writing a log cools the caches
        theirs, _ = play(peer, seed)
        times.append((full, bare_steps(task, 0, log), theirs))
    full, bare, theirs = np.array(times).T
    return {'env_steps_per_second': round(HORIZON / float(np.median(full)), 1),
            'peer_steps_per_second': round(HORIZON / float(np.median(theirs)), 1),
            'ratio_to_bare_mj_step': round(float(np.median(bare / full)), 3),
            'times_peer': round(float(np.median(theirs / full)), 3)}


def two_cores(name, peer, pairs, pool):
    """
    Return how many times the peer's steps on one core our two processes do at once.

    By the processor time of the steps, and by the clock, which counts on idle cores only.
    """
    halves = [range(EPISODES), range(EPISODES, 2 * EPISODES)]
    ratios = []
    for pair in range(pairs + 1):
        begin = time.perf_counter()
        ours = [future.result() for future in [pool.submit(_work, name, half)
                                               for half in halves]]
        middle = time.perf_counter()
        theirs = _play_all(peer, halves[0])
        end = time.perf_counter()
        if pair:  # in the first one the processes start and build their scenes
            ratios.append([sum(theirs / part for part in ours),
                           2 * (end - middle) / (middle - begin)])
    found, by_the_clock = np.median(ratios, axis=0)
    return {'two_processes_times_peer': round(float(found), 3),
            'by_the_clock': round(float(by_the_clock), 3)}


def envs(pairs):
    """Return figures of the environments of Push and PickAndPlace, by name."""
    found = {}
    with Workers(2) as pool:
        for name in ENVS:
            peer = make_peer(name)
            found[name] = {**one_core(name, peer, pairs), **two_cores(name, peer, pairs, pool)}
    return found


def reset(pairs):
    """Return what a reset of ComplexHook costs, in env steps, and what warm_up() takes before."""
    task = make_task('complex_hook', 0)
    begin = time.thread_time()
    task.warm_up()
    warm_up = time.thread_time() - begin
    ratios = []
    for pair in range(pairs):
        resets = steps = 0.0
        for number in range(pair * EPISODES, (pair + 1) * EPISODES):
            begin = time.thread_time()
            task.reset(number)
            middle = time.thread_time()
            for _ in range(10):
                task.step(np.zeros(4))
            resets += middle - begin
            steps += (time.thread_time() - middle) / 10
        ratios.append(resets / steps)
    return {'reset_in_env_steps': round(statistics.median(ratios), 3),
            'warm_up_seconds': round(warm_up, 2)}


def planner(pairs):
    """Return how long DiscreteMPCPush plans for an episode, and how much faster that is."""
    task, controller = make_task('push', 0), find_controller('discrete_mpc_push')
    controller.prepare()
    seconds = []
    for number in range(3 * pairs):
        state, total = task.reset(number), 0.0
        while not state.last:
            begin = time.thread_time()
            action = controller(state.observation, state.desired_goal)
            total += time.thread_time() - begin
            state = task.step(action)
        seconds.append(total)
    found = statistics.median(seconds)
    return {'seconds_per_episode': round(found, 3),
            'times_authors': round(AUTHORS_PLANNING / found, 1)}


def workers(pairs):
    """Return how much faster two processes evaluate many episodes, start of processes included."""
    scene = Scene('push', 0, '', 'reactive_push', 1.0)
    ratios, equal = [], True
    for _ in range(pairs):
        seconds, outcomes = [], []
        for count in (1, 2):
            begin = time.perf_counter()
            outcomes.append(evaluate_policies(scene, [None], MANY, count))
            seconds.append(time.perf_counter() - begin)
        ratios.append(seconds[0] / seconds[1])
        equal &= outcomes[0] == outcomes[1]
    return {'episodes': MANY, 'two_workers_times_one': round(statistics.median(ratios), 3),
            'same_outcomes': equal}
