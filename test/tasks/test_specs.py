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

"""What a task is: its spec, the table of tasks, and its description in bags."""

from dataclasses import replace
from pathlib import Path
import re

import numpy as np
import pytest
from rpl_ros.contracts import Task
from rpl_ros.scene import Scene
from rpl_ros.tasks.description import read_description, task_fields
from rpl_ros.tasks.find import task_class, task_spec
from rpl_ros.tasks.push import Push
from rpl_ros.tasks.rewards import is_success
from rpl_ros.tasks.specs import TASKS

DOCS = Path(__file__).parents[2] / 'docs' / 'observations.md'
BLOCK = 'ba571fea6b80e786509055aee7ab427b1c576ff2145b996ee76974cb54091b80'
HOOK = '0a25ad8b8b8fc10c2857750c3ae5e427b6e0677248e2be7da55194878093bda0'
# SHA-256 of the descriptions that the last version wrote into its bags and sent to other graphs.
DIGESTS = {
    'mbrl_pusher': 'd7f9757d6b31a4a06c48ff93835445c8d95ee7e22e51b415b75b71613a838908',
    'push': BLOCK, 'slippery_push': BLOCK, 'pick_and_place': BLOCK,
    'hook': HOOK, 'noisy_hook': HOOK, 'complex_hook': HOOK}


@pytest.mark.parametrize('name', TASKS)
def test_descriptions_are_those_of_the_last_version_to_the_last_byte(name):
    fields = task_fields(task_spec(name), 0.0)
    assert (fields['name'], fields['digest']) == (name, DIGESTS[name])
    found = read_description(**{'text' if key == 'spec' else key: value
                                for key, value in fields.items()})
    assert (found.name, found.horizon, found.max_ee_speed) == (name, task_spec(name).horizon, 0.0)


@pytest.mark.parametrize('name', TASKS)
def test_a_task_is_called_as_in_the_table_and_its_elements_have_names_of_their_own(name):
    spec = task_class(name).spec
    assert spec.name == name and task_spec(name) is spec
    assert task_spec(name, 7).horizon == 7 and spec.horizon in (50, 100, 150)
    for elements in (spec.observation, spec.goal, spec.action):
        assert len({element.name for element in elements}) == len(elements)
    where = spec.columns('object')
    assert [element.name for element in spec.observation[where]] == [
        element.name for element in spec.goal]
    assert spec.columns(spec.tool).stop - spec.columns(spec.tool).start == 3
    with pytest.raises(ValueError, match=f"{name} observes no vector 'elephant'"):
        spec.columns('elephant')


def test_no_two_tasks_have_one_text_or_environment():
    for attribute in ('text', 'env_id'):
        assert len({getattr(task_spec(name), attribute) for name in TASKS}) == len(TASKS)


def rows_of(section):
    """Return {index of an element: unit} of the first table in a section of the page."""
    text = DOCS.read_text(encoding='utf-8').partition(f'## {section}')[2]
    table = re.search(r'(\|.*\n)+', text)[0]
    found = {}
    for cells in (line.split('|')[1:-1] for line in table.splitlines()[2:]):
        first, *last = map(int, re.findall(r'\d+', cells[0]))
        for index in range(first, (last or [first])[0] + 1):
            found[index] = cells[2].strip()
    return found


@pytest.mark.parametrize('section, name', [
    ('Hook tasks', 'hook'), ('Block tasks', 'push'), ('MBRLPusher', 'mbrl_pusher')])
def test_units_are_those_in_the_documentation(section, name):
    spec = task_spec(name)
    assert rows_of(section) == {
        index: element.unit for index, element in enumerate(spec.observation)}


class NearPush(Push):
    """A task as a user writes it: Push with goals that are near."""

    spec = replace(Push.spec, name='near_push', env_id='rpl/NearPush-v0', text='Push it a little.',
                   horizon=8, controller='reactive_push')

    def draw_goal(self, rng):
        """Return a goal 3 cm in front of the gripper's start."""
        return np.append(self._home[:2], self._rest[0]) + [0.03, 0, 0]


def test_a_new_task_is_one_class_and_one_line_in_the_table(monkeypatch):
    monkeypatch.setitem(TASKS, 'near_push', f'{__name__}:NearPush')
    name = task_spec('near_push').controller
    task, controller = Scene('near_push', 3, '', name, 1.0, max_ee_speed=0.4).build()
    assert isinstance(task, Task)
    states = [task.reset(0)]
    while not states[-1].last:
        state = states[-1]
        states.append(task.step(controller(state.observation, state.desired_goal)))
    assert len(states) == 9 and all(state.applied for state in states[1:])
    goal = states[0].desired_goal
    assert states[8].reward == is_success(states[8].achieved_goal, goal, 0.05) - 1.0
    assert goal[0] == pytest.approx(states[0].observation[0] + 0.03, abs=1e-9)
