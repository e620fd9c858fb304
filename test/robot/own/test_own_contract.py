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

"""A contract with any robot says what is wrong where, before anything moves."""

from copy import deepcopy

import pytest
from rpl_ros.common.yaml_file import parse_yaml
from rpl_ros.robot.own.contract import Channel
from rpl_ros.robot.own.contract_file import parse_robot_contract, read_robot_contract
from rpl_ros.settings.fields import SettingsError
from rpl_ros.tasks.spec_file import parse_spec

TASK = parse_yaml("""
name: slide
control_period: 0.05
horizon: 40
observation: {x: m, vx: m/s, force: N}
goal: {x: m}
action: {vx: m/s, grip: m}
reward: sparse
""")
CONTRACT = parse_yaml("""
frame: base_link
stop_messages: 3
robot_timeout: 0.2
base_action_timeout: 0.1
command_timeout: 0.1
run_stop: {topic: run_stopped, timeout: 0.5}
inputs:
  joints: {type: JointState, topic: joint_states, max_age: 0.1, joints: [slide, finger]}
  tool: {type: WrenchStamped, topic: wrench, max_age: 0.1, frame: tool}
  target: {type: PoseStamped, topic: target_pose, max_age: 0.2, frame: base_link, jump: 0.2}
observation: {x: joints.slide, vx: joints.slide.velocity, force: tool.fz}
achieved_goal: {x: joints.slide}
desired_goal: {x: target.x}
outputs:
- {type: Float64MultiArray, topic: velocities, commands: velocity, elements: [vx]}
- {type: Float64, topic: gripper, commands: position, elements: [grip]}
action:
  vx: {low: -0.5, high: 0.5, rate: 5.0, moves: joints.slide, keep: [0.0, 1.0], margin: 0.01}
  grip: {low: 0.0, high: 0.1, rate: 1.0, moves: joints.finger}
""")
SPEC = parse_spec(TASK, 'task')
RECORDED = parse_spec({**TASK, 'goal': {}, 'reward': 'recorded'}, 'task')


def test_a_contract_in_the_order_of_the_task():
    found = parse_robot_contract(CONTRACT, SPEC, 'here')
    assert found.observation == (Channel('joints', 'slide'), Channel('joints', 'slide.velocity'),
                                 Channel('tool', 'fz'))
    assert found.desired_goal == (Channel('target', 'x'),)
    assert [one.low for one in found.limits] == [-0.5, 0.0]
    assert [sink.velocity for sink in found.sinks] == [True, False]
    assert found.run_stop_topic == 'run_stopped' and not found.by_person
    swapped = parse_spec({**TASK, 'action': {'grip': 'm', 'vx': 'm/s'}}, 'task')
    assert [one.low for one in parse_robot_contract(CONTRACT, swapped, 'here').limits] == [
        0.0, -0.5]


def without_goals(**changes):
    """Return the contract for a task without goals, with changes."""
    tree = {key: value for key, value in CONTRACT.items() if not key.endswith('_goal')}
    return {**tree, **changes}


@pytest.mark.parametrize('changes', [
    {'reward': 'tool.fz'}, {'success': 'tool.fz'}, {'success': 'person'}])
def test_rewards_that_the_robot_tells(changes):
    found = parse_robot_contract(without_goals(**changes), RECORDED, 'here')
    assert found.by_person == (changes.get('success') == 'person')


@pytest.mark.parametrize('path, value, words', [
    ('frame', '', 'frame is empty'),
    ('frame', None, 'frame is missing'),
    ('farme', 'x', "unknown key 'farme'"),
    ('robot_timeout', 0.05001, 'robot would stop before'),
    ('command_timeout', 0.01, 'shorter than one control step'),
    ('stop_messages', 2.5, 'a whole number'),
    ('run_stop', {'topic': 'x'}, 'run_stop: timeout is missing'),
    ('inputs.joints.type', 'JointStat', "did you mean 'JointState'"),
    ('inputs.joints.joints', [], 'joints is []'),
    ('inputs.joints.joints', ['slide', 'slide'], 'each once'),
    ('inputs.joints.max_age', -1, 'max_age is -1'),
    ('inputs.tool.frame', None, 'frame is missing'),
    ('observation.force', 'tol.fz', "did you mean 'tool'"),
    ('observation.force', 'tool.z', 'but tool has'),
    ('observation.force', None, 'force is missing'),
    ('observation.fource', 'tool.fz', 'the task has no element'),
    ('desired_goal', None, 'desired_goal: x is missing'),
    ('reward', 'tool.fz', 'computes its own'),
    ('outputs', [], 'outputs: vx is missing'),
    ('action.vx', None, 'vx is missing'),
    ('action.vx.low', 0.6, 'low below high'),
    ('action.vx.low', 0.1, '0, a stop, between them'),
    ('action.vx.moves', None, 'moves is missing'),
    ('action.grip.moves', None, 'moves is missing'),
    ('action.vx.keep', [1.0, 0.0], '[lowest, highest]'),
    ('action.vx.keep', [True, 3.1], '[lowest, highest]'),
    ('action.vx.moves', 'joints.slide.velocity', 'moves is a velocity'),
    ('action.vx.moves', 'joints.finger', 'two elements of the action move joints.finger'),
    ('inputs.joints.topic', 'joint states', 'the name of a topic'),
    ('run_stop.topic', '2x', 'the name of a topic'),
    ('action.grip.keep', [0.2, 0.3], 'has no position between'),
    ('inputs.joints.topic', '/velocities', 'of an input and of an output'),
    ('action.vx.margin', 0.5, 'leaves no room'),
    ('action.vx.rate', 0, 'rate is 0'),
    ('action.vx.rate', 10 ** 400, 'rate is')])
def test_a_wrong_entry_is_one_error(path, value, words):
    tree = deepcopy(CONTRACT)
    *parents, key = path.split('.')
    inner = tree
    for parent in parents:
        inner = inner[parent]
    if value is None:
        del inner[key]
    else:
        inner[key] = value
    with pytest.raises(SettingsError) as caught:
        parse_robot_contract(tree, SPEC, 'here')
    assert words in str(caught.value) and str(caught.value).startswith('here: ')


@pytest.mark.parametrize('number, changes, words', [
    (0, {'elements': ['vx', 'vx']}, 'vx is sent twice'),
    (0, {'topic': 'gripper'}, 'two outputs have one topic'),
    (0, {'commands': 'torque'}, "commands is 'torque'"),
    (0, {'type': 'TwistStampd'}, "did you mean 'TwistStamped'"),
    (1, {'elements': ['grip', 'vx']}, '2 elements, expected one'),
    (1, {'elements': ['']}, "elements is ['']"),
    (1, {'type': 'Float64MultiArray', 'elements': ['grip', '']}, "elements is ['grip', '']"),
    (1, {'type': 'Float64MultiArray', 'elements': []}, 'elements is []'),
    (1, {'elements': 'grip'}, 'expected a list of names')])
def test_a_wrong_output_is_one_error(number, changes, words):
    tree = deepcopy(CONTRACT)
    tree['outputs'][number].update(changes)
    with pytest.raises(SettingsError, match='here: ') as caught:
        parse_robot_contract(tree, SPEC, 'here')
    assert words in str(caught.value)


def test_a_recorded_reward_needs_a_source():
    with pytest.raises(SettingsError, match='name the input that it comes from'):
        parse_robot_contract(without_goals(), RECORDED, 'here')


def test_the_scale_of_actions_is_that_of_training():
    task = {**TASK, 'environment': {'make': 'x:y', 'low': [-0.5, 0.0], 'high': [0.5, 0.2]}}
    with pytest.raises(SettingsError, match='grip: -1 and 1 stand for 0 and 0.1, but'):
        parse_robot_contract(CONTRACT, parse_spec(task, 'task'), 'here')
    task['environment']['high'] = [0.5, 0.1]
    assert parse_robot_contract(CONTRACT, parse_spec(task, 'task'), 'here')


def test_twists_and_trajectories():
    tree = deepcopy(CONTRACT)
    tree['outputs'] = [
        {'type': 'TwistStamped', 'topic': 'twist', 'frame': 'tool', 'elements': {
            'linear.x': 'vx'}},
        {'type': 'JointTrajectory', 'topic': 'fingers', 'joints': ['finger'],
         'elements': ['grip']}]
    twist, fingers = parse_robot_contract(tree, SPEC, 'here').sinks
    assert twist.elements == ('vx', '', '', '', '', '') and twist.velocity
    assert not fingers.velocity and fingers.joints == ('finger',)
    tree['outputs'][0]['elements'] = {'linear.w': 'vx'}
    with pytest.raises(SettingsError, match=r'expected linear\.x'):
        parse_robot_contract(tree, SPEC, 'here')
    tree['outputs'][0]['elements'] = {'linear.x': 'vx'}
    tree['outputs'][1]['joints'] = ['finger', 'thumb']
    with pytest.raises(SettingsError, match='2 joints for 1 elements'):
        parse_robot_contract(tree, SPEC, 'here')
    tree['outputs'][1]['joints'] = []
    with pytest.raises(SettingsError, match='0 joints for 1 elements'):
        parse_robot_contract(tree, SPEC, 'here')


@pytest.mark.parametrize('content', ['', '[]', 'x', 'a: {', '\0', 'inputs: 3\n'])
def test_files_that_are_no_contract(tmp_path, content):
    path = tmp_path / 'robot.yaml'
    path.write_text(content)
    with pytest.raises(SettingsError, match=f'contract {path}'):
        read_robot_contract(path, SPEC)
    with pytest.raises(SettingsError, match='cannot be read'):
        read_robot_contract(tmp_path, SPEC)
