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

"""A policy from a file in a live graph: it acts as in an evaluation, and a person can limit it."""

from bag_tools import assert_equal_episodes
from graph_tools import (call, EPISODES, free_domain, in_process, listener, MODES, nodes,
                         random_policy, SEED, weights_message)
import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rpl_ros.data import Mode, Status
from rpl_ros.evaluation.episodes import FRESH
from rpl_ros.rollout import run_episode
from rpl_ros.ros.convert import read_command, read_state
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.scene import Scene
from rpl_ros.tasks.find import task_spec
from rpl_ros.transitions import Joiner
from std_srvs.srv import SetBool

pytestmark = pytest.mark.graph
SWITCH = '/residual_node/use_residual'
COMMON = {'task': 'push', 'seed': SEED, 'first_episode': FRESH}


def deployed(path, **simulation):
    """Return the nodes of a graph without a learner, with a policy from a file."""
    return {'base_controller_node': {'task': 'push', 'seed': SEED},
            'residual_node': {'task': 'push', 'seed': SEED, 'policy': path, 'base_every': 0,
                              'readers': 2},
            'sim_node': {**COMMON, 'subscribers': 3, 'wait_for': 'residual_node', **simulation}}


def test_a_deployed_policy_plays_the_episodes_of_an_evaluation_to_the_last_bit(tmp_path):
    path, content = tmp_path / 'policy', random_policy('push', np.random.default_rng(1))
    path.write_bytes(content)
    scene = Scene('push', SEED, '', 'discrete_mpc_push', 1.0)
    task, guard = scene.build()
    expected = [run_episode(task, guard, scene.policy(task.spec, content), FRESH + number)[0]
                for number in range(2)]
    found, joiner, results = [], Joiner(task.spec), []

    def take(kind, item):
        found.extend(joiner.add(kind, item)[0])
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(domain, tmp_path,
                                                 **deployed(path, episodes=2)) as started:
        subscribe(node, 'episode_result', results.append)
        subscribe(node, 'command', lambda message: take('command', read_command(message)))
        subscribe(node, 'state', lambda message: take('state', read_state(message)))
        spin(lambda: started['sim_node'].poll() is not None and len(results) == 2)
    assert_equal_episodes(found, expected)
    assert np.abs(found[0].residuals).max() > 0.1
    assert [result.mode for result in results] == [Mode.EVALUATE] * 2
    assert [result.success for result in results] == [one.success for one in expected]


def test_with_a_learner_the_policy_acts_from_the_first_episode_on(tmp_path):
    """The episodes are those of one process, though the residual gets the policy by topic."""
    path, content = tmp_path / 'policy', random_policy('push', np.random.default_rng(1))
    path.write_bytes(content)
    episodes, joiner, domain = [], Joiner(task_spec('push')), free_domain()
    common = {'task': 'push', 'seed': SEED}
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, base_controller_node=common,
            residual_node={**MODES, 'task': 'push', 'readers': 3},
            learner_node={**common, 'hidden_layers': 2, 'hidden_size': 16, 'trial_episodes': 5,
                          'updates_per_step': 0.0, 'start_from': path},
            sim_node={**common, 'episodes': EPISODES, 'subscribers': 4,
                      'wait_for': 'residual_node learner_node'}) as started:
        def take(kind, item):
            episodes.extend(joiner.add(kind, item)[0])
        subscribe(node, 'command', lambda message: take('command', read_command(message)))
        subscribe(node, 'state', lambda message: take('state', read_state(message)))
        spin(lambda: len(episodes) == EPISODES and started['sim_node'].poll() is not None)
    assert_equal_episodes(episodes, [one for one, *_ in in_process('push', content)])
    assert np.abs(episodes[0].residuals).max() > 0.1


def test_a_person_switches_the_residual_off_and_makes_it_smaller_while_it_runs(tmp_path):
    path, commands, domain = tmp_path / 'policy', [], free_domain()
    path.write_bytes(random_policy('push', np.random.default_rng(1)))
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, **deployed(path, episodes=0, subscribers=2)):
        subscribe(node, 'command', lambda message: commands.append(read_command(message)))

        def largest():
            """Return the largest residual of the commands that follow."""
            begin = len(commands) + 3  # those that are under way
            spin(lambda: len(commands) > begin + 60)
            return max(np.abs(one.residual).max() for one in commands[begin:])

        def share(value):
            answer = call(node, spin, SetParameters, '/residual_node/set_parameters', parameters=[
                Parameter('residual_share', value=value).to_parameter_msg()])
            return answer.results[0].successful
        spin(lambda: len(commands) > 5)
        assert largest() > 0.2
        assert share(0.1)
        assert 0.0 < largest() <= 0.1
        assert not share(1.5) and not share(-0.1)
        assert call(node, spin, SetBool, SWITCH, data=False).success
        assert largest() == 0.0
        assert {one.status for one in commands[-60:]} <= {
            Status.RESIDUAL_OFF, Status.EPISODE_END}
        assert call(node, spin, SetBool, SWITCH, data=True).success
        assert 0.0 < largest() <= 0.1
        weights = publisher(node, 'policy_weights')
        spin(lambda: weights.get_subscription_count())
        weights.publish(weights_message(path.read_bytes(), 8))
        spin(lambda: 'weights version 8 are not used: the parameter policy names'
             in (tmp_path / 'residual_node.log').read_text())


def test_a_policy_file_that_does_not_fit_ends_the_node(tmp_path):
    path = tmp_path / 'policy'
    for content, wanted in ((b'', 'policy'), (random_policy('hook', np.random.default_rng(1)),
                                              "they are for task 'hook', expected 'push'")):
        path.write_bytes(content)
        with nodes(free_domain(), tmp_path, residual_node={
                'task': 'push', 'policy': path}) as started:
            assert started['residual_node'].wait(timeout=30) == 2
        log = (tmp_path / 'residual_node.log').read_text()
        assert f'policy {path}: ' in log and wanted in log and 'Traceback' not in log
