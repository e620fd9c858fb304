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
"""Training in environments of the user's own: with goals, and with the reward they give."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rpl_ros.data import Episode
from rpl_ros.evaluation.evaluate import main as evaluate
from rpl_ros.launching import graph
from rpl_ros.learning import her
from rpl_ros.learning.learner import Learner
from rpl_ros.learning.replay import Replay
from rpl_ros.reports.report import main as report
from rpl_ros.rollout import run_episode
from rpl_ros.runs import prepare
from rpl_ros.runs.policies import read_any_policy
from rpl_ros.scene import Scene
from rpl_ros.settings.fields import make_settings, SettingsError
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.spec_file import read_spec, spec_digest
from rpl_ros.training.train import main as train
import torch

EXAMPLES = Path(__file__).parents[2] / 'docs' / 'examples'
POINT = str(EXAMPLES / 'point_reach.yaml')


@pytest.fixture(autouse=True)
def examples_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))


def constant(observation, desired_goal):
    """Return the base action of a pendulum."""
    return np.array([0.1])


@pytest.mark.parametrize('task, controller, steps', [
    (POINT, '', 50), ('Pendulum-v1', 'test_own_environment:constant', 200)])
def test_a_run_learns_goes_on_and_its_policy_is_for_this_task_alone(
        tmp_path, monkeypatch, capsys, task, controller, steps):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    words = [task, 'hidden_size:=8', 'burn_in:=none', 'trial_episodes:=0', 'burn_in_check:=1',
             *([f'controller:={controller}'] if controller else []), '--actors', '0',
             '--evaluate-episodes', '2', '--out', str(tmp_path / 'run')]
    assert train([*words, '--steps', str(2 * steps)]) == 0
    assert train([*words, '--steps', str(4 * steps)]) == 0
    spec = task_spec(task)
    _, content, header = read_any_policy(str(tmp_path / 'run'))
    assert (header.shape.task, header.shape.task_digest) == (spec.name, spec_digest(spec))
    capsys.readouterr()
    assert evaluate([task, '--policy', str(tmp_path / 'run'), '--episodes', '2',
                     '--workers', '1']) == 0
    assert f'{spec.name}, 2 fresh episodes' in capsys.readouterr().out
    assert report([str(tmp_path / 'run'), '--episodes', '2', '--checkpoints', '1',
                   '--workers', '1']) == 0
    out = capsys.readouterr().out
    assert f'\n{spec.name}: 2 fresh episodes' in out  # its name, not the file in the run folder
    other = tmp_path / 'other.yaml'
    other.write_text(Path(POINT).read_text().replace('reach: 0.03', 'reach: 0.04'))
    file = tmp_path / 'policy'
    file.write_bytes(content)
    assert evaluate([str(other), '--policy', str(file)]) == 2
    assert 'they are for ' in capsys.readouterr().err


def test_recorded_rewards_are_learned_from_as_they_are():
    spec = task_spec('Pendulum-v1')
    replay, rng = Replay(spec, 400), np.random.default_rng(0)
    rewards = -np.arange(4.0)
    replay.add(Episode(
        0, rng.normal(size=(5, 3)), np.empty((5, 0)), np.empty(0), np.zeros((5, 1)),
        *np.zeros((3, 4, 1)), np.ones(4, bool), False, rewards=rewards))
    batch = her.sample(replay, 64, 0.8, 'future', spec, rng)
    assert batch.goal.shape == (64, 0) and set(batch.reward.tolist()) == set(rewards.tolist())
    index = [replay.observations[0, :4].tolist().index(row) for row in batch.observation.tolist()]
    assert np.array_equal(batch.reward, rewards[index])


@pytest.mark.parametrize('task, highest', [
    ('Pendulum-v1', np.inf), (POINT, 0.0), ('mbrl_pusher', 0.0)])
def test_a_return_is_bounded_by_the_highest_reward(task, highest):
    learner = Learner(make_settings(LearnerSettings, {'task': task, 'hidden_size': 8,
                                                      'discount': 0.9}))
    assert learner.ddpg._highest == highest


def test_the_nodes_of_a_run_read_its_own_file(tmp_path):
    run = graph.resolve('point_reach:make', {
        'controller': 'point_reach:base', 'out': str(tmp_path / 'run'), 'record': 'false'})
    path = str(tmp_path / 'run/task.yaml')
    assert {settings.task for settings in run.settings.values()} == {path}
    assert not Path(path).exists()
    prepare.prepare(run).close()
    assert read_spec(path) == task_spec('point_reach:make')
    assert graph.resolve('hook', {'out': str(tmp_path / 'hook')}).texts == {}
    names = graph.resolve(POINT, {})
    assert names.folder.name.startswith('point_reach_')


def test_a_run_with_a_held_residual_learns_from_its_steps(tmp_path):
    settings = make_settings(LearnerSettings, {
        'task': POINT, 'hidden_size': 8, 'residual_hold': 3, 'updates_per_step': 0.1})
    learner = Learner(settings)
    scene = Scene(POINT, 0, '', 'point_reach:base', 1.0)
    task, guard = scene.build()
    rng = np.random.default_rng(0)
    learner.ddpg.actor.load_state_dict({name: value + 0.3 * torch.from_numpy(
        rng.normal(size=value.shape).astype(np.float32))
        for name, value in learner.ddpg.actor.state_dict().items()})
    policy = scene.policy(task.spec, learner.new_version())
    episode, *_ = run_episode(task, guard, policy, 0)
    assert np.abs(episode.residuals).max() > 0.05 and episode.steps == 50
    assert (episode.residuals[0::3][:16] == episode.residuals[1::3][:16]).all()
    assert learner.add(episode) == learner.transitions == 17  # ceil(50 / 3)
    batch = learner.sample()
    assert batch.observation.shape[1] == 4 and learner.shape.horizon == 50
    learner.update()
    with pytest.raises(SettingsError, match='history is 1, expected 0 with residual_hold 3'):
        Learner(replace(settings, history=1))
