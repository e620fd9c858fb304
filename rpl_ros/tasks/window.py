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

The window has a model and data of its own, drawn by a thread: the control loop only leaves a copy
of its state there, which takes microseconds, and never waits for a picture.
"""

import copy
import os
import subprocess
import sys
import threading
import time

PERIOD = 1 / 30  # s, between pictures
# Tried in another process: where it cannot open its window, MuJoCo's viewer ends the process.
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
    """Shows a task; after the user has closed it, it does nothing any more."""

    def __init__(self, task, viewer, model, data, threads):
        """
        Take the task and a passive viewer of `model` and `data`, copies of the task's.

        `threads` are those of the viewer.
        """
        self._task, self._viewer, self._model, self._data = task, viewer, model, data
        self._viewer_threads = threads
        self._latest, self._due = None, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, name='window', daemon=True)
        self._thread.start()

    def show(self):
        """Leave the present state to be drawn, at most 30 times a second."""
        now = time.monotonic()
        if now < self._due or self._stop.is_set():
            return
        self._due = now + PERIOD
        model = self._task.model
        self._latest = (self._task.data.qpos.copy(),
                        [(name, getattr(model, name).copy()) for name in CHANGING])

    def _draw(self):
        """Draw what show() left until the window is closed; runs in a thread."""
        import mujoco
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
    def is_open(self):
        """Return whether there is a window still."""
        return not self._stop.is_set()

    def close(self):
        """Close the window."""
        self._stop.set()
        self._thread.join(STOP_WITHIN)
        self._viewer.close()
        # It only asks them to end. One that still draws while the process ends, crashes it.
        for thread in self._viewer_threads:
            thread.join(STOP_WITHIN)


def why_no_display():
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


def open_window(task):
    """Return a Window on a simulated task; None, and a line on stderr, where none can be."""
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
        except Exception as error:  # GLFW and drivers raise what they like; the run must go on
            problem = next(iter(str(error).splitlines()), type(error).__name__)
    print(f'warning: the run goes on without a window: {problem} (headless:=true: do not try)',
          file=sys.stderr, flush=True)
    return None


def _look(passive, model):
    """Look at the scene from where the pictures of a report are taken, free to be turned."""
    import numpy as np
    camera = model.camera('overview')
    forward = -camera_axes(camera.quat[:])[:, 2]
    with passive.lock():
        passive.cam.lookat[:] = camera.pos + 1.7 * forward
        passive.cam.distance = 1.7
        passive.cam.azimuth = np.degrees(np.arctan2(forward[1], forward[0]))
        passive.cam.elevation = np.degrees(np.arcsin(forward[2]))


def camera_axes(quaternion):
    """Return the rotation matrix (3, 3) of a quaternion w, x, y, z."""
    import mujoco
    import numpy as np
    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)
