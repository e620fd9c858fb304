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

"""The contract with a robot: both files, one clear error for each contradiction, tightening."""

from array import array
from dataclasses import fields
import os
from pathlib import Path
import subprocess
import sys

import pytest
from rpl_ros.common.assets import share
from rpl_ros.robot.contract import check_contract, ENTRIES, NODE, read_contract, tightened
from rpl_ros.robot.safety.limits import limits_of
from rpl_ros.runs.prepare import parameter_file
from rpl_ros.settings.fields import make_settings, SettingsError
from rpl_ros.settings.nodes import NODE_SETTINGS
from rpl_ros.settings.parameter_file import read_parameter_file
from rpl_ros.settings.robot import AdapterSettings
from rpl_ros.settings.shared import Managed
import yaml

FETCH = share('config') / 'robot' / 'fetch.yaml'
OWN = fields(AdapterSettings)[len(fields(Managed)):]  # those of all nodes come first


def test_the_fetch_file_names_every_entry_and_the_defaults_are_a_fetch():
    given = read_parameter_file(FETCH)[NODE]
    assert set(given) == {*ENTRIES, 'task', 'horizon'}
    assert {spec.name for spec in OWN} <= set(ENTRIES)
    assert read_contract(FETCH) == AdapterSettings(task='hook', horizon=700)


def test_another_arm_behind_moveit_servo_loads_with_the_same_code():
    found = read_contract(share('config') / 'robot' / 'moveit_servo.yaml')
    assert found.twist_topic.endswith('delta_twist_cmds')
    assert not found.stop_empty_frame and not found.check_joints
    assert limits_of(found).low[2] == pytest.approx(0.41)


@pytest.mark.parametrize('spec', OWN, ids=lambda spec: spec.name)
def test_each_entry_has_a_description_and_a_name_that_no_other_node_has(spec):
    assert len(spec.metadata['doc']) > 10
    others = {other.name for cls in NODE_SETTINGS.values() for other in fields(cls)}
    # The speed is the simulator's, too: one value for both is what makes them alike.
    assert spec.name not in others or spec.name == 'max_ee_speed'
    assert spec.metadata['tighten'] in ('', 'up', 'down')


def test_each_entry_has_one_row_in_the_docs_with_its_range_and_description():
    text = (Path(__file__).parents[2] / 'docs' / 'robot_contract.md').read_text()
    found = [[cell.strip() for cell in line.strip('|').split(' | ')]
             for line in text.splitlines() if line.startswith('| `')]
    arrows = {'': '', 'up': ' **↑**', 'down': ' **↓**'}
    expected = {}
    for field in fields(AdapterSettings):
        about = field.metadata
        limits = '' if about['low'] is None else f'{about["low"]:g} to {about["high"]:g}'
        expected[f'`{field.name}`{arrows[about["tighten"]]}'] = [limits, about['doc']]
    assert {row[0].split('`')[1] for row in found} == set(ENTRIES) and len(found) == len(ENTRIES)
    for name, _, *row in found:
        assert row == expected[name]


@pytest.mark.parametrize('name, value, words', [
    ('workspace_low', [1.0, 0.3, 0.9], 'no room along z'),
    ('workspace_high', [0.9, 1.1, 0.8], 'no room along x'),
    ('table_height', 0.85, 'no room below workspace_high'),
    ('joint_low', [2.0, 0, 0, 0, 0, 0, 0], 'of shoulder_pan_joint leave no room'),
    ('joint_high', [1.0] * 6, '6 values, expected one for each of the 7 arm_joints'),
    ('arm_joints', ['a', 'b'], 'joint_low has 7 values, expected one for each of the 2'),
    ('arm_joints', ['a'] * 7, 'named twice'),
    ('singularity_slow', 40.0, 'must be below singularity_stop'),
    ('speed_limit', 0.2, 'above what max_ee_speed 0.1 can ask for'),
    ('run_stop_timeout', 0.03, 'shorter than one period'),
    ('robot_timeout', 0.03, 'shorter than one period'),
    ('state_timeout', 0.03, 'shorter than one period'),
    ('command_rate', 10.0, 'shorter than one period'),
    ('command_timeout', 0.6, 'above robot_timeout'),
    ('jerk_limit', 0.5, 'would spread commands over 100 periods'),
    ('task', 'mbrl_pusher', "is for the robot 'pusher', expected"),
    ('grip_pose_topic', 'grip_pose', 'there is no model to check them by'),
    ('root_frame', '', 'root_frame is empty'),
    ('workspace_low', [1.0, 0.3], 'expected a list of 3 values of type float'),
    ('workspace_low', 1.0, 'expected a list of 3 values'),
    ('workspace_low', [1.0, 0.3, 'low'], "workspace_low[2] is 'low'"),
    ('workspace_low', [1.0, 0.3, float('nan')], 'workspace_low[2] is nan'),
    ('residual_bounds', [1.0, 1.0, 1.0, 3.0], 'residual_bounds[3] is 3.0, expected 0.0 to 2.0'),
    ('arm_joints', [], 'expected a list of values of type str'),
    ('arm_joints', [1, 2], 'expected a value of type str'),
    ('max_speed', 1.0, "unknown setting 'max_speed'"),
    ('speedlimit', 1.0, "did you mean 'speed_limit'"),
])
def test_each_contradiction_is_one_clear_error(name, value, words):
    with pytest.raises(SettingsError) as caught:
        read_contract(FETCH, {name: value})
    assert words in str(caught.value) and str(FETCH) in str(caught.value)
    assert '\n' not in str(caught.value)


def written(folder, text):
    """Write a contract; return its path."""
    path = folder / 'own.yaml'
    path.write_text(text)
    return path


@pytest.mark.parametrize('name', ENTRIES)
def test_no_entry_of_a_contract_can_be_left_out(tmp_path, name):
    content = yaml.safe_load(FETCH.read_text())
    section, = content.values()
    del section['ros__parameters'][name]
    path = written(tmp_path, yaml.safe_dump(content))
    with pytest.raises(SettingsError, match=rf'own.yaml: not given: {name}\. Give every entry'):
        read_contract(path)
    assert read_contract(path, {name: getattr(AdapterSettings(), name)})


def test_all_that_was_left_out_is_one_error(tmp_path):
    path = written(tmp_path, f'{NODE}:\n  ros__parameters: {{task: hook, speed_limit: 0.02}}\n')
    with pytest.raises(SettingsError) as caught:
        read_contract(path)
    missing = str(caught.value).partition('not given: ')[2].partition('. ')[0].split(', ')
    assert missing == [name for name in ENTRIES if name != 'speed_limit'] and len(missing) > 50
    assert 'config/robot/fetch.yaml' in str(caught.value) and '\n' not in str(caught.value)


def test_a_key_that_stands_twice_is_refused_with_its_lines(tmp_path):
    text = FETCH.read_text()
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines, 1) if 'speed_limit: 0.17' in line)
    path = written(tmp_path, text + '    speed_limit: 0.02\n')
    with pytest.raises(SettingsError) as caught:
        read_contract(path)
    assert f'speed_limit is given twice, in lines {first} and {len(lines) + 1}' in str(
        caught.value)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)


def test_a_key_in_both_sections_is_refused(tmp_path):
    shared = '/**:\n  ros__parameters: {speed_limit: 0.02}\n'
    with pytest.raises(SettingsError, match='speed_limit is given twice, in /.* and in'):
        read_contract(written(tmp_path, FETCH.read_text() + shared))


def test_a_section_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(SettingsError, match='given twice, in lines'):
        read_contract(written(tmp_path, 2 * FETCH.read_text()))


def test_a_file_for_another_node_is_refused(tmp_path):
    path = tmp_path / 'own.yaml'
    path.write_text('fetch_adapter:\n  ros__parameters: {speed_limit: 0.1}\n')
    with pytest.raises(SettingsError, match="did you mean 'fetch_adapter_node'"):
        read_contract(path)


def test_lists_become_tuples_of_one_type():
    found = make_settings(AdapterSettings, {'base_pose': array('d', [1, 2, 3, 0]),
                                            'residual_bounds': [1, 0, 0.5, 2]})
    assert found.base_pose == (1.0, 2.0, 3.0, 0.0)
    assert found.residual_bounds == (1.0, 0.0, 0.5, 2.0)


CHANGES = [(spec, factor) for spec in OWN if spec.metadata['tighten'] for factor in (-1, 1)]


@pytest.mark.parametrize('spec, side', CHANGES, ids=lambda value: getattr(value, 'name', value))
def test_a_limit_can_be_tightened_and_never_loosened(spec, side):
    contract = AdapterSettings(task='hook')

    def moved(value):  # a little to one side, within the range of the setting
        return min(max(value + 1e-4 * side, spec.metadata['low']), spec.metadata['high'])
    bound = getattr(contract, spec.name)
    value = [moved(item) for item in bound] if isinstance(bound, tuple) else moved(bound)
    same = (tuple(value) if isinstance(bound, tuple) else value) == bound
    stricter = side == (1 if spec.metadata['tighten'] == 'up' else -1)
    if stricter or same:
        changed = tightened(contract, contract, {spec.name: value})
        # Back to the contract, and no farther.
        assert tightened(contract, changed, {spec.name: bound}) == contract
        return
    with pytest.raises(SettingsError, match=f'{spec.name}.*looser than the contract'):
        tightened(contract, contract, {spec.name: value})


def test_what_is_no_limit_or_contradicts_cannot_change():
    contract = AdapterSettings(task='hook')
    for changes, words in (({'stop_messages': 9}, 'is no limit that can change'),
                           ({'speedlimit': 0.1}, "did you mean 'speed_limit'"),
                           ({'speed_limit': 0.1, 'twist_topic': 'x'}, 'twist_topic is no limit'),
                           ({'workspace_low': [1.0, 0.3, 0.79]}, 'no room along z'),
                           ({'singularity_stop': 12.0}, 'must be below singularity_stop'),
                           ({'command_timeout': 0.02}, 'shorter than one period'),
                           ({'speed_limit': float('nan')}, 'finite')):
        with pytest.raises(SettingsError, match=words):
            tightened(contract, contract, changes)


def test_a_tightened_jerk_limit_slows_the_acceleration_and_keeps_the_window():
    contract = AdapterSettings(task='hook')
    found = limits_of(tightened(contract, contract, {'jerk_limit': 5.0}), contract)
    assert found.window == limits_of(contract).window == 2
    assert found.step[0] == pytest.approx(5.0 * 0.04 ** 2)
    assert check_contract(contract, 'here') is contract


DECLARE = """
import sys, rclpy
from rpl_ros.settings.robot import AdapterSettings
from rpl_ros.ros.params import RplNode
from rpl_ros.robot.contract import read_contract
for path in sys.argv[1:]:
    rclpy.init(args=['--ros-args', '--params-file', path])
    node = RplNode('fetch_adapter_node', AdapterSettings)
    assert node.settings == read_contract(path)
    for name, value in vars(node.settings).items():
        found = node.get_parameter(name).value
        assert (tuple(found) if isinstance(value, tuple) else found) == value, name
    values = [rclpy.Parameter('speed_limit', value=0.05),
              rclpy.Parameter('twist_topic', value='x')]
    print([result.successful for result in node.set_parameters(values)])
    node.destroy_node()
    rclpy.shutdown()
"""


def test_ros_declares_every_entry_and_lets_only_limits_change():
    paths = [str(path) for path in sorted(FETCH.parent.glob('*.yaml'))]
    done = subprocess.run([sys.executable, '-c', DECLARE, *paths], capture_output=True, text=True,
                          env={**os.environ, 'ROS_DOMAIN_ID': '75'})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split('\n')[:2] == ['[True, False]'] * 2


def test_a_run_folder_can_hold_a_contract(tmp_path):
    contract = read_contract(FETCH)
    path = tmp_path / 'config.yaml'
    path.write_text(parameter_file({NODE: contract}))
    assert read_contract(path) == contract
