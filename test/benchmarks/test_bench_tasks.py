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

"""The benchmark of the tasks: what it compares is comparable."""

import json

from benchmarks import bench, task_speed
import numpy as np
import pytest


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('name', task_speed.ENVS)
def test_the_peer_obeys_commands_as_we_do(name):
    for env in (task_speed.make_env(name), task_speed.make_peer(name)):
        before = env.reset(seed=0)[0]['observation'][:3]
        for _ in range(5):
            seen = env.step(np.array([0.5, -0.5, 0.5, 0], np.float32))[0]['observation']
        assert seen.shape == (25,)
        moved = (seen[:3] - before) * [1, -1, 1]
        assert (moved > 0.05).all() and (moved < 0.15).all()


def test_bare_steps_repeat_the_episode_that_was_logged():
    env = task_speed.make_env('PickAndPlace')
    task = env.unwrapped.task
    _, log = task_speed.play(env, 3, task)
    expected = task.data.qpos.copy()
    assert task_speed.bare_steps(task, 0, log) > 0
    np.testing.assert_array_equal(task.data.qpos, expected)


def test_rpl_bench_reaches_the_parts(capsys):
    assert bench.main(['reset', '--pairs', '1']) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])['reset']
    assert figures['reset_in_env_steps'] > 0 and figures['warm_up_seconds'] > 0


def test_the_bench_of_a_robot_hour_measures_both_halves_and_the_actor_without_torch(capsys):
    assert bench.main(['hour', '--task', 'slippery_push', '--pairs', '1']) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])['hour']
    learning, actor = figures['learning'], figures['actor']
    assert learning['playing_ms_a_step'] > 0 and learning['learning_ms_a_step'] > 0
    assert actor['act_ms'] > 0 and 0 < actor['memory_mb'] < 200 and not actor['torch']


def test_rpl_bench_without_a_part_leaves_out_what_takes_half_an_hour(capsys, monkeypatch):
    measured = []
    monkeypatch.setattr(bench, 'PARTS', {
        name: lambda task, pairs, name=name: measured.append(name) or {} for name in bench.PARTS})
    assert bench.main([]) == 0
    assert sorted([*measured, 'recording']) == sorted(bench.PARTS) and 'safety' in measured
