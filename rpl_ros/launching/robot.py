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

"""The settings of a graph with a robot in place of sim_node: a Fetch, or any other one."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from rpl_ros.common.assets import share
from rpl_ros.robot.contract import check_contract, read_contract
from rpl_ros.robot.own.contract_file import PACKAGES, read_robot_contract
from rpl_ros.settings.fields import make_settings, SettingsError
from rpl_ros.settings.nodes import RecorderSettings
from rpl_ros.settings.parameter_file import read_parameter_file
from rpl_ros.settings.robot import (AdapterRunSettings, AdapterSettings, FetchSimSettings,
                                    RobotAdapterSettings, RobotTopics)
from rpl_ros.tasks.find import task_spec

ADAPTER, FETCH_SIM, OWN = 'fetch_adapter_node', 'fetch_sim_node', 'robot_adapter_node'
RESET_SERVICE = 'reset_scene'


def agreed(name: str, places: dict[str, float]) -> float:
    """
    Return the value of a setting that several places {place: value} set; 0 means not set.

    SettingsError where two of them differ.
    """
    given = {place: value for place, value in places.items() if value}
    if len(set(given.values())) > 1:
        raise SettingsError(f'{name} is ' + ' but '.join(
            f'{value} in {place}' for place, value in given.items())
            + ': a policy is for one of them. Make them equal, or leave out all but one')
    return next(iter(given.values()), 0)


def recorded_topics(adapter: AdapterSettings) -> list[str]:
    """Return the robot's own topics with their types, each as 'NAME TYPE'."""
    poses = [getattr(adapter, f'{name}_pose_topic') for name in task_spec(adapter.task).bodies]
    topics = [(adapter.joint_states_topic, 'sensor_msgs/msg/JointState'),
              (adapter.twist_topic, 'geometry_msgs/msg/TwistStamped'),
              (adapter.gripper_topic, 'std_msgs/msg/Float64'),
              (adapter.run_stop_topic, 'std_msgs/msg/Bool'),
              *((topic, 'geometry_msgs/msg/PoseStamped')
                for topic in (*poses, adapter.grip_pose_topic)),
              ('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray')]
    return [f'{name} {kind}' for name, kind in topics if name]


def robot_settings(settings: dict[str, Any], arguments: dict[str, str]) -> dict[str, Any]:
    """
    Return {node: settings} of all nodes, those of a Fetch included.

    `settings` are those of the other nodes, `arguments` the launch arguments. All nodes get the
    same speed and horizon; SettingsError where contract and parameter file contradict each other.
    """
    sim, simulated = settings['sim_node'], arguments['robot'] == 'fetch_sim'
    path, params = arguments['contract'], arguments['params_file']
    if path == 'auto':
        path = str(share('config') / 'robot/fetch.yaml')
    contract = read_contract(Path(path), {'task': sim.task, 'seed': sim.seed})
    sections = read_parameter_file(params)
    # The file may be the configuration of an earlier run, with a section of the adapter.
    own = {**vars(contract), 'autostart': sim.autostart, **sections.get(ADAPTER, {})}
    horizon = agreed('horizon', {path: own['horizon'], params: sim.horizon})
    speed = agreed('max_ee_speed', {path: own['max_ee_speed'], params: sim.max_ee_speed})
    own.update(horizon=horizon, max_ee_speed=speed, task=sim.task, seed=sim.seed,
               first_episode=sim.first_episode, start_timeout=sim.start_timeout,
               reset_service=RESET_SERVICE if simulated else arguments['reset_service'])
    if simulated:  # its base is always at this pose
        own['base_pose'] = AdapterSettings().base_pose
    adapter = check_contract(make_settings(AdapterRunSettings, own, path), path)
    result = {node: replace(one, horizon=horizon, max_ee_speed=speed)
              for node, one in settings.items()}
    # The later evaluation in one process reads these.
    result['sim_node'] = replace(result['sim_node'], arm='joints', mode='realtime')
    result['recorder_node'] = _recording(result['recorder_node'], recorded_topics(adapter))
    shared = {field.name: getattr(adapter, field.name) for field in fields(RobotTopics)}
    result[ADAPTER] = adapter
    if simulated:
        result[FETCH_SIM] = make_settings(FetchSimSettings, {
            **sections.get(FETCH_SIM, {}), **shared, 'objects': sim.objects,
            'first_episode': sim.first_episode}, params)
    return result


def _recording(recorder: RecorderSettings, topics: list[str]) -> RecorderSettings:
    """Return the settings of a recorder with more topics, each as 'NAME TYPE'."""
    asked = [entry.strip() for entry in recorder.topics.split(';') if entry.strip()]
    return replace(recorder, topics='; '.join(dict.fromkeys([*topics, *asked])))


def own_robot_settings(settings: dict[str, Any], arguments: dict[str, str]) -> dict[str, Any]:
    """
    Return {node: settings} of all nodes, those of robot_adapter_node included.

    `settings` are those of the other nodes, `arguments` the launch arguments. SettingsError for a
    contract that cannot be used.
    """
    sim, path = settings['sim_node'], arguments['contract']
    if path == 'auto':
        raise SettingsError('launch argument robot:=own: give the file of the contract with your '
                            'robot, contract:=FILE; see docs/own_robot.md')
    contract = read_robot_contract(path, task_spec(sim.task, sim.horizon))
    params = arguments['params_file']
    adapter = make_settings(RobotAdapterSettings, {
        'autostart': sim.autostart, **read_parameter_file(params).get(OWN, {}),
        'task': sim.task, 'seed': sim.seed, 'horizon': sim.horizon,
        'first_episode': sim.first_episode, 'start_timeout': sim.start_timeout,
        'contract': str(Path(path).absolute()), 'reset_service': arguments['reset_service']},
        params)
    topics = [(source.topic, PACKAGES[source.kind] + source.kind)
              for source in contract.sources.values()]
    topics += [(sink.topic, PACKAGES[sink.kind] + sink.kind) for sink in contract.sinks]
    topics += [(contract.run_stop_topic, 'std_msgs/msg/Bool'),
               ('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray')]
    return {**settings, OWN: adapter, 'sim_node': replace(sim, mode='realtime'),
            'recorder_node': _recording(settings['recorder_node'], [
                f'{name} {kind}' for name, kind in topics if name])}
