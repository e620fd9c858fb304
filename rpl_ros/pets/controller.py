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

"""The controller `pets`: plans each torque of the pusher with a model from a file; needs torch."""

from pathlib import Path

import numpy as np
from rpl_ros.common.assets import share
from rpl_ros.common.files import read_bytes
from rpl_ros.controllers.function import check_size
from rpl_ros.learning.process import tune_process
from rpl_ros.pets.model_file import MODEL, restore
from rpl_ros.pets.planner import Planner, read_plan
from rpl_ros.policy.checked import WeightsError
from rpl_ros.streams import seed_of

SIZES = (20, 7)  # observation and action of mbrl_pusher


def shipped_model() -> Path:
    """Return the path of the model that comes with the package."""
    return share('sim') / 'mbrl_pusher_pets.safetensors'


class Pets:
    """
    The Controller of a Planner.

    The random numbers of an episode follow from its first observation: the same scene gives the
    same actions, whatever was played before.
    """

    name = 'pets'
    observation_size = SIZES[0]

    def __init__(self, planner: Planner) -> None:
        """Plan with `planner`, whose plan is replaced when an episode begins."""
        self._planner, self._begins = planner, True

    def prepare(self) -> None:
        """Tune this process for torch."""
        tune_process()

    def reset(self, episode: int) -> None:
        """Begin an episode: the next observation is its first."""
        self._begins = True

    def __call__(self, observation: np.ndarray, desired_goal: np.ndarray) -> np.ndarray:
        """Return the base action (7,), 1 = 1 N m, for an observation (20,) and a goal (3,), m."""
        check_size(observation, SIZES[0], self.name)
        if self._begins:
            self._planner.begin(seed_of(observation))
            self._begins = False
        return self._planner.act(observation, desired_goal)


def make_pets(path: str = '') -> Pets:
    """
    Return the controller of the model at `path` (empty: the shipped one).

    ValueError for a file that is no model of the pusher, OSError for one that cannot be read. It
    plans as much as in training.
    """
    place = Path(path or shipped_model())
    try:
        ensemble, header, _ = restore(read_bytes(place), MODEL, *SIZES)
        plan = read_plan(header.get('plan', {}))
    except WeightsError as error:
        raise WeightsError(f'{place}: {error}') from error
    return Pets(Planner(ensemble, plan))
