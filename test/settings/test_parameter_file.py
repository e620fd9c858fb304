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

"""Settings: files, overrides, and one clear error for each thing that can be wrong."""

from dataclasses import fields

import pytest
from rpl_ros.common.assets import share
from rpl_ros.settings.fields import make_settings, SettingsError
from rpl_ros.settings.nodes import LearnerSettings, NODE_SETTINGS
from rpl_ros.settings.parameter_file import load_settings
from rpl_ros.settings.recipes import ANY_TASK
from rpl_ros.tasks.specs import TASKS


PARAMETER_FILES = sorted(path for path in share('config').glob('*.yaml')
                         # those of no task
                         if path.stem not in ('collect', 'record_qos', 'sweep', 'sweep_small',
                                              'sweep_robot_hour'))


def test_each_task_has_a_file_in_config():
    assert {path.stem for path in PARAMETER_FILES} == {*TASKS, ANY_TASK}


@pytest.mark.parametrize('path', PARAMETER_FILES, ids=lambda path: path.stem)
def test_each_file_in_config_is_usable_and_names_its_task(path):
    found = load_settings(path)
    assert set(found) == set(NODE_SETTINGS)
    if path.stem != ANY_TASK:
        assert {settings.task for settings in found.values()} == {path.stem}
    assert found['learner_node'].residual_scale == found['residual_node'].residual_scale


@pytest.mark.parametrize('cls', NODE_SETTINGS.values())
def test_each_setting_has_a_description_and_a_usable_default(cls):
    assert make_settings(cls, {}) == cls()
    for spec in fields(cls):
        assert len(spec.metadata['doc']) > 10
        value = make_settings(cls, {spec.name: spec.default})
        assert getattr(value, spec.name) == spec.default


def test_own_section_beats_the_shared_one_and_overrides_beat_both(tmp_path):
    path = tmp_path / 'own.yaml'
    path.write_text('/**:\n  ros__parameters: {seed: 1, task: hook}\n'
                    'learner_node:\n  ros__parameters: {seed: 2, discount: 0}\n')
    found = load_settings(path)
    assert (found['sim_node'].seed, found['learner_node'].seed) == (1, 2)
    assert found['learner_node'].discount == 0.0
    assert load_settings(path, {'seed': 3})['learner_node'].seed == 3


@pytest.mark.parametrize('text, words', [
    ('', 'expected a mapping'), ('- 1', 'expected a mapping'), (': :', 'cannot be read'),
    ('sim_nod:\n  ros__parameters: {}', "did you mean 'sim_node'"),
    ('sim_node: {mode: lockstep}', 'no mapping ros__parameters'),
    ('sim_node:\n  ros__parameters: {modus: 1}', "unknown setting 'modus'"),
    ('/**:\n  ros__parameters: {sed: 1}', "did you mean 'seed'"),
    ('sim_node:\n  ros__parameters: {mode: fast}', 'expected one of lockstep, realtime'),
    ('sim_node:\n  ros__parameters: {episodes: -1}', 'expected 0 to'),
    ('sim_node:\n  ros__parameters: {episodes: many}', 'expected a value of type int'),
    ('sim_node:\n  ros__parameters: {window: 1}', 'expected a value of type bool'),
    ('learner_node:\n  ros__parameters: {discount: .nan}', 'expected a finite number'),
    ('learner_node:\n  ros__parameters: {residual_scale: 2.0}',
     'residual_scale is 1.0 for residual_node but 2.0 for'),
])
def test_a_bad_file_is_one_clear_error(tmp_path, text, words):
    path = tmp_path / 'bad.yaml'
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert words in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_file_and_an_unknown_override_are_named(tmp_path):
    with pytest.raises(SettingsError, match='nowhere.yaml'):
        load_settings(tmp_path / 'nowhere.yaml')
    with pytest.raises(SettingsError, match="unknown setting 'sed'"):
        load_settings(share('config') / 'hook.yaml', {'sed': 1})
    with pytest.raises(SettingsError, match='batch_size'):
        make_settings(LearnerSettings, {'batch_size': 0})


def test_a_parameter_file_may_hold_what_every_ros_node_has(tmp_path):
    path = tmp_path / 'config.yaml'
    path.write_text('learner_node:\n  ros__parameters: {use_sim_time: true, seed: 4}\n')
    assert load_settings(path)['learner_node'].seed == 4


DUMPED = """/robot1/residual_node:
  ros__parameters:
    task: push
    noise_std: 0.25
    qos_overrides:
      /parameter_events:
        publisher: {depth: 1000, history: keep_last}
    start_type_description_service: true
    use_sim_time: false
"""


def test_what_ros2_param_dump_wrote_can_be_used(tmp_path):
    path = tmp_path / 'dumped.yaml'
    path.write_text(DUMPED)
    assert load_settings(path)['residual_node'].noise_std == 0.25


def test_a_file_with_two_sections_for_one_node_is_refused(tmp_path):
    path = tmp_path / 'two.yaml'
    path.write_text(DUMPED + DUMPED.replace('robot1', 'robot2'))
    with pytest.raises(SettingsError, match='two sections for residual_node'):
        load_settings(path)


@pytest.mark.parametrize('name', ['horizon', 'max_ee_speed'])
def test_horizon_and_speed_are_the_same_for_all_nodes(tmp_path, name):
    path = tmp_path / 'one.yaml'
    value = 60 if name == 'horizon' else 0.2
    path.write_text(f'/**/sim_node:\n  ros__parameters: {{{name}: {value}}}\n')
    assert {getattr(one, name) for one in load_settings(path).values()} == {value}
    path.write_text(path.read_text() + f'learner_node:\n  ros__parameters: {{{name}: '
                    f'{2 * value}}}\n')
    with pytest.raises(SettingsError, match=f'{name} is .* for sim_node but .* for learner_node'):
        load_settings(path)
