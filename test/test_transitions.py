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

"""Joining states and commands: any order, repeats, losses, other episodes."""

import dataclasses

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from rpl_ros import data
from rpl_ros.data import Episode, Mode, Status
from rpl_ros.policy.residual import compose
from rpl_ros.robot.safety.inputs import bounded
from rpl_ros.transitions import executed_by, held, join, Joiner
from task_tools import small_spec

SPEC = small_spec('small', 3, 2, 1, 6)


def state(episode, step, last=False, applied=None):
    """Return a State whose numbers tell where it belongs."""
    return data.State(episode, step, np.full(3, episode + step / 10), np.full(2, float(step)),
                      np.array([9.0, episode]), success=last, truncated=last,
                      applied=step > 0 if applied is None else applied)


def command(episode, step, status=Status.RESIDUAL):
    """Return a Command whose numbers tell where it belongs."""
    one = np.array([step / 100])
    return data.Command(episode, step, Mode.EVALUATE, 1, one + 1, one + 2, 1.0, one + 3, one + 4,
                        status)


def episode_messages(number, steps=6):
    """Return the messages of a whole episode as (kind, item)."""
    states = [('state', state(number, step, step == steps)) for step in range(steps + 1)]
    commands = [('command', command(number, step)) for step in range(steps + 1)]
    return [message for pair in zip(states, commands) for message in pair]


def test_no_transition_of_an_episode_that_could_not_continue_is_valid():
    joiner, found = Joiner(SPEC), []
    for kind, item in episode_messages(0, 4):
        if kind == 'state' and item.last:
            item = dataclasses.replace(item, problem='it fell over')
        found += joiner.add(kind, item)[0]
    (episode,) = found
    assert (episode.problem, episode.steps, episode.valid.tolist()) == (
        'it fell over', 4, [False] * 4)


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


def test_an_episode_that_was_given_back_is_not_begun_again():
    joiner = Joiner(SPEC)
    for kind, item in episode_messages(3):
        joiner.add(kind, item)
    for kind, item in episode_messages(3):
        # A robot that waits sends its last state again, and gets the same answer.
        problem = f'{kind} (3, {item.step}): the episode is over already'
        assert joiner.add(kind, item) == ([], problem if item.step < 6 else '')
    assert joiner.flush() == []


def test_the_same_message_again_is_no_problem_and_another_one_is():
    joiner, found = Joiner(SPEC), []
    for kind, item in episode_messages(0) + episode_messages(1):
        for _ in range(3):
            episodes, problem = joiner.add(kind, item)
            found += episodes
            assert not problem
        changes = [{'reward': -7.0}, {'observation': np.full(3, 9.0)}] if kind == 'state' else [
            {'sent': np.array([0.7])}, {'policy_version': 9}]
        for change in changes:
            _, problem = joiner.add(kind, dataclasses.replace(item, **change))
            assert problem.endswith(('another one of this step was received before',
                                     'the episode is over already'))
    assert [one.episode for one in found] == [0, 1]
    assert all(one.valid.all() for one in found)


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


def executed(base, residual, action, scale=1.0, applied=True, whole=False):
    """Return what executed_by() makes of a command and of the action that the robot did."""
    base, residual, action = (np.array(values, float) for values in (base, residual, action))
    total = residual if whole else base + scale * residual
    command = data.Command(0, 0, Mode.EXPLORE, 1, base, residual, 1.0 if whole else scale, total,
                           np.clip(total, -1, 1), Status.EXPLORING)
    after = data.State(0, 1, np.zeros(3), np.zeros(2), np.zeros(2), applied=applied,
                       executed=action)
    return executed_by(command, after)


def test_the_learner_learns_from_what_was_executed():
    """Numbers by hand: base 0.5 and residual 0.4 ask for 0.9."""
    assert executed([0.5], [0.4], []) == ([0.9], [0.4])            # nothing told: as it was sent
    assert executed([0.5], [0.4], [0.9]) == ([0.9], [0.4])
    assert executed([0.5], [0.4], [0.5]) == ([0.5], [0.0])         # the base action alone
    assert executed([1.5], [0.4], [1.0]) == ([1.0], [0.4])         # what was sent, clipped
    assert executed([1.5], [-0.8], [1.0]) == ([1.0], [0.0])        # the base action, clipped
    action, residual = executed([0.5], [0.4], [0.6])               # bounded to 0.1
    assert action == [0.6] and residual == pytest.approx([0.1])
    action, residual = executed([0.5], [0.4], [0.6], scale=2.0)
    assert action == [0.6] and residual == pytest.approx([0.05])
    assert executed([0.5], [-0.3], [0.2], whole=True) == ([0.2], [0.2])
    assert executed([0.5], [0.4], [0.9], applied=False) is None
    action, residual = executed([1.5, 0.0], [-1.0, 1.0], [1.0, 0.1], scale=0.3)  # bounded to 0.1
    np.testing.assert_allclose(residual, [0.0, 1 / 3])  # the first one is the base action, clipped
    assert executed([0.9], [0.1], [-0.5]) is None                  # no residual explains it
    assert executed([0.5], [0.0], [0.6], scale=0.0) is None


@given(st.floats(-2, 2), st.floats(-1, 1), st.floats(0.05, 2), st.floats(0, 2))
@settings(deadline=None)
def test_a_bounded_action_is_explained_by_the_residual_that_is_given_back(base, residual, scale,
                                                                          bound):
    sent = bounded(np.array([base + scale * residual]), np.array([base]), np.array([bound]))
    known = executed([base], [residual], sent, scale)
    assert known is not None and -1.0 <= known[1][0] <= 1.0
    _, again = compose(np.array([base]), known[1], scale)
    np.testing.assert_allclose(again, sent, atol=1e-9)


def test_an_episode_of_which_no_residual_was_executed_is_one_of_the_base_controller():
    states = {step: state(3, step, step == 6) for step in range(7)}
    commands = {step: command(3, step) for step in range(7)}
    for step in range(1, 7):  # max_residual 0: the base action, clipped
        states[step] = dataclasses.replace(
            states[step], executed=np.clip(commands[step - 1].base_action, -1, 1))
    episode = join(SPEC, states, commands)
    assert episode.valid.all() and not episode.residuals.any()
    np.testing.assert_array_equal(episode.executed, np.clip(episode.base_actions[:-1], -1, 1))
    assert episode.sent.any() and not np.array_equal(episode.sent, episode.executed)


def test_what_ends_an_episode_is_told_apart():
    def joined(**end):
        states = {step: state(0, step) for step in range(3)}
        states[2] = dataclasses.replace(states[2], **end)
        return join(SPEC, states, {step: command(0, step) for step in range(3)})
    assert joined(terminated=True).terminated and joined(terminated=True).ended
    assert joined(truncated=True).ended and not joined(truncated=True).terminated
    assert not joined().ended


def test_what_has_come_of_a_robot_that_left_is_joined_and_later_messages_are_late():
    joiner = Joiner(SPEC)
    assert joiner.next_episode == 0 and not joiner.waits
    for step in range(4):
        joiner.add('state', state(7, step))
        joiner.add('command', command(7, step))
    assert joiner.next_episode == 8 and joiner.waits
    episode, = joiner.flush()
    assert (episode.episode, episode.steps, episode.ended) == (7, 3, False)
    assert episode.valid.all() and not joiner.waits and joiner.next_episode == 8
    assert joiner.add('state', state(7, 4)) == ([], 'state (7, 4): the episode is over already')
    assert joiner.add('state', state(8, 0)) == ([], '')


def test_a_held_residual_makes_one_transition_of_several_steps():
    """Numbers by hand: seven steps, held for three; the fourth step is lost."""
    residuals = np.repeat([[0.5], [-0.25], [1.0]], 3, axis=0)[:7]
    base = np.arange(8.0)[:, None]
    episode = Episode(
        3, 10.0 * base, 100.0 * base, np.array([7.0]), base, residuals, residuals + base[:7],
        residuals + base[:7], np.array([1, 1, 1, 0, 1, 1, 1], bool), True, terminated=True,
        rewards=np.arange(7.0))
    found = held(episode, 3)
    assert found.observations[:, 0].tolist() == [0.0, 30.0, 60.0, 70.0]
    assert found.achieved_goals[:, 0].tolist() == [0.0, 300.0, 600.0, 700.0]
    assert found.base_actions[:, 0].tolist() == [0.0, 3.0, 6.0, 7.0]
    assert found.residuals[:, 0].tolist() == [0.5, -0.25, 1.0]
    assert found.executed[:, 0].tolist() == [0.5, 2.75, 7.0]
    assert found.rewards.tolist() == [3.0, 12.0, 6.0] and found.valid.tolist() == [True, False,
                                                                                   True]
    assert (found.steps, found.success, found.terminated) == (3, True, True)
    assert held(episode, 1) is episode
    residuals[1] = 0.0  # the robot fell back to the base action
    assert held(episode, 3).valid.tolist() == [False, False, True]
