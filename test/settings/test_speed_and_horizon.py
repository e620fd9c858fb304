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

"""The robot's speed and longer episodes, in the simulator, tools and graph."""

import json

from graph_tools import free_domain, listener, nodes
import gymnasium
import numpy as np
import pytest
import rpl_ros.envs  # noqa: F401, registers the environments
from rpl_ros.evaluation.evaluate import main
from rpl_ros.learning.checkpoint import resume, save
from rpl_ros.policy.weights import WeightsError
from rpl_ros.robot.simulated.make import make_simulated
from rpl_ros.ros.convert import read_command, read_state
from rpl_ros.ros.qos import subscribe
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch import HELD_SPEED
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.specs import CONTROL_PERIOD
from rpl_ros.training.loop import Loop
from rpl_ros.transitions import Joiner

SLOW = {'max_ee_speed': 0.15, 'horizon': 12}
SMALL = {'hidden_size': 16, 'batch_size': 16, 'burn_in': 'none'}


@pytest.mark.parametrize('speed', [0.05, 0.1, 0.25, 0.5])
@pytest.mark.parametrize('axis', [0, 1, 2])
def test_a_held_action_moves_the_gripper_with_the_speed(speed, axis):
    task = make_task('hook', 0, max_ee_speed=speed)
    for sign in (1, -1) if axis < 2 else (1,):  # downwards is the table
        action, before = np.zeros(4), task.reset(0).observation
        action[axis] = sign
        for _ in range(3):
            before = task.step(action).observation
        for _ in range(5):
            state = task.step(action)
        moved = (state.observation - before)[:3] / (5 * CONTROL_PERIOD)
        assert moved[axis] * sign == pytest.approx(speed, rel=0.05)


def test_the_papers_speed_is_the_default_to_the_last_bit():
    plain, named = make_task('hook', 0), make_task('hook', 0, max_ee_speed=HELD_SPEED)
    for task in (plain, named):
        task.reset(3)
    rng = np.random.default_rng(0)
    for _ in range(10):
        action = rng.uniform(-1, 1, 4)
        np.testing.assert_array_equal(plain.step(action).observation,
                                      named.step(action).observation)
    assert task_spec('hook', 0) is task_spec('hook') and task_spec('hook', 7).horizon == 7


def test_other_robots_have_no_such_speed():
    for given in ({'max_ee_speed': 0.2}, {'arm': 'joints'}):
        with pytest.raises(ValueError, match='for the tasks of the Fetch'):
            make_simulated('mbrl_pusher', 0, **given)
    assert make_task('mbrl_pusher', 0, horizon=9).spec.horizon == 9


def make_loop(tmp_path, **settings):
    """Return a Loop for `hook` with small networks."""
    path = tmp_path / 'config.yaml'
    path.write_text('/**:\n  ros__parameters:\n    task: hook\n')
    return Loop(load_settings(path, {**SMALL, **settings}))


@pytest.mark.parametrize('arm', ['paper', 'joints'])
def test_training_knows_the_horizon(tmp_path, arm):
    loop = make_loop(tmp_path, **SLOW, arm=arm)
    loop.advance()
    learner = loop.learner
    assert learner.transitions == 12 and learner.replay.executed.shape[1] == 12
    assert learner.ddpg._discount == 1 - 1 / 12
    save(tmp_path, learner, {})
    with pytest.raises(WeightsError, match='they are for horizon 12, expected 13'):
        resume(tmp_path, make_loop(tmp_path, horizon=13).learner)


def test_evaluate_takes_speed_and_horizon(capsys):
    options = ['hook', '--episodes', '1', '--workers', '1', '--json', '--horizon', '7']
    assert main([*options, '--max-ee-speed', '0.2']) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures['horizon'], figures['max_ee_speed'], figures['arm']) == (7, 0.2, 'paper')
    assert figures['mean_return'] == -7
    assert main([*options, '--max-ee-speed', '-1']) == 2
    assert 'max_ee_speed is -1.0, expected 0.0 to 1.0' in capsys.readouterr().err


def test_the_environment_takes_them_too():
    env = gymnasium.make('rpl/Hook-v0', horizon=4, max_ee_speed=0.1)
    start, _ = env.reset(seed=0)
    for _ in range(4):
        state, _, _, truncated, _ = env.step(np.array([0, 1, 0, 0], np.float32))
    assert truncated
    assert 0.01 < (state['observation'] - start['observation'])[1] < 4 * 0.1 * CONTROL_PERIOD


def test_all_nodes_agree_on_the_horizon(tmp_path):
    domain, joiner, episodes = free_domain(), Joiner(task_spec('hook', 12)), []
    common = {'task': 'hook', 'horizon': 12, 'max_ee_speed': 0.15}
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node=common,
            residual_node={**common, 'readers': 3},
            learner_node={**common, 'updates_per_step': 0.0},
            sim_node={**common, 'episodes': 2, 'subscribers': 4,
                      'wait_for': 'residual_node'}) as started:
        subscribe(node, 'command', lambda message: episodes.extend(
            joiner.add('command', read_command(message))[0]))
        subscribe(node, 'state', lambda message: episodes.extend(
            joiner.add('state', read_state(message))[0]))
        spin(lambda: len(episodes) == 2 and started['sim_node'].poll() is not None)
    assert [episode.steps for episode in episodes] == [12, 12] and not joiner.problems
    reach = np.linalg.norm(np.diff(episodes[0].observations[:, :3], axis=0), axis=1)
    assert reach.max() < 1.05 * np.sqrt(3) * 0.15 * CONTROL_PERIOD
