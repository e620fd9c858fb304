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
The scene of a running simulator in a window.

A thread draws a model and data of its own: the control loop only leaves a copy of its state, which
takes microseconds, and never waits for a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
import copy
import os
import subprocess
import sys
import threading
import time
from typing import Protocol, TYPE_CHECKING

import mujoco
import numpy as np
from rpl_ros.tasks.poses import matrix

if TYPE_CHECKING:
    from mujoco.viewer import Handle


class Scene(Protocol):
    """A task that can be shown."""

    model: mujoco.MjModel
    data: mujoco.MjData


PERIOD = 1 / 30  # s, between pictures
# Run in another process: MuJoCo's viewer ends the process where it cannot open its window.
PROBE = """import glfw
glfw.init() or exit(1)
glfw.window_hint(glfw.VISIBLE, False)
glfw.create_window(64, 64, 'rpl', None, None) or exit(1)
"""
STOP_WITHIN = 2.0  # s, for a drawing thread to end
# What a reset changes in the model: object, bumps, goal. The rest is drawn as it was compiled.
CHANGING = ('geom_type', 'geom_dataid', 'geom_size', 'geom_aabb', 'geom_rbound', 'geom_pos',
            'geom_quat', 'geom_rgba', 'site_pos')


class Window:
    """Shows a task until the user closes the window."""

    def __init__(self, task: Scene, viewer: Handle, model: mujoco.MjModel,
                 data: mujoco.MjData, threads: Sequence[threading.Thread]) -> None:
        """
        Begin to draw `task` in a passive viewer of `model` and `data`, copies of the task's.

        `threads` are those of the viewer.
        """
        self._task, self._viewer, self._model, self._data = task, viewer, model, data
        self._viewer_threads = threads
        self._due = 0.0
        self._latest: tuple[np.ndarray, list[tuple[str, np.ndarray]]] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, name='window', daemon=True)
        self._thread.start()

    def show(self) -> None:
        """Copy the present state for the drawing thread, at most 30 times a second."""
        now = time.monotonic()
        if now < self._due or self._stop.is_set():
            return
        self._due = now + PERIOD
        model = self._task.model
        self._latest = (self._task.data.qpos.copy(),
                        [(name, getattr(model, name).copy()) for name in CHANGING])

    def _draw(self) -> None:
        """Draw the states of show() until the window is closed; runs in a thread."""
        while not self._stop.wait(PERIOD) and self._viewer.is_running():
            latest, self._latest = self._latest, None
            if latest is None:
                continue
            with self._viewer.lock():
                self._data.qpos[:], changed = latest
                for name, value in changed:
                    getattr(self._model, name)[:] = value
                mujoco.mj_forward(self._model, self._data)
            self._viewer.sync()
        self._stop.set()

    @property
    def is_open(self) -> bool:
        """Return whether the window is still open."""
        return not self._stop.is_set()

    def close(self) -> None:
        """Close the window."""
        self._stop.set()
        self._thread.join(STOP_WITHIN)
        self._viewer.close()
        # close() only asks the threads to end. One that draws while the process ends crashes it.
        for thread in self._viewer_threads:
            thread.join(STOP_WITHIN)


def why_no_display() -> str:
    """Return why no window can be opened here, or an empty text; takes a quarter of a second."""
    if sys.platform.startswith('linux') and not (os.environ.get('DISPLAY')
                                                 or os.environ.get('WAYLAND_DISPLAY')):
        return 'no display: neither DISPLAY nor WAYLAND_DISPLAY is set'
    try:
        probe = subprocess.run([sys.executable, '-W', 'ignore', '-c', PROBE], timeout=30,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return 'the display does not answer'
    return '' if probe.returncode == 0 else 'no window with OpenGL can be opened on the display'


def open_window(task: Scene) -> Window | None:
    """Return a Window on a simulated task; None, and a line on stderr, if it cannot open."""
    problem = why_no_display()
    if not problem:
        try:
            from mujoco import viewer
            model = copy.copy(task.model)
            data = copy.copy(task.data)
            before = threading.enumerate()
            passive = viewer.launch_passive(model, data, show_left_ui=False, show_right_ui=False)
            threads = [thread for thread in threading.enumerate() if thread not in before]
            _look(passive, model)
            return Window(task, passive, model, data, threads)
        except Exception as error:  # GLFW and drivers raise what they like; the run continues
            problem = next(iter(str(error).splitlines()), type(error).__name__)
    print(f'warning: the run continues without a window: {problem} (headless:=true: do not try)',
          file=sys.stderr, flush=True)
    return None


def _look(passive: Handle, model: mujoco.MjModel) -> None:
    """Put the free camera of the viewer where the pictures of a report are taken from."""
    camera = model.camera('overview')
    forward = -matrix(camera.quat).reshape(3, 3)[:, 2]
    with passive.lock():
        passive.cam.lookat[:] = camera.pos + 1.7 * forward
        passive.cam.distance = 1.7
        passive.cam.azimuth = np.degrees(np.arctan2(forward[1], forward[0]))
        passive.cam.elevation = np.degrees(np.arcsin(forward[2]))
