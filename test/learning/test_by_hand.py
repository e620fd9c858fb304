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

"""
One sample and one gradient update, held against numbers that were worked out by hand.

Each network has one hidden layer of one unit, so that a line of arithmetic gives what it returns:
v * max(0, w . inputs + b) + c, where the inputs are observation, goal (and base action, and for
a critic the action that it judges), each one number.
"""

import dataclasses
import math

import numpy as np
import pytest
from rpl_ros.data import Episode
from rpl_ros.learning import her
from rpl_ros.learning.ddpg import Ddpg
from rpl_ros.learning.replay import Batch, Replay
from rpl_ros.policy.actor import Actor
from rpl_ros.policy.weights import PolicyShape
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from task_tools import small_spec
import torch

LINE = small_spec('line', 1, 1, 1, 10)
BATCH = {'observation': 0.0, 'remembered': 0.0, 'goal': 0.0, 'base_action': -0.75,
         'residual': 0.125, 'executed': 0.5, 'reward': -1.0, 'terminal': 0.0,
         'next_observation': 0.0, 'next_remembered': 0.0, 'next_base_action': 0.25}


def fill(layers, w, b, v, c):
    """Set the weights of a network: v * max(0, w . inputs + b) + c."""
    linear = [module for module in layers if isinstance(module, torch.nn.Linear)]
    with torch.no_grad():
        for target, value in zip((linear[0].weight, linear[0].bias, linear[1].weight,
                                  linear[1].bias), (w, b, v, c)):
            target.copy_(torch.tensor(value).reshape(target.shape))


def learner(**values):
    """
    Return a Ddpg whose actor gives 0 and whose target actor gives 0.5.

    For an action a the critics say Q = -(a + 2), and their targets -(a + 0.25).
    """
    settings = make_settings(LearnerSettings, {
        'hidden_layers': 1, 'hidden_size': 1, 'critic_action': 'sent', **values})
    shape = PolicyShape('line', 1, 1, 1, 1, 1, sees_base=settings.actor_sees_base)
    ddpg = Ddpg(settings, LINE, shape)
    ddpg.set_moments(*[(np.zeros(1, np.float32), np.ones(1, np.float32))] * 2)
    nothing = [0.0] * shape.input_size
    fill(ddpg.actor.layers, nothing, 1.0, 0.0, 0.0)
    fill(ddpg.target_actor.layers, nothing, 1.0, 0.0, math.atanh(0.5))
    for critic, target in zip(ddpg.critics.members, ddpg.target_critics.members):
        fill(critic, [*nothing, 1.0], 2.0, -1.0, 0.0)
        fill(target, [*nothing, 1.0], 0.25, -1.0, 0.0)
    return ddpg


def update(ddpg, train_actor=False, **values):
    """Do one update on a batch of one transition; return its figures."""
    rows = {name: np.full(1 if name in ('reward', 'terminal') else (1, 1), value, np.float32)
            for name, value in {**BATCH, **values}.items()}
    return ddpg.update(Batch(**rows), train_actor)


@pytest.mark.parametrize('values, batch, loss', [
    # After: a = 0.25 + 0.5, Q = -1; target -1 + 0.5 * -1 = -1.5; Q(0.5) = -2.5, error -1.
    ({'discount': 0.5}, {}, 1.0),
    ({}, {}, 0.36),                                  # discount 1 - 1 / 10: target -1.9, error -0.6
    ({'discount': 0.5}, {'terminal': 1.0}, 2.25),    # target -1, error -1.5
    ({'discount': 0.5}, {'reward': -9.0}, 0.25),     # target -1 / (1 - 0.5) = -2 at the lowest
    ({'discount': 0.5}, {'reward': 9.0}, 6.25),      # target 0 at the highest
    # After: a = 1 at most, Q = -1.25; target -1.625, error -0.875.
    ({'discount': 0.5}, {'next_base_action': 0.75}, 0.765625),
    # After: a = 0.25 + 0.5 * 0.5, Q = -0.75; target -1.375, error -1.125.
    ({'discount': 0.5, 'residual_scale': 0.5}, {}, 1.265625),
    # After: a = 0.5, Q = -0.75; target -1.375; Q(0.125) = -2.125, error -0.75.
    ({'discount': 0.5, 'critic_action': 'residual'}, {}, 0.5625)])
def test_the_squared_bellman_error(values, batch, loss):
    assert update(learner(**values), **batch)['critic_loss'] == pytest.approx(loss, rel=1e-5)


def test_the_next_action_follows_from_the_next_base_action():
    """The target actor sees it: tanh(0.8 * 0.25); with -0.75, the present one, it would give 0."""
    ddpg = learner(discount=0.5, actor_sees_base=True, critic_action='residual')
    fill(ddpg.target_actor.layers, [0.0, 0.0, 0.8], 0.0, 1.0, 0.0)
    # Q = -(tanh(0.2) + 0.25), target -1 + 0.5 * Q, Q(0.125) = -2.125.
    error = -2.125 + 1 + 0.5 * (math.tanh(0.2) + 0.25)
    assert update(ddpg)['critic_loss'] == pytest.approx(error ** 2, rel=1e-5)


def test_of_two_critics_the_lower_target_counts_for_both():
    ddpg = learner(discount=0.5, critics=2)
    fill(ddpg.target_critics.members[1], [0.0, 0.0, 1.0], 0.75, -1.0, 0.0)
    fill(ddpg.critics.members[1], [0.0, 0.0, 1.0], 3.0, -1.0, 0.0)
    # Targets say -1 and -1.5: -1.75 for both. Q is -2.5 and -3.5: errors -0.75 and -1.75.
    figures = update(ddpg)
    assert figures['critic_loss'] == pytest.approx((0.5625 + 3.0625) / 2, rel=1e-5)
    # The actor gives 0, so a = -0.75: Q is -1.25 and -2.25, and the lower one counts.
    assert figures['mean_q'] == pytest.approx(-2.25, rel=1e-5)


@pytest.mark.parametrize('where, value, residual', [
    (0, 100.0, math.tanh(0.5)), (1, 100.0, math.tanh(0.5)),  # 5 standard deviations at most
    (2, 3.0, math.tanh(0.1)),                                 # the base action: 1 at most
    (0, 2.0, math.tanh(0.2)), (2, 0.5, math.tanh(0.05))])
def test_the_inputs_of_both_actors_are_clipped(where, value, residual):
    """tanh(0.1 * input), in the learner and on the robot."""
    ddpg = learner(actor_sees_base=True)
    weights = [0.1 * (where == place) for place in range(3)]
    fill(ddpg.actor.layers, weights, 0.0, 1.0, 0.0)
    inputs = {'observation': 0.0, 'goal': 0.0, 'base_action': 0.0,
              ('observation', 'goal', 'base_action')[where]: value}
    assert update(ddpg, **inputs)['mean_residual'] == pytest.approx(residual, rel=1e-5)
    one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    tensors = {**ddpg.policy_tensors(), 'observation_mean': none, 'observation_std': one,
               'goal_mean': none, 'goal_std': one}
    actor = Actor(tensors, PolicyShape('line', 1, 1, 1, 1, 1, sees_base=True))
    observation, goal, base = (np.array([number]) for number in inputs.values())
    assert actor.act(observation, observation, goal, base) == pytest.approx(residual, rel=1e-5)


def last_bias(network):
    """Return the bias of a network's last layer."""
    return list(network.parameters())[-1].item()


def test_each_network_has_its_own_learning_rate():
    """Adam's first step is the learning rate, away from the gradient."""
    ddpg = learner(actor_learning_rate=0.03, critic_learning_rate=0.002)
    update(ddpg, train_actor=True)
    assert last_bias(ddpg.actor) == pytest.approx(-0.03, rel=1e-3)    # Q falls with the action
    assert last_bias(ddpg.critics) == pytest.approx(0.002, rel=1e-3)  # Q is below its target


@pytest.mark.parametrize('weight, change', [(0.0, -0.03), (3.0, 0.03)])
def test_a_large_residual_costs_the_actor(weight, change):
    """For r = -0.5 the loss r * r * weight - Q, with Q = -(r + 2), has the slope 1 - weight."""
    ddpg = learner(actor_learning_rate=0.03, action_l2=weight)
    fill(ddpg.actor.layers, [0.0, 0.0], 1.0, 0.0, math.atanh(-0.5))
    update(ddpg, train_actor=True, base_action=0.0)
    assert last_bias(ddpg.actor) - math.atanh(-0.5) == pytest.approx(change, rel=1e-3)


@pytest.mark.parametrize('scale, weight, change', [
    (1.0, 0.6, 0.03), (1.0, 0.4, -0.03),        # of Q / |Q| the slope is 1 / 2
    (1e-4, 0.2, 0.03), (1e-4, 0.05, -0.03)])    # |Q|, 0.0002, counts as 0.001: the slope is 0.1
def test_recorded_residuals_pull_and_q_counts_by_its_size(scale, weight, change):
    """Loss weight * (r - 0.5)^2 - Q / |Q|, Q = -scale * (r + 2): slopes at r = 0."""
    ddpg = learner(actor_learning_rate=0.03, data_weight=weight, action_l2=0.0)
    fill(ddpg.critics.members[0], [0.0, 0.0, 1.0], 2.0, -scale, 0.0)
    update(ddpg, train_actor=True, base_action=0.0, residual=0.5)
    assert last_bias(ddpg.actor) == pytest.approx(change, rel=1e-3)


def test_the_targets_keep_the_larger_share():
    """0.75 of 1 and a quarter of 3 are 1.5."""
    ddpg = learner(target_keep=0.75)
    for network, value in ((ddpg.target_actor, 1.0), (ddpg.target_critics, 1.0),
                           (ddpg.actor, 3.0), (ddpg.critics, 3.0)):
        for parameter in network.parameters():
            torch.nn.init.constant_(parameter, value)
    ddpg.update_targets()
    for network, value in ((ddpg.target_actor, 1.5), (ddpg.target_critics, 1.5),
                           (ddpg.actor, 3.0), (ddpg.critics, 3.0)):
        assert all((parameter == value).all() for parameter in network.parameters())


def counted_episode(steps=4):
    """Return an Episode whose numbers count up by 1 with the step: see the test."""
    after = np.arange(steps + 1.0)[:, None]
    return Episode(0, after, 10 + after, np.array([99.0]), 20 + after, 30 + after[:-1],
                   40 + after[:-1], 50 + after[:-1], np.ones(steps, bool), False)


def drawn(ratio=0.0, which='future', terminated=False):
    """Return (steps, Batch) of 200 transitions of the counted episode."""
    replay = Replay(LINE, 100, history_keep=0.0)
    replay.add(dataclasses.replace(counted_episode(), terminated=terminated))
    batch = her.sample(replay, 200, ratio, which, LINE, np.random.default_rng(0))
    step = batch.observation[:, 0]
    assert set(step) == {0, 1, 2, 3}
    return step, batch


def test_each_row_of_a_batch_is_that_of_its_step():
    step, batch = drawn(terminated=True)
    expected = {'remembered': np.maximum(step - 1, 0), 'goal': 0 * step + 99,
                'base_action': 20 + step, 'residual': 30 + step, 'executed': 50 + step,
                'next_observation': step + 1, 'next_remembered': step,
                'next_base_action': 21 + step}
    for name, column in expected.items():
        np.testing.assert_array_equal(getattr(batch, name)[:, 0], column, err_msg=name)
    np.testing.assert_array_equal(batch.reward, 0 * step - 1)
    np.testing.assert_array_equal(batch.terminal, step == 3)


def test_a_hindsight_goal_is_one_of_all_that_follow():
    """After step t the goals 11 + t to 14 are achieved; the reward is 0 for 11 + t alone."""
    step, batch = drawn(ratio=1.0)
    for number in range(4):
        assert set(batch.goal[step == number, 0]) == set(range(11 + number, 15))
    np.testing.assert_array_equal(batch.reward, np.where(batch.goal[:, 0] == 11 + step, 0, -1))
    step, batch = drawn(ratio=1.0, which='final')
    assert set(batch.goal[:, 0]) == {14.0}
    np.testing.assert_array_equal(batch.reward, np.where(step == 3, 0, -1))


def test_the_share_of_hindsight_goals():
    """Of 200 goals with a share of 0.8, 160 +- 4 standard deviations of 5.7 are replaced."""
    _, batch = drawn(ratio=0.8)
    assert 137 <= (batch.goal[:, 0] != 99).sum() <= 183
