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

"""`rpl compare`: the same fresh episodes for all, differences by pair, and what cannot be fair."""

import json

import pytest
from rpl_ros.common.files import write_file
from rpl_ros.evaluation.comparison import compare, compare_returns
from rpl_ros.evaluation.evaluate import main as evaluate
from rpl_ros.learning.learner import Learner
from rpl_ros.policy.weights import pack, unpack
from rpl_ros.reports.compare import main, make_parser, own_values, read_players
from rpl_ros.scene import EvaluationError
from rpl_ros.settings.nodes import LearnerSettings


def policy(path, about=None, **settings):
    """Write a policy for hook that acts at random; return its path."""
    learner = Learner(LearnerSettings(**{
        'task': 'hook', 'hidden_size': 8, 'zero_last_layer': False, 'trial_episodes': 0,
        **settings}))
    write_file(path, pack(*unpack(learner.policy()), about=about or {
        'controller': 'reactive_hook', 'arm': 'paper'}))
    return str(path)


def players(*words):
    """Return the players that a command line names."""
    return read_players(make_parser().parse_args(list(words)))


def test_three_on_the_same_episodes(tmp_path, capsys):
    one = policy(tmp_path / 'one.safetensors')
    two = policy(tmp_path / 'two.safetensors', residual_scale=0.5, seed=1)
    picture = tmp_path / 'picture.png'
    words = ['--episodes', '3', '--seed', '5', '--workers', '1', '--json']
    assert main(['base', one, two, *words, '--out', str(picture)]) == 0
    out, said = capsys.readouterr()
    told = json.loads(out)
    assert picture.read_bytes().startswith(b'\x89PNG')
    assert [(player['name'], player['residual_scale']) for player in told['players']][1:] == [
        (one, 1.0), (two, 0.5)]
    assert 'each is played with its own residual_scale' in said and 'its pair alone' in said
    assert (told['task'], told['seed'], told['episodes'], told['objects']) == ('hook', 5, 3, '')
    assert [(pair['first'], pair['second']) for pair in told['differences']] == [
        ('base', one), ('base', two), (one, two)]
    for pair in told['differences']:
        first, second = (next(player['values'] for player in told['players']
                              if player['name'] == pair[which]) for which in ('first', 'second'))
        assert pair['value'] == pytest.approx((sum(second) - sum(first)) / 3)
        assert sum(pair[f'solved_by_{who}'] for who in (
            'both', 'first_only', 'second_only', 'neither')) == 3
    # `rpl evaluate` plays the same episodes.
    for player, more in zip(told['players'], ([], ['--policy', one], ['--policy', two])):
        assert evaluate(['hook', *more, *words]) == 0
        alone = json.loads(capsys.readouterr().out)
        assert {name: player[name] for name in ('success_rate', 'mean_return', 'failures')} == {
            name: alone[name] for name in ('success_rate', 'mean_return', 'failures')}


def test_output_for_people(tmp_path, capsys):
    one = policy(tmp_path / 'one.safetensors')
    assert main(['base', one, '--episodes', '1', '--workers', '1']) == 0
    out = capsys.readouterr().out
    assert 'base: reactive_hook' in out and 'hook: 1 fresh episodes, seed 0' in out
    assert '2 - 1' in out and '2 is not distinguishable' in out and 'its pair alone' not in out


def test_the_base_has_controller_and_robot_of_the_first_policy(tmp_path):
    one = policy(tmp_path / 'one.safetensors', {'controller': 'reactive_hook', 'arm': 'joints'},
                 horizon=120, max_ee_speed=0.2)
    base, first = players('base', one)
    assert base.policy is None and first.policy
    assert (base.scene.arm, base.scene.horizon, base.scene.max_ee_speed) == ('joints', 120, 0.2)
    assert [base.name, first.name] == ['base', one]


@pytest.mark.parametrize('about, settings, says', [
    ({'controller': 'reactive_hook', 'arm': 'joints'}, {}, "arm 'paper', .* has 'joints'.*--arm"),
    (None, {'horizon': 120}, 'horizon 100, .* has 120.*--horizon'),
    (None, {'max_ee_speed': 0.2}, 'max_ee_speed 0.0, .* has 0.2.*--max-ee-speed')])
def test_different_robots_are_an_error_that_names_both(about, settings, says, tmp_path):
    one = policy(tmp_path / 'one.safetensors')
    two = policy(tmp_path / 'two.safetensors', about, **settings)
    with pytest.raises(EvaluationError, match=f'{one} has {says}'):
        players(one, two)
    words = ('--arm', 'paper', '--horizon', '100', '--max-ee-speed', '0')
    assert len(players(one, two, *words)) == 2


def test_seed_and_objects_are_shared_and_the_controller_is_not(tmp_path):
    one = policy(tmp_path / 'one.safetensors', {'controller': 'reactive_hook', 'arm': 'paper',
                                                'seed': 3, 'objects': 'unseen'})
    two = policy(tmp_path / 'two.safetensors', {'controller': 'math:hypot', 'arm': 'paper'})
    found = players(one, two)
    assert {(player.scene.seed, player.scene.objects) for player in found} == {(0, '')}
    line, = own_values(found)
    assert line == (f'each is played with its own controller: {one} reactive_hook, {two} '
                    'math:hypot')


def test_another_task_is_an_error_that_names_both(tmp_path):
    one = policy(tmp_path / 'one.safetensors')
    two = policy(tmp_path / 'two.safetensors', task='push')
    with pytest.raises(EvaluationError, match=f'{one} is for task hook, {two} for push'):
        players(one, two)
    with pytest.raises(EvaluationError, match=f'--task is for task push, {one} for hook'):
        players('base', one, '--task', 'push')


@pytest.mark.parametrize('words, expected', [
    (['base'], 'give at least two policies, each once'),
    (['base', 'base', '--task', 'hook'], 'give at least two policies, each once'),
    (['base', 'ready'], 'the task is not known: give --task'),
    (['base', 'nowhere'], 'policy nowhere: no such file or run folder'),
    (['base', 'nowhere', '--out', 'picture.gif'], 'expected a file .png or .svg'),
    (['base', 'nowhere', '--out', 'nowhere/picture.png'], 'in an existing folder')])
def test_bad_input(words, expected, capsys):
    assert main(words) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('rpl compare: ') and expected in line


def test_the_counts_have_the_names_of_the_two():
    names = ('first', 'second')
    assert compare([1, 1, 0, 0], [1, 0, 1, 1], names).counts == {
        'solved_by_both': 1, 'solved_by_first_only': 1, 'solved_by_second_only': 2,
        'solved_by_neither': 0}
    assert compare_returns([-1.0, -2.0], [-3.0, -1.0], names).counts == {
        'higher_with_first': 1, 'higher_with_second': 1}
