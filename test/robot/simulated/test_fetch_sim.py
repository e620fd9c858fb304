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

"""Tasks through the robot's interfaces: the scene, delays, noise, and ReactiveHook's success."""

import numpy as np
import pytest
from rpl_ros.controllers.reactive_hook import reactive_hook
from rpl_ros.evaluation.episodes import evaluate
from rpl_ros.robot.simulated.joints import UPDATE_PERIOD
from rpl_ros.robot.simulated.make import make_simulated
from rpl_ros.robot.simulated.sensors import FetchSim, Sensors
from rpl_ros.robot.simulated.task import FetchSimTask
from rpl_ros.scene import greedy_policy
from rpl_ros.tasks import make_task


@pytest.fixture(scope='module')
def task():
    """Return the noiseless hook task on the joint-level simulator."""
    return make_simulated('hook', 0, horizon=400, max_ee_speed=0.15, arm='joints')


@pytest.mark.parametrize('name', ['hook', 'complex_hook', 'pick_and_place', 'push'])
def test_an_episode_starts_as_the_plain_one(name):
    plain = make_task(name, 3)
    sim = make_simulated(name, 3, max_ee_speed=0.15, arm='joints')
    for episode in (0, 4):
        one, two = plain.reset(episode), sim.reset(episode)
        places = [*range(9), 11, 12, 13, *range(25, len(one.observation))]
        np.testing.assert_allclose(two.observation[places], one.observation[places], atol=1e-3)
        np.testing.assert_allclose(two.observation[9:11], one.observation[9:11], atol=2e-3)
        np.testing.assert_array_equal(two.desired_goal, one.desired_goal)
        assert (two.episode, two.step, two.last) == (episode, 0, False)


def test_an_episode_is_the_same_whatever_was_played_before(task):
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (8, 4))

    def play(played):
        return [played.reset(5).observation, *(played.step(action).observation
                                               for action in actions)]
    first = play(task)
    task.reset(6)
    task.step(actions[0])
    np.testing.assert_array_equal(first, play(task))


def test_a_command_moves_the_gripper_with_the_speed_and_keeps_it_upright(task):
    task.reset(0)
    for _ in range(15):
        before = task.step(np.array([-0.5, 0.0, 0.0, 0.0])).observation
    for _ in range(10):
        state = task.step(np.array([-0.5, 0.0, 0.0, 0.0]))
    moved = (state.observation - before)[:3] / (10 * 0.04)
    np.testing.assert_allclose(moved, [-0.075, 0, 0], atol=3e-3)
    np.testing.assert_allclose(state.observation[20:23] / 0.04, moved, atol=3e-3)


def test_measurements_come_late_and_in_order():
    sim = FetchSim(make_task('hook', 0), Sensors(delay=0.03, jitter=0.05))
    sim.reset(0, np.random.default_rng(0))
    arrived = []
    for _ in range(60):
        arrived += [(item, sim.time) for item in sim.advance()]
    lags = np.array([moment - item.taken for item, moment in arrived])
    assert lags.min() >= 0.03 - 1e-9 and lags.max() > 0.06
    assert lags.max() < 0.08 + UPDATE_PERIOD + 1e-9
    for kind in ('arm', 'gripper', 'object', 'hook', 'goal'):
        taken = [item.taken for item, _ in arrived if item.kind == kind]
        assert len(taken) > 20 and taken == sorted(taken)


def test_delays_are_drawn_from_the_generator_alone():
    sim, runs = FetchSim(make_task('hook', 0), Sensors(jitter=0.05, noise=0.01)), []
    for seed in (1, 1, 2):
        sim.reset(0, np.random.default_rng(seed))
        begin = sim.time
        runs.append([(item.kind, round(item.taken - begin, 6), np.round(item.content, 9).tolist())
                     for _ in range(20) for item in sim.advance() if item.kind == 'object'])
    assert runs[0] == runs[1] != runs[2]


def test_the_trackers_noise_has_its_size():
    sim = FetchSim(make_task('hook', 0), Sensors(noise=0.02))
    sim.reset(0, np.random.default_rng(0))
    poses = np.array([item.content for _ in range(400) for item in sim.advance()
                      if item.kind == 'object'])
    np.testing.assert_allclose(poses[:, :3].std(0), 0.02, rtol=0.25)
    np.testing.assert_allclose(2 * poses[:, 4:].std(0), 0.02, rtol=0.25)  # small angles
    np.testing.assert_allclose(np.linalg.norm(poses[:, 3:], axis=1), 1.0)


def test_a_delay_beyond_the_limit_is_said():
    slow = FetchSimTask(make_task('hook', 0), 0.15, Sensors(delay=1.0))
    with pytest.raises(RuntimeError, match='no pose of object yet'):
        slow.reset(0)


def test_reactive_hook_succeeds_through_the_robots_interfaces(task):
    outcomes = evaluate(task, reactive_hook, greedy_policy(task.spec, None, 1.0), 3)
    assert np.mean([outcome.success for outcome in outcomes]) >= 0.9
