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

`config/robot/` has one file per robot. Names must be unique across nodes, except for those of
Common and max_ee_speed: a value in the `/**` section of a task's parameter file reaches every
node that has a parameter of that name. The settings of the simulated Fetch are here, too.
"""

from dataclasses import dataclass

from rpl_ros.settings.fields import setting
from rpl_ros.settings.shared import Episodes, Managed, Requested, Scene, StartGate
from rpl_ros.tasks.fetch_facts import ARM, FINGERS, TABLE_TOP, TORSO


@dataclass(frozen=True)
class RobotTopics(Managed):
    """The settings that the adapter and the simulated Fetch must agree on."""

    # Topics
    joint_states_topic: str = setting(
        'joint_states', 'topic of the joint positions and velocities, sensor_msgs/JointState; a '
        'message may contain some of the joints')
    twist_topic: str = setting(
        'fetch_relay/twist', 'topic to which twists are sent, geometry_msgs/TwistStamped')
    gripper_topic: str = setting(
        'gripper_opening', 'topic to which the wanted opening of the gripper is sent, m, '
        'std_msgs/Float64')
    run_stop_topic: str = setting(
        'run_stopped', 'topic that tells whether the run-stop is pressed, std_msgs/Bool; empty = '
        'there is no run-stop')
    object_pose_topic: str = setting(
        'object_pose', 'topic of the pose of the object from the tracker, '
        'geometry_msgs/PoseStamped')
    hook_pose_topic: str = setting(
        'hook_pose', 'topic of the pose of the hook from the tracker, geometry_msgs/PoseStamped; '
        'used by the hook tasks')
    goal_pose_topic: str = setting(
        'goal_pose', 'topic of the pose to which the object must be brought, '
        'geometry_msgs/PoseStamped')
    grip_pose_topic: str = setting(
        '', 'topic of the pose of the grip, geometry_msgs/PoseStamped, for an arm other than a '
        'Fetch; empty = compute it from the joints of a Fetch')

    # Frames
    world_frame: str = setting(
        'world', 'frame of the task: of observations, commands and workspace')


@dataclass(frozen=True)
class AdapterSettings(RobotTopics):
    """fetch_adapter_node."""

    base_frame: str = setting(
        'base_link', 'frame of the robot base on the floor, which does not move; poses may be in '
        'this frame or in world_frame')
    base_pose: tuple[float, ...] = setting(
        (0.6919, 0.7441, 0.0, 0.0), 'pose of base_frame in world_frame: x, y, z, m, and yaw, rad',
        low=-100.0, high=100.0, length=4)
    hook_offset: tuple[float, ...] = setting(
        (0.0, 0.0, 0.0), 'offset x, y, z added to the measured position of the hook, m, '
        'world_frame, for a controller that would reach into the table', low=-1.0, high=1.0,
        length=3)
    root_frame: str = setting(
        'torso_lift_link', 'frame id in the header of twists; its axes must be parallel to those '
        'of base_frame')
    tool_frame: str = setting('wrist_roll_link', 'link whose velocity the twists command')
    tool_to_grip: tuple[float, ...] = setting(
        (0.0, 0.0, 0.0), 'vector x, y, z from the origin of tool_frame to the grip, m, along the '
        'axes of the grip; used only with a grip_pose_topic', low=-1.0, high=1.0, length=3)

    # Joints, in the order of the Jacobian's columns
    arm_joints: tuple[str, ...] = setting(ARM, 'names of the joints that move the tool')
    finger_joints: tuple[str, ...] = setting(
        FINGERS, 'names of the joints of the right and the left finger', length=2)
    torso_joint: str = setting(
        TORSO, 'name of the joint that lifts the whole arm; empty = there is none')
    check_joints: bool = setting(
        True, 'true: check joint limits, joint speeds and singularities with the model of a '
        'Fetch; false: the driver of the robot checks them')
    joint_low: tuple[float, ...] = setting(
        (-1.6056, -1.221, -1000.0, -2.251, -1000.0, -2.16, -1000.0), 'lower position limit of '
        'each of arm_joints, rad; -1000 for a continuous joint', low=-1000.0, high=1000.0,
        tighten='up')
    joint_high: tuple[float, ...] = setting(
        (1.6056, 1.518, 1000.0, 2.251, 1000.0, 2.16, 1000.0), 'upper position limit of each of '
        'arm_joints, rad; 1000 for a continuous joint', low=-1000.0, high=1000.0, tighten='down')
    joint_margin: float = setting(
        0.05, 'distance before its position limit at which a joint stops, rad', low=0.0, high=3.0,
        tighten='up')
    joint_speed_limit: tuple[float, ...] = setting(
        (0.5,) * 7, 'speed limit of each of arm_joints, rad/s', low=1e-3, high=100.0,
        tighten='down')
    singularity_slow: float = setting(
        17.0, 'condition number of the Jacobian above which motion towards a singularity is '
        'slowed', low=1.0, high=1e6, tighten='down')
    singularity_stop: float = setting(
        30.0, 'condition number of the Jacobian at which motion towards a singularity stops',
        low=1.0, high=1e6, tighten='down')

    # Rates and scales
    command_rate: float = setting(
        25.0, 'control frequency: states and commands per second, 1/s', low=1.0, high=1000.0)
    max_ee_speed: float = setting(
        0.1, 'speed of the grip for an action of 1 along one axis, m/s; must be the same as in '
        'training', low=1e-3, high=2.0)
    gripper_width: float = setting(0.1, 'opening of the fully open gripper, m', low=1e-3, high=1.0)
    orientation_gain: float = setting(
        3.0, 'gain of the controller that holds the orientation of the gripper: angular velocity '
        'per angle of error, 1/s', low=0.0, high=20.0)

    # Stop behaviour
    stop_empty_frame: bool = setting(
        True, 'true: a stop is a zero twist with an empty frame id; false: with root_frame')
    stop_messages: int = setting(
        3, 'number of stop messages, one in each control period; after them the adapter sends '
        'nothing', low=1, high=100)
    robot_timeout: float = setting(
        0.15, 'time without a twist after which the robot stops by itself, s', low=0.01, high=10.0)

    # Limits of the tool's motion
    speed_limit: float = setting(
        0.17, 'limit of the linear speed of the grip, the length of its velocity, m/s', low=1e-3,
        high=2.0, tighten='down')
    acceleration_limit: float = setting(
        1.0, 'limit of the linear acceleration of the grip, its length, m/s^2', low=1e-2,
        high=100.0, tighten='down')
    jerk_limit: float = setting(
        25.0, 'limit of the linear jerk of the grip, its length, m/s^3', low=1e-2, high=1e5,
        tighten='down')
    turn_speed_limit: float = setting(
        0.5, 'limit of the angular speed of the grip, rad/s', low=1e-3, high=10.0, tighten='down')
    turn_acceleration_limit: float = setting(
        1.5, 'limit of the angular acceleration of the grip, rad/s^2', low=1e-2, high=100.0,
        tighten='down')
    turn_jerk_limit: float = setting(
        37.5, 'limit of the angular jerk of the grip, rad/s^3', low=1e-2, high=1e5,
        tighten='down')
    workspace_low: tuple[float, ...] = setting(
        (1.0, 0.3, 0.38), 'lowest x, y, z of the grip in the workspace, m, world_frame',
        low=-100.0, high=100.0, length=3, tighten='up')
    workspace_high: tuple[float, ...] = setting(
        (1.5, 1.1, 0.8), 'highest x, y, z of the grip in the workspace, m, world_frame',
        low=-100.0, high=100.0, length=3, tighten='down')
    workspace_margin: float = setting(
        0.01, 'distance before a face of the workspace at which the grip stops, m', low=0.0,
        high=1.0, tighten='up')
    table_height: float = setting(
        TABLE_TOP, 'height of the table top, m, world_frame', low=-100.0, high=100.0, tighten='up')
    table_clearance: float = setting(
        -0.02, 'smallest height of the grip above the table top, m; negative if the grip must '
        'go below the table top beyond its edge. The finger tips are 2 cm below the grip: 0.02 or '
        'more keeps them off the table', low=-1.0, high=1.0, tighten='up')

    # Limits of the residual
    max_residual: float = setting(
        0.3, 'largest difference between an element of the action and of the base action, without '
        'a unit; 0 = execute base actions only', low=0.0, high=2.0, tighten='down')
    residual_bounds: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0, 1.0), 'largest difference between action and base action for each element '
        '(x, y, z, fingers), without a unit; max_residual holds for all of them, too', low=0.0,
        high=2.0, length=4, tighten='down')

    # Age and plausibility of the inputs
    state_timeout: float = setting(
        0.08, 'age of a joint state above which the arm stops, s', low=0.001, high=10.0,
        tighten='down')
    base_action_timeout: float = setting(
        0.08, 'age of a base action above which the arm stops, s', low=0.001, high=10.0,
        tighten='down')
    command_timeout: float = setting(
        0.08, 'age of a command above which the base action is executed instead, s', low=0.001,
        high=10.0, tighten='down')
    run_stop_timeout: float = setting(
        0.5, 'time without a message on run_stop_topic after which the arm stops, s; 1e6 = no '
        'limit, for a run-stop that publishes changes only', low=0.01, high=1e6, tighten='down')
    pose_timeout: float = setting(
        0.2, 'age of a pose from the tracker above which the arm stops, s', low=0.001, high=60.0,
        tighten='down')
    pose_jump: float = setting(
        0.25, 'distance between two successive poses of a body above which the arm stops, m',
        low=1e-3, high=100.0, tighten='down')
    pose_settle: float = setting(
        0.5, 'time without a jump of a pose after which poses are trusted again, s', low=0.0,
        high=60.0, tighten='up')
    quaternion_tolerance: float = setting(
        0.01, 'largest difference between the length of a quaternion and 1', low=1e-9, high=0.5,
        tighten='down')


@dataclass(frozen=True)
class RobotRun(Requested, StartGate, Episodes):
    """Settings of the run of a robot, not of the robot: they are not in its contract."""

    reset_service: str = setting(
        '', 'service that sets up the next scene, std_srvs/Trigger; empty = a person sets it up '
        'and calls ~/start_episode')
    residual: bool = setting(
        True, 'true: execute commands from the start; false: execute base actions only, until '
        'the service ~/residual switches commands on')


@dataclass(frozen=True)
class AdapterRunSettings(RobotRun, AdapterSettings):
    """fetch_adapter_node."""


@dataclass(frozen=True)
class RobotAdapterSettings(RobotRun, Managed):
    """robot_adapter_node."""

    contract: str = setting(
        '', 'file of the contract with the robot: what is measured, what is sent, and within '
        'which limits; see docs/own_robot.md')
    max_residual: float = setting(
        0.3, 'largest difference between an element of the action and of the base action, without '
        'a unit; 0 = execute base actions only. It can be made smaller while the node runs',
        low=0.0, high=2.0)


@dataclass(frozen=True)
class FetchSimSettings(Scene, RobotTopics):
    """fetch_sim_node."""

    delay: float = setting(
        0.0, 'delay of joint states and poses, s', low=0.0, high=1.0)
    jitter: float = setting(
        0.0, 'largest random delay of joint states and poses, s, uniformly distributed; it is '
        'added to the parameter delay', low=0.0, high=1.0)
    noise: float = setting(
        0.0, 'standard deviation of the measured poses of object and hook, m and rad about each '
        'axis; 0 = none, except for noisy_hook, which has its own noise', low=0.0, high=0.1)
    pressed: bool = setting(False, 'true: the run-stop is pressed at the start')
