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

"""The graph of several robots: its processes, their parameters, what follows when one ends."""

import pytest
from rpl_ros.common import discovery
from rpl_ros.launching import graph, processes, robots
from rpl_ros.launching.robots import COMPLETE, Deaths, GO_ON, LEAVE, Process, RESTART, STOP
from rpl_ros.settings.fields import SettingsError

OWN = ['sim_node', 'base_controller_node', 'residual_node', 'recorder_node']
SHARED = ['learner_node', 'dashboard_node']


def names(**given):
    """Return the names of the processes of a run of hook."""
    return {process.name for process in graph.resolve('hook', given).processes}


def test_each_robot_has_nodes_of_its_own_and_all_share_one_learner():
    both = {f'{robot}/{node}' for robot in ('robot1', 'robot2') for node in OWN}
    assert names(robots='2') == both | set(SHARED)
    assert names(robots='1') == names() == {*OWN, *SHARED}
    assert names(robots='2', learn='false', record='false') == (both | set(SHARED)) - {
        'learner_node', 'robot1/recorder_node', 'robot2/recorder_node'}


def test_each_robot_has_an_episode_server():
    assert names(robots='2', episode_server='true') == {
        *SHARED, *(f'robot{robot}/{node}' for robot in (1, 2)
                   for node in (*OWN, 'episode_server_node'))}


def test_a_run_on_several_machines_has_parts():
    assert names(robots='3', part='learner') == set(SHARED)
    assert names(robots='3', part='robot2', run='monday') == {f'robot2/{node}' for node in OWN}
    assert names(part='learner') == set(SHARED) and names(part='robot1', run='a') == set(OWN)
    run = graph.resolve('hook', {'robots': '3', 'part': 'robot2', 'run': 'monday'})
    assert {settings.run for settings in run.settings.values()} == {'monday'}
    host = graph.resolve('hook', {'robots': '3', 'part': 'learner', 'namespace': 'lab'})
    assert robots.join_in_words(host) == (
        f'a robot joins with: rpl launch hook robots:=3 part:=robot1 run:={host.run_id} '
        'namespace:=/lab')


def words(name, **given):
    """Return the run of two robots, and the words of one of its processes after --ros-args."""
    run = graph.resolve('hook', {'robots': '2', 'episodes': '5', 'out': '/runs/two',
                                 'headless': 'false', **given})
    command = processes.node_command(run, name)
    return command[command.index('--ros-args') + 1:]


def pairs(text, flag):
    """Return the values of a flag in a list of words."""
    return {after for word, after in zip(text, text[1:]) if word == flag}


def test_a_robot_differs_from_the_configuration_in_what_is_its_own():
    first, second = (words(f'{robot}/sim_node') for robot in ('robot1', 'robot2'))
    assert pairs(first, '-p') == {
        'first_episode:=10000000', 'episodes:=3', 'window:=true',
        'last_episode_file:="/runs/two/robot1/last_episode"'}
    assert pairs(second, '-p') == {
        'first_episode:=20000000', 'episodes:=2', 'window:=false',
        'last_episode_file:="/runs/two/robot2/last_episode"'}
    assert pairs(words('robot2/recorder_node'), '-p') == {'out:="/runs/two/robot2/bag"'}
    assert pairs(words('robot2/residual_node', namespace='lab'), '-r') == {
        '__ns:=/lab/robot2', 'policy_weights:=/lab/policy_weights',
        'learner_status:=/lab/learner_status'}
    assert words('learner_node') == ['--params-file', '/runs/two/config.yaml']


def test_more_robots_fit_where_discovery_reaches_further(monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    assert len(names(robots='8')) == 34


@pytest.mark.parametrize('given, parts', [
    ({'robots': '0'}, ['robots is 0', '1 to 64']),
    ({'robots': '3', 'episodes': '2'}, ['episodes is 2, but robots is 3']),
    ({'robots': '3', 'part': 'robot4', 'run': 'a'}, ['part:=robot4', 'robot1, robot2, robot3']),
    ({'robots': '3', 'part': 'robot2'}, ['part:=robot2', 'run:=ID']),
    ({'part': 'learner', 'learn': 'false'}, ['part:=learner', 'learn:=false']),
    ({'run': 'a b'}, ['run:=a b']),
    ({'robots': '8'}, ['robots is 8', '34 processes', 'at most 32', 'SUBNET'])])
def test_what_does_not_fit_several_robots_is_named(monkeypatch, given, parts):
    for name in discovery.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError) as error:
        graph.resolve('hook', given)
    assert all(part in str(error.value) for part in parts), error.value


SIM1, SIM2 = (Process('sim_node', 'restart', robot=robot) for robot in (1, 2))
LEARNER = Process('learner_node', 'restart')


def deaths():
    """Return the Deaths of a graph of two robots."""
    found = Deaths((SIM1, SIM2, LEARNER), 'sim_node')
    for process in (SIM1, SIM2, LEARNER):
        found.begin(process)
    return found


def test_a_run_is_complete_when_all_robots_are_done():
    found = deaths()
    assert found.decide(SIM2, 0)[0] == GO_ON
    assert found.decide(SIM1, 0)[0] == COMPLETE


def test_a_robot_that_dies_too_often_leaves_the_others():
    found = deaths()
    assert [found.decide(SIM2, -9)[0] for _ in range(4)] == [RESTART, RESTART, RESTART, LEAVE]
    assert 'robot2/sim_node died' in found.decide(SIM2, 5)[1]
    assert found.decide(SIM1, -9) == (
        RESTART, 'robot1/sim_node died (killed by SIGKILL): restarted (1 of 3)')
    assert found.decide(SIM1, 0)[0] == COMPLETE


def test_the_last_robot_that_dies_too_often_ends_the_graph():
    found = deaths()
    found.decide(SIM2, 0)
    assert found.decide(SIM1, 2)[0] == STOP  # bad settings: no restart


def test_restarts_of_long_ago_do_not_count_for_a_robot(monkeypatch):
    found = deaths()
    later = robots.time.monotonic() + robots.HEALTHY + 1.0
    monkeypatch.setattr(robots.time, 'monotonic', lambda: later)
    assert [found.decide(SIM1, -9)[0] for _ in range(5)] == [RESTART] * 5
    assert [found.decide(LEARNER, -9)[0] for _ in range(4)] == [RESTART] * 3 + [STOP]
