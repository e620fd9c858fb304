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

"""Specs of made-up tasks, small enough to work out by hand."""

from types import SimpleNamespace

from rpl_ros.tasks.specs import Element, TASKS, TaskSpec


def small_spec(name, observation, goal, action, horizon):
    """Return a TaskSpec by the sizes of its arrays."""
    sizes = {'observation': observation, 'goal': goal, 'action': action}
    return TaskSpec(name=name, text='', env_id='', horizon=horizon, controller='none', **{
        kind: tuple(Element(f'{kind}_{index}', '1') for index in range(size))
        for kind, size in sizes.items()})


def register(monkeypatch, spec):
    """Make `spec` one of the tasks, until the test ends."""
    monkeypatch.setitem(globals(), spec.name, SimpleNamespace(spec=spec))
    monkeypatch.setitem(TASKS, spec.name, f'{__name__}:{spec.name}')
