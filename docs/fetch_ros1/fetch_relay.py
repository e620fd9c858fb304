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
fetch_relay: a ROS 1 node for the Fetch's own computer, between a bridge and its controllers.

Copy this file and fetch_watchdog.py there, then run `python fetch_relay.py`. It runs on Melodic
and Noetic. docs/fetch_relay.md describes topics and parameters, and how to try it.
"""

import os
import signal
import threading
import time

import actionlib
from control_msgs.msg import GripperCommandAction, GripperCommandGoal
from fetch_driver_msgs.msg import RobotState
from fetch_watchdog import checked, PASS, STOP, Watchdog
from geometry_msgs.msg import TwistStamped
import rospy
from std_msgs.msg import Bool, Float64

FRAME = 'torso_lift_link'
TICK = 0.02  # s
TICKS_PER_STATE = 5  # run_stopped is sent ten times a second: a bridge has no latched topics
GRIPPER_TIMEOUT = 10.0  # s
LAST_STOPS = 0.1  # s for the thread of rospy that sends the last messages


def steady():
    """Return the time of a steady clock, s."""
    # Python 2.7 has no time.monotonic; there, os.times has the time since the computer started.
    return time.monotonic() if hasattr(time, 'monotonic') else os.times()[4]


class FetchRelay(object):
    """The node: each callback asks the watchdog and executes its answer, one at a time."""

    def __init__(self):
        """Connect to the robot, then to the bridge; ValueError for a bad parameter."""
        self._settings = checked(rospy.get_param('~', {}))
        self._watchdog = Watchdog(steady(), self._settings, FRAME)
        self._lock = threading.Lock()
        self._closed = False
        self._ticks, self._logged = 0, None
        self._gripper = actionlib.SimpleActionClient('gripper_controller/gripper_action',
                                                     GripperCommandAction)
        if not self._gripper.wait_for_server(rospy.Duration(GRIPPER_TIMEOUT)):
            raise ValueError('no action server gripper_controller/gripper_action after %g s: is '
                             'the robot up, and ROS_MASTER_URI its own?' % GRIPPER_TIMEOUT)
        # The queue has room for all stops; newer messages replace older ones.
        self._twists = rospy.Publisher('arm_controller/cartesian_twist/command', TwistStamped,
                                       queue_size=self._settings['stop_messages'] + 1)
        self._run_stops = rospy.Publisher('run_stopped', Bool, queue_size=1)
        rospy.on_shutdown(self.close)
        options = {'queue_size': 1, 'tcp_nodelay': True}
        rospy.Subscriber('robot_state', RobotState, self._on_robot_state, **options)
        rospy.Subscriber('fetch_relay/twist', TwistStamped, self._on_twist, **options)
        rospy.Subscriber('gripper_opening', Float64, self._on_opening, **options)

    def spin(self, ended):
        """Tick until ROS ends or the Event `ended` is set; the last message is the stop."""
        try:
            while not rospy.is_shutdown() and not ended.is_set():
                self._tick()
                # Not the timers of rospy: they stand still when the clock of ROS does.
                time.sleep(TICK)
        finally:
            self.close()

    def close(self):
        """Stop the arm, once; nothing is sent after that."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in range(self._settings['stop_messages']):
                self._send_stop()
                time.sleep(TICK)
            time.sleep(LAST_STOPS)

    def _on_robot_state(self, message):
        with self._lock:
            self._act(self._watchdog.robot_state(steady(), message.runstopped, message.faulted))

    def _on_twist(self, message):
        linear, angular = message.twist.linear, message.twist.angular
        with self._lock:
            self._act(self._watchdog.twist(
                steady(), message.header.frame_id, (linear.x, linear.y, linear.z),
                (angular.x, angular.y, angular.z)), message)

    def _on_opening(self, message):
        with self._lock:
            opening = self._watchdog.gripper(steady(), message.data)
            if opening is None or self._closed:
                return
            goal = GripperCommandGoal()
            goal.command.position = opening
            goal.command.max_effort = self._settings['max_effort']
            self._gripper.send_goal(goal)

    def _tick(self):
        with self._lock:
            now = steady()
            self._act(self._watchdog.tick(now))
            self._ticks += 1
            if (self._ticks % TICKS_PER_STATE == 0 and self._watchdog.knows_state()
                    and not self._closed):
                self._run_stops.publish(Bool(bool(self._watchdog.blocked(now))))

    def _act(self, answer, message=None):
        """Execute an answer of the watchdog; the caller has the lock."""
        if self._closed:
            return
        if answer == PASS:
            self._twists.publish(message)
        elif answer == STOP:
            self._send_stop()
        if self._watchdog.reason != self._logged:
            self._logged = self._watchdog.reason
            rospy.logwarn('%s', 'stopped: ' + self._logged if self._logged else 'twists pass')

    def _send_stop(self):
        # A zero twist without a frame: the controller stops at once.
        stop = TwistStamped()
        stop.header.stamp = rospy.Time.now()
        self._twists.publish(stop)


def main():
    """Run fetch_relay; return its exit code."""
    # The handlers of rospy would close the relay within a callback of this same thread.
    rospy.init_node('fetch_relay', disable_signals=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    try:
        FetchRelay().spin(ended)
    except ValueError as error:
        rospy.logfatal('error: fetch_relay: %s', error)
        return 1
    finally:
        rospy.signal_shutdown('fetch_relay ends')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
