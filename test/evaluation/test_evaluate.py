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

"""Tests of rpl evaluate: intervals, the same result on any number of processes, bad input."""

import json
import math
import os

from experiment_tools import make_run
from hypothesis import given, strategies as st
import numpy as np
import pytest
from rpl_ros.common.intervals import wilson
from rpl_ros.common.workers import environment
from rpl_ros.controllers import find_controller
from rpl_ros.controllers.guard import Guard
from rpl_ros.evaluation.comparison import compare, compare_counts, compare_returns, in_words
from rpl_ros.evaluation.episodes import evaluate, FRESH, Outcome, summarise, trouble
from rpl_ros.evaluation.evaluate import main, make_parser, read_scene
from rpl_ros.evaluation.pool import evaluate_policies
from rpl_ros.learning.learner import Learner
from rpl_ros.policy.weights import expected_of, pack, unpack
from rpl_ros.scene import EvaluationError, greedy_policy, read_policy, Scene
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks import make_task
from rpl_ros.tasks.find import task_spec

HOOK = Scene('hook', 0, '', 'reactive_hook', 1.0)


@pytest.fixture(scope='module')
def policy(tmp_path_factory):
    """Return the path of a policy for hook."""
    folder = make_run(tmp_path_factory.mktemp('runs') / 'run', episodes=2)
    return sorted(folder.glob('checkpoints/*'))[-1]


@pytest.mark.parametrize('wins, trials, low, high', [
    (0, 0, 0.0, 1.0), (0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0),
    (81, 263, 0.25525, 0.36621)])  # the last: R. Newcombe, Statistics in Medicine 17, 1998
def test_wilson_known(wins, trials, low, high):
    assert wilson(wins, trials) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_properties(case):
    wins, trials = case
    low, high = wilson(wins, trials)
    assert 0 <= low <= wins / trials <= high <= 1  # what is drawn as an error bar
    mirrored = wilson(trials - wins, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(*[st.integers(0, 300)] * 4)
def test_paired_properties(both, first, second, neither):
    if not both + first + second + neither:
        return
    paired = compare_counts(both, first, second, neither)
    low, high = paired.interval
    assert -1 <= low <= paired.difference <= high <= 1
    turned = compare_counts(both, second, first, neither)
    assert turned.interval == pytest.approx((-high, -low))
    assert paired.verdict == {'better': 'worse', 'worse': 'better'}.get(
        turned.verdict, 'not distinguishable')


def test_paired_counts_and_words():
    paired = compare([True] * 50 + [False] * 50, [True] * 90 + [False] * 10)
    assert paired == compare_counts(50, 0, 40, 10)
    assert paired.difference == 0.4 and 0.28 < paired.interval[0] < 0.31
    assert 'better than' in in_words(paired)
    assert 'worse than' in in_words(compare_counts(50, 40, 0, 10))
    assert 'not distinguishable' in in_words(compare_counts(50, 4, 6, 40))


@given(st.lists(st.tuples(*[st.floats(-200, 0)] * 2), min_size=1, max_size=50))
def test_paired_returns_properties(pairs):
    paired = compare_returns(*zip(*pairs))
    low, high = paired.interval
    assert low <= paired.difference <= high
    assert 'not distinguishable' in in_words(compare_returns(*zip(*pairs[:1])))
    turned = compare_returns(*reversed(list(zip(*pairs))))
    assert turned.interval == pytest.approx((-high, -low))
    assert sum(paired.counts.values()) == sum(first != second for first, second in pairs)


def test_paired_returns_known():
    # Student's own data, hours of sleep with two drugs: t = 4.06 with 9 degrees of freedom
    # (Biometrika 6, 1908); its 95 % quantile is 2.262, and 1.58 * 2.262 / 4.0621 = 0.880.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    paired = compare_returns(first, second)
    assert paired.difference == pytest.approx(1.58)
    assert paired.interval == pytest.approx((0.70, 2.46), abs=0.005)
    assert paired.counts == {'higher_with_base': 0, 'higher_with_residual': 9}
    assert 'better than the base controller: +1.6 of return' in in_words(paired)


def test_any_number_of_workers_gives_the_same(policy):
    policies = [None, policy.read_bytes()]
    one, two = (evaluate_policies(HOOK, policies, 3, workers) for workers in (1, 2))
    assert one == two
    assert len(one) == 2 and len(one[0]) == 3
    # Here, too: base actions alone use no matrix product that threads could sum differently.
    task = make_task('hook', 0)
    here = evaluate(task, find_controller('reactive_hook'), greedy_policy(task.spec, None, 1.0), 3)
    assert here == one[0]


def test_environment_is_set_back(monkeypatch):
    monkeypatch.setenv('RPL_A', 'old')
    monkeypatch.delenv('RPL_B', raising=False)
    with environment({'RPL_A': 'new', 'RPL_B': 'new'}):
        assert os.environ['RPL_A'] == os.environ['RPL_B'] == 'new'
    assert os.environ['RPL_A'] == 'old' and 'RPL_B' not in os.environ


def test_json_is_one_line(policy, capsys):
    assert main(['hook', '--episodes', '2', '--policy', str(policy), '--workers', '2',
                 '--json']) == 0
    out = capsys.readouterr().out
    line, = out.splitlines()
    result = json.loads(line)
    assert result['task'] == 'hook' and result['controller'] == 'reactive_hook'
    assert result['policy'] == str(policy) and result['episodes'] == 2 and result['seed'] == 0
    assert 0 <= result['low'] <= result['success_rate'] <= result['high'] <= 1
    assert -100 <= result['mean_return'] <= 0


def test_output_for_people(capsys):
    assert main(['hook', '--episodes', '1', '--workers', '1', '--seed', '5']) == 0
    out = capsys.readouterr().out
    assert 'reactive_hook alone' in out and '95 % interval' in out and 'seed 5' in out


def one_error(capsys, arguments):
    """Return the one line that `rpl evaluate hook ...` says before it ends with exit code 2."""
    assert main(['hook', *arguments]) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('rpl evaluate: ')
    return line


@pytest.mark.parametrize('arguments, expected', [
    (['--controller', 'nothing'], "unknown controller 'nothing'"),
    (['--controller', 'math:nothing'], 'math:nothing'),
    (['--controller', 'reactive_push'], "controller 'reactive_push' is for another task: it "
     'expects observations of 25 numbers, those of hook have 40'),
    (['--controller', 'cached_pets'], 'of 20 numbers, those of hook have 40'),
    (['--policy', 'nowhere'], 'policy nowhere: no such file or run folder'),
    (['--residual-scale', '7'], 'residual_scale is 7.0, expected 0.0 to 2.0'),
    (['--seed', '-1'], 'seed is -1'),
    (['--objects', 'nowhere', '--workers', '1'], 'nowhere')])
def test_bad_input(arguments, expected, capsys):
    assert expected in one_error(capsys, arguments)


@pytest.mark.parametrize('damage', [
    lambda content: b'', lambda content: b'no policy at all' * 10,
    lambda content: content[:len(content) // 2], lambda content: content[:-1]])
def test_damaged_policy(damage, policy, tmp_path, capsys):
    path = tmp_path / 'damaged.safetensors'
    path.write_bytes(damage(policy.read_bytes()))
    assert str(path) in one_error(capsys, ['--policy', str(path)])


def test_policy_of_another_task(policy):
    with pytest.raises(EvaluationError, match="task 'hook'.*expected 'noisy_hook'"):
        read_policy(policy, expected_of(task_spec('noisy_hook')))


@pytest.mark.parametrize('words, scale', [([], 2.0), (['--residual-scale', '0.5'], 0.5)])
def test_a_policy_counts_with_the_scale_with_which_it_was_learned(words, scale, tmp_path):
    learner = Learner(LearnerSettings(task='hook', residual_scale=2.0, hidden_size=8))
    path = tmp_path / 'policy.safetensors'
    path.write_bytes(learner.new_version())
    words = ['hook', '--policy', str(path), *words]
    scene, content, _ = read_scene(make_parser().parse_args(words))
    assert scene.residual_scale == scale and content == path.read_bytes()


def test_a_policy_is_evaluated_with_the_horizon_and_speed_of_its_training(tmp_path):
    learner = Learner(LearnerSettings(task='hook', horizon=150, max_ee_speed=0.2, hidden_size=8))
    path = tmp_path / 'policy.safetensors'
    path.write_bytes(learner.new_version())
    words = ['hook', '--policy', str(path)]
    scene, *_ = read_scene(make_parser().parse_args(words))
    assert (scene.horizon, scene.max_ee_speed) == (150, 0.2)
    scene, *_ = read_scene(make_parser().parse_args([*words, '--horizon', '70']))
    assert (scene.horizon, scene.max_ee_speed) == (70, 0.2)


@pytest.mark.parametrize('arguments', [
    ['nothing'], ['hook', '--episodes', '0'], ['hook', '--episodes', 'x'],
    ['hook', '--workers', '-1']])
def test_bad_words(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert 'rpl evaluate: error: ' in capsys.readouterr().err


@pytest.mark.parametrize('controller, problem', [
    (lambda observation, goal: 1 / 0, 'ZeroDivisionError'),
    (lambda observation, goal: [0.0], 'expected 4 finite numbers'),
    (lambda observation, goal: [0, 0, 0, math.nan], 'expected 4 finite numbers')])
def test_failing_controller_stops_the_robot(controller, problem):
    guard = Guard(controller, 4)
    assert np.isnan(guard(np.zeros(40), np.zeros(3))).all()
    assert problem in guard.problem
    assert '7 of 100 steps' in trouble([Outcome(False, -100.0, 100, 7, guard.problem)])


def test_summary():
    figures = summarise([Outcome(True, -40.0, 100), Outcome(False, -100.0, 100)])
    assert figures['success_rate'] == 0.5 and figures['mean_return'] == -70.0
    assert not trouble([Outcome(True, -40.0, 100)]) and FRESH > 10**5


def learned(folder, **changes):
    """Make a run folder with one policy; return the policy's path."""
    values = {'task': 'hook', 'hidden_size': 8, 'horizon': 150, 'max_ee_speed': 0.2, **changes}
    settings = {**values, 'controller': 'own_module:act', 'arm': 'joints', 'seed': 7}
    lines = ''.join(f'    {name}: {value}\n' for name, value in settings.items())
    path = folder / 'checkpoints/policy_0000100.safetensors'
    path.parent.mkdir(parents=True)
    (folder / 'config.yaml').write_text(f'/**:\n  ros__parameters:\n{lines}')
    path.write_bytes(Learner(LearnerSettings(**values)).policy())
    return path


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Make a module own_module with a controller act() that goes up."""
    (tmp_path / 'own_module.py').write_text(
        'def act(observation, goal):\n    return [0.0, 0.0, 1.0, 0.0]\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}')


def scene_of(path, *words):
    """Return (Scene, the one line about its source) for a policy on the command line."""
    scene, _, notes = read_scene(make_parser().parse_args(['hook', '--policy', str(path), *words]))
    return scene, notes[0]


def test_a_policy_is_evaluated_in_the_scene_of_its_training(own_module, tmp_path, capsys):
    path = learned(tmp_path / 'run')
    scene, line = scene_of(path)
    assert scene == Scene('hook', 7, '', 'own_module:act', 1.0, 150, 0.2, 'joints')
    assert str(tmp_path / 'run/config.yaml') in line and 'Assumed' not in line
    for words in ('controller own_module:act', 'arm joints', 'seed 7', 'horizon 150'):
        assert words in line
    scene, line = scene_of(path, '--controller', 'reactive_hook', '--seed', '1')
    assert (scene.controller, scene.seed, scene.arm) == ('reactive_hook', 1, 'joints')
    assert 'controller' not in line and 'arm joints' in line
    assert main(['hook', '--policy', str(path), '--episodes', '2', '--json']) == 0
    told = capsys.readouterr()
    figures = json.loads(told.out)
    assert figures['controller'] == 'own_module:act' and figures['success_rate'] == 0.0
    assert 'controller own_module:act' in told.err
    assert 'the residual of this policy is zero' in ' '.join(told.err.split())


def test_a_policy_file_alone_says_what_is_assumed(own_module, tmp_path):
    path = learned(tmp_path / 'run').rename(tmp_path / 'alone.safetensors')
    scene, line = scene_of(path)
    assert scene == Scene('hook', 0, '', 'reactive_hook', 1.0, 150, 0.2, 'paper')
    assert 'horizon 150' in line and 'lies in no run folder' in line
    assert 'controller reactive_hook and arm paper; give --controller or --arm if it was' in line
    assert 'give --arm if' in scene_of(path, '--controller', 'own_module:act')[1]
    assert 'Assumed' not in scene_of(path, '--controller', 'own_module:act', '--arm', 'paper')[1]


def with_facts(path, **about):
    """Write a policy file again, with facts about its training; return the path."""
    tensors, shape = unpack(path.read_bytes())
    path.write_bytes(pack(tensors, shape, about=about))
    return path


def test_a_policy_file_alone_tells_controller_arm_and_seed(own_module, tmp_path):
    path = with_facts(learned(tmp_path / 'run').rename(tmp_path / 'alone.safetensors'),
                      controller='own_module:act', arm='joints', seed=7, objects='unseen')
    scene, line = scene_of(path)
    assert scene == Scene('hook', 7, 'unseen', 'own_module:act', 1.0, 150, 0.2, 'joints')
    assert str(path) in line and 'Assumed' not in line
    scene, line = scene_of(path, '--arm', 'paper', '--seed', '1', '--objects', '')
    assert (scene.arm, scene.seed, scene.objects) == ('paper', 1, '')


def test_objects_of_a_folder_that_is_not_here_are_said_to_be_replaced(own_module, tmp_path):
    path = with_facts(learned(tmp_path / 'run').rename(tmp_path / 'alone.safetensors'),
                      controller='own_module:act', arm='joints', objects='mugs')
    scene, line = scene_of(path)
    assert scene.objects == '' and 'objects of the library; give --objects if' in line
    assert 'Assumed' not in scene_of(path, '--objects', 'unseen')[1]


def test_a_policy_in_the_folder_of_another_run_takes_nothing_from_there(own_module, tmp_path):
    other = learned(tmp_path / 'other', horizon=90)
    path = learned(tmp_path / 'run').rename(other.parent / 'policy_0000200.safetensors')
    scene, line = scene_of(path)
    assert (scene.horizon, scene.controller) == (150, 'reactive_hook')
    assert 'is of another run' in line and 'horizon 150, expected 90' in line


def test_a_policy_that_learned_with_a_controller_node_says_so(tmp_path):
    path = learned(tmp_path / 'run')
    (tmp_path / 'run/run.yaml').write_text('arguments: {base: "false"}\n')
    scene, line = scene_of(path)
    assert (scene.controller, scene.arm) == ('reactive_hook', 'joints')
    assert 'a node of your own' in line and 'give --controller if' in line


def test_a_damaged_configuration_beside_a_policy_is_named(tmp_path, capsys):
    path = learned(tmp_path / 'run')
    (tmp_path / 'run/config.yaml').write_text('/**: [')
    assert f'{tmp_path / "run/config.yaml"}: ' in one_error(capsys, ['--policy', str(path)])
