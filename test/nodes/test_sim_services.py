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

"""The services of sim_node over real DDS: episodes on request, pause, single steps, speed."""

import time

from graph_tools import call, free_domain, listener, nodes
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rpl_msgs.msg import Command
from rpl_msgs.srv import StartEpisode
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.tasks import make_task
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.graph

HOOK = {'task': 'hook', 'seed': 2, 'subscribers': 1}
GOAL = [1.62, 0.78, 0.42]


class Caller:
    """Calls the services of a sim_node, answers its states, and keeps them."""

    def __init__(self, node, spin):
        """Listen."""
        self.node, self.spin, self.states = node, spin, []
        self.commands = publisher(node, 'command')
        subscribe(node, 'state', self.states.append)

    def call(self, kind, name, **fields):
        """Return the response of a service."""
        return call(self.node, self.spin, kind, f'/sim_node/{name}', **fields)

    def start(self, **fields):
        """Return (success, message) of start_episode, which waits for its readers at first."""
        late = 'not all nodes'
        while (answer := self.call(StartEpisode, 'start_episode', **fields)
               ).message.startswith((late, 'the node is not')):
            time.sleep(0.1)
        return answer.success, answer.message

    def wait(self, episode, step):
        """Return the state of a step, which may have come already."""
        def found():
            return [state for state in self.states if (state.episode, state.step) == (
                episode, step)]
        self.spin(found)
        return found()[0]

    def answer(self, **fields):
        """Command a small motion for the newest state."""
        state = self.states[-1]
        self.commands.publish(Command(episode=state.episode, step=state.step,
                                      sent=[0.5, 0.0, 0.0, 0.0], **fields))

    def set_speed(self, factor):
        """Return the result of setting speed_factor."""
        value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=factor)
        return self.call(SetParameters, 'set_parameters', parameters=[
            Parameter(name='speed_factor', value=value)]).results[0]


@pytest.fixture
def side(tmp_path):
    """Yield (Caller, start): start(**settings) runs a sim_node."""
    domain = free_domain()
    with listener(domain) as (node, spin):
        yield Caller(node, spin), lambda **values: nodes(domain, tmp_path,
                                                         sim_node={**HOOK, **values})


def test_episodes_on_request_with_a_goal_and_with_an_earlier_scene(side):
    caller, start = side
    with start(on_request=True) as started:
        refused = caller.start(desired_goal=[1.62, 0.78, 0.9])
        assert refused == (False, 'the goal is [1.62, 0.78, 0.9], expected [1.59, 0.69, 0.41] to '
                                  '[1.71, 0.81, 0.43], m, for the task hook')
        assert caller.start(desired_goal=[1.0])[1] == (
            'the goal is [1.0], expected 3 finite numbers, m')
        assert not caller.states
        assert caller.start(desired_goal=GOAL) == (True, 'episode 0 begins')
        first = caller.wait(0, 0)
        assert list(first.desired_goal) == GOAL
        caller.answer()
        assert caller.wait(0, 1).applied
        # Another start ends the present episode; the number goes on, the scene goes back.
        assert caller.start(choose_scene=True, scene=0) == (True,
                                                            'episode 1 begins with scene 0')
        cut = caller.wait(0, 2)
        assert (cut.truncated, cut.applied, cut.problem) == (True, False, '')
        caller.answer()
        again = caller.wait(1, 0)
        np.testing.assert_array_equal(again.observation, first.observation)
        np.testing.assert_array_equal(again.desired_goal, make_task('hook', 2).reset(0)
                                      .desired_goal)
        assert caller.call(Trigger, 'stop_episode').message == 'episode 1 ends'
        assert caller.wait(1, 1).truncated
        caller.answer()
        stopped = caller.call(Trigger, 'stop_episode')
        assert (stopped.success, stopped.message) == (False, 'no episode is running')
        assert caller.start() == (True, 'episode 2 begins')
        np.testing.assert_array_equal(caller.wait(2, 0).observation,
                                      make_task('hook', 2).reset(2).observation)
        assert started['sim_node'].poll() is None


def test_a_pause_holds_time_and_its_limits(side):
    caller, start = side
    with start(resend_after=0.2, give_up_after=1.0, horizon=3) as started:
        assert caller.call(Trigger, 'step').message == (
            'the simulation is not paused: call ~/pause first')
        assert caller.call(SetBool, 'pause', data=True).success
        assert caller.start() == (True, 'episode 0 begins')  # though it is paused
        caller.wait(0, 0)
        assert caller.call(Trigger, 'step').message == (
            'no command for step 0 of episode 0 has arrived yet')
        time.sleep(1.5)  # longer than both limits
        caller.answer()
        while not (stepped := caller.call(Trigger, 'step')).success:
            pass
        assert stepped.message == 'step 1 of episode 0'
        assert caller.wait(0, 1).applied and len(caller.states) == 2
        assert started['sim_node'].poll() is None
        caller.answer()
        assert caller.call(SetBool, 'pause', data=False).message == 'continues'
        assert caller.wait(0, 2).applied  # by the command that came during the pause, or after it
        lock = caller.set_speed(2.0)
        assert not lock.successful and 'mode realtime' in lock.reason


def test_in_real_time_a_pause_stops_the_clock_and_the_speed_changes(side):
    caller, start = side
    with start(mode='realtime', horizon=100_000):
        caller.wait(0, 2)
        assert caller.call(SetBool, 'pause', data=True).success
        time.sleep(0.3)
        while not (stepped := caller.call(Trigger, 'step')).success:
            caller.answer()  # the state before the pause may still be on its way
        step = int(stepped.message.removeprefix('step ').removesuffix(' of episode 0'))
        assert caller.wait(0, step).applied
        assert [state.step for state in caller.states] == [*range(step + 1)]
        stamps = [state.header.stamp.sec * 10**9 + state.header.stamp.nanosec
                  for state in caller.states]
        assert (np.diff(stamps) == 40_000_000).all()
        assert caller.set_speed(0.5).successful and not caller.set_speed(-1.0).successful
        begin = time.monotonic()
        assert caller.call(SetBool, 'pause', data=False).success
        caller.wait(0, step + 11)
        assert time.monotonic() - begin > 0.6  # 10 periods of 80 ms; of 40 ms it would be 0.4 s
