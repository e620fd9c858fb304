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

"""
fetch_relay's wiring: topics, types, order on the wire; against a small imitation of rospy.

ROS 1 is not there for the tests. The imitation calls back at once in the same thread, so it shows
which message leads to which, and nothing of connections, threads and times: try_ros1.py shows
those on a real ROS 1.
"""

from pathlib import Path
import sys
from threading import Event
from types import ModuleType, SimpleNamespace

from fetch_watchdog import START_DELAY
import pytest

FOLDER = Path(__file__).parents[2] / 'docs' / 'fetch_ros1'
TWISTS = 'arm_controller/cartesian_twist/command'


def vector(x=0.0, y=0.0, z=0.0):
    return SimpleNamespace(x=x, y=y, z=z)


class TwistStamped:

    def __init__(self, frame='', x=0.0):
        self.header = SimpleNamespace(frame_id=frame, stamp=None)
        self.twist = SimpleNamespace(linear=vector(x), angular=vector())


class Bool:

    def __init__(self, data=False):
        self.data = data


class GripperCommandGoal:

    def __init__(self):
        self.command = SimpleNamespace(position=None, max_effort=None)


class Robot:
    """What stands for ROS: `wire` is all that was published, `tell` delivers a message."""

    def __init__(self):
        self.parameters, self.server, self.down = {}, True, False
        self.wire, self.goals, self.heard, self.types, self.hooks = [], [], {}, {}, []

    def modules(self):
        """Return {name: module} of what fetch_relay imports."""
        def publisher(topic, kind, queue_size):
            assert queue_size == (4 if topic == TWISTS else 1)
            self.types[topic] = kind
            return SimpleNamespace(publish=lambda message: self.wire.append((topic, message)))

        def subscriber(topic, kind, callback, queue_size, tcp_nodelay):
            assert queue_size == 1 and tcp_nodelay
            self.types[topic], self.heard[topic] = kind, callback

        def client(name, kind):
            assert name == 'gripper_controller/gripper_action'
            return SimpleNamespace(wait_for_server=lambda patience: self.server,
                                   send_goal=self.goals.append)
        contents = {
            'rospy': {
                'Publisher': publisher, 'Subscriber': subscriber, 'Duration': float,
                'on_shutdown': self.hooks.append, 'is_shutdown': lambda: self.down,
                'get_param': lambda name, default: self.parameters, 'logwarn': lambda *_: None,
                'Time': SimpleNamespace(now=lambda: 0.0)},
            'actionlib': {'SimpleActionClient': client}, 'control_msgs': {},
            'control_msgs.msg': {'GripperCommandAction': object,
                                 'GripperCommandGoal': GripperCommandGoal},
            'fetch_driver_msgs': {}, 'fetch_driver_msgs.msg': {'RobotState': SimpleNamespace},
            'geometry_msgs': {}, 'geometry_msgs.msg': {'TwistStamped': TwistStamped},
            'std_msgs': {}, 'std_msgs.msg': {'Bool': Bool, 'Float64': SimpleNamespace}}
        found = {}
        for name, members in contents.items():
            found[name] = ModuleType(name)
            vars(found[name]).update(members)
        return found

    def tell(self, topic, message):
        self.heard[topic](message)

    def state(self, pressed=False):
        self.tell('robot_state', SimpleNamespace(runstopped=pressed, faulted=False))

    def sent(self, topic):
        return [message for name, message in self.wire if name == topic]


@pytest.fixture
def robot(monkeypatch):
    """Return a Robot whose `relay` can be made and whose `clock` moves as it is told."""
    robot = Robot()
    monkeypatch.syspath_prepend(str(FOLDER))
    for name, module in robot.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in ('fetch_relay', 'fetch_watchdog'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import fetch_relay
    robot.now = 100.0
    monkeypatch.setattr(fetch_relay, 'steady', lambda: robot.now)

    def sleep(seconds):
        robot.now += seconds
        robot.step and robot.step()
    robot.step = None
    monkeypatch.setattr(fetch_relay.time, 'sleep', sleep)
    robot.make = fetch_relay.FetchRelay
    yield robot
    for name in ('fetch_relay', 'fetch_watchdog'):
        sys.modules.pop(name, None)


def start(robot):
    """Return a relay that passes twists."""
    relay = robot.make()
    robot.now += START_DELAY + 1.0
    robot.state()
    return relay


def test_a_good_twist_passes_as_it_came(robot):
    start(robot)
    twist = TwistStamped('torso_lift_link', 0.1)
    robot.tell('fetch_relay/twist', twist)
    assert robot.wire == [(TWISTS, twist)]
    assert robot.types[TWISTS] is robot.types['fetch_relay/twist'] is TwistStamped
    assert robot.types['run_stopped'] is Bool


def test_a_twist_that_is_too_fast_is_a_stop(robot):
    start(robot)
    robot.tell('fetch_relay/twist', TwistStamped('torso_lift_link', 0.1))
    robot.tell('fetch_relay/twist', TwistStamped('torso_lift_link', 0.5))
    stop = robot.sent(TWISTS)[-1]
    assert stop.header.frame_id == '' and stop.twist.linear.x == 0.0


def test_run_stopped_is_told_ten_times_a_second_once_it_is_known(robot):
    relay, ended = robot.make(), Event()
    told = []

    def step():
        if robot.now > 101.0 and not ended.is_set():
            robot.state(pressed=True)
            told.append(len(robot.sent('run_stopped')))
        if robot.now > 102.0:
            ended.set()
    robot.step = step
    relay.spin(ended)
    assert told[0] == 0  # nothing was known
    assert 9 <= len(robot.sent('run_stopped')) <= 11
    assert all(message.data is True for message in robot.sent('run_stopped'))


@pytest.mark.parametrize('end', ['signal', 'ROS', 'error', 'hook'])
def test_the_last_message_is_the_stop_however_it_ends(robot, end):
    relay, ended = start(robot), Event()
    robot.tell('fetch_relay/twist', TwistStamped('torso_lift_link', 0.1))
    if end == 'signal':
        ended.set()
    elif end == 'ROS':
        robot.down = True
    elif end == 'error':
        relay._tick = lambda: 1 / 0
        with pytest.raises(ZeroDivisionError):
            relay.spin(ended)
    else:
        robot.hooks[0]()
        robot.down = True
    if end != 'error':
        relay.spin(ended)
    for _ in range(3):
        robot.tell('fetch_relay/twist', TwistStamped('torso_lift_link', 0.1))
    frames = [message.header.frame_id for message in robot.sent(TWISTS)]
    assert frames[0] == 'torso_lift_link' and set(frames[1:]) == {''}
    robot.tell('gripper_opening', SimpleNamespace(data=0.1))
    assert not robot.goals


def test_an_opening_is_a_goal_for_the_gripper(robot):
    robot.parameters['max_effort'] = 30
    start(robot)
    for opening in (0.1, 0.1, float('nan'), 0.0):
        robot.tell('gripper_opening', SimpleNamespace(data=opening))
    assert [(goal.command.position, goal.command.max_effort) for goal in robot.goals] == [
        (0.1, 30), (0.0, 30)]
    robot.state(pressed=True)
    robot.tell('gripper_opening', SimpleNamespace(data=0.1))
    assert len(robot.goals) == 2


def test_bad_parameters_and_a_gripper_that_is_not_there_are_one_error(robot):
    robot.parameters['max_sped'] = 0.2
    with pytest.raises(ValueError, match='max_sped'):
        robot.make()
    robot.parameters.clear()
    robot.server = False
    with pytest.raises(ValueError, match='gripper_controller/gripper_action'):
        robot.make()
    assert not robot.heard  # nothing of the bridge is taken before all is there
