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

"""The settings of a graph with a robot, real or simulated as such, instead of sim_node."""

from dataclasses import fields, replace

from rpl_ros.config import make_settings, read_parameter_file, SettingsError
from rpl_ros.config_robot import AdapterRunSettings, AdapterSettings, FetchSimSettings, RobotTopics
from rpl_ros.robot.bodies import body_names
from rpl_ros.robot.contract import check_contract, read_contract

ADAPTER, FETCH_SIM = 'fetch_adapter_node', 'fetch_sim_node'
RESET_SERVICE = 'reset_scene'


def agreed(name, places):
    """
    Return the value of a setting that several places give, {place: value}; 0 gives none.

    SettingsError where two of them differ.
    """
    given = {place: value for place, value in places.items() if value}
    if len(set(given.values())) > 1:
        raise SettingsError(f'{name} is ' + ' but '.join(
            f'{value} in {place}' for place, value in given.items())
            + ': a policy is for one of them. Make them equal, or leave out all but one')
    return next(iter(given.values()), 0)


def recorded_topics(adapter):
    """Return the robot's own topics with their types, 'NAME TYPE' each, for AdapterSettings."""
    poses = [getattr(adapter, f'{name}_pose_topic') for name in body_names(adapter.task)]
    topics = [(adapter.joint_states_topic, 'sensor_msgs/msg/JointState'),
              (adapter.twist_topic, 'geometry_msgs/msg/TwistStamped'),
              (adapter.gripper_topic, 'std_msgs/msg/Float64'),
              (adapter.run_stop_topic, 'std_msgs/msg/Bool'),
              *((topic, 'geometry_msgs/msg/PoseStamped')
                for topic in (*poses, adapter.grip_pose_topic)),
              ('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray')]
    return [f'{name} {kind}' for name, kind in topics if name]


def robot_settings(settings, arguments, packaged_config):
    """
    Return {node: settings} of all nodes with those of the robot added.

    `settings` are those of the other nodes, `arguments` the launch arguments, and
    `packaged_config(name)` finds a parameter file of the package. Speed and horizon are the same
    everywhere after that: SettingsError where contract and parameter file contradict each other.
    """
    sim, simulated = settings['sim_node'], arguments['robot'] == 'fetch_sim'
    path, params = arguments['contract'], arguments['params_file']
    if path == 'auto':
        path = packaged_config('robot/fetch')
    contract = read_contract(path, {'task': sim.task, 'seed': sim.seed})
    sections = read_parameter_file(params)
    # The configuration of an earlier run, too, so that it can be repeated.
    own = {**vars(contract), 'autostart': sim.autostart, **sections.get(ADAPTER, {})}
    horizon = agreed('horizon', {str(path): own['horizon'], str(params): sim.horizon})
    speed = agreed('max_ee_speed', {str(path): own['max_ee_speed'], str(params): sim.max_ee_speed})
    own.update(horizon=horizon, max_ee_speed=speed, task=sim.task, seed=sim.seed,
               episodes=sim.episodes, first_episode=sim.first_episode,
               subscribers=sim.subscribers, wait_for=sim.wait_for,
               start_timeout=sim.start_timeout, reset_service=RESET_SERVICE if simulated else '')
    if simulated:  # whose base stands there
        own['base_pose'] = AdapterSettings().base_pose
    adapter = check_contract(make_settings(AdapterRunSettings, own, str(path)), str(path))
    result = {node: replace(one, horizon=horizon, max_ee_speed=speed)
              for node, one in settings.items()}
    # What evaluates the policy later in one process takes it from here.
    result['sim_node'] = replace(result['sim_node'], arm='joints', mode='realtime')
    recorder = result['recorder_node']
    asked = [entry.strip() for entry in recorder.topics.split(';') if entry.strip()]
    topics = dict.fromkeys([*recorded_topics(adapter), *asked])
    result['recorder_node'] = replace(recorder, topics='; '.join(topics))
    shared = {spec.name: getattr(adapter, spec.name) for spec in fields(RobotTopics)}
    result[ADAPTER] = adapter
    if simulated:
        result[FETCH_SIM] = make_settings(FetchSimSettings, {
            **sections.get(FETCH_SIM, {}), **shared, 'objects': sim.objects,
            'first_episode': sim.first_episode, 'window': sim.window}, str(params))
    return result
