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
"""Settings that several nodes have: their dataclasses inherit from these."""

from dataclasses import dataclass

from rpl_ros.settings.fields import setting
from rpl_ros.settings.robots import MOST
from rpl_ros.tasks.find import task_spec


@dataclass(frozen=True)
class Common:
    """Settings of all nodes of the graph."""

    task: str = setting('complex_hook', 'task: a built-in one, the file of one, which ends in '
                        '.yaml, or a Gymnasium environment; see docs/own_task.md',
                        check=task_spec)
    seed: int = setting(0, 'seed of scenes, noise, exploration and networks', low=0,
                        high=2**31 - 1)
    horizon: int = setting(0, 'number of control steps in an episode; 0 = as in the paper. A '
                           'slower robot needs more', low=0, high=100_000)
    max_ee_speed: float = setting(
        0.0, "speed of a Fetch's gripper, m/s, while an action of 1 along one axis is held; 0 = "
        'as in the simulation of the paper, 0.83. A real Fetch reaches 0.1 to 0.25', low=0.0,
        high=1.0)
    run: str = setting('', 'id of the run: the node ignores messages of other runs. Empty = it '
                       'joins the first run from which it receives a message, provided that only '
                       'one node publishes on that topic')


@dataclass(frozen=True)
class Managed(Common):
    """Settings of the nodes that act in the graph. They have a lifecycle."""

    autostart: bool = setting(True, 'true: the node configures and activates itself; false: it '
                              'waits for a lifecycle manager')


@dataclass(frozen=True)
class FirstEpisode:
    """Where the numbers of the episodes begin."""

    first_episode: int = setting(0, 'number of the first episode, which selects its scene', low=0,
                                 high=2**31 - 1)


@dataclass(frozen=True)
class Episodes(FirstEpisode):
    """How many episodes a robot plays."""

    episodes: int = setting(600, 'number of episodes to run; 0 = until the node is stopped', low=0,
                            high=2**31 - 1)
    last_episode_file: str = setting(
        '', 'file with the number of the newest episode: after a restart the node continues above '
        'it, so that no number is used twice; empty = the node begins with first_episode')


@dataclass(frozen=True)
class Robots(Common):
    """Settings of the nodes that serve all robots of a run."""

    robots: int = setting(1, 'number of robots that share one learner; from 2 on, each has a '
                          'namespace: robot1, robot2, ...', low=1, high=MOST)


@dataclass(frozen=True)
class Requested:
    """Whether episodes begin by themselves."""

    on_request: bool = setting(False, 'true: an episode begins only when the service '
                               '~/start_episode is called, for example by episode_server_node')


@dataclass(frozen=True)
class Scene(FirstEpisode):
    """What is simulated, and whether it is shown."""

    objects: str = setting('', 'folder with STL or OBJ meshes, which replace the built-in objects '
                           'of complex_hook; empty = the built-in objects; unseen = a hundred '
                           'other built-in objects of the same kinds, for evaluation')
    window: bool = setting(False, 'true: show the scene in a window')


@dataclass(frozen=True)
class StartTimeout:
    """When waiting for other nodes becomes an error."""

    start_timeout: float = setting(
        600.0, 'end with an error when the nodes that must read the states are still missing '
        'after this time, s; 0 = wait without limit', low=0.0, high=1e6)


@dataclass(frozen=True)
class StartGate(StartTimeout):
    """Which nodes must be ready before the first state is sent."""

    subscribers: int = setting(2, 'number of subscriptions on the topic state that must exist '
                               'before the first state is sent', low=0, high=100)
    wait_for: str = setting('', 'names of nodes of this run that must be ready before the first '
                            'state is sent, separated by spaces')


@dataclass(frozen=True)
class Readers:
    """Which nodes must read what a node publishes."""

    readers: int = setting(0, 'number of subscriptions on the topic of this node that must exist '
                           'before the node tells its run that it is ready, so that no node '
                           'misses the first message', low=0, high=100)
    announce_after: str = setting('', 'names of nodes of this run that must be ready before this '
                                  'node tells its run that it is ready, separated by spaces: the '
                                  'readers of another run on the same topic count as well')


@dataclass(frozen=True)
class Backpressure:
    """How far the learner may fall behind the data."""

    max_owed_updates: int = setting(
        100, 'send no further data while the learner still has to do more gradient updates than '
        'this, so that the ratio of updates to transitions stays constant; 0 = never wait. '
        'sim_node uses it in lockstep mode, player_node at rate 0', low=0, high=10**9)


@dataclass(frozen=True)
class Scaled(Managed):
    """Nodes that add the residual to the base action: on the robot and in the replay."""

    residual_scale: float = setting(
        1.0, "factor on the residual before it is added to the base action (paper: 1, authors' "
        'code: 2). residual_node and learner_node must have the same value', low=0.0, high=2.0)
