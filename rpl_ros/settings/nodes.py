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
The settings of each node: the one home of every default, its description and its range.

Those of learner_node are in learner.py, those that several nodes have in shared.py. Each node
declares its ROS parameters from the fields of its dataclass. Tools that run in one process fill
the same dataclass from the same ROS parameter files in `config/`.
"""

from dataclasses import dataclass

from rpl_ros.settings.fields import setting
from rpl_ros.settings.learner import LearnerSettings
from rpl_ros.settings.shared import (Backpressure, Common, Episodes, Managed, Readers, Requested,
                                     Robots, Scaled, Scene, StartGate, StartTimeout)


@dataclass(frozen=True)
class SimSettings(Requested, Backpressure, StartGate, Episodes, Scene, Managed):
    """sim_node."""

    mode: str = setting('lockstep', 'lockstep: a step follows as soon as its command arrives; '
                        'realtime: 25 steps per second. Both publish /clock',
                        choices=('lockstep', 'realtime'))
    speed_factor: float = setting(1.0, 'realtime mode: how many times as fast as in reality '
                                  'simulated time passes; it may change while the node runs',
                                  low=0.01, high=100.0, live=True)
    arm: str = setting('paper', "how a Fetch's arm is simulated; paper: a weld constraint pulls "
                       'the gripper; joints: the joints move it, with the limits of the real '
                       "robot's controller", choices=('paper', 'joints'))
    resend_after: float = setting(1.0, 'lockstep mode: publish a state again when no command for '
                                  'it arrived within this time, s', low=0.01, high=60.0)
    give_up_after: float = setting(60.0, 'lockstep mode: end with an error when no command '
                                   'arrived, or the learner that the node waits for did no '
                                   'update, for this time, s', low=0.1, high=3600.0)


@dataclass(frozen=True)
class ControllerSettings(Readers, Managed):
    """base_controller_node."""

    controller: str = setting('', 'name of a built-in controller, package.module:name of your '
                              'own, sb3:FILE.zip or onnx:FILE.onnx, each with key=value '
                              'arguments; empty = the controller of the task')


@dataclass(frozen=True)
class ResidualSettings(Readers, Scaled):
    """residual_node."""

    policy: str = setting('', 'policy file that acts in every episode, without exploration; the '
                          'weights of a learner are then refused. Empty = the weights of '
                          'learner_node')
    residual_share: float = setting(
        1.0, 'factor on the residual after exploration, for example 0.1 at the first use of a '
        'policy on a robot; it may change while the node runs. 0 = base actions alone. A policy '
        'that gives the whole action needs 1', low=0.0, high=1.0, live=True)
    noise_std: float = setting(0.1, 'exploration: standard deviation of the Gaussian noise that '
                               'is added to each element of the residual, no unit', low=0.0,
                               high=2.0)
    random_probability: float = setting(
        0.3, 'exploration: probability per step that the residual is drawn uniformly from [-1, 1] '
        'in place of the policy', low=0.0, high=1.0)
    expert_probability: float = setting(
        0.0, 'exploration: probability that the base action alone is sent in a step in which the '
        'residual would be drawn uniformly (0.8 for the baseline expert_explore, where the paper '
        'calls it alpha)', low=0.0, high=1.0)
    burn_in_base_probability: float = setting(
        0.5, 'probability that an episode uses the base action alone while the critic burns in '
        "(authors' code) or the policy is on trial (trial_episodes)", low=0.0, high=1.0)
    base_every: int = setting(10, 'every n-th episode uses the base action alone, as a running '
                              'comparison; 0 = never', low=0, high=10**6)
    evaluate_every: int = setting(10, 'every n-th episode uses the policy without exploration '
                                  'noise, as a running comparison; 0 = never', low=0, high=10**6)
    base_timeout: float = setting(
        0.0, 'send a stop when no base action arrived within this time after the state, s; 0 = '
        'wait without limit. A graph in real time uses 0.03 unless a file sets it', low=0.0,
        high=60.0)


@dataclass(frozen=True)
class RecorderSettings(Common):
    """recorder_node."""

    out: str = setting('', 'folder of the bag to write; it must not exist yet')
    topics: str = setting('', 'topics to record in addition to those of the graph, such as those '
                          "of a robot: 'joint_states sensor_msgs/msg/JointState; ...'")
    max_bag_size: int = setting(2**30, 'start a new file of the bag when the current one reaches '
                                'this size, bytes; 0 = never', low=0, high=2**53)
    max_bag_duration: int = setting(0, 'start a new file of the bag when the current one reaches '
                                    'this age, s; 0 = never', low=0, high=10**9)
    compression: str = setting('zstd', 'compression of the recorded messages, in chunks of one '
                               'second', choices=('none', 'zstd'))


@dataclass(frozen=True)
class DashboardSettings(Robots):
    """dashboard_node."""

    out: str = setting('', 'folder for metrics.csv; empty = it is not written')
    episodes: int = setting(600, 'number of episodes of the run, for the progress bar; 0 = '
                            'unknown', low=0, high=2**31 - 1)
    goes_on: bool = setting(False, 'true: metrics.csv has the rows of earlier parts of this run, '
                            'and is continued; false: it must not exist yet')
    window_episodes: int = setting(50, 'number of episodes over which success is averaged', low=1,
                                   high=10**6)


@dataclass(frozen=True)
class EpisodeServerSettings(Common):
    """episode_server_node, which is part of the graph if an application uses it."""

    robot: str = setting('sim_node', 'node whose episodes it starts and stops',
                         choices=('sim_node', 'fetch_adapter_node', 'robot_adapter_node'))
    service_timeout: float = setting(10.0, 'time after which a service that does not answer ends '
                                     'the goal, s', low=0.1, high=3600.0)


@dataclass(frozen=True)
class PlayerSettings(Backpressure, StartTimeout):
    """player_node, which is not part of the graph."""

    bag: str = setting('', 'folder or file of the bag to play')
    run: str = setting('', 'id of the run to play, if the bag contains several; empty = the run '
                       'of the first state')
    rate: float = setting(1.0, 'speed of playback relative to the recording; 0 = as fast as the '
                          'learner can process the data', low=0.0, high=1e6)
    subscribers: int = setting(1, 'number of subscriptions on the topic state that must exist '
                               'before the first message is sent', low=0, high=100)


NODE_SETTINGS: dict[str, type[Common]] = {
    'sim_node': SimSettings,
    'base_controller_node': ControllerSettings,
    'residual_node': ResidualSettings,
    'learner_node': LearnerSettings,
    'recorder_node': RecorderSettings,
    'dashboard_node': DashboardSettings,
}
