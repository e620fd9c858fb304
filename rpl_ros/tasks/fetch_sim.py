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

"""A task with the Fetch as it really is: what its drivers and a tracker say, with their delays."""

from dataclasses import dataclass

import mujoco
import numpy as np

from rpl_ros.tasks import fetch
from rpl_ros.tasks.fetch_joints import FetchJoints

POSE_EVERY = 2  # updates, between two poses of the tracker: 50 Hz
SITES = {'object': 'object0', 'hook': 'hook'}


@dataclass(frozen=True)
class Sensors:
    """
    How late and how wrong measurements are.

    Each comes `delay` s after it was taken, and up to `jitter` s later than that, evenly
    distributed, but never before an older one of its kind. A pose of object or hook is off by
    `noise`, m and rad, the standard deviation about each axis.
    """

    delay: float = 0.0
    jitter: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class Measurement:
    """
    What one message says: `kind` is arm, gripper, object, hook, goal or grip.

    `content` is (names, positions, velocities) of joints, or a pose (7,) in the frame world;
    `taken` and `due` are the times, s, at which it was measured and arrives.
    """

    kind: str
    content: object
    taken: float
    due: float


class FetchSim:
    """The scene of a Fetch task; `robot`, a FetchJoints, takes the commands."""

    def __init__(self, task, sensors=Sensors(), grip=False):
        """
        Take a task from make_task(), whose own steps are not used any more.

        With `grip` the driver says the pose of the grip, too, as often as its joints.
        """
        self._task, self._sensors = task, sensors
        found = {name: mujoco.mj_name2id(task.model, fetch.SITE, site)
                 for name, site in SITES.items()}
        self._sites = {name: site for name, site in found.items() if site >= 0}
        self.names = (*self._sites, 'goal', *('grip',) * grip)
        self._grip = mujoco.mj_name2id(task.model, fetch.SITE, 'robot0:grip')
        self._model, self._data = task.model, task.data
        self.robot = FetchJoints(task.model, task.data)
        self._rng = np.random.default_rng(0)
        self._waiting, self._updates = [], 0

    @property
    def time(self):
        """Return the time since reset(), s."""
        return self.robot.time

    def reset(self, episode, rng):
        """
        Set up the scene of an episode; return the plain task's first State.

        `rng`, a numpy Generator, draws delays and noise. The arm stands where the plain task's
        does, and still.
        """
        self.robot.release()
        state = self._task.reset(episode)
        self.robot.start()
        fetch.refresh(self._model, self._data)
        self._rng, self._waiting, self._updates = rng, [], 0
        self._goal = np.r_[state.desired_goal, 1.0, 0.0, 0.0, 0.0]
        self._measure()
        return state

    def advance(self):
        """
        Let one update of the robot, 10 ms, pass.

        Return the Measurements that have arrived, oldest first.
        """
        self.robot.update()
        fetch.refresh(self._model, self._data)
        self._updates += 1
        self._measure()
        now = self.time + 1e-9  # a sum of times is not exact
        due = [item for item in self._waiting if item.due <= now]
        self._waiting = [item for item in self._waiting if item.due > now]
        return due

    def _measure(self):
        """Take all measurements of the present moment."""
        self._add('arm', self.robot.arm_state())
        self._add('gripper', self.robot.gripper_state())
        if 'grip' in self.names:
            self._add('grip', self._pose(self._grip))
        if self._updates % POSE_EVERY == 0:
            for name, site in self._sites.items():
                self._add(name, self._seen(self._pose(site)))
            self._add('goal', self._goal.copy())

    def _pose(self, site):
        """Return the pose (7,) of a site."""
        pose = np.empty(7)
        pose[:3] = self._data.site_xpos[site]
        mujoco.mju_mat2Quat(pose[3:], self._data.site_xmat[site])
        return pose

    def _seen(self, pose):
        """Return a pose (7,) as the tracker sees it."""
        if self._sensors.noise:
            pose[:3] += self._rng.normal(0.0, self._sensors.noise, 3)
            mujoco.mju_quatIntegrate(pose[3:], self._rng.normal(0.0, self._sensors.noise, 3), 1.0)
        return pose

    def _add(self, kind, content):
        late = self._sensors.delay
        if self._sensors.jitter:
            late += self._rng.uniform(0.0, self._sensors.jitter)
        before = max((item.due for item in self._waiting if item.kind == kind), default=0.0)
        self._waiting.append(Measurement(kind, content, self.time, max(self.time + late, before)))
