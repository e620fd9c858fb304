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

"""Runs beside each other in one ROS domain, and strangers: over real DDS, with real processes."""

from contextlib import ExitStack
import re
import time

from bag_tools import assert_equal_episodes
from graph_tools import free_domain, in_process, listener, nodes, random_policy
from identity_tools import give_weights, graph, SIZES, TASK, Watch
import numpy as np
import pytest
from rpl_msgs.msg import (BaseAction, Command, EpisodeResult, LearnerStatus, PolicyWeights, State,
                          Task)
from rpl_ros.bags.audit import audit_bag, FIT
from rpl_ros.bags.reader import read_episodes
from rpl_ros.ros.convert import to_wire
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.ros.senders import Senders, SILENT_AFTER, UNKNOWN

pytestmark = pytest.mark.graph


@pytest.fixture(scope='module')
def policy():
    """Return (weights as bytes, what a process alone plays with them)."""
    content = random_policy(TASK, np.random.default_rng(1))
    return content, in_process(TASK, content)


def test_two_graphs_in_one_domain_do_not_know_of_each_other(tmp_path, policy):
    content, expected = policy
    domain, runs, watches, kept = free_domain(), ('one', 'two'), {}, []
    with ExitStack() as stack:
        for run in runs:
            (tmp_path / run).mkdir()
            node, spin = stack.enter_context(listener(domain, f'listener_{run}'))
            watches[run] = Watch(node, run), spin
            started = stack.enter_context(
                nodes(domain, tmp_path / run, **graph(run, node.get_name())))
            kept.append((give_weights(node, spin, tmp_path / run, content, run), started))
        for watch, spin in watches.values():
            spin(watch.is_complete)
        for _, started in kept:
            spin(lambda started=started: started['sim_node'].poll() == 0)
    for run, (watch, _) in watches.items():
        watch.equals(expected)
        other, = set(runs) - {run}
        log = (tmp_path / run / 'residual_node.log').read_text()
        ignored = [line for line in log.splitlines() if 'topic state: ignores' in line]
        # A run is short: its name may become known after its last message.
        assert 1 <= len(ignored) <= 2
        for line in ignored:
            assert f"which belongs to run '{other}', not '{run}'" in line
            assert UNKNOWN in line or 'ignores /sim_node,' in line


def forged(run, state):
    """Return {topic: a false message of `run`}, made from a State message of a run."""
    about = {'run': run, 'episode': state.episode, 'step': state.step + 1}
    four = to_wire(np.full(4, 0.7))
    later = State(run=run, task=TASK, episode=state.episode + 50, observation=state.observation,
                  achieved_goal=state.achieved_goal, desired_goal=state.desired_goal)
    return {
        'state': later, 'base_action': BaseAction(action=four, **about),
        'command': Command(sent=four, base_action=four, residual=four, total=four, **about),
        'policy_weights': PolicyWeights(run=run, version=99),
        'learner_status': LearnerStatus(run=run, owed_updates=10**6),
        'episode_result': EpisodeResult(run=run, episode=77, success=True),
        'task': Task(run=run, name='hook')}


@pytest.mark.parametrize('claimed', ['real', 'another', ''])
def test_a_stranger_changes_nothing_and_is_named(tmp_path, policy, claimed):
    content, expected = policy
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, **graph('real', 'listener', tmp_path / 'bag')) as started, \
            listener(domain, 'stranger') as (stranger, _):
        outputs = {topic: publisher(stranger, topic) for topic in forged('', State())}

        def interfere(state):
            if (state.episode, state.step) == (1, 5):  # by then the senders are known
                for topic, message in forged(claimed, state).items():
                    outputs[topic].publish(message)
        watch = Watch(node, 'real', interfere)
        weights = give_weights(node, spin, tmp_path, content, 'real')
        spin(watch.is_complete)
        spin(lambda: started['sim_node'].poll() == 0)
        node.destroy_publisher(weights)
    watch.equals(expected)
    assert audit_bag(tmp_path / 'bag').verdict == FIT
    assert_equal_episodes(list(read_episodes(tmp_path / 'bag', SIZES)),
                          [episode for episode, *_ in expected])
    for name, topics in (('residual_node', ('state', 'base_action', 'policy_weights', 'task')),
                         ('sim_node', ('command', 'learner_status')),
                         ('base_controller_node', ('state',)),
                         ('learner_node', ('state', 'command', 'task')),
                         ('recorder_node', ('state', 'command', 'base_action', 'task'))):
        log = (tmp_path / f'{name}.log').read_text()
        for topic in topics:
            # rclpy may not tell whose message it was, and a name may not be known yet.
            assert re.search(f'topic {topic}: ignores (/stranger|one of: .*(/stranger|{UNKNOWN}))',
                             log), (name, topic)


def test_a_stranger_that_has_left_before_it_is_heard_is_not_believed():
    domain, heard = free_domain(), []
    with listener(domain) as (node, spin), listener(domain, 'sim_node') as (real, _):
        node.senders = Senders(node, 'real')
        subscribe(node, 'episode_result', heard.append)
        results = publisher(real, 'episode_result')
        for episode in range(3):
            results.publish(EpisodeResult(run='real', episode=episode))
        spin(lambda: len(heard) == 3)
        with listener(domain, 'stranger') as (stranger, other_spin):
            forgery = publisher(stranger, 'episode_result')
            other_spin(forgery.get_subscription_count)
            forgery.publish(EpisodeResult(run='real', episode=77))
            time.sleep(SILENT_AFTER + 0.5)  # it arrives, but nobody looks; the sender is silent
        end = time.monotonic() + 30
        while node.count_publishers('episode_result') > 1:
            assert time.monotonic() < end
            time.sleep(0.05)
        results.publish(EpisodeResult(run='real', episode=3))
        spin(lambda: heard[-1].episode == 3)
    assert [message.episode for message in heard] == [0, 1, 2, 3]


def test_a_node_of_a_person_may_leave_the_run_empty_where_it_is_alone(tmp_path):
    domain, commands = free_domain(), []
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, residual_node={'task': TASK, 'run': 'real'},
            sim_node={'task': TASK, 'run': 'real', 'subscribers': 2,
                      'wait_for': 'residual_node'}):
        actions = publisher(node, 'base_action')
        subscribe(node, 'command', commands.append)
        subscribe(node, 'state', lambda message: actions.publish(BaseAction(
            episode=message.episode, step=message.step, action=to_wire(np.full(4, 0.25)))))
        spin(lambda: len(commands) > 20)
        assert {message.run for message in commands} == {'real'}
        with listener(domain, 'other') as (other, other_spin):
            second = publisher(other, 'base_action')
            other_spin(lambda: second.get_subscription_count())
            second.publish(BaseAction(episode=9))
            spin(lambda: 'set the field run to' in (tmp_path / 'residual_node.log').read_text())
