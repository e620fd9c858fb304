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
"""The settings of learning: of learner_node, and of `rpl train`."""

from dataclasses import dataclass

from rpl_ros.settings.fields import setting
from rpl_ros.settings.shared import Robots, Scaled

NO_UPDATES = 10**9
"""Value of warmup_transitions with which the learner never does a gradient update."""


@dataclass(frozen=True)
class LearnerSettings(Robots, Scaled):
    """learner_node and the in-process trainer."""

    out: str = setting('', 'folder for checkpoints; empty = no checkpoints are written')
    start_from: str = setting('', 'policy file, or learner.safetensors of a run, with which a new '
                              'run begins; not used where the run has a checkpoint. Empty = '
                              'networks with random weights')
    whole_action: bool = setting(False, 'true: the actor outputs the whole action, and the base '
                                 'action is not added: for the baselines scratch and '
                                 'expert_explore (paper, section V-D)')
    hidden_layers: int = setting(3, 'number of hidden layers of actor and critic', low=1, high=10)
    hidden_size: int = setting(256, 'units in each hidden layer of actor and critic', low=1,
                               high=4096)
    history: int = setting(0, 'number of earlier observations that the policy sees in addition to '
                           'the current one (paper, section IV-C: 1 for noisy_hook)', low=0,
                           high=1)
    history_features: str = setting(
        'concatenated', 'how the networks use a history of 1; concatenated: both observations '
        'form one input; averaged: the networks process each observation alone and their outputs '
        'are averaged, which the paper found better (section V-C)',
        choices=('concatenated', 'averaged'))
    history_keep: float = setting(
        0.0, 'what the earlier observation of a history is; 0: the previous observation; above 0: '
        'a low-pass filter over all earlier observations of the episode, which keeps this share '
        'of its value at each step', low=0.0, high=1.0)
    zero_last_layer: bool = setting(True, "true: the actor's last layer starts with zero weights, "
                                    'so that the first residual is exactly zero (paper, section '
                                    'IV-A)')
    normalise: bool = setting(True, 'true: inputs of the networks are normalised by their running '
                              'mean and standard deviation')
    actor_sees_base: bool = setting(False, 'true: the base action is an input of the actor')
    critic_action: str = setting('residual', 'the action that is an input of the critic: the '
                                 'residual (paper), or the action that was sent',
                                 choices=('residual', 'sent'))
    critics: int = setting(1, 'number of critics; the target uses the smallest of their values',
                           low=1, high=10)
    layer_norm: bool = setting(False, 'true: the critic has layer normalisation in its hidden '
                               'layers')
    actor_learning_rate: float = setting(1e-3, 'learning rate of Adam for the actor', low=0.0,
                                         high=1.0)
    critic_learning_rate: float = setting(1e-3, 'learning rate of Adam for the critic', low=0.0,
                                          high=1.0)
    discount: float = setting(0.0, 'discount factor of the return; 0 = 1 - 1 / horizon', low=0.0,
                              high=1.0)
    target_keep: float = setting(0.95, 'share of the old target networks that a target update '
                                 'keeps', low=0.0, high=1.0)
    target_every: int = setting(40, 'gradient updates from one update of the target networks to '
                                'the next', low=1, high=10**6)
    action_l2: float = setting(1.0, 'weight of the mean squared residual in the actor loss',
                               low=0.0, high=1e3)
    data_weight: float = setting(
        0.0, "weight in the actor loss of the mean squared difference between the policy's "
        'residual and the recorded one, for learning from fixed data; 0 = this term is not used. '
        'With it, Q is divided by its mean absolute value in the batch, so that the right weight '
        'does not depend on the size of the reward', low=0.0, high=1e3)
    bags: str = setting('', 'recorded bags to learn from in addition to new episodes: paths, '
                        "separated by ':'; empty = none")
    catch_up: str = setting('', "bags of earlier parts of this run, separated by ':': the node "
                            'learns from their episodes after its last checkpoint as if they '
                            'came now')
    catch_up_to: str = setting('', 'number of the next episode of each robot of this run, '
                               'separated by spaces: catch_up ends before it')
    bag_ratio: float = setting(0.5, 'share of each batch that is taken from the bags once there '
                               'are both bags and new episodes', low=0.0, high=1.0)
    batch_size: int = setting(256, 'transitions in the batch of a gradient update', low=1,
                              high=10**6)
    buffer_transitions: int = setting(1_000_000, 'number of transitions that the replay buffer '
                                      'holds; the buffer of the bags holds as many', low=100,
                                      high=10**9)
    her_ratio: float = setting(0.8, 'share of each batch whose goal is replaced by one that was '
                               'achieved later in the episode (HER, k = 4); 0 = no HER', low=0.0,
                               high=1.0)
    her_goal: str = setting('future', 'how HER chooses the new goal of a transition; future: the '
                            "goal achieved in a random later step of the episode (authors' code); "
                            'final: the goal achieved in its last state (paper, section III)',
                            choices=('future', 'final'))
    residual_hold: int = setting(
        1, 'number of control steps for which the policy holds its residual, while the base '
        'controller acts in each: for control rates far above 25 Hz. Transitions and steps of '
        'learning are those of the residual. Needs a history of 0 where it is above 1', low=1,
        high=100)
    updates_per_step: float = setting(0.1, 'gradient updates for each new transition (paper: 40 '
                                      'for each 400)', low=0.0, high=100.0)
    warmup_transitions: int = setting(0, 'number of transitions to collect before the first '
                                      f'gradient update; {NO_UPDATES} = never update', low=0,
                                      high=NO_UPDATES)
    burn_in: str = setting(
        'q_change', 'when the burn-in ends, in which only the critic learns; q_change: when the '
        "mean Q changes by less than burn_in_threshold between two checks (authors' code); "
        "critic_loss: when the critic's mean loss is below burn_in_threshold (paper, section "
        'IV-B); updates: at the first check; none: there is no burn-in',
        choices=('q_change', 'critic_loss', 'updates', 'none'))
    burn_in_threshold: float = setting(1.0, 'threshold for the end of the burn-in (beta in the '
                                       'paper), in units of Q or of the squared loss', low=0.0,
                                       high=1e6)
    burn_in_check: int = setting(2000, 'gradient updates from one check of the burn-in to the '
                                 'next', low=1, high=10**7)
    trial_episodes: int = setting(
        0, 'number of episodes without exploration that decide whether the policy is on trial. It '
        'passes when their mean exceeds that of the base controller by one standard error, and is '
        'on trial again when it falls below by one. On trial the base controller is used as often '
        'as during the burn-in, and it is also what is saved as the policy. 0 = no trial', low=0,
        high=10**6)
    publish_every: int = setting(400, 'gradient updates from one publication of the weights to '
                                 'the next', low=1, high=10**7)
    checkpoint_every: int = setting(5000, 'transitions from one checkpoint to the next', low=1,
                                    high=10**9)
    threads: int = setting(1, 'threads for gradient updates; 2 = the gradients of actor and '
                           'critics are computed in parallel', low=1, high=2)
    device: str = setting('auto', 'device for gradient updates; auto = cuda if available, else '
                          'cpu', choices=('auto', 'cpu', 'cuda'))
