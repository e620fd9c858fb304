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

"""A live run that was killed as a whole goes on: no episode is lost, and none is there twice."""

from graph_tools import free_domain
import pytest
from resume_tools import episodes_in, kill_all, launch, rows_of
from rpl_ros.learning.checkpoint import resume
from rpl_ros.learning.learner import Learner
from rpl_ros.settings.parameter_file import load_settings
from sweep_tools import wait_for

pytestmark = pytest.mark.graph


def test_a_killed_run_goes_on_with_all_of_its_episodes(tmp_path):
    folder, domain, log = tmp_path / 'run', free_domain(), tmp_path / 'log'
    params = tmp_path / 'params.yaml'
    # The only checkpoint is that of the end: after a kill all comes from the bag.
    params.write_text('learner_node: {ros__parameters: {checkpoint_every: 100000}}\n')
    first = launch('push', domain, log, out=folder, episodes=9, params_file=params)
    wait_for(lambda: len(rows_of(folder)) >= 2 or first.poll() is not None)
    kill_all(first)
    before = rows_of(folder)
    assert len(before) >= 2, log.read_text()
    with open(folder / 'metrics.csv', 'a') as file:
        file.write('2,5')  # as a disk that was full leaves it
    total = len(before) + 2
    second = launch('push', domain, log, resume=folder, episodes=total)
    third = launch('push', domain, log, resume=folder, episodes=total)
    codes = [second.wait(timeout=120), third.wait(timeout=120)]
    assert sorted(codes) == [0, 2], log.read_text()  # one of the two comes too late
    rows = rows_of(folder)
    whole, cut = episodes_in(folder, 'push')
    steps = [episode.steps for episode in whole]
    assert [int(row['episode']) for row in rows] == list(range(total))
    assert [episode.episode for episode in whole] == list(range(total))
    assert all(episode.valid.all() for episode in whole)
    assert len(cut) <= 1 and set(cut) <= {len(before), len(before) + 1}
    assert [int(row['total_steps']) for row in rows] == [
        sum(steps[:number + 1]) for number in range(total)]
    times = [float(row['wall_time_s']) for row in rows]
    assert times == sorted(times)
    learner = Learner(load_settings(folder / 'config.yaml')['learner_node'])
    resume(folder / 'checkpoints', learner)
    assert (learner.episodes, learner.transitions, learner.last_episodes) == (
        total, sum(steps), {0: total - 1})
    # The learner has the episodes of the bags, in their order.
    assert all((learner.replay.observations[slot, :one.steps + 1]
                == one.observations.astype('f4')).all() for slot, one in enumerate(whole))


def test_a_killed_run_of_two_robots_goes_on_with_all_of_their_episodes(tmp_path):
    folder, domain, log = tmp_path / 'run', free_domain(), tmp_path / 'log'
    first = launch('push', domain, log, out=folder, episodes=40, robots=2)
    wait_for(lambda: len(rows_of(folder)) >= 3 or first.poll() is not None)
    kill_all(first)
    before = {robot: sum(row['robot'] == str(robot) for row in rows_of(folder))
              for robot in (1, 2)}
    assert sum(before.values()) >= 3, log.read_text()
    total = 2 * max(before.values()) + 2
    second = launch('push', domain, log, resume=folder, episodes=total)
    assert second.wait(timeout=120) == 0, log.read_text()
    rows, steps = rows_of(folder), []
    for robot in (1, 2):
        expected = [robot * 10_000_000 + number for number in range(total // 2)]
        assert [int(row['episode']) for row in rows if row['robot'] == str(robot)] == expected
        whole, cut = episodes_in(folder / f'robot{robot}', 'push')
        assert [one.episode for one in whole] == expected
        assert all(one.valid.all() for one in whole) and len(cut) <= 1
        steps += [one.steps for one in whole]
    totals = [int(row['total_steps']) for row in rows]
    assert totals == sorted(totals) and totals[-1] == sum(steps)
    learner = Learner(load_settings(folder / 'config.yaml')['learner_node'])
    resume(folder / 'checkpoints', learner)
    assert (learner.episodes, learner.transitions) == (total, sum(steps))
    last = total // 2 - 1
    assert learner.last_episodes == {1: 10_000_000 + last, 2: 20_000_000 + last}
