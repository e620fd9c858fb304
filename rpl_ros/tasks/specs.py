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
The tasks by name, as far as everybody needs to know them: sizes, horizon, reward.

No MuJoCo here: residual, learner and controllers take the sizes of their arrays from this table
and run on machines that have no simulator.
"""

from dataclasses import dataclass, replace

CONTROL_PERIOD = 0.04
"""Time of one control step, s: 25 Hz (paper, section V)."""

UNSEEN = 'unseen'
"""As `objects` of complex_hook: more of the library's kinds, which no training meets."""


@dataclass(frozen=True)
class TaskSpec:
    """
    Sizes and episode length of a task.

    `reach` is the distance in m up to which the object counts as being at the goal; `controller`
    names the one that the paper improves on. `reward` is 'sparse' or 'pusher', see
    rpl_ros.rewards; `measure` says by what a policy is judged: 'success' of the last state, or
    the undiscounted 'return' of the episode.
    """

    name: str
    observation_size: int
    goal_size: int
    action_size: int
    horizon: int
    reach: float
    controller: str
    reward: str = 'sparse'
    measure: str = 'success'


SPECS = {
    'mbrl_pusher': TaskSpec('mbrl_pusher', 20, 3, 7, 150, 0.05, 'cached_pets', reward='pusher',
                            measure='return'),
    'push': TaskSpec('push', 25, 3, 4, 50, 0.05, 'discrete_mpc_push'),
    'slippery_push': TaskSpec('slippery_push', 25, 3, 4, 50, 0.05, 'reactive_push'),
    'pick_and_place': TaskSpec('pick_and_place', 25, 3, 4, 50, 0.05,
                               'miscalibrated_pick_and_place'),
    **{name: TaskSpec(name, 40, 3, 4, 100, 0.05, 'reactive_hook')
       for name in ('hook', 'noisy_hook', 'complex_hook')},
}


def spec(name, horizon=0):
    """
    Return the TaskSpec called `name`, with `horizon` control steps where that is not 0.

    ValueError for an unknown name says which there are.
    """
    if name not in SPECS:
        raise ValueError(f'unknown task {name!r}: expected one of {", ".join(SPECS)}')
    return replace(SPECS[name], horizon=horizon) if horizon else SPECS[name]
