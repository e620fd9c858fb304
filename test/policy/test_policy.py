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

"""Composition, exploration, modes, weights on the wire: the robot side, without ROS."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from rpl_ros import data
from rpl_ros.data import Mode, Status
from rpl_ros.policy.actor import Actor, remember
from rpl_ros.policy.residual import compose, episode_mode, explore, ResidualPolicy
from rpl_ros.policy.weights import digest, pack, PolicyShape, unpack, WeightsError
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import ResidualSettings
from rpl_ros.tasks.find import task_spec

SPEC = task_spec('hook')
SHAPE = PolicyShape('hook', 40, 3, 4, 2, 8)
finite = hnp.arrays(float, 4, elements=st.floats(-1e6, 1e6))
unit = hnp.arrays(float, 4, elements=st.floats(-1, 1))


def tensors(shape, rng, last=1.0):
    """Return random tensors of a PolicyShape; the last layer's are scaled by `last`."""
    found = {name: rng.normal(0, 1, size).astype(np.float32)
             for name, size in shape.tensors().items()}
    for name in ('observation_std', 'goal_std'):
        found[name] = np.abs(found[name]) + np.float32(0.1)
    for part in ('weight', 'bias'):
        found[f'layer{shape.hidden_layers}.{part}'] *= np.float32(last)
    return found


def state(episode=0, step=0, **changes):
    """Return a usable State of the hook task."""
    fields = {'observation': np.linspace(0, 1, 40), 'achieved_goal': np.ones(3),
              'desired_goal': np.ones(3), **changes}
    return data.State(episode, step, **fields)


def policy(actor=None, **values):
    """Return a ResidualPolicy with settings and, if given, an actor."""
    found = ResidualPolicy(make_settings(ResidualSettings, {'task': 'hook', **values}), SPEC)
    if actor:
        found.offer(actor, 5, False)
    return found


@given(finite, unit, st.floats(0, 2))
def test_compose_adds_then_clips(base, residual, scale):
    total, sent = compose(base, residual, scale)
    np.testing.assert_array_equal(total, base + scale * residual)
    assert (np.abs(sent) <= 1).all()
    np.testing.assert_array_equal(sent[np.abs(total) <= 1], total[np.abs(total) <= 1])


@given(finite)
def test_a_zero_residual_sends_the_clipped_base_action(base):
    shape = SHAPE
    actor = Actor(tensors(shape, np.random.default_rng(0), last=0.0), shape)
    command = policy(actor, base_every=0, evaluate_every=1).command(state(), base)
    np.testing.assert_array_equal(command.sent, np.clip(base, -1, 1))
    assert command.status == Status.RESIDUAL and command.policy_version == 5


@given(hnp.arrays(float, st.integers(0, 6), elements=st.floats(allow_nan=True)))
@settings(max_examples=200)
def test_whatever_the_base_action_the_command_is_safe(base):
    command = policy(base_every=1).command(state(), base)
    assert command.sent.shape == (4,) and (np.abs(command.sent) <= 1).all()
    if base.shape != (4,) or not np.isfinite(base).all():
        assert command.status == Status.STOP_BAD_BASE and not command.sent.any()


@given(hnp.arrays(float, st.sampled_from([39, 40, 41]), elements=st.floats(allow_nan=True)))
@settings(max_examples=200)
def test_whatever_the_observation_the_command_is_safe(observation):
    actor = Actor(tensors(SHAPE, np.random.default_rng(0)), SHAPE)
    side = policy(actor, base_every=0, evaluate_every=1)
    with np.errstate(all='ignore'):
        command = side.command(state(observation=observation), np.zeros(4))
    assert command.sent.shape == (4,) and (np.abs(command.sent) <= 1).all()
    usable = observation.shape == (40,) and np.isfinite(observation).all()
    assert (command.status == Status.STOP_BAD_STATE) == (not usable)


@given(unit, st.integers(0, 2**32), st.floats(0, 2), st.floats(0, 1))
def test_exploration_stays_in_range_and_repeats(residual, seed, std, probability):
    values = make_settings(ResidualSettings, {'noise_std': std, 'random_probability': probability})
    zero = np.zeros(4)
    first, second = (explore(residual, values, np.random.default_rng(seed), zero)
                     for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (np.abs(first) <= 1).all()


@pytest.mark.parametrize('probability, low, high', [
    (0.0, 0, 0), (0.3, 257, 343), (1.0, 1000, 1000)])
def test_the_share_of_uniform_residuals(probability, low, high):
    """Without noise others stay as they are; 300 of 1000 +- 3 standard deviations of 14.5."""
    values = make_settings(ResidualSettings, {'noise_std': 0.0, 'random_probability': probability})
    residual, rng = np.full(4, 0.25), np.random.default_rng(0)
    drawn = [explore(residual, values, rng, np.zeros(4)) for _ in range(1000)]
    assert low <= sum((one != residual).any() for one in drawn) <= high


def test_in_the_last_state_of_an_episode_there_is_no_residual():
    side = policy(Actor(tensors(SHAPE, np.random.default_rng(0)), SHAPE), base_every=0,
                  evaluate_every=1)
    assert side.command(state(), np.zeros(4)).residual.any()
    for end in ('truncated', 'terminated'):
        command = side.command(state(step=1, **{end: True}), np.full(4, 0.5))
        assert command.status == Status.EPISODE_END and not command.residual.any()
        assert command.sent.tolist() == [0.5] * 4


def test_modes_follow_their_schedule():
    values = make_settings(ResidualSettings, {'base_every': 4, 'evaluate_every': 5})
    rng = np.random.default_rng(0)
    modes = [episode_mode(values, number, False, rng) for number in range(20)]
    assert [n for n, mode in enumerate(modes) if mode == Mode.BASE] == [2, 6, 10, 14, 18]
    assert [n for n, mode in enumerate(modes) if mode == Mode.EVALUATE] == [4, 9, 19]
    burning = [episode_mode(values, 3, True, rng) for _ in range(1000)]
    assert 400 < burning.count(Mode.BASE) < 600


def test_new_weights_wait_for_the_next_episode():
    rng = np.random.default_rng(0)
    side = policy(Actor(tensors(SHAPE, rng), SHAPE), base_every=0, evaluate_every=1)
    before = side.command(state(0, 0), np.zeros(4))
    side.offer(Actor(tensors(SHAPE, rng), SHAPE), 6, False)
    same = side.command(state(0, 1), np.zeros(4))
    np.testing.assert_array_equal(before.residual, same.residual)
    after = side.command(state(1, 0), np.zeros(4))
    assert (before.policy_version, same.policy_version, after.policy_version) == (5, 5, 6)
    assert not np.array_equal(same.residual, after.residual)


def test_history_is_the_observation_before_and_none_of_another_episode():
    shape = PolicyShape('hook', 40, 3, 4, 1, 8, history=1)
    values = tensors(shape, np.random.default_rng(0))
    actor = Actor(values, shape)
    side = policy(actor, base_every=0, evaluate_every=1)
    first, second = np.linspace(0, 1, 40), np.linspace(1, 0, 40)
    side.command(state(0, 0, observation=first), np.zeros(4))
    command = side.command(state(0, 1, observation=second), np.zeros(4))
    np.testing.assert_array_equal(command.residual,
                                  actor.act(second, first, np.ones(3), np.zeros(4)))
    fresh = side.command(state(1, 0, observation=second), np.zeros(4))
    np.testing.assert_array_equal(fresh.residual,
                                  actor.act(second, second, np.ones(3), np.zeros(4)))


def test_weights_come_back_as_they_were():
    values = tensors(SHAPE, np.random.default_rng(3))
    content = pack(values, SHAPE, 4, True)
    found, shape = unpack(content, digest(content))
    assert shape == SHAPE
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value)


def changed(change):
    """Return the bytes of a policy after `change(tensors)`."""
    values = tensors(SHAPE, np.random.default_rng(3))
    change(values)
    return pack(values, SHAPE)


@pytest.mark.parametrize('content, words', [
    (b'', 'no safetensors file: they are 0, expected at least 8'),
    (b'\xff' * 100, 'no safetensors file'),
    (changed(lambda values: values.pop('goal_std')), "'goal_std' is missing"),
    (changed(lambda values: values.update(extra=np.zeros(1))), "'extra' is unknown"),
    (changed(lambda values: values.update(goal_std=np.ones(4))), 'expected float32 of shape (3,)'),
    (changed(lambda values: values['layer0.bias'].fill(np.nan)), 'not finite'),
])
def test_unusable_weights_are_refused_with_a_reason(content, words):
    with pytest.raises(WeightsError, match=words.replace('(', r'\(').replace(')', r'\)')):
        unpack(content)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_weights_never_get_through(choice):
    content = bytearray(pack(tensors(SHAPE, np.random.default_rng(3)), SHAPE))
    good = digest(content)
    where = choice.draw(st.integers(0, len(content) - 1))
    content[where] ^= choice.draw(st.integers(1, 255))
    with pytest.raises(WeightsError):
        unpack(content, good)


class Failing:
    """An actor that gives what it is told to, or raises it."""

    shape = SHAPE

    def __init__(self, outcome):
        """Take an exception, or what act() shall return."""
        self._outcome = outcome

    def act(self, observation, remembered, desired_goal, base_action):
        """Fail."""
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


@pytest.mark.parametrize('mode', [{'evaluate_every': 1}, {'evaluate_every': 0, 'noise_std': 0.5}])
@pytest.mark.parametrize('outcome', [
    ValueError('matmul'), MemoryError(), RecursionError(), np.zeros(3), np.zeros((1, 4)), None,
    np.full(4, np.nan), np.array([0, 0, 0, np.inf]), np.full(4, 1.5), 'left', [0.0] * 10**5, 1.0])
def test_a_policy_that_fails_leaves_the_base_action(outcome, mode):
    side = policy(Failing(outcome), base_every=0, **mode)
    base = np.array([0.5, -0.25, 2.0, 0.0])
    for step in range(2):
        command = side.command(state(step=step), base)
        assert command.status == Status.BAD_RESIDUAL and not command.residual.any()
        np.testing.assert_array_equal(command.sent, [0.5, -0.25, 1.0, 0.0])
        assert 0 < len(side.problem) < 300


def test_weights_that_do_not_fit_their_own_network_leave_the_base_action():
    shape = PolicyShape('hook', 24, 3, 4, 1, 8)  # observations have 40 numbers
    side = policy(Actor(tensors(shape, np.random.default_rng(0)), shape), base_every=0,
                  evaluate_every=1)
    command = side.command(state(), np.full(4, 0.5))
    assert command.status == Status.BAD_RESIDUAL and command.sent.tolist() == [0.5] * 4


def test_versions_only_go_up_and_mean_one_policy():
    one, two = (Actor(tensors(SHAPE, np.random.default_rng(n)), SHAPE) for n in range(2))
    side = policy(base_every=0, evaluate_every=1)
    side.offer(one, 40, False, 'a')
    side.offer(two, 40, True, 'a')  # latched, and sent again: nothing changes
    first = side.command(state(0), np.zeros(4))
    np.testing.assert_array_equal(
        first.residual, one.act(state().observation, state().observation, np.ones(3), np.zeros(4)))
    for version, digest_, words in ((12, 'b', 'version 40 is here already, and newer'),
                                    (40, 'b', 'version 40 is here already, and it was another'),
                                    (39, 'a', 'newer'), (0, '', 'begin at 1')):
        with pytest.raises(WeightsError, match=words):
            side.offer(two, version, False, digest_)
        assert side.command(state(version + 1), np.zeros(4)).policy_version == 40
    side.offer(two, 41, False, 'b')
    assert side.command(state(99), np.zeros(4)).policy_version == 41


def test_what_is_remembered_filters_and_skips_what_was_lost():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 4))
    rows[[0, 7]] = np.nan
    past = None
    for row in rows:
        past = remember(past, row, 0.8)
    good = rows[~np.isnan(rows).any(axis=1)]
    expected = good[0]
    for row in good[1:]:
        expected = 0.8 * expected + 0.2 * row
    np.testing.assert_allclose(past, expected)
    np.testing.assert_array_equal(remember(rows[1], rows[2], 0.0), rows[2])


def test_the_policy_sees_what_it_remembers_of_the_states_that_it_could_use():
    rng = np.random.default_rng(0)
    shape = PolicyShape('hook', 40, 3, 4, 1, 8, history=1, history_keep=0.8)
    actor = Actor(tensors(shape, rng), shape)
    found = policy(actor, base_every=0, evaluate_every=1)
    past = None
    for step in range(8):
        row = rng.normal(size=40)
        if step == 3:
            row[5] = np.nan
        command = found.command(state(step=step, observation=row), np.zeros(4))
        if step == 3:
            assert command.status == Status.STOP_BAD_STATE
            continue
        expected = actor.act(row, row if past is None else past, np.ones(3), np.zeros(4))
        np.testing.assert_array_equal(command.residual, expected)
        past = row if past is None else 0.8 * past + 0.2 * row


def switched(*switches, **values):
    """Return the Commands of 2 episodes of 3 steps; `switches` is {(episode, step): on}."""
    actor = Actor(tensors(SHAPE, np.random.default_rng(0)), SHAPE)
    side, found = policy(actor, base_every=0, **values), []
    for episode in range(2):
        for step in range(3):
            for where, on in switches:
                if where == (episode, step):
                    side.use_residual = on
            found.append(side.command(state(episode, step), np.full(4, 0.1)))
    return found


def test_the_residual_is_off_from_the_next_step_and_on_from_the_next_episode():
    commands = switched(((0, 1), False), ((0, 2), True), evaluate_every=1)
    on = [command.status == Status.RESIDUAL for command in commands]
    assert on == [True, False, False, True, True, True]
    for command in commands[1:3]:
        assert command.status == Status.RESIDUAL_OFF and not command.residual.any()
        np.testing.assert_array_equal(command.sent, np.full(4, 0.1))
    # A mixed episode measures neither the policy nor the base controller.
    assert [command.mode for command in commands] == [
        Mode.EVALUATE, Mode.EXPLORE, Mode.EXPLORE, *[Mode.EVALUATE] * 3]


def test_an_episode_that_begins_without_the_residual_measures_the_base():
    commands = switched(((1, 0), False), evaluate_every=1)
    assert [command.mode for command in commands] == [Mode.EVALUATE] * 3 + [Mode.BASE] * 3
    assert {command.status for command in commands[3:]} == {Status.RESIDUAL_OFF}


@given(st.floats(0.0, 1.0), st.booleans())
def test_a_share_makes_the_residual_smaller_after_exploration(share, explores):
    values = {'evaluate_every': 0 if explores else 1}
    whole, part = (switched(residual_share=one, **values) for one in (1.0, share))
    for one, two in zip(whole, part):
        np.testing.assert_array_equal(two.residual, share * one.residual)
        np.testing.assert_array_equal(two.total, np.full(4, 0.1) + two.residual)
        assert (one.status, one.mode) == (two.status, two.mode)


def test_a_policy_from_a_file_never_explores():
    values = make_settings(ResidualSettings, {'policy': 'file', 'base_every': 10,
                                              'evaluate_every': 0})
    modes = [episode_mode(values, number, True, np.random.default_rng(0)) for number in range(20)]
    assert modes == [Mode.BASE if number in (5, 15) else Mode.EVALUATE for number in range(20)]


@pytest.mark.parametrize('explores', [False, True])
def test_a_residual_is_held_while_the_base_action_changes(explores):
    shape = replace(SHAPE, residual_hold=3)
    actor = Actor(tensors(shape, np.random.default_rng(0)), shape)
    it = policy(actor, base_every=0, evaluate_every=0 if explores else 1)
    rng = np.random.default_rng(1)
    sent = []
    for step in range(7):
        if step == 4:
            it.command(state(step=step), None)  # no base action in time: one stop
            continue
        base = rng.uniform(-0.2, 0.2, 4)
        one = it.command(state(step=step, observation=rng.normal(size=40)), base)
        np.testing.assert_array_equal(one.sent, np.clip(base + one.residual, -1, 1))
        sent.append((step, one.residual.tolist(), one.status))
    groups = [{(tuple(residual), status) for step, residual, status in sent if step // 3 == hold}
              for hold in range(3)]
    assert [len(group) for group in groups] == [1, 1, 1]
    assert len(set.union(*groups)) == 3
    assert {status for _, _, status in sent} == {Status.EXPLORING if explores else Status.RESIDUAL}
    it.use_residual = False  # at once, not after the hold
    assert not it.command(state(step=7), np.zeros(4)).residual.any()
