# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""Joining states and commands: any order, repeats, losses, other episodes."""

import dataclasses

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from rpl_ros import data
from rpl_ros.tasks.specs import TaskSpec
from rpl_ros.transitions import join, Joiner

SPEC = TaskSpec('small', 3, 2, 1, 6, 0.05, 'none')


def state(episode, step, last=False, applied=None):
    """Return a State whose numbers tell where it belongs."""
    return data.State(episode, step, np.full(3, episode + step / 10), np.full(2, float(step)),
                      np.array([9.0, episode]), success=last, truncated=last,
                      applied=step > 0 if applied is None else applied)


def command(episode, step, status=data.RESIDUAL):
    """Return a Command whose numbers tell where it belongs."""
    one = np.array([step / 100])
    return data.Command(episode, step, data.EVALUATE, 1, one + 1, one + 2, 1.0, one + 3, one + 4,
                        status)


def episode_messages(number, steps=6):
    """Return the messages of a whole episode as (kind, item)."""
    states = [('state', state(number, step, step == steps)) for step in range(steps + 1)]
    commands = [('command', command(number, step)) for step in range(steps + 1)]
    return [message for pair in zip(states, commands) for message in pair]


@given(st.permutations(episode_messages(3)), st.data())
@settings(deadline=None)
def test_order_and_repeats_make_no_difference(messages, choice):
    repeats = choice.draw(st.lists(st.sampled_from(messages), max_size=5))
    joiner, found = Joiner(SPEC), []
    for kind, item in messages[:7] + repeats + messages[7:]:
        found += joiner.add(kind, item)[0]
    (episode,) = found
    assert episode.valid.all() and episode.steps == 6 and episode.success
    np.testing.assert_array_equal(episode.observations[:, 0], 3 + np.arange(7) / 10)
    np.testing.assert_array_equal(episode.base_actions[:, 0], 1 + np.arange(7) / 100)
    np.testing.assert_array_equal(episode.residuals[:, 0], 2 + np.arange(6) / 100)
    np.testing.assert_array_equal(episode.sent[:, 0], 4 + np.arange(6) / 100)


@given(st.sets(st.integers(0, 13), max_size=13))
@settings(deadline=None)
def test_only_transitions_around_a_loss_are_left_out(lost):
    messages = [message for index, message in enumerate(episode_messages(0)) if index not in lost]
    states = {item.step: item for kind, item in messages if kind == 'state'}
    commands = {item.step: item for kind, item in messages if kind == 'command'}
    episode = join(SPEC, states, commands)
    if not states or not commands or max(states) < 1:
        assert episode is None
        return
    for step, valid in enumerate(episode.valid):
        whole = all(where in found for where in (step, step + 1) for found in (states, commands))
        assert valid == whole
    assert np.isfinite(episode.observations[:-1][episode.valid]).all()
    assert np.isfinite(episode.base_actions[1:][episode.valid]).all()


def test_a_missed_command_is_no_transition():
    messages = episode_messages(0)
    states = {item.step: item for kind, item in messages if kind == 'state'}
    commands = {item.step: item for kind, item in messages if kind == 'command'}
    states[4] = dataclasses.replace(states[4], applied=False)
    assert list(join(SPEC, states, commands).valid) == [True, True, True, False, True, True]


def test_an_episode_that_never_ends_is_joined_when_newer_ones_have_come():
    joiner, found = Joiner(SPEC), []
    for kind, item in episode_messages(0)[:8] + episode_messages(1) + episode_messages(2):
        found += joiner.add(kind, item)[0]
    assert [(episode.episode, int(episode.valid.sum())) for episode in found] == [
        (0, 3), (1, 6), (2, 6)]
    episodes, problem = joiner.add('state', state(0, 5))
    assert not episodes and problem == 'state (0, 5): the episode is over already'


@pytest.mark.parametrize('first', ['state', 'command'])
def test_one_topic_may_come_episodes_before_the_other(first):
    messages = [message for number in range(20) for message in episode_messages(number)]
    joiner, found = Joiner(SPEC), []
    for kind, item in sorted(messages, key=lambda message: message[0] != first):
        found += joiner.add(kind, item)[0]
    assert [episode.episode for episode in found] == list(range(20))
    assert all(episode.valid.all() for episode in found) and not joiner.problems


def test_a_silent_topic_does_not_fill_the_memory():
    joiner = Joiner(SPEC)
    for number in range(500):
        for kind, item in episode_messages(number):
            if kind == 'state':
                joiner.add(kind, item)
    assert len(joiner._open) <= 101


def test_flush_gives_what_is_still_open():
    joiner = Joiner(SPEC)
    for kind, item in episode_messages(4)[:6]:
        joiner.add(kind, item)
    (episode,) = joiner.flush()
    assert int(episode.valid.sum()) == 2 and joiner.flush() == []


@pytest.mark.parametrize('item, words', [
    (dataclasses.replace(state(0, 1), observation=np.zeros(4)), 'has 4 values, expected 3'),
    (dataclasses.replace(state(0, 1), achieved_goal=np.array([0, np.nan])), 'not finite'),
    (dataclasses.replace(state(0, 1), desired_goal=np.zeros(1)), 'has 1 values, expected 2'),
    (state(0, 7), 'beyond the horizon of 6'),
    (dataclasses.replace(command(0, 1), sent=np.array([np.inf])), 'not finite'),
    (dataclasses.replace(command(0, 1), residual=np.empty(0)), 'has 0 values, expected 1'),
])
def test_bad_messages_are_named_and_counted(item, words):
    joiner = Joiner(SPEC)
    kind = 'state' if isinstance(item, data.State) else 'command'
    episodes, problem = joiner.add(kind, item)
    assert not episodes and words in problem and f'(0, {item.step})' in problem
    assert list(joiner.problems.values()) == [1]
