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
"""A task of the user's own: its file, its environment, and what is wrong with some of them."""

from dataclasses import replace
from pathlib import Path

import gymnasium
from gymnasium import spaces
import numpy as np
import pytest
from rpl_ros.common.yaml_file import parse_yaml, to_yaml
from rpl_ros.rollout import run_episode
from rpl_ros.scene import greedy_policy
from rpl_ros.tasks import make_task
from rpl_ros.tasks.command import main
from rpl_ros.tasks.description import difference, read_description, task_fields
from rpl_ros.tasks.environments import describe, from_unit
from rpl_ros.tasks.find import task_spec
from rpl_ros.tasks.rewards import rewards_of, task_reward
from rpl_ros.tasks.score import RETURN, SUCCESS
from rpl_ros.tasks.spec_file import parse_spec, read_spec, spec_digest, spec_tree
from rpl_ros.tasks.specs import TaskError

EXAMPLES = Path(__file__).parents[2] / 'docs' / 'examples'
POINT = 'point_reach:make'
OWN = """
name: lift
control_period: 0.02
horizon: 80
reward: sparse
reach: 0.03
observation: {height: m, speed: m/s}
goal: {height: m}
action: {force: N}
"""


@pytest.fixture(autouse=True)
def examples_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))


class Odd(gymnasium.Env):
    """An environment with whatever spaces, goals or rewards a test wants."""

    def __init__(self, observation=None, action=None, reward=None, limit=10, finite=True):
        box = spaces.Box(-1.0, 1.0, (2,), np.float64)
        self.observation_space = observation or box
        self.action_space = action or box
        self._finite, self._reward = finite, reward
        if limit:
            self.spec = gymnasium.envs.registration.EnvSpec('Odd-v0', max_episode_steps=limit)
        if reward:
            self.observation_space = spaces.Dict(dict.fromkeys(
                ('observation', 'achieved_goal', 'desired_goal'), box))
            self.compute_reward = reward

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self._seen(), {}

    def _seen(self):
        if self._reward:
            return {name: np.full(2, value) for name, value in (
                ('observation', 0.0), ('achieved_goal', 0.1 * self.count), ('desired_goal', 1.0))}
        return np.full(self.observation_space.shape, 0.1 if self._finite else np.nan)

    def step(self, action):
        self.count += 1
        return self._seen(), 2.0, self.count == 4, False, {}


def odd(**options):
    """Return an Odd: test_own_task:odd is its name as a task."""
    return Odd(**options)


@pytest.fixture
def named(monkeypatch):
    """Return a function that gives an environment the name of a task."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))

    def name(**options):
        monkeypatch.setattr('test_own_task.odd', lambda: Odd(**options))
        describe.cache_clear()
        return 'test_own_task:odd'
    return name


def test_an_environment_with_goals_is_described_as_it_is():
    spec = task_spec(POINT)
    assert (spec.name, spec.horizon, spec.control_period) == (POINT, 50, 0.04)
    assert (spec.observation_size, spec.goal_size, spec.action_size) == (4, 2, 2)
    assert (spec.reward, spec.reach, spec.measure) == ('sparse', 0.03, SUCCESS)
    assert (spec.environment.low, spec.environment.high) == ((-4.0, -4.0), (4.0, 4.0))


def test_an_environment_without_goals_keeps_its_reward():
    spec = task_spec('Pendulum-v1')
    assert (spec.reward, spec.measure, spec.goal_size) == ('recorded', RETURN, 0)
    assert (spec.horizon, spec.control_period, spec.highest_reward) == (200, 0.05, np.inf)
    assert spec.environment.high == (2.0,)
    twice = describe('Pendulum-v1', repeat=2)
    assert (twice.horizon, twice.control_period) == (100, 0.1)


@pytest.mark.parametrize('name', [POINT, 'Pendulum-v1'])
def test_the_file_of_a_task_gives_the_same_task(tmp_path, name, capsys):
    assert main(['describe', name, '--controller', 'my.module:act']) == 0
    path = tmp_path / 'own.yaml'
    path.write_text(capsys.readouterr().out)
    spec = replace(task_spec(name), controller='my.module:act')
    assert read_spec(path) == spec == task_spec(str(path))
    assert task_spec(str(path), 7).horizon == 7
    assert spec_digest(spec) == spec_digest(replace(spec, horizon=7, controller='x', name='y'))
    assert spec_digest(spec) != spec_digest(replace(spec, control_period=0.1))
    fields = task_fields(spec, 0.0)
    found = read_description(fields['name'], fields['spec'], fields['digest'])
    assert found.spec() == spec
    other = task_fields(replace(spec, horizon=9), 0.0)
    other = read_description(other['name'], other['spec'], other['digest'])
    assert difference(other, found) == f'horizon is 9 on the robot, {spec.horizon} here'


def test_an_episode_depends_on_seed_and_number_alone():
    task, other = make_task(POINT, 3), make_task(POINT, 3)
    first = task.reset(5)
    other.reset(1)
    other.step(np.ones(2))
    assert np.array_equal(first.observation, other.reset(5).observation)
    assert not np.array_equal(first.observation, task.reset(6).observation)
    assert not np.array_equal(first.observation, make_task(POINT, 4).reset(5).observation)


def test_one_step_is_that_of_the_environment():
    """Numbers by hand: from rest, 0.95 * 0.04 * (4 * 0.5 + wind) m/s, then 0.04 s."""
    task = make_task(POINT, 0)
    before = task.reset(0)
    state = task.step(np.array([0.5, 0.5]))
    assert np.allclose(state.observation[2:], [0.076, 0.95 * 0.04 * (2.0 - 0.22)], atol=1e-12)
    assert np.allclose(state.achieved_goal, before.achieved_goal + 0.04 * state.observation[2:])
    assert (state.step, state.reward, state.applied, state.last) == (1, -1.0, True, False)
    beyond = _first_step_of(np.full(2, 7.0))
    assert np.array_equal(beyond.observation, _first_step_of(np.ones(2)).observation)


def _first_step_of(action):
    task = make_task(POINT, 0)
    task.reset(0)
    return task.step(action)


def test_actions_between_the_bounds_are_scaled():
    env = Odd(action=spaces.Dict({'a': spaces.Box(0.0, 10.0, (1,), np.float32),
                                  'b': spaces.Box(-1.0, 3.0, (2,), np.float64)}))
    found = from_unit(env, np.array([0.0, -1.0, 1.0]), np.array([0.0, -1.0, -1.0]),
                      np.array([10.0, 3.0, 3.0]))
    assert found['a'].dtype == np.float32 and found['a'].tolist() == [5.0]
    assert found['b'].tolist() == [-1.0, 3.0]


def test_repeated_steps_add_their_rewards_and_the_end_of_the_environment_ends_the_episode(named):
    spec = describe(named(limit=9), repeat=3)
    assert spec.horizon == 3
    from rpl_ros.tasks.gym_task import GymTask
    task = GymTask(spec, 0)
    task.reset(0)
    assert task.step(np.zeros(2)).reward == 6.0
    last = task.step(np.zeros(2))  # the fourth step of the environment is its last one
    assert (last.reward, last.terminated, last.truncated) == (2.0, True, False)


def test_recorded_rewards_reach_the_episode():
    task = make_task('Pendulum-v1', 0)
    policy = greedy_policy(task.spec, None, 1.0)
    episode, _, _ = run_episode(task, lambda observation, goal: np.array([0.3]), policy, 2)
    assert episode.steps == 200 and episode.ended and not episode.terminated
    angle = np.arctan2(episode.observations[:-1, 1], episode.observations[:-1, 0])
    by_hand = -(angle ** 2 + 0.1 * episode.observations[:-1, 2] ** 2 + 0.001 * 0.6 ** 2)
    assert np.allclose(rewards_of(task.spec, episode), by_hand, atol=1e-4)


@pytest.mark.parametrize('options, why', [
    ({'action': spaces.Discrete(3)}, r'its actions are Discrete\(3\), expected a Box'),
    ({'action': spaces.Box(-np.inf, np.inf, (2,))}, r'bounds \[-inf, -inf\]'),
    ({'observation': spaces.Box(0, 255, (96, 96, 3), np.uint8)}, '27,648 numbers'),
    ({'observation': spaces.Dict({'mode': spaces.Discrete(2)})}, 'its observation is Discrete'),
    ({'limit': 0}, 'does not say how many steps an episode has'),
    ({'reward': lambda achieved, desired, info: 7.0}, 'neither 0 at the goal'),
])
def test_an_environment_that_does_not_fit_says_what_is_missing(named, options, why):
    with pytest.raises(TaskError, match=why):
        task_spec(named(**options))


@pytest.mark.parametrize('name, why', [
    ('Pendulom-v1', 'Did you mean: `Pendulum`'), ('CartPole-v1', 'Discrete'),
    ('no_such_module:make', "No module named 'no_such_module'"),
    ('point_reach:mak', "has no 'mak' .did you mean 'make'"),
    ('point_reach:base', r'cannot be made: TypeError.*missing'),
    ('point_reach:STEPS', 'cannot be made: TypeError')])
def test_an_unknown_environment_is_named(name, why):
    with pytest.raises(TaskError, match=why):
        task_spec(name)


def test_numbers_that_are_not_finite_end_the_run_with_their_name(named):
    task = make_task(named(finite=False), 0)
    task.reset(0)
    with pytest.raises(TaskError, match='step 1: the observation of its environment is not fin'):
        task.step(np.zeros(2))


def test_a_reward_that_cannot_be_computed_again_is_found(named):
    def distance(achieved, desired, info):
        return -np.linalg.norm(achieved - desired, axis=-1)
    spec = task_spec(named(reward=distance))
    assert spec.reward == 'distance'
    goals = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert task_reward(spec, goals, np.zeros(2), None, None).tolist() == [0.0, -5.0]
    task = make_task('test_own_task:odd', 0)  # its step() returns 2.0
    task.reset(0)
    with pytest.raises(TaskError, match='gives the reward 2 where distance is -1.27'):
        task.step(np.zeros(2))


def lift_reward(achieved_goal, desired_goal, action):
    """Return a reward of the user's own."""
    return -np.abs(achieved_goal - desired_goal)[..., 0] - 0.1 * np.abs(action)[..., 0]


def test_a_file_without_an_environment_describes_a_robot(tmp_path):
    tree = parse_yaml(OWN)
    spec = parse_spec(tree, 'here')
    assert spec.environment is None and spec.observation[1] == ('speed', 'm/s')
    with pytest.raises(ValueError, match='no simulator'):
        (tmp_path / 'lift.yaml').write_text(OWN)
        make_task(str(tmp_path / 'lift.yaml'), 0)
    assert parse_spec(parse_yaml(to_yaml(spec_tree(spec))), 'again') == spec
    own = parse_spec({**tree, 'reward': 'test_own_task:lift_reward'}, 'here')
    assert own.reward == 'test_own_task:lift_reward' and own.dense_reward.inputs == ('action',)
    found = task_reward(own, np.array([[1.0], [2.0]]), np.array([2.0]), None,
                        np.array([[0.5], [0.0]]))
    assert found.tolist() == [-1.05, 0.0]
    foreign = parse_spec({**tree, 'reward': 'os:system'}, 'here', own_code=False)
    with pytest.raises(TaskError, match='os:system is code of the user, which is not run'):
        task_reward(foreign, np.zeros(1), np.zeros(1), None, None)


@pytest.mark.parametrize('changes, why', [
    ({'horizon': 0}, 'horizon is 0, expected a whole number from 1'),
    ({'horizon': 2.5}, 'horizon is 2.5, expected a whole number'),
    ({'horizon': True}, 'horizon is True, expected a whole number'),
    ({'control_period': 'fast'}, "control_period is 'fast', expected a number"),
    ({'control_period': float('nan')}, 'control_period is nan'),
    ({'control_period': 10**400}, 'control_period is 1'), ({'reach': -1}, 'reach is -1, expected'),
    ({'horizon': 10**5000}, 'horizon is a number of 16610 bits, expected'),
    ({'environment': {'make': 'x', 'low': [-10**400], 'high': [1.0]}}, 'expected 1 finite'),
    ({'observation': {}}, 'observation and action need one element'),
    ({'observation': ['height']}, 'observation is .*, expected a mapping of names to units'),
    ({'observation': {'height': 1}}, "observation has 'height': 1, expected the name"),
    ({'goal': {}}, "reward is 'sparse', expected 'recorded': the task has no goal"),
    ({'reward': 'dense'}, "reward is 'dense', expected sparse, recorded, distance"),
    ({'reward': 'no_module:f'}, 'reward: no_module:f cannot be imported: No module'),
    ({'measure': 'speed'}, "measure is 'speed', expected success or return"),
    ({'name': 'push'}, "name is 'push', which is a built-in task"),
    ({'color': 'red'}, "unknown key 'color', expected name"),
    ({'environment': {'make': 'x', 'low': [0.0, 0.0], 'high': [1.0]}},
     r'environment: low is \[0.0, 0.0\], expected 1 finite number'),
    ({'environment': {'make': 'x', 'low': [1.0], 'high': [1.0]}}, 'expected less than high'),
    ({'environment': {'make': 'x', 'low': [0.0], 'high': [1.0], 'repeat': 0}}, 'repeat is 0')])
def test_a_file_that_cannot_be_used_says_why(changes, why):
    with pytest.raises(TaskError, match=f'^here.*{why}'):
        parse_spec({**parse_yaml(OWN), **changes}, 'here')


@pytest.mark.parametrize('missing', ['name', 'horizon', 'reward', 'action'])
def test_a_key_that_is_missing_is_named(missing):
    tree = parse_yaml(OWN)
    del tree[missing]
    with pytest.raises(TaskError, match=f'{missing} is missing'):
        parse_spec(tree, 'here')


@pytest.mark.parametrize('changes, why', [
    ({'observation_size': 3}, 'observation has 3 elements, but that of point_reach:make has 4'),
    ({'action_size': 3}, 'action has 3 elements, but those of point_reach:make have 2'),
    ({'goal_size': 0}, 'it has 0 elements of a goal, but point_reach:make has goals'),
    ({'high': 9.0}, r'bounds .* \[9.0, 9.0\], but point_reach:make takes .* \[4.0, 4.0\]')])
def test_a_file_that_contradicts_its_environment_is_refused(tmp_path, changes, why):
    tree = spec_tree(task_spec(POINT))
    tree['name'] = 'own'
    for kind in ('observation', 'action', 'goal'):
        size = changes.get(f'{kind}_size')
        if size is not None:
            tree[kind] = {f'{kind}_{index}': '1' for index in range(size)}
    size = len(tree['action'])
    tree['environment'] |= {'low': [-4.0] * size, 'high': [changes.get('high', 4.0)] * size}
    tree['reward'] = 'sparse' if tree['goal'] else 'recorded'
    (tmp_path / 'own.yaml').write_text(to_yaml(tree))
    with pytest.raises(TaskError, match=why):
        make_task(str(tmp_path / 'own.yaml'), 0)


def test_an_environment_that_ignores_its_seed_is_refused(named, monkeypatch):
    name = named()
    monkeypatch.setattr(Odd, '_seen', lambda self: np.random.default_rng().normal(size=2))
    with pytest.raises(TaskError, match='two calls of reset.seed=0. of .* give two scenes'):
        make_task(name, 0)


def test_the_commands_list_and_describe(capsys):
    assert main(['list']) == 0
    assert 'complex_hook    Pull the object' in capsys.readouterr().out
    assert main(['describe', 'push', '--horizon', '7']) == 0
    assert parse_yaml(capsys.readouterr().out)['horizon'] == 7
    assert main(['describe', 'CartPole-v1']) == 2
    assert 'rpl task: task' in capsys.readouterr().err
    assert main(['describe', 'push', '--repeat', '2']) == 2


def test_the_example_file_is_that_of_its_environment():
    found, told = read_spec(EXAMPLES / 'point_reach.yaml'), task_spec(POINT)
    for kind in ('observation', 'goal', 'action'):
        assert len(getattr(found, kind)) == len(getattr(told, kind))
    assert replace(found, **{name: getattr(told, name) for name in (
        'name', 'text', 'controller', 'observation', 'goal', 'action')}) == told
    make_task(str(EXAMPLES / 'point_reach.yaml'), 0)
