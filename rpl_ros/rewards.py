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
Reward and success from achieved and desired goal (paper, section V-A).

The reward is that of the authors' code, 0 at the goal and -1 elsewhere; the paper's text says
1 and 0. Only the first makes their target range [-horizon, 0] right. MBRLPusher has a dense one.
"""

import math

import numpy as np

# Elements of the pusher's observation: where the tip of its arm is, m.
PUSHER_TIP = slice(14, 17)
# What each kind of reward looks at beside the goals.
DETAILS = {'sparse': (), 'pusher': ('tip', 'action')}
# Weights of the pusher's reward: object to goal and object to tip, 1/m, and torque, 1/(N m)^2. As
# in the code of PETS; the paper's text has the last two the other way round.
PUSHER_GOAL_WEIGHT, PUSHER_TIP_WEIGHT, PUSHER_TORQUE_WEIGHT = 1.25, 0.5, 0.1


def described(spec):
    """Return {name: text} of what decides about a TaskSpec's reward, as it stands in bags."""
    return {'rpl_ros.task': spec.name, 'rpl_ros.reward': spec.reward,
            'rpl_ros.reach': f'{spec.reach} m'}


def is_success(achieved_goal, desired_goal, reach):
    """Return whether each goal (..., 3), m, is nearer than `reach`, m."""
    distance = np.linalg.norm(np.asarray(achieved_goal) - np.asarray(desired_goal), axis=-1)
    return distance <= reach


def has_reached(achieved_goal, desired_goal, reach):
    """Return is_success for goals (3,), m: equal to the last bit, in a fifth of the time."""
    x, y, z = (achieved_goal - desired_goal).tolist()
    return math.sqrt(x * x + y * y + z * z) <= reach


def sparse_reward(achieved_goal, desired_goal, reach):
    """Return 0.0 at the goal and -1.0 elsewhere, for goals of shape (..., 3), m."""
    return is_success(achieved_goal, desired_goal, reach) - 1.0


def pusher_reward(achieved_goal, desired_goal, tip, action):
    """
    Return the reward (...) of MBRLPusher: at most 0, and higher nearer to the goal.

    `achieved_goal` is where the object is, `desired_goal` where it shall be, `tip` the arm's tip,
    all (..., 3), m, after the step; `action` (..., 7) the torques executed in it, N m. Distances
    are sums over the axes.
    """
    achieved_goal, action = np.asarray(achieved_goal), np.asarray(action)
    to_goal = np.abs(achieved_goal - np.asarray(desired_goal)).sum(axis=-1)
    to_tip = np.abs(achieved_goal - np.asarray(tip)).sum(axis=-1)
    effort = np.square(action).sum(axis=-1)
    return -(PUSHER_GOAL_WEIGHT * to_goal + PUSHER_TIP_WEIGHT * to_tip
             + PUSHER_TORQUE_WEIGHT * effort)


def reward_details(spec, observation, action):
    """
    Return {name: array (..., n)} of what the task's reward looks at beside the goals: DETAILS.

    `observation` (..., O) is that after the step, `action` (..., A) the one executed in it.
    """
    if spec.reward == 'pusher':
        return {'tip': np.asarray(observation)[..., PUSHER_TIP], 'action': action}
    return {}


def reward_of(spec, achieved_goal, desired_goal, details):
    """Return the reward (...) for goals (..., 3), m, and what reward_details() returns."""
    if spec.reward == 'pusher':
        return pusher_reward(achieved_goal, desired_goal, **details)
    return sparse_reward(achieved_goal, desired_goal, spec.reach)


def task_reward(spec, achieved_goal, desired_goal, observation, action):
    """
    Return the reward (...) of a step in the task of `spec`, for any goal: also for relabelling.

    `achieved_goal` (..., 3), m, and `observation` (..., O) are those after the step, `action`
    (..., A) the one executed in it. Only the dense reward looks at the last two.
    """
    return reward_of(spec, achieved_goal, desired_goal, reward_details(spec, observation, action))


def rewards_of(spec, episode):
    """Return the rewards (T,) of an Episode."""
    return task_reward(spec, episode.achieved_goals[1:], episode.desired_goal,
                       episode.observations[1:], episode.executed)
