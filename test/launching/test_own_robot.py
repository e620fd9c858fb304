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

"""The launch arguments robot:=own and contract:=FILE: any robot in the graph."""

from pathlib import Path

import pytest
from rpl_ros.launching.graph import resolve
from rpl_ros.settings.fields import SettingsError

EXAMPLE = Path(__file__).resolve().parents[2] / 'docs' / 'examples' / 'ur_reach'
TASK, CONTRACT = (str(EXAMPLE / 'config' / f'{name}.yaml') for name in ('task', 'contract'))
WORDS = {'robot': 'own', 'contract': CONTRACT, 'reset_service': 'reset_scene', 'headless': 'true'}


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let the controller of the example be found."""
    monkeypatch.syspath_prepend(str(EXAMPLE))


def test_a_robot_by_its_contract(tmp_path):
    run = resolve(TASK, {**WORDS, 'out': str(tmp_path / 'run'), 'episodes': '7'})
    names = [one.executable for one in run.processes]
    assert names[0] == run.main == 'robot_adapter_node' and 'sim_node' not in names
    adapter = run.settings['robot_adapter_node']
    assert (adapter.episodes, adapter.reset_service, adapter.max_residual) == (
        7, 'reset_scene', 0.3)
    assert adapter.run == run.run_id and adapter.subscribers == 4
    # The run keeps the contract, and its node reads this copy.
    assert adapter.contract == str(tmp_path / 'run' / 'contract.yaml')
    assert run.texts['contract.yaml'] == Path(CONTRACT).read_text()
    topics = run.settings['recorder_node'].topics
    assert 'joint_states sensor_msgs/msg/JointState' in topics
    assert 'forward_velocity_controller/commands std_msgs/msg/Float64MultiArray' in topics
    assert run.settings['base_controller_node'].readers == 3  # the robot reads it, too


def test_a_parameter_file_may_have_a_section_of_the_adapter(tmp_path):
    path = tmp_path / 'robot.yaml'
    path.write_text('/**/robot_adapter_node:\n  ros__parameters:\n    max_residual: 0.0\n')
    run = resolve(TASK, {**WORDS, 'params_file': str(path)})
    assert run.settings['robot_adapter_node'].max_residual == 0.0


@pytest.mark.parametrize('task, changes, words', [
    (TASK, {'contract': 'auto'}, 'contract:=FILE'),
    (TASK, {'contract': TASK}, "unknown key 'name'"),
    (TASK, {'contract': 'nothing.yaml'}, 'cannot be read'),
    (TASK, {'mode': 'lockstep'}, 'runs in real time'),
    ('push', {}, 'the task has no element')])
def test_what_does_not_fit_is_one_error(task, changes, words):
    with pytest.raises(SettingsError) as caught:
        resolve(task, {**WORDS, **changes})
    assert words in str(caught.value) and '\n' not in str(caught.value)
