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

"""What all tasks of the Fetch arm share: its steps, and 25 elements of the observation."""

from rpl_ros.robot.observe import euler, observe
from rpl_ros.tasks import fetch
from rpl_ros.tasks.simulated import SimulatedTask
from rpl_ros.tasks.specs import CONTROL_PERIOD

TABLE_TOP = 0.4  # m


class FetchTask(SimulatedTask):
    """
    A task in a compiled scene with the Fetch and a free body `object0`.

    Subclasses add reset(episode), which draws the scene from (`seed`, episode) alone, and may add
    to the observation. See docs/observations.md for its elements.
    """

    def __init__(self, name, seed, model):
        """Take the compiled scene; ValueError for an unknown task."""
        super().__init__(name, seed, model)
        self._fetch = fetch.find_fetch(model, self.data)
        self._displacement = fetch.MAX_DISPLACEMENT
        self._object = model.site('object0').id
        self._object_place = self.data.site_xpos[self._object]
        self._pose = model.joint('object0:joint').qposadr[0]
        self._velocity = model.joint('object0:joint').dofadr[0]

    def set_speed(self, max_ee_speed):
        """
        Make a held action of 1 move the gripper with `max_ee_speed`, m/s, from now on.

        The weld lags in proportion, so that the displacement is scaled; measured from 0.05 to
        0.8275 m/s, the gripper is within 5 % of it where the arm reaches freely.
        """
        self._displacement = fetch.MAX_DISPLACEMENT * max_ee_speed / fetch.HELD_SPEED

    def _settle(self, pose, height):
        """
        Return the state with the gripper at its start, `height` m above that of Push.

        The object lies at `pose` (7,) meanwhile: m and quaternion w, x, y, z.
        """
        self._place(pose)
        fetch.move_to_start(self.model, self.data, self._fetch, height)
        return self.save()

    def _place(self, pose):
        """Put the object at `pose` (7,): m and quaternion w, x, y, z; at rest."""
        self.data.qpos[self._pose:self._pose + 7] = pose
        self.data.qvel[self._velocity:self._velocity + 6] = 0

    def _begin(self, episode, goal):
        """Return the first State of an episode whose scene is set up."""
        self.model.site('goal').pos[:] = goal
        return super()._begin(episode, goal)

    def _move(self, action):
        """Do a control step of physics with `action` (4,)."""
        fetch.step_fetch(self.model, self.data, self._fetch, action, self._displacement)

    def _refresh(self):
        """Bring poses and velocities in `data` up to date."""
        fetch.refresh(self.model, self.data)

    def achieved(self):
        """Return where the object is (3,), m."""
        return self._object_place.copy()

    def advance(self, action):
        """
        Execute `action` (4,) outside of any episode: for planning, without building a State.

        Return the positions of gripper and object, (3,) each, m; the next call overwrites them.
        """
        fetch.step_fetch(self.model, self.data, self._fetch, action, self._displacement)
        return self._fetch.grip, self._object_place

    def _observation(self):
        """Return the observation of the present state."""
        return self._observed(self._seen(self._object))

    def _observed(self, thing, hook=None):
        """Return the observation; `thing` and `hook` are what _seen returns."""
        views = self._fetch
        _, grip_motion = fetch.site_motion(self.model, self.data, views.grip_site)
        return observe(views.grip, grip_motion, views.fingers,
                       views.finger_motion * CONTROL_PERIOD, thing, hook)

    def _seen(self, site):
        """Return position, Euler angles, angular and linear motion per control step of a site."""
        spin, motion = fetch.site_motion(self.model, self.data, site)
        data = self.data
        return [data.site_xpos[site], euler(data.site_xmat[site]), spin, motion]
