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

"""
The contract with a robot: the settings of fetch_adapter_node, with the defaults of a Fetch.

`config/robot/` has one file for each robot. No name is that of another node's setting, except
those of Common and the speed: a task's file could set it for the adapter by its `/**` section.
The simulated Fetch has its settings here, too.
"""

from dataclasses import dataclass

from rpl_ros.config import Managed, setting

ARM = tuple(f'{name}_joint' for name in ('shoulder_pan', 'shoulder_lift', 'upperarm_roll',
                                         'elbow_flex', 'forearm_roll', 'wrist_flex', 'wrist_roll'))


@dataclass(frozen=True)
class RobotTopics(Managed):
    """What adapter and simulated Fetch must agree on."""

    # Topics
    joint_states_topic: str = setting('joint_states', 'joint positions and velocities by name, '
                                      'sensor_msgs/JointState; may come in parts')
    twist_topic: str = setting('fetch_relay/twist', 'where twists go, geometry_msgs/TwistStamped')
    gripper_topic: str = setting('gripper_opening', 'where the wanted width of the gripper goes, '
                                 'm, std_msgs/Float64')
    run_stop_topic: str = setting('run_stopped', 'whether the run-stop is pressed, std_msgs/Bool')
    object_pose_topic: str = setting('object_pose', 'the object by your tracker, '
                                     'geometry_msgs/PoseStamped')
    hook_pose_topic: str = setting('hook_pose', 'the hook by your tracker, '
                                   'geometry_msgs/PoseStamped; for the hook tasks')
    goal_pose_topic: str = setting('goal_pose', 'where the object shall be, '
                                   'geometry_msgs/PoseStamped')
    grip_pose_topic: str = setting('', 'the grip, geometry_msgs/PoseStamped, for an arm whose '
                                   'kinematics are not known here; empty = a Fetch, by its joints')

    # Frames
    world_frame: str = setting('world', 'frame of the task: of observations, commands, workspace')


@dataclass(frozen=True)
class AdapterSettings(RobotTopics):
    """fetch_adapter_node."""

    base_frame: str = setting('base_link', 'frame of the robot that stands still on the floor; '
                              'poses may be in it')
    base_pose: tuple = setting((0.6919, 0.7441, 0.0, 0.0), 'the base frame in the world: x, y, z, '
                               'm, and yaw, rad', -100.0, 100.0, length=4)
    hook_offset: tuple = setting((0.0, 0.0, 0.0), 'added to the position of the hook, m, world, '
                                 'for a controller that would reach into the table', -1.0, 1.0,
                                 length=3)
    root_frame: str = setting('torso_lift_link', 'frame of the twists: the id in their header; '
                              'its axes are parallel to those of the base frame')
    tool_frame: str = setting('wrist_roll_link', 'the link whose twist the robot takes')
    tool_to_grip: tuple = setting((0.0, 0.0, 0.0), 'from the origin of the tool frame to the '
                                  'grip, m, along the axes of the grip; counts with '
                                  'grip_pose_topic only', -1.0, 1.0, length=3)

    # Joints, in the order of the Jacobian's columns
    arm_joints: tuple = setting(ARM, 'names of the joints that move the tool')
    finger_joints: tuple = setting(('r_gripper_finger_joint', 'l_gripper_finger_joint'),
                                   'names of the joints of the fingers, right, left', length=2)
    torso_joint: str = setting('torso_lift_joint', 'name of the joint that lifts the arm; empty = '
                               'none')
    check_joints: bool = setting(True, 'whether joint limits, joint speeds and singularities are '
                                 'checked here; false where the driver does and no model is here')
    joint_low: tuple = setting(
        (-1.6056, -1.221, -1000.0, -2.251, -1000.0, -2.16, -1000.0), 'lower limits of arm_joints, '
        'rad; -1000 for a joint that turns on and on', -1000.0, 1000.0, tighten='up')
    joint_high: tuple = setting(
        (1.6056, 1.518, 1000.0, 2.251, 1000.0, 2.16, 1000.0), 'upper limits of arm_joints, rad; '
        '1000 for none', -1000.0, 1000.0, tighten='down')
    joint_margin: float = setting(0.05, 'distance from its limit at which a joint comes to rest, '
                                  'rad', 0.0, 3.0, tighten='up')
    joint_speed_limit: tuple = setting((0.5,) * 7, 'speed limits of arm_joints, rad/s', 1e-3,
                                       100.0, tighten='down')
    singularity_slow: float = setting(17.0, 'condition number of the Jacobian from which motion '
                                      'towards a singularity is slowed', 1.0, 1e6, tighten='down')
    singularity_stop: float = setting(30.0, 'condition number at which it has come to rest', 1.0,
                                      1e6, tighten='down')

    # Rates and scales
    command_rate: float = setting(25.0, 'states and commands per second', 1.0, 1000.0)
    max_ee_speed: float = setting(0.1, 'speed for an action of 1 along one axis, m/s: the same as '
                                  'in training', 1e-3, 2.0)
    gripper_width: float = setting(0.1, 'width of the open gripper, m', 1e-3, 1.0)
    orientation_gain: float = setting(3.0, 'turning speed for each rad by which the tool has '
                                      'turned away from its orientation, 1/s', 0.0, 20.0)

    # Stop behaviour
    stop_empty_frame: bool = setting(True, 'whether a stop has an empty frame id, beside a zero '
                                     'twist')
    stop_messages: int = setting(3, 'how often a stop is sent, one each period; then silence', 1,
                                 100)
    robot_timeout: float = setting(0.15, 'the robot stops by itself when no twist came for this '
                                   'long, s', 0.01, 10.0)

    # Limits of the tool's motion
    speed_limit: float = setting(0.17, 'length of the linear velocity, m/s', 1e-3, 2.0,
                                 tighten='down')
    acceleration_limit: float = setting(1.0, 'length of the linear acceleration, m/s^2', 1e-2,
                                        100.0, tighten='down')
    jerk_limit: float = setting(25.0, 'length of the linear jerk, m/s^3', 1e-2, 1e5,
                                tighten='down')
    turn_speed_limit: float = setting(0.5, 'length of the angular velocity, rad/s', 1e-3, 10.0,
                                      tighten='down')
    turn_acceleration_limit: float = setting(1.5, 'length of the angular acceleration, rad/s^2',
                                             1e-2, 100.0, tighten='down')
    turn_jerk_limit: float = setting(37.5, 'length of the angular jerk, rad/s^3', 1e-2, 1e5,
                                     tighten='down')
    workspace_low: tuple = setting((1.0, 0.3, 0.38), 'lowest x, y, z of the grip, m, world frame',
                                   -100.0, 100.0, length=3, tighten='up')
    workspace_high: tuple = setting((1.5, 1.1, 0.8), 'highest x, y, z of the grip, m, world frame',
                                    -100.0, 100.0, length=3, tighten='down')
    workspace_margin: float = setting(0.01, 'distance from the faces of the box at which the grip '
                                      'comes to rest, m', 0.0, 1.0, tighten='up')
    table_height: float = setting(0.4, 'height of the table, m, world frame', -100.0, 100.0,
                                  tighten='up')
    table_clearance: float = setting(
        -0.02, 'height of the grip above the table that is kept, m; below 0 where the grip must '
        'go lower beyond its edge, which the plane does not have', -1.0, 1.0, tighten='up')

    # Limits of the residual
    max_residual: float = setting(0.3, 'largest difference between action and base action, no '
                                  'unit; 0 = the base action alone', 0.0, 2.0, tighten='down')
    residual_bounds: tuple = setting((1.0, 1.0, 1.0, 1.0), 'the same for each element: x, y, z, '
                                     'fingers', 0.0, 2.0, length=4, tighten='down')

    # What is too old or cannot be
    state_timeout: float = setting(0.08, 'oldest joint state to move by, s', 0.001, 10.0,
                                   tighten='down')
    base_action_timeout: float = setting(0.08, 'oldest base action to move by, s', 0.001, 10.0,
                                         tighten='down')
    command_timeout: float = setting(0.08, 'oldest command to move by, s', 0.001, 10.0,
                                     tighten='down')
    run_stop_timeout: float = setting(
        0.5, 'how long the run-stop may say nothing before the arm stops, s; 1e6 = for ever, for '
        'one that speaks on change only', 0.01, 1e6, tighten='down')
    pose_timeout: float = setting(0.2, 'oldest pose of the tracker to move by, s', 0.001, 60.0,
                                  tighten='down')
    pose_jump: float = setting(0.25, 'distance between two poses from which it is a jump, m', 1e-3,
                               100.0, tighten='down')
    pose_settle: float = setting(0.5, 'time without a jump after which poses are trusted again, s',
                                 0.0, 60.0, tighten='up')
    quaternion_tolerance: float = setting(0.01, 'how much the length of a quaternion may differ '
                                          'from 1', 1e-9, 0.5, tighten='down')


@dataclass(frozen=True)
class AdapterRunSettings(AdapterSettings):
    """fetch_adapter_node."""

    # Not of the robot but of the run: no part of a contract's file
    episodes: int = setting(600, 'episodes to run, 0 = until stopped', 0, 2**31 - 1)
    first_episode: int = setting(0, 'number of the first episode', 0, 2**31 - 1)
    subscribers: int = setting(2, 'subscriptions on the state topic that must be there before the '
                               'first episode', 0, 100)
    wait_for: str = setting('', 'names of the nodes of this run that must be there, too, with '
                            'spaces between them')
    start_timeout: float = setting(600.0, 'end with an error when they are not there after this '
                                   'long, s; 0 = wait for ever', 0.0, 1e6)
    reset_service: str = setting('', 'service std_srvs/Trigger that sets up the next scene; '
                                 'empty = a person does, and calls ~/start_episode')
    residual: bool = setting(True, 'whether commands count at the start; false = base actions '
                             'alone. The service ~/residual switches it')


@dataclass(frozen=True)
class FetchSimSettings(RobotTopics):
    """fetch_sim_node."""

    objects: str = setting('', 'folder of STL or OBJ meshes to use instead of the built-in '
                           'object library of complex_hook; empty = the library, unseen = a '
                           'hundred more of its kinds, for evaluation')
    first_episode: int = setting(0, 'number of the first scene', 0, 2**31 - 1)
    delay: float = setting(0.0, 'how late joint states and poses come, s', 0.0, 1.0)
    jitter: float = setting(0.0, 'how much later than that some come, s, evenly distributed', 0.0,
                            1.0)
    noise: float = setting(0.0, 'standard deviation of the poses of object and hook about each '
                           'axis, m and rad; noisy_hook has its own', 0.0, 0.1)
    pressed: bool = setting(False, 'whether the run-stop is pressed at the start')
    window: bool = setting(False, 'show the scene in a window')
