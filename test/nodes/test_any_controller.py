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

"""Chunks, lower rates, trained policies and slow controllers: live as in one process."""

from types import SimpleNamespace

from bag_tools import assert_equal_episodes
from graph_tools import EPISODES, free_domain, listener, MODES, nodes, SEED
import numpy as np
import pytest
from rpl_ros.controllers import controller_for, prepare
from rpl_ros.data import Mode, State, Status
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.rollout import run_episode
from rpl_ros.ros.convert import read_command, read_state, state_message
from rpl_ros.ros.qos import on_presence, publisher, subscribe
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import ResidualSettings
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec
from rpl_ros.transitions import Joiner
from stable_baselines3 import SAC
from std_msgs.msg import Header

pytestmark = pytest.mark.graph

HORIZON, RUN = 30, 'one'
PROGRAM = """
import pathlib
import time

import numpy as np


class Chunks:  # of one to three rows, which follow from the episode and from all that it sees

    every, sees_achieved_goal = 2, True

    def __init__(self, gain):
        self.gain = gain

    def reset(self, episode):
        self.random = np.random.default_rng(episode)

    def act(self, observation, desired_goal, achieved_goal):
        rows = self.random.uniform(-0.3, 0.3, (self.random.integers(1, 4), 4))
        rows[:, :3] += self.gain * (desired_goal - achieved_goal) + 0.1 * observation[:3]
        return rows


class Blocks:  # in its third call, until a file is there

    def __init__(self, path):
        self.path, self.calls = pathlib.Path(path), 0

    def act(self, observation, desired_goal):
        self.calls += 1
        while self.calls == 3 and not self.path.exists():
            time.sleep(0.01)
        return [0.1 * self.calls, 0.0, 0.0, 0.0]
"""


@pytest.fixture(autouse=True)
def controllers(tmp_path, monkeypatch):
    """Make the module any_controllers importable, here and in processes."""
    (tmp_path / 'any_controllers.py').write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=':')


def in_one_process(name, text):
    """Return the Episodes of the base alone."""
    task = make_task(name, SEED, horizon=HORIZON)
    policy = ResidualPolicy(make_settings(ResidualSettings, {**MODES, 'task': name}), task.spec)
    controller = controller_for(task.spec, text)
    prepare(controller, text)
    return [run_episode(task, controller, policy, number)[0] for number in range(EPISODES)]


@pytest.mark.parametrize('task, text', [
    ('push', 'any_controllers:Chunks gain=0.5'), ('push', 'reactive_push every=3'),
    ('Pendulum-v1', 'sb3:{folder}/policy.zip algo=SAC every=2')])
def test_the_graph_plays_the_same_episodes_as_one_process(tmp_path, task, text):
    if text.startswith('sb3:'):
        text = text.format(folder=tmp_path)
        SAC('MlpPolicy', task, seed=1, buffer_size=1).save(tmp_path / 'policy.zip')
    expected = in_one_process(task, text)
    domain, joiner, episodes = free_domain(), Joiner(task_spec(task, HORIZON)), []
    common = {'task': task, 'horizon': HORIZON}
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node={
                **common, 'controller': f'"{text}"', 'readers': 1},
            residual_node={**MODES, **common, 'readers': 2},
            sim_node={**common, 'seed': SEED, 'episodes': EPISODES, 'subscribers': 3,
                      'wait_for': 'base_controller_node residual_node'}) as started:

        def take(kind, item):
            episodes.extend(joiner.add(kind, item)[0])
        subscribe(node, 'command', lambda message: take('command', read_command(message)))
        subscribe(node, 'state', lambda message: take('state', read_state(message)))
        spin(lambda: len(episodes) == EPISODES and started['sim_node'].poll() is not None)
    assert_equal_episodes(episodes, expected)
    actions = episodes[0].base_actions
    assert episodes[0].mode == Mode.BASE and len({*map(tuple, actions)}) > 3
    every = 3 if 'every=3' in text else 2
    for step in range(episodes[0].steps):
        np.testing.assert_array_equal(actions[step], actions[step - step % every])


def state(step):
    """Return a State message of episode 0 of push."""
    spec = task_spec('push')
    item = State(0, step, np.zeros(spec.observation_size), np.zeros(3), np.zeros(3))
    return state_message(item, 'push', Header(), RUN)


def test_a_controller_that_blocks_stops_the_robot_and_is_used_again_when_it_answers(tmp_path):
    domain, commands, answers, free = free_domain(), [], [], tmp_path / 'free'
    common, present = {'task': 'push', 'run': RUN}, set()
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, residual_node={**common, 'base_timeout': 1.0, 'readers': 1},
            base_controller_node={**common, 'readers': 2, 'controller':
                                  f'"any_controllers:Blocks path={free}"'}):
        node.settings = SimpleNamespace(run=RUN)
        on_presence(node, present.add)
        subscribe(node, 'command', lambda message: commands.append(read_command(message)))
        subscribe(node, 'base_action', answers.append)
        states = publisher(node, 'state')
        spin(lambda: states.get_subscription_count() == 2
             and present == {'residual_node', 'base_controller_node'})

        def send(step):
            states.publish(state(step))
            spin(lambda: len(commands) == step + 1)
        for step in range(4):
            send(step)
        free.touch()
        spin(lambda: len(answers) == 4)  # two of them too late
        send(4)
        spin(lambda: len(answers) == 5)
    assert [command.status == Status.STOP_NO_BASE for command in commands] == [
        False, False, True, True, False]
    assert [command.sent[0] for command in commands] == pytest.approx([0.1, 0.2, 0.0, 0.0, 0.5])
    assert [(answer.step, answer.action[0]) for answer in answers] == [
        (step, pytest.approx(0.1 * step + 0.1)) for step in range(5)]
    log = (tmp_path / 'residual_node.log').read_text()
    assert 'step 2 of episode 0: no base action arrived in time: stop sent' in log
