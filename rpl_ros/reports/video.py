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
A video of one episode: the base controller alone, and next to it with the residual.

A process of its own imports MuJoCo, because MUJOCO_GL must be set before the import, and because a
graphics driver may crash.
"""

from collections.abc import Iterator, Sequence
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rpl_ros.common.files import write_file
from rpl_ros.common.progress import progress_bar
from rpl_ros.common.workers import environment, hold_interrupt, ONE_THREAD
from rpl_ros.contracts import Controller, Policy
from rpl_ros.data import Episode
from rpl_ros.scene import Scene
from rpl_ros.tasks.rewards import is_success, rewards_of
from rpl_ros.tasks.score import RETURN
from rpl_ros.tasks.specs import CONTROL_PERIOD, TaskSpec

SIZE = (480, 360)  # pixels of one view
BAR = 40  # pixels of the caption above it
NAME = 34  # letters that fit into a caption
HOLD = 1.0  # s that the last picture is shown
RENDER_TIME = 30.0  # s: a machine that would take longer renders fewer frames
CAMERA = 'overview'
REMEDY = 'for rendering without a screen, run: apt-get install libegl1 libgl1 (then: rpl doctor)'
LIGHT, GREEN, RED, DARK = (235, 235, 235), (110, 220, 130), (255, 130, 110), (32, 36, 42)
Mark = tuple[str, tuple[int, int, int]]
"""Text and its colour."""
Frame = tuple[int, list[np.ndarray], list[Mark]]
"""Step, and pictures (H, W, 3) and marks: without and with the residual."""


def telling_episode(base: Sequence[float], residual: Sequence[float]) -> int:
    """
    Return the index of an episode that shows a difference; the arguments are successes, 0 or 1.

    It is one that only the residual solves, else one that both solve, else any.
    """
    pairs = list(zip(map(bool, base), map(bool, residual)))
    for wanted in ((False, True), (True, True), (True, False)):
        if wanted in pairs:
            return pairs.index(wanted)
    return 0


def typical_episode(base: Sequence[float], residual: Sequence[float]) -> int:
    """Return the index of the episode whose gain in return is nearest to the mean gain."""
    gains = np.subtract(residual, base)
    return int(np.abs(gains - gains.mean()).argmin())


TELLING = {'success': telling_episode, 'return': typical_episode}


def marks_of(spec: TaskSpec, episode: Episode) -> list[Mark]:
    """Return (text, colour) for each of the T + 1 states: success, or the return so far."""
    if spec.measure == RETURN:
        sums = np.cumsum([0.0, *rewards_of(spec, episode)])
        return [(f'return {value:.1f}', LIGHT) for value in sums]
    solved = is_success(episode.achieved_goals, episode.desired_goal, spec.reach)
    marks = [('success', GREEN) if now else ('', RED) for now in solved]
    return marks if solved[-1] else [*marks[:-1], ('failed', RED)]


def _record(task: Any, controller: Controller, policy: Policy,
            number: int) -> tuple[np.ndarray, list[Mark]]:
    """Play an episode; return its poses (T + 1, nq) and the marks of its states."""
    from rpl_ros.rollout import run_episode
    poses: list[np.ndarray] = []
    episode, _, _ = run_episode(task, controller, policy, number,
                                lambda state: poses.append(task.data.qpos.copy()))
    return np.array(poses), marks_of(task.spec, episode)


def _render(pipe: Connection, scene: Scene, policy: bytes, number: int, seconds: float) -> None:
    """
    Send (steps from frame to frame, number of frames), then each Frame; or an error as text.

    Runs in a child process.
    """
    try:
        import time
        import mujoco
        task, controller = scene.build()
        records = [_record(task, controller, scene.policy(task.spec, content), number)
                   for content in (None, policy)]
        with mujoco.Renderer(task.model, SIZE[1], SIZE[0]) as renderer:
            def draw(step: int) -> Frame:
                pictures = []
                for poses, _ in records:
                    task.data.qpos[:] = poses[step]
                    mujoco.mj_forward(task.model, task.data)
                    renderer.update_scene(task.data, CAMERA)
                    pictures.append(renderer.render().copy())
                return step, pictures, [marks[step] for _, marks in records]
            draw(0)  # the first picture takes longer than the others
            start, last = time.monotonic(), len(records[0][0]) - 1
            draw(0)
            wait = (time.monotonic() - start) * last
            stride = next((n for n in (1, 2, 5) if wait / n < seconds), 10)
            steps = sorted({*range(0, last, stride), last})
            pipe.send((stride, len(steps)))
            for step in steps:
                pipe.send(draw(step))
    except Exception as error:  # a graphics driver may raise anything
        pipe.send(f'{type(error).__name__}: {error}')


def _receive(pipe: Connection) -> Iterator[Any]:
    """Yield what _render() sends; RuntimeError for an error that it sends."""
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        if isinstance(item, str):
            raise RuntimeError(item)
        yield item


def caption(picture: np.ndarray, name: str, step: int, mark: Mark) -> np.ndarray:
    """Return `picture` (H, W, 3) with a bar above it: name, mark and time."""
    from PIL import Image, ImageDraw, ImageFont
    image = Image.new('RGB', (picture.shape[1], picture.shape[0] + BAR), DARK)
    image.paste(Image.fromarray(picture), (0, BAR))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=17)
    pen.text((10, BAR // 2), name[:NAME], LIGHT, font, anchor='lm')
    text, colour = mark
    time = f'{step * CONTROL_PERIOD:.1f} s'
    pen.text((image.width - 10, BAR // 2), time, LIGHT, font, anchor='rm')
    pen.text((image.width - 66, BAR // 2), text, colour, font, anchor='rm')
    return np.asarray(image)


def side_by_side(frame: Frame, names: Sequence[str]) -> np.ndarray:
    """Return the two pictures of a Frame as one, with captions."""
    step, pictures, marks = frame
    return np.hstack([caption(picture, name, step, mark)
                      for picture, name, mark in zip(pictures, names, marks)])


def _frames(pipe: Connection, process: BaseProcess,
            console: Console) -> tuple[int, list[Frame]]:
    """Receive (steps from frame to frame, frames), and show a progress bar."""
    items = _receive(pipe)
    frames, first = [], next(items, None)
    if first is not None:
        stride, expected = first
        with progress_bar(console, 'video', expected) as advance:
            for frame in items:
                frames.append(frame)
                advance()
        if len(frames) == expected:
            return stride, frames
    process.join(10)
    raise RuntimeError(f'the process that renders ended with exit code {process.exitcode}')


def _video(pictures: Sequence[np.ndarray], rate: float) -> bytes:
    """Return pictures as H.264 with `rate` pictures a second."""
    from imageio.v2 import mimwrite
    return mimwrite('<bytes>', [*pictures], format='mp4', fps=rate, codec='libx264', quality=7,
                    macro_block_size=2, ffmpeg_log_level='error')


def _still(frames: Sequence[Frame], names: Sequence[str]) -> bytes:
    """Return start, middle and end as a PNG: base in the upper row, residual in the lower."""
    from imageio.v3 import imwrite
    chosen = [frames[0], frames[len(frames) // 2], frames[-1]]
    rows = [np.hstack([caption(frame[1][row], names[row], frame[0], frame[2][row])
                       for frame in chosen]) for row in (0, 1)]
    return imwrite('<bytes>', np.vstack(rows), extension='.png')


def render_episode(scene: Scene, policy: bytes, number: int, console: Console,
                   seconds: float) -> tuple[int, list[Frame]]:
    """Return (steps from frame to frame, frames) of an episode; RuntimeError where it fails."""
    context = multiprocessing.get_context('spawn')
    pipe, other = context.Pipe(duplex=False)
    process = context.Process(target=_render, args=(other, scene, policy, number, seconds),
                              daemon=True)
    with environment({**ONE_THREAD, 'MUJOCO_GL': 'egl'}), hold_interrupt():
        process.start()
    other.close()  # the pipe then ends with the child
    try:
        return _frames(pipe, process, console)
    finally:
        process.kill()
        process.join()
        pipe.close()


def make_video(scene: Scene, policy: bytes, number: int, folder: Path, console: Console,
               seconds: float = RENDER_TIME) -> str:
    """
    Write before_after.mp4 and before_after.png of episode `number`; return a problem or ''.

    The video is in real time. It has fewer frames where rendering would take more than `seconds`.
    """
    try:
        stride, frames = render_episode(scene, policy, number, console, seconds)
    except RuntimeError as error:
        return f'{next(iter(str(error).splitlines()), "")}; {REMEDY}'
    rate = 1 / CONTROL_PERIOD / stride
    names = [f'base: {scene.controller}', 'base + residual']
    pictures = [side_by_side(frame, names) for frame in frames]
    try:
        write_file(folder / 'before_after.png', _still(frames, names))
        write_file(folder / 'before_after.mp4',
                   _video(pictures + pictures[-1:] * round(HOLD * rate), rate))
    except (RuntimeError, OSError, ImportError) as error:  # ffmpeg missing, disk full, ...
        return f'it cannot be written: {error}'
    return ''
