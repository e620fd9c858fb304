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
Reward, success and end of an episode (paper, section V-A).

The sparse reward is that of the authors' code, 0 at the goal and -1 elsewhere; the paper's text
says 1 and 0. Only the first makes their target range [-horizon, 0] right. A dense reward stands in
the module of its task.
"""

from collections.abc import Mapping
import math

import numpy as np
from rpl_ros.data import Episode, State
from rpl_ros.tasks.specs import TaskSpec


def bag_metadata(spec: TaskSpec) -> dict[str, str]:
    """Return {name: text} of what decides the reward of a task, as it is written into bags."""
    return {'rpl_ros.task': spec.name, 'rpl_ros.reward': spec.reward,
            'rpl_ros.reach': f'{spec.reach} m'}


def is_success(achieved_goal: np.ndarray, desired_goal: np.ndarray, reach: float) -> np.ndarray:
    """Return whether each goal (..., G), is reached within `reach`, m."""
    distance = np.linalg.norm(np.asarray(achieved_goal) - np.asarray(desired_goal), axis=-1)
    return distance <= reach


def has_reached(achieved_goal: np.ndarray, desired_goal: np.ndarray, reach: float) -> bool:
    """Return is_success for goals (G,): for (3,) equal to the last bit, in a fifth of the time."""
    if len(achieved_goal) != 3:
        return bool(is_success(achieved_goal, desired_goal, reach))
    x, y, z = (achieved_goal - desired_goal).tolist()
    return math.sqrt(x * x + y * y + z * z) <= reach


def sparse_reward(achieved_goal: np.ndarray, desired_goal: np.ndarray,
                  reach: float) -> np.ndarray:
    """Return 0.0 at the goal and -1.0 elsewhere, for goals of shape (..., G)."""
    return is_success(achieved_goal, desired_goal, reach) - 1.0


def reward_inputs(spec: TaskSpec, observation: np.ndarray,
                  action: np.ndarray) -> dict[str, np.ndarray]:
    """
    Return {name: array (..., n)} of what the reward needs in addition to the goals.

    `observation` (..., O) is that after the step, `action` (..., A) the one executed in it.
    """
    names = spec.dense_reward.inputs if spec.dense_reward else ()
    whole = {'action': action, 'observation': np.asarray(observation)}
    return {name: whole[name] if name in whole
            else whole['observation'][..., spec.columns(name)] for name in names}


def reward_of(spec: TaskSpec, achieved_goal: np.ndarray, desired_goal: np.ndarray,
              inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the reward (...) for goals (..., G); `inputs` as from reward_inputs()."""
    if spec.dense_reward:
        return spec.dense_reward.function(achieved_goal, desired_goal, **inputs)
    return sparse_reward(achieved_goal, desired_goal, spec.reach)


def task_reward(spec: TaskSpec, achieved_goal: np.ndarray, desired_goal: np.ndarray,
                observation: np.ndarray, action: np.ndarray) -> np.ndarray:
    """
    Return the reward (...) of a step, for any goal: also for relabelling.

    `achieved_goal` (..., G), and `observation` (..., O) are those after the step, `action`
    (..., A) the one executed in it. The sparse reward ignores the last two.
    """
    return reward_of(spec, achieved_goal, desired_goal, reward_inputs(spec, observation, action))


def rewards_of(spec: TaskSpec, episode: Episode) -> np.ndarray:
    """Return the rewards (T,) of an Episode."""
    if spec.recorded_reward:
        return episode.rewards
    return task_reward(spec, episode.achieved_goals[1:], episode.desired_goal,
                       episode.observations[1:], episode.executed)


def next_state(spec: TaskSpec, before: State, observation: np.ndarray, achieved_goal: np.ndarray,
               action: np.ndarray, problem: str = '') -> State:
    """
    Return the State one control step after the State `before`.

    `observation` (O,) and `achieved_goal` (G,), are those after the step, `action` (A,) is the
    one that was executed. A `problem` is the reason why the simulation failed: the episode is then
    truncated, and the step was not applied.
    """
    goal, step = before.desired_goal, before.step + 1
    # Without a goal, the robot itself says when it has succeeded.
    success = not problem and goal.size > 0 and has_reached(achieved_goal, goal, spec.reach)
    if spec.dense_reward:
        reward = float(task_reward(spec, achieved_goal, goal, observation, action))
    else:
        reward = success - 1.0  # as task_reward says, in less time
    return State(before.episode, step, observation, achieved_goal, goal, reward, success,
                 truncated=step == spec.horizon or bool(problem), applied=not problem,
                 problem=problem)
