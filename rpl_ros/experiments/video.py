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
One episode twice, side by side: base controller alone, and with the residual.

MuJoCo is imported in a process of its own: MUJOCO_GL must be set before, and a graphics driver
that crashes must not take the report with it.
"""

import multiprocessing
import os

import numpy as np

from rpl_ros.experiments.progress import progress_bar
from rpl_ros.experiments.workers import environment, hold_interrupt, ONE_THREAD
from rpl_ros.rewards import is_success, rewards_of
from rpl_ros.tasks.specs import CONTROL_PERIOD

SIZE = (480, 360)  # pixels of one view
BAR = 40  # pixels of the caption above it
NAME = 34  # letters of a caption for which there is room
HOLD = 1.0  # s, for which the last picture stays
PATIENCE = 30.0  # s, for rendering: a machine that would take longer draws fewer frames
CAMERA = 'overview'
REMEDY = 'for rendering without a screen, run: apt-get install libegl1 libgl1 (then: rpl doctor)'
LIGHT, GREEN, RED, DARK = (235, 235, 235), (110, 220, 130), (255, 130, 110), (32, 36, 42)


def telling_episode(base, residual):
    """
    Return the index of an episode that shows the most; arguments are successes, one a place.

    Best is one that only the residual solves, then one that both solve, then any.
    """
    pairs = list(zip(map(bool, base), map(bool, residual)))
    for wanted in ((False, True), (True, True), (True, False)):
        if wanted in pairs:
            return pairs.index(wanted)
    return 0


def typical_episode(base, residual):
    """Return the index of the episode whose gain in return is nearest to the mean gain."""
    gains = np.subtract(residual, base)
    return int(np.abs(gains - gains.mean()).argmin())


TELLING = {'success': telling_episode, 'return': typical_episode}


def marks_of(spec, episode):
    """Return (text, colour) for each of the T + 1 states: success, or the return so far."""
    if spec.measure == 'return':
        sums = np.cumsum([0.0, *rewards_of(spec, episode)])
        return [(f'return {value:.1f}', LIGHT) for value in sums]
    solved = is_success(episode.achieved_goals, episode.desired_goal, spec.reach)
    marks = [('success', GREEN) if now else ('', RED) for now in solved]
    return marks if solved[-1] else [*marks[:-1], ('failed', RED)]


def _record(task, controller, policy, number):
    """Play an episode; return its poses (T + 1, nq) and the marks of its states."""
    from rpl_ros.controllers.guard import begin_episode
    from rpl_ros.rollout import run_episode
    poses = []

    def watched(observation, desired_goal):
        poses.append(task.data.qpos.copy())
        return controller(observation, desired_goal)
    begin_episode(controller)
    episode, _, _ = run_episode(task, watched, policy, number)
    return np.array(poses), marks_of(task.spec, episode)


def _render(pipe, scene, policy, number, patience):
    """
    Send (stride, frames to come), then (step, [picture, picture], [mark, mark]) for each.

    Runs in a child process. What goes wrong is sent as text.
    """
    try:
        import time
        import mujoco
        task, controller = scene.build()
        records = [_record(task, controller, scene.policy(task.spec, content), number)
                   for content in (None, policy)]
        with mujoco.Renderer(task.model, SIZE[1], SIZE[0]) as renderer:
            def draw(step):
                pictures = []
                for poses, _ in records:
                    task.data.qpos[:] = poses[step]
                    mujoco.mj_forward(task.model, task.data)
                    renderer.update_scene(task.data, CAMERA)
                    pictures.append(renderer.render().copy())
                return step, pictures, [marks[step] for _, marks in records]
            draw(0)  # the first picture takes longer than all others
            start, last = time.monotonic(), len(records[0][0]) - 1
            draw(0)
            wait = (time.monotonic() - start) * last
            stride = next((n for n in (1, 2, 5) if wait / n < patience), 10)
            steps = sorted({*range(0, last, stride), last})
            pipe.send((stride, len(steps)))
            for step in steps:
                pipe.send(draw(step))
    except Exception as error:  # from the driver's bindings anything may come
        pipe.send(f'{type(error).__name__}: {error}')


def _receive(pipe):
    """Yield what _render sends, until it ends; RuntimeError for what went wrong there."""
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        if isinstance(item, str):
            raise RuntimeError(item)
        yield item


def caption(picture, name, step, mark):
    """Return `picture` (H, W, 3) with a bar above it: name, time, and `mark`, (text, colour)."""
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


def side_by_side(frame, names):
    """Return one picture of what _render sent for a step, with captions."""
    step, pictures, marks = frame
    return np.hstack([caption(picture, name, step, mark)
                      for picture, name, mark in zip(pictures, names, marks)])


def _frames(pipe, process, console):
    """Return (stride, frames) as they come, behind a progress bar."""
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
    raise RuntimeError(f'the process that draws ended with exit code {process.exitcode}')


def _write_video(path, pictures, rate):
    """Write pictures as H.264 to a file that then takes the place of `path`."""
    import imageio
    part = path.with_name(f'{path.stem}.part{path.suffix}')
    with imageio.get_writer(part, format='FFMPEG', fps=rate, codec='libx264', quality=7,
                            macro_block_size=2, ffmpeg_log_level='error') as writer:
        for picture in pictures:
            writer.append_data(picture)
    os.replace(part, path)


def _write_still(path, frames, names):
    """Write start, middle and end as a sheet: base in the upper row, residual in the lower."""
    import imageio
    chosen = [frames[0], frames[len(frames) // 2], frames[-1]]
    rows = [np.hstack([caption(frame[1][row], names[row], frame[0], frame[2][row])
                       for frame in chosen]) for row in (0, 1)]
    part = path.with_name(f'{path.stem}.part{path.suffix}')
    imageio.imwrite(part, np.vstack(rows))
    os.replace(part, path)


def render_episode(scene, policy, number, console, patience):
    """Return (stride in steps, frames) of an episode; RuntimeError where it cannot be drawn."""
    context = multiprocessing.get_context('spawn')
    pipe, other = context.Pipe(duplex=False)
    process = context.Process(target=_render, args=(other, scene, policy, number, patience),
                              daemon=True)
    with environment({**ONE_THREAD, 'MUJOCO_GL': 'egl'}), hold_interrupt():
        process.start()
    other.close()  # so that the end of the child is the end of the pipe
    try:
        return _frames(pipe, process, console)
    finally:
        process.kill()
        process.join()
        pipe.close()


def make_video(scene, policy, number, folder, console, patience=PATIENCE):
    """
    Write before_after.mp4 and before_after.png of episode `number`; return a problem or ''.

    `policy` is the residual's weights as bytes, `folder` a Path. The video runs in real time;
    where rendering would take longer than `patience`, s, it has fewer frames.
    """
    try:
        stride, frames = render_episode(scene, policy, number, console, patience)
    except RuntimeError as error:
        return f'{next(iter(str(error).splitlines()), "")}; {REMEDY}'
    rate = 1 / CONTROL_PERIOD / stride
    names = [f'base: {scene.controller}', 'base + residual']
    pictures = [side_by_side(frame, names) for frame in frames]
    try:
        _write_still(folder / 'before_after.png', frames, names)
        _write_video(folder / 'before_after.mp4',
                     pictures + pictures[-1:] * round(HOLD * rate), rate)
    except (RuntimeError, OSError, ImportError) as error:  # ffmpeg missing, disk full, ...
        return f'it cannot be written: {error}'
    return ''
