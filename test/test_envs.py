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

"""The Gymnasium environments: their contract, seeds, saving, and what is refused."""

import gymnasium
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeAwareObservation
import numpy as np
import pytest
from rpl_ros.envs import IDS
from rpl_ros.setup.doctor import check_rendering, child
from rpl_ros.tasks import make_task
from rpl_ros.tasks.rewards import task_reward
from rpl_ros.tasks.specs import TASKS
from stable_baselines3 import DDPG, HerReplayBuffer
from stable_baselines3.common.env_checker import check_env as check_for_stable_baselines
import torch

ENVS = {name: gymnasium.make(name).unwrapped for name in IDS.values()}


def test_every_task_is_an_environment():
    assert set(IDS) == set(TASKS)


@pytest.mark.parametrize('name', ENVS)
@pytest.mark.filterwarnings('ignore:.*Box observation space')
def test_gymnasium_finds_no_fault(name):
    check_env(ENVS[name], skip_render_check=True)


@pytest.mark.parametrize('task', IDS)
def test_episodes_are_those_of_the_task(task):
    env, same = ENVS[IDS[task]], make_task(task, 7)
    rng = np.random.default_rng(0)
    for number in (0, 1):
        seen, info = env.reset(seed=7 if number == 0 else None)
        state = same.reset(number)
        for _ in range(3):
            for name, value in seen.items():
                np.testing.assert_array_equal(value, getattr(state, name))
            action = rng.uniform(-1, 1, same.spec.action_size)
            seen, reward, terminated, truncated, info = env.step(action)
            state = same.step(action)
            assert (reward, info['is_success']) == (state.reward, state.success)
            assert not terminated and not truncated
    seen, _ = env.reset(options={'episode': 0})
    np.testing.assert_array_equal(seen['observation'], same.reset(0).observation)


@pytest.mark.parametrize('name', ENVS)
def test_rewards_are_those_of_the_steps_and_vectorised(name):
    env = ENVS[name]
    env.action_space.seed(1)
    env.reset(seed=1)
    horizon = env.task.spec.horizon
    steps = [env.step(env.action_space.sample()) for _ in range(horizon)]
    assert [truncated for *_, truncated, _ in steps] == [False] * (horizon - 1) + [True]
    achieved, desired = (np.array([seen[goal] for seen, *_ in steps])
                         for goal in ('achieved_goal', 'desired_goal'))
    infos, rewards = [step[-1] for step in steps], [step[1] for step in steps]
    for several in (infos, np.array(infos)):  # the second is what HerReplayBuffer passes
        np.testing.assert_array_equal(env.compute_reward(achieved, desired, several), rewards)
    assert [env.compute_reward(*each) for each in zip(achieved, desired, infos)] == rewards
    for goal in (desired, achieved):  # one episode, another goal: as the task itself would reward
        seen, actions = (np.array(values) for values in zip(*(
            (seen['observation'], info.get('action')) for seen, *_, info in steps)))
        np.testing.assert_array_equal(env.compute_reward(achieved, goal, infos),
                                      task_reward(env.task.spec, achieved, goal, seen, actions))
    with pytest.raises(RuntimeError, match='reset'):
        env.step(env.action_space.sample())


def test_a_sparse_reward_needs_no_info_and_the_dense_one_says_what_it_needs():
    goals = np.zeros((4, 3))
    for info in ({}, None, [{}] * 4):
        rewards = ENVS['rpl/Push-v0'].compute_reward(goals, goals, info)
        np.testing.assert_array_equal(rewards, np.zeros(4))
        with pytest.raises(ValueError, match='mbrl_pusher needs tip and action.*copy_info_dict'):
            ENVS['rpl/MBRLPusher-v0'].compute_reward(goals, goals, info)


def test_what_is_changed_from_outside_does_not_count():
    env = ENVS['rpl/MBRLPusher-v0']
    env.reset(seed=0)
    action = np.full(7, 0.5)
    seen, *_, info = env.step(action)
    action[:] = info['tip'][:] = np.nan
    seen['observation'][:] = np.nan
    np.testing.assert_array_equal(info['action'], np.full(7, 0.5))
    assert np.isfinite(env.step(np.zeros(7))[0]['observation']).all()
    assert np.isfinite(env.restore(env.save())['observation']).all()


@pytest.mark.parametrize('name', ENVS)
def test_a_saved_state_goes_on_as_before_in_any_environment(name):
    env = ENVS[name]
    other = gymnasium.make(name).unwrapped
    env.reset(seed=3, options={'episode': 4})
    rng = np.random.default_rng(0)
    size = env.action_space.shape[0]
    for _ in range(5):
        before = env.step(rng.uniform(-1, 1, size))[0]
    saved, actions = env.save(), rng.uniform(-1, 1, (6, size))
    first = [env.step(action)[0]['observation'] for action in actions]
    env.reset(seed=9)
    for again in (env, other):
        np.testing.assert_array_equal(again.restore(saved)['observation'], before['observation'])
        for action, expected in zip(actions, first):
            np.testing.assert_array_equal(again.step(action)[0]['observation'], expected)


@pytest.mark.parametrize('action', [
    np.zeros(3), np.zeros((1, 4)), [0, 0, 0, np.nan], [0, 0, np.inf, 0], 0.0])
def test_a_bad_action_is_refused(action):
    env = ENVS['rpl/Push-v0']
    env.reset(seed=0)
    with pytest.raises(ValueError, match='expected 4 finite numbers'):
        env.step(action)


def test_an_action_beyond_its_range_is_clipped():
    """A network's tanh may round to more than 1; the robot clips as well."""
    env, found = ENVS['rpl/Push-v0'], []
    for action in ([0, 1, 0, 0], [0, 1.0000001, 0, 0], [0, 3.0, 0, 0]):
        env.reset(seed=0)
        found.append(env.step(action)[0]['observation'])
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize('given, steps', [({}, 50), ({'horizon': 7}, 7)])
def test_wrappers_learn_how_long_an_episode_is(given, steps):
    env = TimeAwareObservation(gymnasium.make('rpl/Push-v0', **given), flatten=False)
    env.reset(seed=0)
    ends = [env.step(np.zeros(4))[3] for _ in range(steps)]
    assert env.spec.max_episode_steps == steps
    assert ends == [False] * (steps - 1) + [True]


def test_an_unstable_simulation_ends_the_episode_and_says_so():
    env = ENVS['rpl/Push-v0']
    env.reset(seed=0)
    env.unwrapped.task.data.qvel[-3:] = 1e11
    _, _, terminated, truncated, info = env.step(np.zeros(4))
    assert truncated and not terminated and not info['is_success']
    assert 'mjWARN_BADQVEL' in info['problem']
    env.reset(seed=0)
    assert not env.step(np.zeros(4))[3]


def test_unknown_options_and_modes_are_named():
    env = ENVS['rpl/Hook-v0']
    with pytest.raises(ValueError, match="'epsiode'.*expected none but episode"):
        env.reset(options={'epsiode': 1})
    with pytest.raises(ValueError, match='expected 0 or more'):
        env.reset(options={'episode': -1})
    with pytest.raises(ValueError, match='expected None, human or rgb_array'):
        gymnasium.make('rpl/Push-v0', render_mode='text').unwrapped


def test_without_a_display_there_is_a_warning_and_no_window(monkeypatch, capsys):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    env = gymnasium.make('rpl/PickAndPlace-v0', render_mode='human').unwrapped
    env.reset(seed=0)
    assert env.render() is None and 'without a window' in capsys.readouterr().err
    env.close()


PICTURES = """
import gymnasium, rpl_ros.envs
for name in rpl_ros.envs.IDS.values():
    env = gymnasium.make(name, render_mode='rgb_array')
    env.reset(seed=0)
    first, _ = env.render(), env.step(env.action_space.high)
    picture = env.render()
    assert picture.shape == (480, 640, 3) and picture.std() > 10, name
    assert (picture != first).any(), f'{name} stands still'
    env.close()
"""


def test_every_environment_draws_pictures():
    if check_rendering().remedy:
        pytest.skip('nothing can be drawn here: there is no EGL')
    # In a process of its own: MUJOCO_GL counts only before MuJoCo is imported.
    assert not child(PICTURES, 120)


@pytest.mark.parametrize('name', ENVS)
@pytest.mark.filterwarnings('ignore:.*(Box observation space|to be a GoalEnv)')
def test_stable_baselines_learns_in_them_unchanged(name):
    torch.set_num_threads(1)  # two are slower by far where the other core is busy
    env = gymnasium.make(name)
    check_for_stable_baselines(env.unwrapped, skip_render_check=True)
    spec = env.unwrapped.task.spec
    model = DDPG('MultiInputPolicy', env, replay_buffer_class=HerReplayBuffer, seed=0,
                 replay_buffer_kwargs={'copy_info_dict': bool(spec.dense_reward)},
                 batch_size=32, buffer_size=1000, learning_starts=spec.horizon + 10,
                 policy_kwargs={'net_arch': [16]})
    before = [value.clone() for value in model.actor.parameters()]
    model.learn(300)
    assert model.num_timesteps >= 300
    assert any((one != two).any() for one, two in zip(before, model.actor.parameters()))
    batch = model.replay_buffer.sample(256)
    after = {part: values.numpy() for part, values in batch.next_observations.items()}
    goals = after['desired_goal']
    # Relabelled goals are among them: rewards must be those of goal, tip and action of one step.
    assert len(np.unique(goals, axis=0)) > 300 // spec.horizon
    np.testing.assert_allclose(batch.rewards.numpy().ravel(), task_reward(
        spec, after['achieved_goal'], goals, after['observation'], batch.actions.numpy()),
        rtol=1e-5)
