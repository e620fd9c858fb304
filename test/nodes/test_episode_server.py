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

"""The action run_episode with the real nodes: an application starts, watches and cancels."""

from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from action_msgs.msg import GoalStatus
from graph_tools import call, free_domain, listener, nodes
import numpy as np
import pytest
from rclpy.action import ActionClient
from resume_tools import launch
from robot_tools import ADAPTER, Graph, is_stop, SETTINGS, SIM
from rpl_msgs.action import RunEpisode
from rpl_msgs.msg import Command
from rpl_msgs.srv import StartEpisode
from rpl_ros.learning.learner import Learner
from rpl_ros.ros.qos import subscribe
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.nodes import LearnerSettings
from rpl_ros.tasks import make_task
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.graph

EXAMPLE = Path(__file__).parents[2] / 'docs' / 'examples' / 'run_episode.py'
GOAL = [1.40, 0.80, 0.42]
PUSH = {'task': 'push', 'seed': 5}


class Application:
    """Sends goals, calls services, and keeps states, commands and feedback."""

    def __init__(self, node, spin, domain, place=''):
        """Listen; `place` stands before the names of topics and action."""
        self.node, self.spin, self.domain = node, spin, domain
        self.states, self.commands, self.feedback = [], [], []
        subscribe(node, 'state', self.states.append, place)
        subscribe(node, 'command', self.commands.append, place)
        self.action = ActionClient(node, RunEpisode, f'{place}run_episode')
        self.spin(self.action.server_is_ready)

    def send(self, **fields):
        """Return the handle of a goal that was accepted, and the future of its result."""
        sent = self.action.send_goal_async(
            RunEpisode.Goal(**fields), lambda message: self.feedback.append(message.feedback))
        self.spin(sent.done)
        return sent.result(), sent.result().get_result_async()

    def result(self, ended):
        """Return (status of the goal, result)."""
        self.spin(ended.done)
        return ended.result().status, ended.result().result

    def play(self, **fields):
        """Send a goal and return (status, result)."""
        return self.result(self.send(**fields)[1])

    def call(self, kind, name, **fields):
        """Return the response of a service of sim_node."""
        return call(self.node, self.spin, kind, f'/sim_node/{name}', **fields)

    @property
    def newest(self):
        """Return (episode, step) of the newest state, (-1, 0) before the first."""
        return (self.states[-1].episode, self.states[-1].step) if self.states else (-1, 0)

    def far_goal(self):
        """Return a goal of the next episode that is far from its object."""
        x, *_ = make_task('push', PUSH['seed']).reset(self.newest[0] + 1).achieved_goal
        return [1.22 if x > 1.36 else 1.51, 0.75, 0.42]

    def step(self):
        """Do one control step of the paused simulator."""
        while not self.call(Trigger, 'step').success:
            pass

    @contextmanager
    def client(self, log, *words):
        """Yield the process of the example, whose output is in `log`; it ends with the test."""
        with log.open('w') as output:
            process = subprocess.Popen(
                [sys.executable, str(EXAMPLE), *words], stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, 'ROS_DOMAIN_ID': str(self.domain)})
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope='module')
def served(tmp_path_factory):
    """Yield an Application of a graph in lockstep, with a policy whose residual is zero."""
    domain, folder = free_domain(), tmp_path_factory.mktemp('served')
    (folder / 'policy').write_bytes(Learner(make_settings(LearnerSettings, {
        'task': 'push', 'hidden_size': 8})).new_version())
    with listener(domain) as (node, spin), nodes(
            domain, folder,
            sim_node={**PUSH, 'on_request': True, 'subscribers': 4,
                      'wait_for': 'base_controller_node residual_node'},
            base_controller_node={**PUSH, 'controller': 'reactive_push', 'readers': 1},
            residual_node={
                **PUSH, 'policy': folder / 'policy', 'base_every': 0, 'readers': 3},
            episode_server_node=PUSH):
        yield Application(node, spin, domain)


@pytest.fixture
def paused(served):
    """Yield the Application while its simulator is paused."""
    assert served.call(SetBool, 'pause', data=True).success
    yield served
    assert served.call(SetBool, 'pause', data=False).success


def test_a_goal_waits_for_services_that_are_not_found_yet(tmp_path):
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, episode_server_node={**PUSH, 'service_timeout': 3.0}):
        application = Application(node, spin, domain)
        _, result = application.play()
        assert result.reason == ('residual_node/use_residual does not answer: is its node '
                                 'running?')
        _, ended = application.send()
        spin_until = time.monotonic() + 1.0
        spin(lambda: time.monotonic() > spin_until)

        def answer(request, response):
            response.success, response.message = isinstance(request, SetBool.Request), 'not today'
            return response
        node.create_service(SetBool, 'residual_node/use_residual', answer)
        node.create_service(StartEpisode, 'sim_node/start_episode', answer)
        assert application.result(ended)[1].reason == 'not today'


def test_the_example_reaches_a_goal_of_the_application(served, tmp_path):
    log = tmp_path / 'client.log'
    with served.client(log, *map(str, GOAL)) as client:
        served.spin(lambda: client.poll() is not None)
    lines = log.read_text().splitlines()
    assert client.returncode == 0 and lines[-1] == 'the object is at the goal'
    assert any(line.startswith('step ') and line.endswith(' m') for line in lines[:-1])
    served.spin(lambda: served.newest[1] == 50)
    last = served.states[-1]
    assert list(last.desired_goal) == GOAL and last.success


def test_result_and_feedback_tell_what_the_graph_did(served):
    served.feedback.clear()
    status, result = served.play(residual=False)
    served.spin(lambda: served.newest == (result.episode, 50))
    served.spin(lambda: (served.commands[-1].episode, served.commands[-1].step) == served.newest)
    episode = [state for state in served.states if state.episode == result.episode]
    sent = {one.step: one for one in served.commands if one.episode == result.episode}
    assert {one.status for one in sent.values()} <= {
        Command.RESIDUAL_OFF, Command.EPISODE_END}
    assert (result.steps, episode[-1].step, episode[-1].success) == (50, 50, result.success)
    assert status == (GoalStatus.STATUS_SUCCEEDED if result.success
                      else GoalStatus.STATUS_ABORTED)
    assert served.feedback
    for one in served.feedback:
        state = next(state for state in episode if state.step == one.step)
        assert one.sent == sent[one.step].sent
        assert one.distance == np.linalg.norm(
            np.subtract(state.achieved_goal, state.desired_goal))
    after = served.play()[1]  # the next goal has the residual again
    assert after.episode == result.episode + 1
    assert {one.status for one in served.commands if one.episode == after.episode} <= {
        Command.RESIDUAL, Command.EPISODE_END}


@pytest.mark.parametrize('fields, why', [
    ({'desired_goal': [1.4, 0.8]}, 'expected 3 finite numbers, m'),
    ({'desired_goal': [0.0, 0.8, 0.42]}, 'expected [1.21, 0.59, 0.42] to [1.52, 0.9, 0.43], m'),
    ({'time_limit': -1.0}, 'time_limit is -1.0, expected 0 or more, s')])
def test_a_goal_that_cannot_be_played_is_refused_with_the_reason(served, fields, why):
    # The last state of the episode before may arrive after its result.
    served.spin(lambda: not served.states or served.states[-1].truncated
                or served.states[-1].terminated)
    count = len(served.states)
    status, result = served.play(**fields)
    assert status == GoalStatus.STATUS_ABORTED and why in result.reason
    assert (result.success, result.steps, len(served.states)) == (False, 0, count)


def test_one_goal_at_a_time_and_a_cancel_stops_the_robot(paused):
    before = paused.newest
    handle, ended = paused.send(desired_goal=paused.far_goal())
    paused.spin(lambda: paused.newest > before)
    status, result = paused.play()
    assert status == GoalStatus.STATUS_ABORTED
    assert result.reason == 'another goal is running: cancel it first'
    paused.step()
    assert not ended.done()
    paused.spin(handle.cancel_goal_async().done)
    status, result = paused.result(ended)
    assert (status, result.success) == (GoalStatus.STATUS_CANCELED, False)
    assert result.steps == 2 and result.reason.startswith('cancelled: the object is 0.')
    paused.spin(lambda: paused.newest[1] == 2)
    last = paused.states[-1]
    assert (last.truncated, last.applied, last.problem) == (True, False, '')


def test_ctrl_c_in_the_example_stops_the_robot(paused, tmp_path):
    before, log = paused.newest, tmp_path / 'client.log'
    with paused.client(log, *map(str, paused.far_goal())) as client:
        paused.spin(lambda: paused.newest > before)
        # Feedback is lost while the server does not yet know the client as a reader of it.
        while not log.read_text().startswith('step '):
            step = paused.newest[1]
            assert step < 40, log.read_text()
            paused.step()
            paused.spin(lambda step=step: paused.newest[1] > step)
            time.sleep(0.2)
        step = paused.newest[1]
        client.send_signal(signal.SIGINT)
        paused.spin(lambda: client.poll() is not None)
    assert client.returncode == 1
    assert log.read_text().splitlines()[-1].startswith('cancelled: the object is 0.')
    paused.spin(lambda: paused.states[-1].truncated)
    assert paused.newest[1] == step + 1


def test_a_time_limit_stops_the_robot(paused):
    before = paused.newest
    _, ended = paused.send(time_limit=0.12, desired_goal=paused.far_goal())
    paused.spin(lambda: paused.newest > before)
    for _ in range(3):
        assert not ended.done()
        paused.step()
    status, result = paused.result(ended)
    assert (status, result.steps) == (GoalStatus.STATUS_ABORTED, 4)
    assert result.reason.startswith('the time limit of 0.12 s is over: the object is 0.')


def test_with_a_robot_cancel_is_a_stop_of_its_safety_stage(tmp_path):
    domain, hook = free_domain(), {'task': 'hook', 'horizon': 100_000, 'max_ee_speed': 0.1}
    with listener(domain) as (node, spin), nodes(
            domain, tmp_path, fetch_sim_node=SIM, base_controller_node=hook, residual_node=hook,
            **{ADAPTER: {**SETTINGS, 'subscribers': 4, 'on_request': True}},
            episode_server_node={**hook, 'robot': ADAPTER}):
        graph = Graph(node, spin, domain)
        graph.base = graph.command = lambda state: None  # the real nodes answer
        application = Application(node, spin, domain)
        while True:  # until the adapter has its services
            handle, ended = application.send(desired_goal=[1.62, 0.78, 0.42])
            spin(lambda ended=ended: ended.done() or graph.states)
            if graph.states:
                break
            time.sleep(0.1)
        spin(lambda: any(not is_stop(message) for _, message in graph.sent))
        spin(handle.cancel_goal_async().done)
        status, result = application.result(ended)
        assert status == GoalStatus.STATUS_CANCELED
        assert result.reason.startswith('cancelled: the object is ') and result.steps > 0
        spin(lambda: graph.states[-1].truncated)
        last = graph.states[-1]
        assert list(last.desired_goal) == [1.62, 0.78, 0.42]
        spin(lambda: is_stop(graph.sent[-1][1]))
        _, ended = application.send()
        spin(lambda: graph.states[-1].episode == last.episode + 1)
        assert list(graph.states[-1].desired_goal) != [1.62, 0.78, 0.42] and not ended.done()


def test_each_of_several_robots_has_an_action_of_its_own(tmp_path):
    domain, log = free_domain(), tmp_path / 'log'
    graph = launch('push', domain, log, out=tmp_path / 'run', robots=2, learn='false',
                   record='false', controller='reactive_push', episode_server='true')
    try:
        with listener(domain) as (node, spin):
            both = [Application(node, spin, domain, f'robot{robot}/') for robot in (1, 2)]
            for one in both:  # until its nodes have found each other, and this test
                while not one.states:
                    one.play()
            goals = [[1.30, 0.80, 0.42], [1.40, 0.80, 0.42]]
            ended = [one.send(desired_goal=goal)[1]
                     for one, goal in zip(both, goals)]  # at the same time
            results = [one.result(future)[1] for one, future in zip(both, ended)]
            numbers = [one.episode for one in results]
            assert [number // 10_000_000 for number in numbers] == [1, 2], results
            spin(lambda: [one.newest for one in both] == [(number, 50) for number in numbers])
            assert [list(one.states[-1].desired_goal) for one in both] == goals
            assert both[1].play()[1].episode == numbers[1] + 1
            assert both[0].newest == (numbers[0], 50)  # nobody has asked for another one
    finally:
        graph.send_signal(signal.SIGINT)
        assert graph.wait(timeout=60) == 130, log.read_text()
