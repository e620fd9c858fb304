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
fetch_relay on a real ROS 1: its two files alone, a master, and a driver that this plays.

No test, because ROS 1 is not there for the tests. On Debian 12: `apt-get install python3-rospy
python3-rosmaster python3-actionlib python3-geometry-msgs`, then `python3 test/try_ros1.py`.
Messages that Debian lacks are made here; of fetch_driver_msgs/RobotState what the relay reads.
"""

import argparse
import os
from pathlib import Path
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from xmlrpc.client import ServerProxy

PORT = 11411
SOURCES = Path(__file__).resolve().parents[1] / 'docs' / 'fetch_ros1'
HEAD = 'std_msgs/Header header\n'
STATUS = 'float64 position\nfloat64 effort\nbool stalled\nbool reached_goal\n'
MESSAGES = {
    'fetch_driver_msgs': {'RobotState': HEAD + 'bool ready\nbool faulted\nbool runstopped\n'},
    'control_msgs': {
        'GripperCommand': 'float64 position\nfloat64 max_effort\n',
        'GripperCommandGoal': 'GripperCommand command\n',
        'GripperCommandResult': STATUS, 'GripperCommandFeedback': STATUS,
        'GripperCommandActionGoal':
            HEAD + 'actionlib_msgs/GoalID goal_id\nGripperCommandGoal goal\n',
        'GripperCommandActionResult':
            HEAD + 'actionlib_msgs/GoalStatus status\nGripperCommandResult result\n',
        'GripperCommandActionFeedback':
            HEAD + 'actionlib_msgs/GoalStatus status\nGripperCommandFeedback feedback\n',
        'GripperCommandAction':
            'GripperCommandActionGoal action_goal\nGripperCommandActionResult action_result\n'
            'GripperCommandActionFeedback action_feedback\n'}}


def make_messages(folder, share):
    """Write the Python modules of MESSAGES into `folder`."""
    from genpy.generate_initpy import write_module
    from genpy.generator import MsgGenerator
    places = {name: [f'{share}/{name}/msg'] for name in ('std_msgs', 'actionlib_msgs')}
    for package, messages in MESSAGES.items():
        texts, out = folder / 'texts' / package, folder / package / 'msg'
        texts.mkdir(parents=True)
        out.mkdir(parents=True)
        (folder / package / '__init__.py').touch()
        for name, text in messages.items():
            (texts / f'{name}.msg').write_text(text)
        files = [str(texts / f'{name}.msg') for name in messages]
        assert MsgGenerator().generate_messages(
            package, files, str(out), {**places, package: [str(texts)]}) == 0
        write_module(str(out), [f'_{name}' for name in messages])


class Driver:
    """The robot as the relay sees it, and the bridge; `wire` is [(time, frame id, speed)]."""

    def __init__(self):
        import actionlib
        from control_msgs.msg import GripperCommandAction
        from fetch_driver_msgs.msg import RobotState
        from geometry_msgs.msg import TwistStamped
        import rospy
        from std_msgs.msg import Bool, Float64
        rospy.init_node('robot_and_bridge', disable_signals=True)
        self.rospy, self.kinds = rospy, (TwistStamped, RobotState, Float64)
        self.wire, self.openings, self.run_stopped = [], [], None
        self.pressed, self.driving, self.speed = False, False, 0.1
        self.gripper = actionlib.SimpleActionServer(
            'gripper_controller/gripper_action', GripperCommandAction, self._grip, False)
        self.gripper.start()
        options = {'queue_size': 100, 'tcp_nodelay': True}
        rospy.Subscriber('arm_controller/cartesian_twist/command', TwistStamped, self._heard,
                         **options)
        rospy.Subscriber('run_stopped', Bool, self._run_stopped)
        self.twists = rospy.Publisher('fetch_relay/twist', TwistStamped, queue_size=10)
        self.opening = rospy.Publisher('gripper_opening', Float64, queue_size=10)
        self._states = rospy.Publisher('robot_state', RobotState, queue_size=1)
        threading.Thread(target=self._drive, daemon=True).start()
        threading.Thread(target=self._report, daemon=True).start()

    def _run_stopped(self, message):
        self.run_stopped = message.data

    def _heard(self, message):
        self.wire.append((time.monotonic(), message.header.frame_id, message.twist.linear.x))

    def _grip(self, goal):
        self.openings.append(goal.command.position)
        self.gripper.set_succeeded()

    def _report(self):
        while True:
            self._states.publish(self.kinds[1](runstopped=self.pressed))
            time.sleep(0.02)

    def _drive(self):
        while True:
            if self.driving:
                self.send(self.speed)
            time.sleep(0.04)

    def send(self, speed, frame='torso_lift_link'):
        """Send a twist as the bridge does."""
        message = self.kinds[0]()
        message.header.frame_id, message.twist.linear.x = frame, speed
        self.twists.publish(message)


def until(told, what, patience=15.0):
    """Wait until `told()` is true."""
    end = time.monotonic() + patience
    while not told():
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {patience:g} s')
        time.sleep(0.002)


def is_stop(entry):
    """Return whether an entry of the wire is a stop."""
    return entry[1] == '' and entry[2] == 0.0


def stopped(driver, cause, name, times):
    """Let `cause()` happen to a moving arm; add the time to the first stop, s, to `times`."""
    time.sleep(random.uniform(0.1, 0.2))
    start = time.monotonic()
    cause()
    until(lambda: any(is_stop(entry) for entry in driver.wire if entry[0] > start), name)
    first = next(entry[0] for entry in driver.wire if entry[0] > start and is_stop(entry))
    times.setdefault(name, []).append(first - start)
    time.sleep(0.3)
    count = [is_stop(entry) for entry in driver.wire if entry[0] >= first]
    assert count == [True] * 3, f'{name}: after the fault came {count}'


def moving(driver):
    """Let the arm move."""
    driver.driving, driver.speed, driver.pressed = False, 0.1, False
    time.sleep(0.1)
    driver.send(0.0, '')  # a stop: what comes next is a new motion
    time.sleep(0.3)
    driver.wire.clear()
    driver.driving = True
    until(lambda: driver.wire and not is_stop(driver.wire[-1]), 'the first twist')


def relay(folder, *arguments):
    """Start fetch_relay from its two files alone."""
    return subprocess.Popen([sys.executable, str(folder / 'fetch_relay.py'), *arguments])


def connected(driver, folder):
    """Start fetch_relay; return it when it hears and is heard."""
    until(lambda: not driver.twists.get_num_connections(), 'the end of the last relay')
    driver.run_stopped, driver.pressed, driver.driving = None, False, False
    child = relay(folder)
    until(lambda: driver.twists.get_num_connections() and driver.run_stopped is False, 'relay')
    return child


def try_faults(driver, rounds):
    """Return {fault: [time to the first stop, s]}; each leads to three stops, then silence."""
    times = {}

    def silence():
        driver.driving = False

    def too_fast():
        driver.speed = 0.5

    def not_finite():
        driver.speed = float('nan')

    def press():
        driver.pressed = True
    for _ in range(rounds):
        for cause in (silence, too_fast, not_finite, press):
            moving(driver)
            stopped(driver, cause, cause.__name__, times)
        until(lambda: driver.run_stopped, 'run_stopped')
        driver.pressed = False
        time.sleep(0.3)
        assert is_stop(driver.wire[-1]), 'moved on when the run-stop was released'
    return times


def shut_down(driver):
    """Do what `rosnode kill /fetch_relay` does."""
    place = driver.rospy.get_master().lookupNode('/fetch_relay')[2]
    try:
        ServerProxy(place).shutdown('/robot_and_bridge', 'tried')
    except ConnectionError:
        pass  # it may be gone before it has answered


def try_ends(driver, folder, rounds):
    """Return how often the stop was the last message of a relay that was told to end."""
    last = 0
    for number in range(rounds):
        child = connected(driver, folder)
        moving(driver)
        time.sleep(random.uniform(0.0, 0.1))
        if number % 3 == 2:
            shut_down(driver)
        else:
            child.send_signal([signal.SIGINT, signal.SIGTERM][number % 3])
        child.wait(10)
        time.sleep(0.1)
        last += is_stop(driver.wire[-1])
    return last


def main():
    """Try all; return 0 if all was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--ends', type=int, default=12, help='how often the relay is ended')
    parser.add_argument('--share', default='/usr/share', help='where ROS 1 keeps its .msg files')
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    for name in ('fetch_relay.py', 'fetch_watchdog.py'):
        shutil.copy(SOURCES / name, folder)
    make_messages(folder, arguments.share)
    sys.path.insert(0, str(folder))
    os.environ.update(ROS_MASTER_URI=f'http://127.0.0.1:{PORT}', ROS_IP='127.0.0.1',
                      ROS_HOSTNAME='127.0.0.1', ROS_LOG_DIR=str(folder / 'log'),
                      PYTHONPATH=f'{folder}:{os.environ.get("PYTHONPATH", "")}')
    master = subprocess.Popen([sys.executable, '-c', 'import rosmaster, sys; '
                               f'rosmaster.rosmaster_main(["--core", "-p", "{PORT}"])'])
    child = None
    try:
        time.sleep(2)
        driver = Driver()
        bad = relay(folder, '_max_speed:=9.0')
        assert bad.wait(15) == 1, 'a bad parameter was taken'
        driver.rospy.delete_param('/fetch_relay')  # the master keeps it for the next start
        child = connected(driver, folder)
        times = try_faults(driver, arguments.rounds)
        for name, found in times.items():
            print(f'{name}: stop after {1000 * min(found):.0f} to {1000 * max(found):.0f} ms, '
                  f'{len(found)} times')
        for value in (0.1, 0.1, 0.0):
            driver.opening.publish(driver.kinds[2](value))
            time.sleep(0.3)
        assert driver.openings == [0.1, 0.0], driver.openings
        child.terminate()
        assert child.wait(10) == 0
        last = try_ends(driver, folder, arguments.ends)
        print(f'stop last on the wire: {last} of {arguments.ends} ends')
        assert last == arguments.ends
    finally:
        for process in (child, master):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(10)
        shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.stdout.flush()
    os._exit(main())
