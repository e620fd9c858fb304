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

"""Policies of Stable-Baselines3 as controllers: their actions, and files that do not fit."""

import json
from zipfile import ZipFile

import gymnasium
import numpy as np
import pytest
from rpl_ros.controllers import controller_for, find_controller
from rpl_ros.controllers.function import base_action, ControllerError
from rpl_ros.data import State
from rpl_ros.evaluation import evaluate
from rpl_ros.tasks.find import task_spec
from stable_baselines3 import A2C, DDPG, HerReplayBuffer, PPO, SAC, TD3

SEEN = np.array([0.6, 0.8, -1.5])


def trained(algorithm, folder, task='Pendulum-v1', policy='MlpPolicy', **more):
    """Return (model, path) of a policy as it is before its first update."""
    model = algorithm(policy, task, policy_kwargs={'net_arch': [8]}, seed=3, device='cpu',
                      # Not usable elsewhere: pickled code, and a buffer of gigabytes.
                      learning_rate=lambda left: 1e-3 * left, **more)
    model.save(folder / 'policy.zip')
    return model, folder / 'policy.zip'


@pytest.mark.parametrize('algorithm, found', [
    (SAC, 'SAC'), (TD3, 'TD3'), (DDPG, 'TD3'), (PPO, 'PPO'), (A2C, 'A2C')])
def test_the_algorithm_is_found_and_the_action_is_that_without_noise(algorithm, found, tmp_path):
    model, path = trained(algorithm, tmp_path)
    controller = controller_for(task_spec('Pendulum-v1'), f'sb3:{path}')
    assert controller.controller._policy.__class__.__module__ == model.policy.__module__
    controller.prepare()
    controller.reset(0)
    own, _ = model.predict(SEEN.astype(np.float32), deterministic=True)
    # An action of the pendulum goes from -2 to 2 N m.
    np.testing.assert_allclose(controller(SEEN, np.empty(0)), own / 2.0, rtol=1e-6)
    assert own.shape == (1,) and abs(own[0]) > 1e-5
    named = controller_for(task_spec('Pendulum-v1'), f'sb3:{path} algo={found}')
    named.prepare()
    np.testing.assert_array_equal(named(SEEN, np.empty(0)), controller(SEEN, np.empty(0)))


def test_a_policy_with_goals_sees_the_environments_dict(tmp_path):
    import rpl_ros.envs  # noqa: F401 (registers the tasks)
    env = gymnasium.make('rpl/Push-v0')
    model, path = trained(SAC, tmp_path, env, 'MultiInputPolicy',
                          replay_buffer_class=HerReplayBuffer)
    controller = controller_for(task_spec('push'), f'sb3:{path}')
    rng = np.random.default_rng(0)
    state = State(0, 0, rng.normal(size=25), rng.normal(size=3), rng.normal(size=3))
    own, _ = model.predict({
        name: getattr(state, name).astype(np.float32)
        for name in ('observation', 'achieved_goal', 'desired_goal')}, deterministic=True)
    found = base_action(controller, state)
    np.testing.assert_allclose(found, own, atol=1e-6)
    other = State(0, 0, state.observation, state.achieved_goal + 1.0, state.desired_goal)
    assert np.abs(base_action(controller, other) - found).max() > 1e-4


def test_rpl_evaluate_plays_with_it(tmp_path, capsys):
    path = trained(PPO, tmp_path)[1]
    assert evaluate.main(['Pendulum-v1', '--controller', f'sb3:{path}', '--episodes', '2']) == 0
    assert f'sb3:{path} alone' in ' '.join(capsys.readouterr().out.split()).replace(' /', '/')


def changed(path, to, change):
    """Write a copy of a policy file whose data was changed; return its path."""
    with ZipFile(path) as source, ZipFile(to, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            if name == 'data':
                data = json.loads(content)
                change(data)
                content = json.dumps(data)
            target.writestr(name, content)
    return to


@pytest.mark.parametrize('task, problem', [
    ('push', 'does not fit the task push: its actions have 1 elements, those of the task 4'),
    ('MountainCarContinuous-v0', 'its actions go from [-2.0] to [2.0], those of the task from '
                                 '[-1.0] to [1.0]: make the task of the environment')])
def test_a_policy_of_another_task_is_refused(tmp_path, task, problem):
    path = trained(SAC, tmp_path)[1]
    with pytest.raises(ControllerError) as caught:
        controller_for(task_spec(task), f'sb3:{path}')
    assert problem in str(caught.value)


def test_a_policy_of_other_observations_is_refused(tmp_path):
    env = gymnasium.wrappers.TransformObservation(
        gymnasium.make('Pendulum-v1'), lambda seen: seen[:2], gymnasium.spaces.Box(-1, 1, (2,)))
    path = trained(SAC, tmp_path, env)[1]
    with pytest.raises(ControllerError, match='its observation has 2 numbers, that of the task 3'):
        controller_for(task_spec('Pendulum-v1'), f'sb3:{path}')


def test_files_that_are_no_policies_are_refused(tmp_path):
    path = trained(SAC, tmp_path)[1]
    (tmp_path / 'text.zip').write_text('no zip')
    with ZipFile(tmp_path / 'empty.zip', 'w') as empty:
        empty.writestr('other', '')
    own = changed(path, tmp_path / 'own.zip',
                  lambda data: data['policy_class'].update(__module__='mine'))
    for text, problem in (
            ('none.zip', 'cannot read its file: '),
            ('text.zip', 'not a policy of Stable-Baselines3, expected a zip file'),
            ('empty.zip', 'not a policy of Stable-Baselines3, expected a zip file'),
            ('own.zip', "its policy is of 'mine', which does not tell its algorithm: name it"),
            ('policy.zip algo=PPO', 'cannot be loaded as PPO: '),
            ('policy.zip algo=SACK', "algo is 'SACK', expected an algorithm"),
            ('policy.zip also=SAC', 'unexpected keyword argument')):
        with pytest.raises(ValueError, match=problem):
            find_controller(f'sb3:{tmp_path}/{text}')
    spec = task_spec('Pendulum-v1')
    expected = controller_for(spec, f'sb3:{path}')(SEEN, np.empty(0))
    found = controller_for(spec, f'sb3:{own} algo=SAC')(SEEN, np.empty(0))
    np.testing.assert_array_equal(found, expected)


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    path = trained(SAC, tmp_path)[1]
    monkeypatch.setitem(__import__('sys').modules, 'stable_baselines3', None)
    with pytest.raises(ControllerError, match='pip install stable-baselines3'):
        find_controller(f'sb3:{path}')
