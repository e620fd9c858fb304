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
fetch_sim_node: simulates a Fetch with our relay on it, and a tracker.

It publishes joint states in two parts, poses and the run-stop, and receives twists and gripper
openings: in real time, at 100 Hz by the steady clock. The service `reset_scene` sets up the scene
of the next episode.
"""

from functools import partial
import time
from typing import Any

from geometry_msgs.msg import PoseStamped, TwistStamped
import numpy as np
from rpl_ros.robot.simulated.joints import UPDATE_PERIOD
from rpl_ros.robot.simulated.make import make_fetch_task
from rpl_ros.robot.simulated.sensors import FetchSim, Sensors
from rpl_ros.ros.managed import ManagedNode
from rpl_ros.ros.robot_messages import joint_state, pose_message, read_twist
from rpl_ros.ros.running import run_node
from rpl_ros.settings.fields import SettingsError
from rpl_ros.settings.robot import FetchSimSettings
from rpl_ros.streams import generator, Stream
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64
from std_srvs.srv import SetBool, Trigger

DEPTH = 10
RUN_STOP_EVERY = 10
"""Updates of the simulation from one message about the run-stop to the next."""
MAX_UPDATES = 10
"""Largest number of updates in one go to catch up with real time; further updates are dropped."""


class FetchSimNode(ManagedNode):
    """The simulated robot, its drivers and the tracker."""

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('fetch_sim_node', FetchSimSettings)
        self._episode, self._count = self.settings.first_episode, 0

    def configure(self) -> None:
        """Build the first scene."""
        settings = self.settings
        try:
            task = make_fetch_task(settings.task, settings.seed, settings.objects)
            noise = settings.noise or task.noise_std
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
        self._physics = task.physics
        self._window: Any = None
        if settings.window:
            from rpl_ros.tasks.window import open_window
            self._window = open_window(task)
        self._reset()
        self._sim.robot.run_stop(settings.pressed)
        self.create_steady_timer(UPDATE_PERIOD, self._on_timer)
        self.get_logger().info(f'{settings.task} on a simulated Fetch is ready')

    def activate(self) -> None:
        """Let simulated time continue from its last value."""
        self._began = time.monotonic() - self._sim.time

    def _reset(self) -> None:
        settings = self.settings
        self._physics.clear_warnings()
        self._sim.reset(self._episode, generator(settings.seed, Stream.TRACKER, self._episode))
        self._began = time.monotonic()

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Set up the next scene; the first call sets up the first one again."""
        self._reset()
        response.success, response.message = True, f'scene {self._episode} is set up'
        self._episode += 1
        return response

    def _on_run_stop(self, request: SetBool.Request, response: SetBool.Response,
                     ) -> SetBool.Response:
        """Press or release the run-stop."""
        self._sim.robot.run_stop(request.data)
        self._run_stop.publish(Bool(data=request.data))
        response.success = True
        return response

    def _on_twist(self, message: TwistStamped) -> None:
        self._sim.robot.command(read_twist(message), message.header.frame_id)

    def _on_gripper(self, message: Float64) -> None:
        if np.isfinite(message.data):
            self._sim.robot.command_gripper(message.data)

    def _on_timer(self) -> None:
        """Advance the simulation to the present time."""
        if not self.active:
            return
        owed = round((time.monotonic() - self._began - self._sim.time) / UPDATE_PERIOD)
        if owed > MAX_UPDATES:
            self.warn('slow', f'{owed} updates of 10 ms behind: this machine is too slow or too '
                      'busy; simulated time skips them')
            self._began += (owed - MAX_UPDATES) * UPDATE_PERIOD
        for _ in range(min(owed, MAX_UPDATES)):
            self._update()

    def _update(self) -> None:
        measured = self._sim.advance()
        problem = self._physics.why_unstable()
        if problem:
            self.fail(problem)
            return
        for item in measured:
            taken = self.get_clock().now().nanoseconds * 1e-9 - (self._sim.time - item.taken)
            if item.kind in self._poses:
                self._poses[item.kind].publish(
                    pose_message(item.content, self.settings.world_frame, taken))
            else:
                names, positions, velocities = item.content
                self._joints.publish(joint_state(names, positions, velocities, taken))
        self._count += 1
        if self._count % RUN_STOP_EVERY == 0:
            self._run_stop.publish(Bool(data=self._sim.robot.run_stopped))
            if self._window:
                self._window.show()

    def release(self) -> None:
        """Close the window."""
        if self._window:
            self._window.close()


main = partial(run_node, FetchSimNode)

if __name__ == '__main__':
    raise SystemExit(main())
