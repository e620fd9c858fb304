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

"""The adapter and the simulated Fetch over DDS, with a graph that does what a test wants."""

from contextlib import contextmanager
import os
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TwistStamped
from graph_tools import free_domain, listener, nodes
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import numpy as np
from rpl_msgs.msg import BaseAction, Command
from rpl_ros.common.assets import share
from rpl_ros.ros.convert import to_wire
from rpl_ros.ros.qos import publisher, subscribe
from rpl_ros.ros.robot_messages import from_time, read_twist
from rpl_ros.settings.parameter_file import read_parameter_file
from std_msgs.msg import Bool, Float64, Header
from std_srvs.srv import SetBool, Trigger

TWIST = 'fetch_relay/twist'
ADAPTER = 'fetch_adapter_node'
SIM = {'task': 'hook'}
CONTRACT = read_parameter_file(share('config') / 'robot' / 'fetch.yaml')[ADAPTER]
SETTINGS = {**{name: "''" if value == '' else value for name, value in CONTRACT.items()},
            'reset_service': 'reset_scene', 'episodes': 0, 'horizon': 100_000, 'subscribers': 1,
            # Of a machine that other tests keep busy.
            'state_timeout': 0.3, 'pose_timeout': 0.4, 'command_timeout': 0.3,
            'base_action_timeout': 0.3, 'robot_timeout': 0.5, 'run_stop_timeout': 2.0}
STOPS = 3  # by the contract
UP, DOWN = np.array([0.0, 0.0, 0.1, 0.0]), np.array([0.0, 0.0, -0.1, 0.0])


def up_and_down(state):
    """Return an action that keeps the arm moving, and near where it is."""
    return DOWN if state.step // 25 % 2 else UP


def is_stop(message):
    """Return whether a TwistStamped is a stop."""
    return not message.header.frame_id and not read_twist(message).any()


class Graph:
    """
    Answers the adapter's states as base controller and residual would; keeps what it sends.

    `base` and `command` turn a State message into an action (4,), or None for silence. `sent` are
    (time by the steady clock, TwistStamped).
    """

    def __init__(self, node, spin, domain):
        """Take what listener() yields, and its domain."""
        self.node, self._spin, self.domain = node, spin, domain
        self.base = self.command = up_and_down
        self.sent, self.states, self.openings, self.reports = [], [], [], []
        self._actions, self._commands = publisher(node, 'base_action'), publisher(node, 'command')
        self.pose = node.create_publisher(PoseStamped, 'object_pose', 10)
        self.press = node.create_publisher(Bool, 'run_stopped', 10)
        subscribe(node, 'state', self._on_state)
        node.create_subscription(TwistStamped, TWIST, lambda message: self.sent.append(
            (time.monotonic(), message)), 1000)
        node.create_subscription(Float64, 'gripper_opening',
                                 lambda message: self.openings.append(message.data), 10)
        node.create_subscription(DiagnosticArray, '/diagnostics', self.reports.append, 10)

    def _on_state(self, message):
        self.states.append(message)
        about = {'header': message.header, 'episode': message.episode, 'step': message.step}
        base, sent = self.base(message), self.command(message)
        if base is not None:
            self._actions.publish(BaseAction(action=to_wire(base), **about))
        if sent is not None:
            self._commands.publish(Command(sent=to_wire(sent), **about))

    def until(self, done, seconds=30.0):
        """Wait until done() is true."""
        self._spin(done, seconds)

    def wait(self, seconds):
        """Let some time pass."""
        end = time.monotonic() + seconds
        self._spin(lambda: time.monotonic() > end, seconds + 5.0)

    def move(self):
        """Wait until the arm is commanded to move, and for some commands more."""
        begin = len(self.sent)
        self.until(lambda: len(self.sent) > begin + 5
                   and not any(is_stop(message) for _, message in self.sent[-3:]), 60.0)

    def call(self, kind, name, **fields):
        """Call a service; return (its answer, the time of the call)."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        asked, future = time.time(), client.call_async(kind.Request(**fields))
        self.until(future.done)
        self.node.destroy_client(client)
        return future.result(), asked

    def transit(self, label, node=ADAPTER):
        """Ask a node for a transition; return (whether it was made, the time of the call)."""
        answer, asked = self.call(ChangeState, f'/{node}/change_state',
                                  transition=Transition(label=label))
        return answer.success, asked

    def lifecycle(self, node=ADAPTER):
        """Return the label of a node's state."""
        return self.call(GetState, f'/{node}/get_state')[0].current_state.label

    def estop(self):
        """Press the emergency stop; return the time."""
        return self.call(Trigger, f'/{ADAPTER}/estop')[1]

    def reset(self):
        """Clear a latched stop; return whether that worked."""
        return self.call(Trigger, f'/{ADAPTER}/reset')[0].success

    def run_stop(self, pressed):
        """Press or release the simulated robot's run-stop; return the time."""
        return self.call(SetBool, '/fetch_sim_node/run_stop', data=pressed)[1]

    def object_at(self, place, frame='world', turn=(0.0, 0.0, 0.0, 1.0)):
        """Send a pose of the object, m, quaternion x, y, z, w."""
        now = self.node.get_clock().now().to_msg()
        message = PoseStamped(header=Header(stamp=now, frame_id=frame))
        target = message.pose.position
        target.x, target.y, target.z = place
        target = message.pose.orientation
        target.x, target.y, target.z, target.w = turn
        self.pose.publish(message)

    def says(self, text):
        """Wait until the diagnostics name `text`."""
        def named():
            return any(text in str(report.status) for report in self.reports)
        self.until(named)

    def reaction(self, fault, since):
        """
        Wait until the arm was stopped after a fault at time.time() `since`; print how soon.

        The stop must come as often as the contract says, and then silence. A busy machine may have
        caused a stop of its own just before: then there are some more.
        """
        def stopped():
            tail = [message for _, message in self.sent[-STOPS:]]
            return (all(map(is_stop, tail)) and time.monotonic() - self.sent[-1][0] > 0.5
                    and from_time(tail[-1].header.stamp) > since)
        self.until(stopped)
        kinds = ''.join('S' if is_stop(message) else 't' for _, message in self.sent[-12:])
        count = len(kinds) - len(kinds.rstrip('S'))
        first = from_time(self.sent[-count][1].header.stamp)
        print(f'\nreaction to {fault}: {1e3 * (first - since):.0f} ms')
        assert STOPS <= count < 2 * STOPS, kinds


@contextmanager
def altered_adapter(program, domain):
    """Run fetch_adapter_node by a Python program that changes it; yield the Popen."""
    settings = [part for name, value in SETTINGS.items() for part in ('-p', f'{name}:={value}')]
    adapter = subprocess.Popen([sys.executable, '-c', program, '--ros-args', *settings],
                               env={**os.environ, 'ROS_DOMAIN_ID': str(domain)},
                               stderr=subprocess.PIPE, text=True)
    try:
        yield adapter
    finally:
        adapter.kill()
        adapter.wait()


@contextmanager
def robot(folder, **changes):
    """Yield (Graph, processes) with fetch_sim_node and the adapter, whose settings may differ."""
    domain = free_domain()
    with listener(domain) as (node, spin), nodes(
            domain, folder, fetch_sim_node=SIM,
            fetch_adapter_node={**SETTINGS, **changes}) as started:
        yield Graph(node, spin, domain), started
