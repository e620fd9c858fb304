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
fetch_sim_node: stands in for a Fetch, with our relay on it, and a tracker.

Joint states in two parts, poses, run-stop; twists and gripper openings come in. In real time, at
100 Hz by the steady clock. `reset_scene` sets up the scene of the next episode.
"""

import time

from geometry_msgs.msg import PoseStamped, TwistStamped
import numpy as np
from rclpy.clock import Clock, ClockType
from rpl_ros.config import SettingsError
from rpl_ros.config_robot import FetchSimSettings
from rpl_ros.nodes.managed import ManagedNode
from rpl_ros.nodes.robot_messages import joint_state, pose_message, read_twist
from rpl_ros.nodes.running import run_node
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch_joints import UPDATE_PERIOD
from rpl_ros.tasks.fetch_sim import FetchSim, Sensors
from rpl_ros.tasks.hook import NOISE_STD
from rpl_ros.tasks.physics import forget_warnings, why_unsound
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64
from std_srvs.srv import SetBool, Trigger

DEPTH = 10
RUN_STOP_EVERY = 10  # updates, between two messages about the run-stop
MOST = 10  # updates at once to catch up; what is beyond is given up


class FetchSimNode(ManagedNode):
    """The robot, its driver and the tracker."""

    def __init__(self):
        """Declare the parameters."""
        super().__init__('fetch_sim_node', FetchSimSettings)
        self._episode, self._count = self.settings.first_episode, 0

    def configure(self):
        """Build the first scene."""
        settings = self.settings
        noise = settings.noise or (NOISE_STD if settings.task == 'noisy_hook' else 0.0)
        try:
            task = make_task(settings.task, settings.seed, settings.objects)
            self._sim = FetchSim(task, Sensors(settings.delay, settings.jitter, noise),
                                 bool(settings.grip_pose_topic))
        except ValueError as error:
            raise SettingsError(f'fetch_sim_node: {error}') from error
        self._joints = self.create_publisher(JointState, settings.joint_states_topic, DEPTH)
        self._poses = {name: self.create_publisher(
            PoseStamped, getattr(settings, f'{name}_pose_topic'), DEPTH)
            for name in self._sim.names}
        self._run_stop = self.create_publisher(Bool, settings.run_stop_topic, DEPTH)
        self.create_subscription(TwistStamped, settings.twist_topic, self._on_twist, DEPTH)
        self.create_subscription(Float64, settings.gripper_topic, self._on_gripper, DEPTH)
        self.create_service(Trigger, 'reset_scene', self._on_reset)
        self.create_service(SetBool, '~/run_stop', self._on_run_stop)
        task.warm_up()
        self._data = task.data
        self._window = None
        if settings.window:
            from rpl_ros.tasks.window import open_window
            self._window = open_window(task)
        self._reset()
        self._sim.robot.run_stop(settings.pressed)
        self.create_timer(UPDATE_PERIOD, self._on_timer,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f'{settings.task} on a simulated Fetch is ready')

    def activate(self):
        """Let time go on, from where it stood."""
        self._began = time.monotonic() - self._sim.time

    def _reset(self):
        settings = self.settings
        forget_warnings(self._data)
        self._sim.reset(self._episode, np.random.default_rng([settings.seed, self._episode, 2]))
        self._began = time.monotonic()

    def _on_reset(self, request, response):
        """Set up the next scene; the first call sets up the first one again."""
        self._reset()
        response.success, response.message = True, f'scene {self._episode} is set up'
        self._episode += 1
        return response

    def _on_run_stop(self, request, response):
        """Press or release the run-stop."""
        self._sim.robot.run_stop(request.data)
        self._run_stop.publish(Bool(data=request.data))
        response.success = True
        return response

    def _on_twist(self, message):
        self._sim.robot.command(read_twist(message), message.header.frame_id)

    def _on_gripper(self, message):
        if np.isfinite(message.data):
            self._sim.robot.command_gripper(message.data)

    def _on_timer(self):
        """Let the time pass that has passed."""
        if not self.active:
            return
        owed = round((time.monotonic() - self._began - self._sim.time) / UPDATE_PERIOD)
        if owed > MOST:
            self.warn('slow', f'{owed} updates of 10 ms behind: this machine is too slow or too '
                      'busy; simulated time stands still for as long')
            self._began += (owed - MOST) * UPDATE_PERIOD
        for _ in range(min(owed, MOST)):
            self._update()

    def _update(self):
        measured = self._sim.advance()
        problem = why_unsound(self._data)
        if problem:
            self.fail(problem)
            return
        for item in measured:
            taken = self.get_clock().now().nanoseconds * 1e-9 - (self._sim.time - item.taken)
            if item.kind in self._poses:
                self._poses[item.kind].publish(
                    pose_message(item.content, self.settings.world_frame, taken))
            else:
                self._joints.publish(joint_state(*item.content, taken))
        self._count += 1
        if self._count % RUN_STOP_EVERY == 0:
            self._run_stop.publish(Bool(data=self._sim.robot.run_stopped))
            if self._window:
                self._window.show()

    def release(self):
        """Close the window."""
        if self._window:
            self._window.close()


def main(args=None):
    """Run fetch_sim_node; return its exit code."""
    return run_node(FetchSimNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
