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

"""A simulation that becomes unstable: its episode ends, says why, and teaches nothing."""

import os
import subprocess
import sys

from graph_tools import free_domain, listener, nodes, SEED
import pytest
from rpl_ros.bags.audit import audit_bag
from rpl_ros.bags.reader import read_episodes
from rpl_ros.controllers import find_controller
from rpl_ros.evaluation.episodes import evaluate, FRESH, outcome_of, trouble
from rpl_ros.learning.learner import Learner, LearningError
from rpl_ros.policy.residual import ResidualPolicy
from rpl_ros.rollout import run_episode
from rpl_ros.ros.qos import subscribe
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings, ResidualSettings
from rpl_ros.tasks import make_task
from rpl_ros.training.loop import Loop, MOST_UNUSABLE
from rpl_ros.training.players import PlayedEpisode

TASK, BAD, STEP = 'push', 1, 7
PROBLEM = 'the simulation is unstable: MuJoCo warns of mjWARN_BADQVEL'
SMALL = {'task': TASK, 'hidden_size': 8, 'hidden_layers': 1}


def break_episode(task, number):
    """Make the simulation of a task unstable in step STEP of episode `number`."""
    move = task.move

    def moved(action):
        state = task._state
        if (state.episode, state.step) == (number, STEP - 1):
            task.data.qvel[-3:] = 1e11
        move(action)
    task.move = moved
    return task


def base_policy(task):
    """Return a policy without weights."""
    return ResidualPolicy(make_settings(ResidualSettings, {'task': TASK}), task.spec)


@pytest.fixture
def broken():
    """Return (task, controller): episode BAD becomes unstable in step STEP."""
    return break_episode(make_task(TASK, SEED), BAD), find_controller('reactive_push')


def test_the_episode_ends_and_no_transition_of_it_is_learned_from(broken):
    task, controller = broken
    learner = Learner(make_settings(LearnerSettings, SMALL))
    counts = []
    for number in range(3):
        episode, commands, last = run_episode(task, controller, base_policy(task), number)
        counts.append(learner.add(episode))
    assert counts == [50, 0, 50] and (learner.transitions, learner.episodes) == (100, 2)
    episode, commands, last = run_episode(task, controller, base_policy(task), BAD)
    assert (last.step, last.truncated, last.terminated, last.success, last.applied) == (
        STEP, True, False, False, False)
    assert (last.problem, episode.problem, episode.steps) == (PROBLEM, PROBLEM, STEP)
    assert len(commands) == STEP + 1 and not episode.valid.any()


def test_an_evaluation_counts_it_as_a_failure_that_is_no_better_than_a_whole_one(broken):
    task, controller = broken
    episode, commands, _ = run_episode(task, controller, base_policy(task), BAD)
    outcome = outcome_of(task.spec, episode, commands)
    # 7 steps at -1, and the 43 that are missing.
    assert (outcome.success, outcome.episode_return, outcome.failure) == (
        False, -50.0, 'unstable simulation')
    break_episode(task, FRESH + 1)
    outcomes = evaluate(task, controller, base_policy(task), 3)
    assert [one.failure == 'unstable simulation' for one in outcomes] == [False, True, False]
    assert trouble(outcomes) == ('the simulation became unstable in 1 of 3 episodes, which count '
                                 'as failures')


def test_a_run_whose_episodes_are_all_unusable_ends(broken):
    task, controller = broken
    episode, commands, _ = run_episode(task, controller, base_policy(task), BAD)
    loop = Loop({'learner_node': make_settings(LearnerSettings, SMALL),
                 'sim_node': type('First', (), {'first_episode': 0})}, players=object())
    played = PlayedEpisode(episode, 0, 0, outcome_of(task.spec, episode, commands))
    for _ in range(MOST_UNUSABLE - 1):
        loop.store(played)
    with pytest.raises(LearningError, match=f'50 episodes in a row.*{PROBLEM}'):
        loop.store(played)


BROKEN_SIM = """
from rpl_ros.nodes import sim_node
from test_unstable import BAD, break_episode
make = sim_node.make_simulated
sim_node.make_simulated = lambda *values: break_episode(make(*values), BAD)
raise SystemExit(sim_node.main())
"""


@pytest.mark.graph
def test_in_the_graph_learner_result_and_bag_say_it_too(tmp_path):
    domain, results, statuses = free_domain(), [], []
    common = {'task': TASK, 'seed': SEED}
    paths = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path,
            base_controller_node={**common, 'controller': 'reactive_push', 'readers': 2},
            residual_node={**common, 'readers': 3},
            learner_node={**common, 'updates_per_step': 0.0},
            recorder_node={**common, 'out': tmp_path / 'bag'}):
        subscribe(node, 'episode_result', results.append)
        subscribe(node, 'learner_status', statuses.append)
        simulator = subprocess.Popen(
            [sys.executable, '-c', BROKEN_SIM, '--ros-args', *(
                word for name, value in {
                    **common, 'episodes': 3, 'subscribers': 4,
                    'wait_for': 'base_controller_node residual_node learner_node'}.items()
                for word in ('-p', f'{name}:={value}'))],
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain), 'PYTHONPATH': paths})
        try:
            spin(lambda: len(results) == 3 and simulator.poll() == 0)
        finally:
            simulator.kill()
        spin(lambda: statuses and statuses[-1].episodes == 2)
    assert [result.problem for result in results] == ['', PROBLEM, '']
    assert (results[BAD].steps, results[BAD].success) == (STEP, False)
    assert (statuses[-1].transitions, statuses[-1].rejected) == (100, STEP)
    assert f'episode {BAD}: {STEP} of {STEP} transitions are not used: {PROBLEM}' in (
        tmp_path / 'learner_node.log').read_text()
    audit = audit_bag(tmp_path / 'bag')
    assert audit.problems == {PROBLEM: 1} and audit.transitions == 100
    found = list(read_episodes(tmp_path / 'bag', make_task(TASK, SEED).spec))
    assert [episode.problem for episode in found] == ['', PROBLEM, '']
    assert not found[BAD].valid.any()
