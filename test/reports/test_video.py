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

"""Tests of the video, really rendered where EGL works, and of the window without a display."""

import os

from experiment_tools import make_run
import imageio
import numpy as np
import pytest
from rich.console import Console
from rpl_ros.controllers import find_controller
from rpl_ros.evaluation.episodes import evaluate
from rpl_ros.reports import video
from rpl_ros.rollout import run_episode
from rpl_ros.scene import Scene
from rpl_ros.setup.doctor import check_rendering
from rpl_ros.tasks import window
from rpl_ros.tasks.find import task_spec

HOOK = Scene('hook', 0, '', 'reactive_hook', 1.0)
CONSOLE = Console(file=open(os.devnull, 'w'))


@pytest.fixture(scope='module')
def policy(tmp_path_factory):
    """Return the bytes of a policy."""
    run = make_run(tmp_path_factory.mktemp('runs') / 'run', episodes=1)
    return next(run.glob('checkpoints/*')).read_bytes()


def test_video(policy, tmp_path):
    problem = video.make_video(HOOK, policy, 1_000_000, tmp_path, CONSOLE, seconds=3.0)
    if problem and check_rendering().remedy:
        pytest.skip(problem)
    assert problem == ''
    path = tmp_path / 'before_after.mp4'
    with imageio.get_reader(path) as reader:
        facts, frames = reader.get_meta_data(), reader.count_frames()
        picture = reader.get_data(0)
    assert facts['size'] == (960, 400)
    assert frames / facts['fps'] == pytest.approx(4 + video.HOLD, abs=0.5)
    assert path.stat().st_size < 3e6
    left, right = picture[:, :480].astype(int), picture[:, 480:].astype(int)
    assert left.std() > 20 and np.abs(left[60:] - right[60:]).mean() < 5  # same scene at first
    assert imageio.v2.imread(tmp_path / 'before_after.png').shape == (800, 1440, 3)
    assert {file.name for file in tmp_path.iterdir()} == {'before_after.mp4', 'before_after.png'}


def test_what_fails_in_the_child_is_one_line(policy, tmp_path):
    scene = Scene('hook', 0, '', 'no_controller', 1.0)
    problem = video.make_video(scene, policy, 0, tmp_path, CONSOLE)
    assert 'no_controller' in problem and 'apt-get install' in problem and '\n' not in problem
    assert not list(tmp_path.iterdir())


def test_caption():
    picture = np.zeros((30, 300, 3), np.uint8)
    plain = video.caption(picture, 'base', 50, ('', video.RED))
    assert plain.shape == (30 + video.BAR, 300, 3)
    green, red = (video.caption(picture, 'base', 50, ('success', colour))
                  for colour in (video.GREEN, video.RED))
    assert (plain != green).any() and (plain != red).any() and (green != red).any()


@pytest.mark.parametrize('task, last', [('hook', 'success'), ('noisy_hook', 'failed'),
                                        ('mbrl_pusher', 'return -')])
def test_marks_end_with_what_the_episode_is_judged_by(task, last):
    scene = Scene(task, 0, '', task_spec(task).controller, 1.0)
    built, controller = scene.build()
    episode, _, state = run_episode(built, controller, scene.policy(built.spec, None), 1_000_000)
    marks = video.marks_of(built.spec, episode)
    assert len(marks) == built.spec.horizon + 1 and marks[-1][0].startswith(last)
    if built.spec.measure.name == 'success':
        assert (marks[-1][1] == video.GREEN) == state.success
        assert 'failed' not in {text for text, _ in marks[:-1]}
    else:
        returned = evaluate(built, find_controller('cached_pets'),
                            scene.policy(built.spec, None), 1)[0].episode_return
        assert marks[-1][0] == f'return {returned:.1f}'


def test_no_window_without_display(monkeypatch, capsys):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    assert window.open_window(None) is None
    line, = capsys.readouterr().err.splitlines()
    assert 'without a window: no display' in line


def test_no_window_on_a_display_that_does_not_answer(monkeypatch, capsys):
    monkeypatch.setenv('DISPLAY', ':4711')
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    assert window.open_window(None) is None
    assert 'no window with OpenGL' in capsys.readouterr().err
