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

"""PETS and CachedPETS: model, planning, training, files, controllers."""

import csv
from dataclasses import replace
import json

import numpy as np
import pytest
from rpl_ros.common import intervals
from rpl_ros.controllers import find_controller
from rpl_ros.evaluation import evaluate
from rpl_ros.pets import pets
from rpl_ros.pets.cache import collect
from rpl_ros.pets.cached_pets import load_table, nearest, save_table, shipped_table
from rpl_ros.pets.controller import make_pets, Pets
from rpl_ros.pets.ensemble import Ensemble, NETWORKS, Shape
from rpl_ros.pets.model_file import dump, MODEL, restore, TRAINING
from rpl_ros.pets.planner import cem, correlate, Dynamics, Planner, PlanSettings
from rpl_ros.pets.training import BEFORE, MODEL_FILE, Training, TRAINING_FILE
from rpl_ros.policy.tensor_file import read_head, save_with_header
from rpl_ros.policy.weights import WeightsError
from rpl_ros.tasks import make_task
from safetensors.numpy import load
import torch

SMALL = PlanSettings(horizon=4, population=12, elites=3, iterations=2)
PUSHER = Shape(20, 7, 16)


def toy(rng, size):
    """Return transitions of a system with two states, one action, and noise in the second."""
    states, actions = rng.uniform(-1, 1, (size, 2)), rng.uniform(-1, 1, (size, 1))
    change = np.stack([0.1 * np.sin(3 * states[:, 1]) + 0.05 * actions[:, 0],
                       0.02 * rng.standard_normal(size)], axis=1)
    return states, actions, states + change


def test_the_ensemble_learns_a_toy_system_and_what_is_noise():
    rng = np.random.default_rng(0)
    ensemble = Ensemble(Shape(2, 1, 32), rng)
    untrained, _ = ensemble.likelihood(*toy(rng, 200))
    losses = [ensemble.fit(*toy(rng, 1000), rng, epochs=8) for _ in range(3)]
    fresh = toy(rng, 500)
    likelihood, error = ensemble.likelihood(*fresh)
    assert losses[-1] < losses[0] and likelihood > untrained + 0.5
    assert error < 0.6  # 0.5 is all noise, 1 the mean change
    dynamics = Dynamics(ensemble)
    states, actions = (torch.tensor(part, dtype=torch.float32).expand(NETWORKS, -1, -1)
                       for part in fresh[:2])
    draws = torch.stack([dynamics.draw(states, actions, torch.randn(states.shape))
                         for _ in range(50)])
    spread = draws.std(dim=0).mean(dim=(0, 1))
    assert spread[0] < 0.01 and 0.015 < spread[1] < 0.03


def test_folded_weights_predict_what_the_ensemble_does():
    rng = np.random.default_rng(1)
    ensemble = Ensemble(Shape(2, 1, 8), rng)
    states, actions, following = toy(rng, 50)
    ensemble.fit(states, actions, following, rng, epochs=1)
    rows = torch.tensor(np.hstack([states, actions]), dtype=torch.float32)
    scalers = ensemble.scalers
    scaled = ((rows - scalers['input_mean']) / scalers['input_std']).expand(NETWORKS, -1, -1)
    with torch.no_grad():
        mean, _ = ensemble.predict(scaled)
        expected = rows[:, :2] + scalers['change_mean'] + scalers['change_std'] * mean
        found = Dynamics(ensemble).draw(rows[:, :2].expand(NETWORKS, -1, -1),
                                        rows[:, 2:].expand(NETWORKS, -1, -1),
                                        torch.zeros(NETWORKS, 50, 2))
    torch.testing.assert_close(found, expected)


# With few candidates the spread is gone before the middle is right; PETS takes 500.
@pytest.mark.parametrize('settings, tolerance', [
    (PlanSettings(iterations=20), 0.25),
    (PlanSettings(population=500, elites=50, iterations=10, correlation=0.0), 0.06)])
def test_cem_finds_the_optimum_of_a_quadratic_also_at_the_border(settings, tolerance):
    best = torch.tensor([[0.3, -0.6], [0.0, 2.0], [0.5, 0.5]])  # 2 is out of the box
    found = cem(lambda candidates: (candidates - best[:, None]).square().sum(dim=(0, 2)),
                torch.zeros(3, 2), settings, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, best.clamp(-1, 1), atol=tolerance, rtol=0)


def test_cem_stays_in_the_box():
    def cost(candidates):
        assert candidates.abs().max() <= 1.0
        return -candidates.sum(dim=(0, 2))
    found = cem(cost, torch.zeros(5, 3), PlanSettings(), torch.Generator().manual_seed(0))
    assert found.abs().max() <= 1.0 and found.mean() > 0.5


def test_noise_has_unit_variance_and_the_correlation_asked_for():
    covariance = correlate(6, 0.5) @ correlate(6, 0.5).T
    lag = torch.arange(6)[:, None] - torch.arange(6)
    torch.testing.assert_close(covariance, 0.5 ** lag.abs().float())
    torch.testing.assert_close(correlate(4, 0.0), torch.eye(4))


def test_an_episode_of_pets_depends_on_its_scene_only():
    task = make_task('mbrl_pusher', 0)
    planner = Planner(Ensemble(PUSHER, np.random.default_rng(0)), SMALL)
    controller = Pets(planner)

    def actions(number):
        state, chosen = task.reset(number), []
        controller.reset(number)
        for _ in range(4):
            chosen.append(controller(state.observation, state.desired_goal))
            state = task.step(chosen[-1])
        return np.array(chosen)
    first, other, again = actions(7), actions(8), actions(7)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (4, 7) and np.abs(first).max() <= 1.0


def train(folder, episodes):
    """Return a training of short episodes, with `episodes` of them done."""
    task = make_task('mbrl_pusher', 0)
    task.spec = replace(task.spec, horizon=6)
    training = Training(task, 0, folder, SMALL, hidden_size=8)
    while training.episodes < episodes:
        training.advance()
    return training


def test_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    whole = train(tmp_path / 'whole', 4)
    train(tmp_path / 'parts', 2)
    parts = train(tmp_path / 'parts', 4)
    np.testing.assert_array_equal(whole.returns, parts.returns)
    for name, value in whole.ensemble.parameters.items():
        torch.testing.assert_close(value, parts.ensemble.parameters[name], rtol=0, atol=0)
    assert (tmp_path / 'whole' / MODEL_FILE).read_bytes() == (
        tmp_path / 'parts' / MODEL_FILE).read_bytes()


def test_a_training_goes_on_from_the_file_before_a_damaged_one(tmp_path):
    whole, before = train(tmp_path / 'whole', 4), train(tmp_path / 'parts', 3)
    path = tmp_path / 'parts' / TRAINING_FILE
    assert not before.notes
    path.write_bytes(path.read_bytes()[:-1])
    parts = train(tmp_path / 'parts', 2)  # those of the file before, and no more
    assert parts.episodes == 2 and str(path) in parts.notes[0]
    assert (tmp_path / 'parts/damaged_1' / TRAINING_FILE).is_file()
    np.testing.assert_array_equal(train(tmp_path / 'parts', 4).returns, whole.returns)
    for name in (TRAINING_FILE, BEFORE):
        (tmp_path / 'parts' / name).write_bytes(b'')
    with pytest.raises(WeightsError, match=f'{path}: .*{BEFORE}: '):
        train(tmp_path / 'parts', 4)


def test_each_tensor_and_value_of_a_training_is_checked(tmp_path):
    train(tmp_path, 2)
    path = tmp_path / TRAINING_FILE
    content = path.read_bytes()
    head = read_head(content, (TRAINING,))
    cases = [(name, item) for name, value in load(content).items()
             for item in (None, value[..., None], np.full_like(value, np.nan))]
    cases += [('shape', None), ('shape', {'state_size': 20}), ('seed', '0'), ('episodes', 3),
              ('shape', {'state_size': 20, 'action_size': 7, 'hidden_size': 10**9}),
              ('shape', {'state_size': 20, 'action_size': 7, 'hidden_size': 4000}),
              ('adam/0/exp_avg_sq', -load(content)['adam/0/exp_avg_sq'] - 1),
              ('input_std', np.zeros(27, np.float32))]
    for name, item in cases:
        tensors, header = load(content), dict(head.header)
        place = tensors if name in tensors else header
        place.pop(name) if item is None else place.update({name: item})
        path.write_bytes(save_with_header(tensors, TRAINING, header))
        (tmp_path / BEFORE).unlink(missing_ok=True)
        with pytest.raises(WeightsError, match=str(path)):
            train(tmp_path, 2)


@pytest.mark.parametrize('plan', [
    5, {'horizon': 0}, {'horizon': '4'}, {'population': 10**9}, {'elites': 65}, {'more': 1},
    {'keep': 1.5}, {'first_std': None}])
def test_a_model_with_a_plan_of_no_use_is_named(plan, tmp_path):
    path = tmp_path / MODEL_FILE
    path.write_bytes(dump(Ensemble(PUSHER, np.random.default_rng(0)), MODEL, {'plan': plan}))
    with pytest.raises(WeightsError, match=str(path)):
        make_pets(str(path))


def test_a_folder_of_another_run_is_refused(tmp_path):
    train(tmp_path, 1)
    with pytest.raises(WeightsError, match='another folder'):
        Training(make_task('mbrl_pusher', 0), 1, tmp_path, SMALL, hidden_size=8)


def test_a_model_file_comes_back_and_a_bad_one_is_named():
    ensemble = Ensemble(PUSHER, np.random.default_rng(0))
    content = dump(ensemble, MODEL, {'seed': 3})
    again, header, _ = restore(content, MODEL, 20, 7)
    assert header['seed'] == 3
    for name, value in ensemble.parameters.items():
        torch.testing.assert_close(value, again.parameters[name])
    with pytest.raises(WeightsError, match='20 observations and 7 actions, expected 40 and 4'):
        restore(content, MODEL, 40, 4)
    with pytest.raises(WeightsError, match=TRAINING):
        restore(content, TRAINING, 20, 7)
    with pytest.raises(WeightsError):
        restore(content[:1000], MODEL, 20, 7)
    with pytest.raises(WeightsError, match='weight0'):
        ensemble.parameters['weight0'].data[0, 0, 0] = float('nan')
        restore(dump(ensemble, MODEL, {}), MODEL, 20, 7)


def test_cached_pets_takes_the_action_of_the_nearest_state():
    rng = np.random.default_rng(0)
    states, actions = rng.normal(size=(50, 20)), rng.uniform(-1, 1, (50, 7))
    controller = nearest(states, actions)
    for index, state in enumerate(states):
        np.testing.assert_array_equal(controller(state, None), actions[index])
    for query in rng.normal(size=(20, 20)):
        distances = [np.linalg.norm(query - state) for state in states]
        np.testing.assert_array_equal(controller(query, None), actions[np.argmin(distances)])
    controller(states[0], None)[:] = 9  # the table must not change with what it gave
    np.testing.assert_array_equal(controller(states[0], None), actions[0])
    with pytest.raises(ValueError, match=r'20 numbers, was given one of shape \(40,\)'):
        controller(np.zeros(40), None)


def test_a_table_comes_back_and_one_of_another_layout_is_named(tmp_path):
    path = tmp_path / 'table.npz'
    save_table(path, np.ones((5, 20)), np.zeros((5, 7)), {'seed': 1})
    states, actions, origin = load_table(path)
    assert states.shape == (5, 20) and actions.shape == (5, 7) and origin['seed'] == 1
    assert find_controller(f'cached_pets:{path}')(np.ones(20), None).shape == (7,)
    save_table(path, np.ones((5, 40)), np.zeros((5, 4)), {})
    with pytest.raises(ValueError, match=r'states \(5, 40\).*expected \(n, 20\)'):
        find_controller(f'cached_pets:{path}')
    np.savez(path, states=np.ones((5, 20)), actions=np.zeros((5, 7)), origin=np.array('[]'))
    with pytest.raises(ValueError, match='expected .rpl_pets_cache_1'):
        load_table(path)
    save_table(path, np.ones((5, 20)), np.zeros((5, 7)), {'seed': 1})
    good = path.read_bytes()
    for content in (b'', b'PK\x03\x04 broken', b'nothing', *(
            good[:place] + bytes([good[place] ^ 255]) + good[place + 1:]
            for place in range(30, 200))):
        path.write_bytes(content)
        try:
            load_table(path)
            assert len(content) == len(good)  # a date, or another byte that nobody reads
        except ValueError as error:
            assert str(path) in str(error)
    deep = json.dumps({'layout': 'rpl_pets_cache_1', 'more': 0}).replace('0', '[' * 10**5)
    np.savez(path, states=np.ones((5, 20)), actions=np.zeros((5, 7)), origin=np.array(deep))
    with pytest.raises(ValueError, match='expected an npz file'):
        load_table(path)
    np.savez(path, states=np.full((5, 20), 'x'), actions=np.zeros((5, 7)), origin=np.array(
        '{"layout": "rpl_pets_cache_1"}'))
    with pytest.raises(ValueError, match='states are <U1'):
        load_table(path)
    for content in (b'', b'PK\x03\x04 broken', b'nothing'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='expected an npz file'):
            load_table(path)
    with pytest.raises(ValueError, match='no_such_file'):
        find_controller(f'cached_pets:{tmp_path}/no_such_file.npz')
    with pytest.raises(ValueError, match='no_such_file'):
        find_controller(f'pets:{tmp_path}/no_such_file')


def test_the_shipped_table_and_model_are_of_this_task():
    states, actions, origin = load_table(shipped_table())
    assert states.shape == (500, 20) and np.abs(actions).max() <= 1.0
    assert origin['command'].startswith('rpl pets cache')
    goal = np.array([0.45, -0.05, -0.323])
    for name in ('cached_pets', 'pets'):
        assert find_controller(name)(states[0], goal).shape == (7,)


def test_a_table_is_the_first_states_of_consecutive_episodes():
    task, counts = make_task('mbrl_pusher', 0), []
    states, actions = collect(task, lambda observation, goal: observation[:7] + 0.5, 160, 100,
                              counts.append)
    assert states.shape == (160, 20) and actions.shape == (160, 7) and sum(counts) == 300
    np.testing.assert_array_equal(states[0], task.reset(100).observation)
    np.testing.assert_array_equal(states[150], task.reset(101).observation)
    np.testing.assert_array_equal(actions, np.clip(states[:, :7] + 0.5, -1, 1))


def test_evaluate_reports_the_return_with_its_interval(tmp_path, capsys):
    path = tmp_path / 'table.npz'
    save_table(path, np.zeros((1, 20)), np.zeros((1, 7)), {})
    assert evaluate.main(['mbrl_pusher', '--episodes', '4', '--workers', '1', '--json',
                          '--controller', f'cached_pets:{path}']) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    # Measured in MuJoCo 4.0.0: -144.5 +- 2.8 from episode to episode without any torque.
    assert -150 < result['return_low'] < result['mean_return'] < result['return_high'] < -139
    assert 'mean return' in err and '95 % interval' in err and 'success' not in err


def test_the_interval_of_a_mean_is_students():
    mean, low, high = intervals.mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3.0 and high - mean == pytest.approx(2.776 * 2.5 ** 0.5 / 5 ** 0.5, rel=0.01)
    assert mean - low == pytest.approx(high - mean)
    assert intervals.mean_interval([2.0]) == (2.0, 2.0, 2.0)


def test_commands_train_and_make_a_table_and_its_curve(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pets, 'SIZES', (1, 30))
    monkeypatch.setattr(pets, 'TRIALS', 2)
    quick = ['--horizon', '2', '--population', '4', '--elites', '2', '--iterations', '1']
    out = str(tmp_path / 'run')
    assert pets.main(['train', '--steps', '300', '--hidden-size', '4', '--out', out, *quick]) == 0
    model, table = f'{out}/{MODEL_FILE}', f'{out}/cache.npz'
    assert pets.main(['cache', '--model', model, '--states', '20', '--out', table]) == 0
    states, _, origin = load_table(table)
    assert states.shape == (20, 20) and origin['seed'] == 0
    assert pets.main(['cache-curve', '--model', model, '--out', out]) == 0
    rows = list(csv.DictReader((tmp_path / 'run' / 'pets_cache_curve.csv').open()))
    assert [row['states'] for row in rows] == ['1', '30']
    assert all(float(row['low']) < float(row['mean_return']) < float(row['high']) for row in rows)
    assert (tmp_path / 'run' / 'pets_cache_curve.png').read_bytes().startswith(b'\x89PNG')
    assert 'episode 1: return' in capsys.readouterr().out
    assert pets.main(['train', '--seed', '1', '--out', out, *quick]) == 2
    assert 'another folder' in capsys.readouterr().err
