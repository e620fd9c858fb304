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

"""sim_node alone over real DDS: commands that are wrong, late or missing; time; a second graph."""

from graph_tools import free_domain, listener, nodes
import numpy as np
import pytest
from rosgraph_msgs.msg import Clock
from rpl_msgs.msg import Command as CommandMessage, LearnerStatus
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.tasks import make_task

pytestmark = pytest.mark.graph

HOOK = {'task': 'hook', 'seed': 2, 'subscribers': 1}


@pytest.fixture
def sim_side(tmp_path):
    """Yield (start, states, clocks, command, spin) around a sim_node and what it publishes."""
    domain, states, clocks = free_domain(), [], []
    with listener(domain) as (node, spin):
        commands = publisher(node, 'command')
        subscribe(node, 'state', states.append)
        node.create_subscription(Clock, '/clock', clocks.append, 100)

        def start(**values):
            return nodes(domain, tmp_path, sim_node={**HOOK, **values})

        def statuses(message):
            """Send a LearnerStatus again and again, as a learner does."""
            learner = publisher(node, 'learner_status')
            node.create_timer(0.2, lambda: message and learner.publish(message))
        spin.statuses = statuses

        def command(episode, step, sent=(0.5, 0.5, 0.5, 0.0)):
            commands.publish(CommandMessage(episode=episode, step=step, sent=list(sent)))
        yield start, states, clocks, command, spin


def test_only_the_command_for_the_present_state_moves_the_robot(sim_side, tmp_path):
    start, states, _, command, spin = sim_side
    with start():
        spin(lambda: states)
        command(0, 0)
        spin(lambda: len(states) == 2)
        command(0, 0)  # repeated
        command(7, 1)  # of another episode
        command(0, 5)  # too early
        spin(lambda: 'command for step 5 of episode 0 arrived at step 1; ignored'
             in (tmp_path / 'sim_node.log').read_text())
        command(0, 1, (0.5, float('nan'), 0.5, 0.0))  # the gripper holds still
        spin(lambda: states[-1].step == 2)
        command(0, 2, (1.0, 1.0))
        spin(lambda: states[-1].step == 3)
    task = make_task('hook', 2)
    expected = [task.reset(0), task.step(np.array([0.5, 0.5, 0.5, 0.0]))]
    expected += [task.step(np.zeros(4)), task.step(np.zeros(4))]
    for step, state in enumerate(expected):
        found = next(message for message in states if message.step == step)
        np.testing.assert_array_equal(found.observation, state.observation)
    # Nothing but the gripper's halt was executed for the two bad ones: they are no transitions.
    assert [next(found for found in states if found.step == step).applied
            for step in range(4)] == [False, True, False, False]


def test_a_command_that_does_not_come_is_asked_for_again_and_given_up_in_the_end(sim_side):
    start, states, _, _, spin = sim_side
    with start(resend_after=0.2, give_up_after=1.5) as started:
        spin(lambda: len(states) >= 3)
        assert {message.step for message in states} == {0}
        spin(lambda: started['sim_node'].poll() is not None)
        assert started['sim_node'].returncode == 1


def test_realtime_goes_on_without_commands_and_says_so(sim_side):
    start, states, clocks, command, spin = sim_side
    with start(mode='realtime'):
        spin(lambda: states)
        command(0, states[-1].step)
        spin(lambda: len(states) >= 25)
    applied = [message.applied for message in states]
    assert not all(applied[1:]) and states[24].step == states[0].step + 24
    assert not any(message.command_age for message in states if not message.applied)
    stamps = [message.clock.sec + message.clock.nanosec * 1e-9 for message in clocks]
    np.testing.assert_allclose(np.diff(stamps), 0.04, atol=1e-6)
    stamps = [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
              for message in states]
    assert (np.diff(stamps) == 40_000_000).all()
    assert states[0].header.frame_id == 'world'


def test_in_lockstep_stamps_and_clock_are_one_time_base(sim_side):
    start, states, clocks, command, spin = sim_side
    with start(horizon=3, episodes=2) as started:
        while started['sim_node'].poll() is None:
            spin(lambda: states and not states[-1].truncated
                 or started['sim_node'].poll() is not None)
            command(states[-1].episode, states[-1].step)
            count = len(states)
            spin(lambda count=count: len(states) > count
                 or started['sim_node'].poll() is not None)
            if states[-1].truncated:
                command(states[-1].episode, states[-1].step)
    stamps = [message.header.stamp for message in states]
    assert [message.clock for message in clocks] == stamps
    # 40 ms for each control step; a reset takes no time.
    assert [stamp.nanosec / 1e9 for stamp in stamps] == [0.0, 0.04, 0.08, 0.12,
                                                         0.12, 0.16, 0.20, 0.24]


@pytest.mark.parametrize('settings, said, why', [
    ({'wait_for': '"residual_node learner_node"', 'run': 'mine', 'start_timeout': 3.0}, None,
     "gave up after 3 s: nodes of run 'mine' that are missing: learner_node, residual_node; "
     'subscriptions on /state: 1 of 1'),
    ({'max_owed_updates': 10, 'give_up_after': 1.0}, LearnerStatus(owed_updates=123),
     'gave up after 1 s: the learner owes 123 updates')])
def test_what_it_waits_for_is_said_and_ends(sim_side, tmp_path, settings, said, why):
    start, states, _, _, spin = sim_side
    with start(**settings) as started:
        spin.statuses(said)
        spin(lambda: started['sim_node'].poll() is not None)
        assert started['sim_node'].returncode == 1
    assert why in (tmp_path / 'sim_node.log').read_text() and not states


def test_a_second_simulator_without_a_run_is_refused(sim_side, tmp_path):
    start, states, _, _, spin = sim_side
    with start():
        spin(lambda: states)
        (tmp_path / 'sim_node.log').rename(tmp_path / 'first.log')
        with start() as started:
            spin(lambda: started['sim_node'].poll() is not None)
            assert started['sim_node'].returncode == 1
        assert 'give the nodes of each run the same parameter run' in (
            tmp_path / 'sim_node.log').read_text()
