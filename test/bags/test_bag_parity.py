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

"""One run: live over DDS, from its bag, from that bag as sqlite3, in one process: equal bits."""

from bag_tools import assert_equal_episodes, to_sqlite
from graph_tools import (EPISODES, free_domain, in_process, listener, MODES, nodes, random_policy,
                         SEED, weights_message)
import numpy as np
import pytest
from rpl_ros.bags.audit import audit_bag, FIT
from rpl_ros.bags.errors import Report
from rpl_ros.bags.reader import read_episodes
from rpl_ros.learning.learner import Learner
from rpl_ros.ros.convert import read_command, read_state
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks.find import task_spec
from rpl_ros.transitions import Joiner

TASK = 'complex_hook'
UPDATES = 100


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Return (bag, live Episodes, in-process Episodes) of the same run."""
    folder = tmp_path_factory.mktemp('run')
    content = random_policy(TASK, np.random.default_rng(1))
    domain, joiner, live = free_domain(), Joiner(task_spec(TASK)), []
    common = {'task': TASK, 'seed': SEED}

    def take(kind, item):
        live.extend(joiner.add(kind, item)[0])

    def log_of(name):
        return (folder / f'{name}.log').read_text()
    with listener(domain) as (node, spin), nodes(
            domain, folder, recorder_node={'out': folder / 'bag'},
            base_controller_node={**common, 'readers': 2},
            residual_node={**MODES, 'task': TASK, 'readers': 3},
            # Base controller, residual, recorder and this listener.
            sim_node={**common, 'episodes': EPISODES, 'subscribers': 4,
                      'wait_for': 'base_controller_node residual_node recorder_node'}) as started:
        weights = publisher(node, 'policy_weights')
        # It is latched: whoever comes later gets it as well.
        weights.publish(weights_message(content, 7))
        spin(lambda: 'weights version 7 will be used' in log_of('residual_node'))
        # The recorder, too: found late, it would still wait for them when the run has ended.
        spin(lambda: weights.get_subscription_count() == 2)
        subscribe(node, 'command', lambda message: take('command', read_command(message)))
        subscribe(node, 'state', lambda message: take('state', read_state(message)))
        spin(lambda: len(live) == EPISODES and started['sim_node'].poll() is not None)
    assert started['recorder_node'].returncode == 0
    return folder / 'bag', live, [episode for episode, *_ in in_process(TASK, content)]


def test_transitions_are_equal_to_the_last_bit(run, tmp_path):
    bag, live, expected = run
    assert all(episode.valid.all() for episode in expected)
    assert any(np.abs(episode.residuals).max() > 0.1 for episode in expected)
    assert_equal_episodes(live, expected)
    for path in (bag, to_sqlite(bag, tmp_path / 'sqlite')):
        report = Report()
        assert_equal_episodes(list(read_episodes(path, task_spec(TASK), report)), expected)
        assert not report.damage and not report.problems


def test_a_learner_comes_to_the_same_weights(run):
    bag, _, expected = run
    found = []
    for episodes in (expected, read_episodes(bag, task_spec(TASK))):
        learner = Learner(make_settings(LearnerSettings, {
            'task': TASK, 'seed': SEED, 'burn_in': 'none', 'threads': 1}))
        for episode in episodes:
            learner.add(episode)
        before = learner.policy_tensors()
        for _ in range(UPDATES):
            learner.update()
        found.append(learner.policy())
        after = learner.policy_tensors()
        assert any((before[name] != after[name]).any() for name in after)
    assert found[0] == found[1]


def test_the_audit_of_a_real_run(run):
    audit = audit_bag(run[0])
    assert (audit.verdict, audit.losses) == (FIT, [])
    assert audit.episodes == EPISODES and audit.messages['episode_result'] == EPISODES
    assert audit.messages['policy_weights'] == 1 and audit.policy_versions == [7]
    assert [row['mode'] for row in audit.success] == ['base', 'evaluate', 'explore']
    assert sum(row['successes'] for row in audit.success) == sum(
        episode.success for episode in run[2])
