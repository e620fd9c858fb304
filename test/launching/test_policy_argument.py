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

"""The launch argument policy: what it changes, and what does not fit."""

from graph_tools import random_policy
import numpy as np
import pytest
from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.launching import graph
from rpl_ros.policy.weights import pack, unpack
from rpl_ros.runs.prepare import prepare
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.parameter_file import load_settings


def policy_file(folder, task='push', **shape):
    """Write a policy that is learned for a task; return its path."""
    path = folder / 'given.safetensors'
    path.write_bytes(random_policy(task, np.random.default_rng(0), **shape))
    return str(path)


def run_of_training(folder, **given):
    """Make a run folder of push with a policy; return its path."""
    run = graph.resolve('push', {'out': str(folder / 'trained'), **given})
    prepare(run)
    (run.folder / 'checkpoints').mkdir()
    (run.folder / 'checkpoints/policy_0000100.safetensors').write_bytes(random_policy(
        'push', np.random.default_rng(0), horizon=run.settings['sim_node'].horizon or 50,
        residual_scale=run.settings['residual_node'].residual_scale,
        max_ee_speed=run.settings['sim_node'].max_ee_speed))
    return str(run.folder)


def deploy(folder, policy, **given):
    """Return the resolved Run that uses a policy."""
    return graph.resolve('push', {'policy': policy, 'learn': 'false', 'out': str(folder / 'run'),
                                  **given})


def test_the_run_has_its_own_copy_of_the_policy(tmp_path):
    path = policy_file(tmp_path)
    run = deploy(tmp_path, path)
    prepare(run)
    settings = load_settings(run.config)['residual_node']
    assert (settings.base_every, settings.evaluate_every) == (0, 1)
    with open(path, 'rb') as one, open(settings.policy, 'rb') as two:
        assert one.read() == two.read()
    assert settings.policy == str(tmp_path / 'run/policy.safetensors')
    assert read_yaml(run.folder / 'run.yaml')['policy']['file'] == path


def test_the_scene_of_the_training_is_taken_where_the_user_says_nothing(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('/**:\n  ros__parameters: {task: push, residual_scale: 0.5, horizon: 70}\n')
    trained = run_of_training(tmp_path, params_file=str(own), controller='reactive_push')
    run = deploy(tmp_path, trained)
    assert run.settings['residual_node'].residual_scale == 0.5
    assert run.settings['sim_node'].horizon == 70
    assert run.settings['base_controller_node'].controller == 'reactive_push'
    assert any('controller reactive_push' in line for line in run.policy.lines)


@pytest.mark.parametrize('given, wanted', [
    ({'controller': 'discrete_mpc_push'}, 'learned on top of the controller reactive_push, and '
     'this run has discrete_mpc_push'),
    ({'params_file': 'other'}, 'they are for residual_scale 0.5, expected 1.0')])
def test_what_the_user_says_must_fit_the_policy(tmp_path, given, wanted):
    own, other = tmp_path / 'own.yaml', tmp_path / 'other'
    own.write_text('/**:\n  ros__parameters: {task: push, residual_scale: 0.5}\n')
    other.write_text('/**:\n  ros__parameters: {task: push}\n')
    trained = run_of_training(tmp_path, params_file=str(own), controller='reactive_push')
    given = {name: str(other) if value == 'other' else value for name, value in given.items()}
    with pytest.raises(SettingsError, match=wanted):
        deploy(tmp_path, trained, **given)
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('shape, wanted', [
    ({'task': 'hook'}, "they are for task 'hook', expected 'push'"),
    ({'horizon': 51}, None), ({'max_ee_speed': 0.2}, None)])
def test_a_policy_of_another_task_is_refused_and_of_another_speed_is_followed(
        tmp_path, shape, wanted):
    path = policy_file(tmp_path, **shape)
    if wanted:
        with pytest.raises(SettingsError, match=wanted):
            deploy(tmp_path, path)
    else:
        sim = deploy(tmp_path, path).settings['sim_node']
        assert {name: getattr(sim, name) for name in shape} == shape


def test_with_a_learner_the_run_begins_with_the_policy_and_its_network(tmp_path):
    path = policy_file(tmp_path)  # two layers of 16 units
    run = graph.resolve('push', {'policy': path, 'out': str(tmp_path / 'run')})
    prepare(run)
    learner, residual = (run.settings[name] for name in ('learner_node', 'residual_node'))
    assert learner.start_from == str(tmp_path / 'run/policy.safetensors') and not residual.policy
    assert (learner.hidden_layers, learner.hidden_size, learner.actor_sees_base) == (2, 16, False)
    assert residual.evaluate_every == 4 and (tmp_path / 'run/policy.safetensors').is_file()
    own = tmp_path / 'own.yaml'
    own.write_text('/**:\n  ros__parameters: {task: push}\n')
    with pytest.raises(SettingsError, match='it has hidden_layers 2, expected 3'):
        graph.resolve('push', {'policy': path, 'params_file': str(own)})


def test_the_start_says_whether_the_given_policy_acts(tmp_path):
    path = tmp_path / 'given.safetensors'
    tensors, shape = unpack(random_policy('push', np.random.default_rng(0)))
    for zero, wanted in ((False, 'the policy acts from the first episode on'),
                         (True, 'warning: this run of 1,000 steps is too short')):
        if zero:
            tensors = {name: np.zeros_like(value) if name.startswith('layer2.') else value
                       for name, value in tensors.items()}
        path.write_bytes(pack(tensors, shape))
        given = {'policy': str(path), 'episodes': '20', 'out': str(tmp_path / 'run')}
        *lines, last = graph.resolve('push', given).lines
        assert last.startswith(wanted)
        assert any('it acts as the base controller' in line for line in lines) == zero
        lines = list(graph.resolve('push', {**given, 'learn': 'false'}).lines)
        assert not any(wanted in line for line in lines)


def test_the_contract_of_a_robot_decides_its_speed(tmp_path):
    path = policy_file(tmp_path, 'hook', horizon=700, max_ee_speed=0.25)
    with pytest.raises(SettingsError, match='they are for max_ee_speed 0.25, expected 0.1'):
        graph.resolve('hook', {'policy': path, 'learn': 'false', 'robot': 'fetch_sim'})
    path = policy_file(tmp_path, 'hook', horizon=700, max_ee_speed=0.1)
    run = graph.resolve('hook', {'policy': path, 'learn': 'false', 'robot': 'fetch_sim',
                                 'residual_share': '0.1'})
    assert run.settings['residual_node'].residual_share == 0.1
    assert run.settings['sim_node'].arm == 'joints'
