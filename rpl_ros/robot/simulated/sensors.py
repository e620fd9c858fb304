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

"""The measurements of a simulated Fetch: those of its drivers and of a tracker, with delays."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from rpl_ros.data import State
from rpl_ros.robot.simulated.joints import FetchJoints
from rpl_ros.streams import fixed
from rpl_ros.tasks import fetch
from rpl_ros.tasks.fetch_facts import in_model
from rpl_ros.tasks.fetch_task import FetchTask

POSE_EVERY = 2  # updates between two poses of the tracker: 50 Hz
SITES = {'object': 'object0', 'hook': 'hook'}


@dataclass(frozen=True)
class Sensors:
    """
    Delay and noise of the measurements.

    Each measurement arrives `delay` s after it was taken, and up to `jitter` s later, evenly
    distributed, but not before an older one of its kind. `noise` is the standard deviation of a
    pose of object or hook, m and rad about each axis.
    """

    delay: float = 0.0
    jitter: float = 0.0
    noise: float = 0.0


IDEAL = Sensors()


@dataclass(frozen=True)
class Measurement:
    """
    The content of one message; `kind` is arm, gripper, object, hook, goal or grip.

    `content` is (names, positions, velocities) for joints, or a pose (7,) in the frame world.
    `taken` and `due` are the times of measurement and arrival, s.
    """

    kind: str
    content: Any
    taken: float
    due: float


class FetchSim:
    """
    The scene of a Fetch task.

    `robot` takes the commands; `names` are the bodies whose poses are measured.
    """

    def __init__(self, task: FetchTask, sensors: Sensors = IDEAL, grip: bool = False) -> None:
        """
        Use the scene of a task, not its steps.

        With `grip`, the driver also publishes the pose of the grip, as often as its joints.
        """
        self._task, self._sensors = task, sensors
        found = {name: mujoco.mj_name2id(task.model, fetch.SITE, site)
                 for name, site in SITES.items()}
        self._sites = {name: site for name, site in found.items() if site >= 0}
        self.names = (*self._sites, 'goal', *('grip',) * grip)
        self._grip = mujoco.mj_name2id(task.model, fetch.SITE, in_model('grip'))
        self._model, self._data = task.model, task.data
        self.robot = FetchJoints(task.model, task.data)
        self._rng = fixed()
        self._waiting: list[Measurement] = []
        self._updates = 0

    @property
    def time(self) -> float:
        """Return the time since reset(), s."""
        return self.robot.time

    def reset(self, episode: int, rng: np.random.Generator,
              goal: np.ndarray | None = None) -> State:
        """
        Set up the scene of an episode; return the first State of the plain task.

        `rng` draws delays and noise. The arm stands still, with the plain task's gripper pose.
        """
        self.robot.release()
        state = self._task.reset(episode, goal)
        self.robot.start()
        self._task.physics.refresh()
        self._rng, self._waiting, self._updates = rng, [], 0
        self._goal = np.r_[state.desired_goal, 1.0, 0.0, 0.0, 0.0]
        self._measure()
        return state

    def advance(self) -> list[Measurement]:
        """Simulate one update of the robot, 10 ms; return what has arrived, oldest first."""
        self.robot.update()
        self._task.physics.refresh()
        self._updates += 1
        self._measure()
        now = self.time + 1e-9  # a sum of times is not exact
        due = [item for item in self._waiting if item.due <= now]
        self._waiting = [item for item in self._waiting if item.due > now]
        return due

    def _measure(self) -> None:
        """Take all measurements that are due now."""
        self._add('arm', self.robot.arm_state())
        self._add('gripper', self.robot.gripper_state())
        if 'grip' in self.names:
            self._add('grip', self._pose(self._grip))
        if self._updates % POSE_EVERY == 0:
            for name, site in self._sites.items():
                self._add(name, self._with_noise(self._pose(site)))
            self._add('goal', self._goal.copy())

    def _pose(self, site: int) -> np.ndarray:
        """Return the pose (7,) of a site."""
        pose = np.empty(7)
        pose[:3] = self._data.site_xpos[site]
        mujoco.mju_mat2Quat(pose[3:], self._data.site_xmat[site])
        return pose

    def _with_noise(self, pose: np.ndarray) -> np.ndarray:
        """Return a pose (7,) with the noise of the tracker."""
        if self._sensors.noise:
            pose[:3] += self._rng.normal(0.0, self._sensors.noise, 3)
            mujoco.mju_quatIntegrate(pose[3:], self._rng.normal(0.0, self._sensors.noise, 3), 1.0)
        return pose

    def _add(self, kind: str, content: Any) -> None:
        late = self._sensors.delay
        if self._sensors.jitter:
            late += self._rng.uniform(0.0, self._sensors.jitter)
        before = max((item.due for item in self._waiting if item.kind == kind), default=0.0)
        self._waiting.append(Measurement(kind, content, self.time, max(self.time + late, before)))
