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
from rpl_ros.assets import share
from rpl_ros.controllers.primitives import for_observations
from rpl_ros.files import read_bytes
from rpl_ros.learning.ddpg import use_fast_products
from rpl_ros.pets.model_file import MODEL, restore
from rpl_ros.pets.planner import Planner, read_plan
from rpl_ros.policy.checked import WeightsError
import torch

SIZES = (20, 7)  # observation and action of mbrl_pusher


def shipped_model():
    """Return the path of the model that comes with the package."""
    return share('sim') / 'mbrl_pusher_pets.safetensors'


def driven(planner):
    """
    Return the controller of a Planner, for whole episodes one after the other.

    Nobody tells a controller that an episode begins, but only then is the arm exactly in its zero
    pose. The random numbers of an episode follow from its first observation, so that it goes the
    same way whatever was played before, and on whichever process.
    """
    @for_observations(SIZES[0])
    def pets(observation, desired_goal):
        """Return the base action (7,), 1 = 1 N m, for an observation (20,) and a goal (3,), m."""
        observation = np.ascontiguousarray(observation, dtype=np.float64)
        if not observation[:SIZES[1]].any():
            words = observation.view(np.uint32).tolist()
            planner.begin(int(np.random.default_rng(words).integers(2**63)))
        return planner.act(observation, desired_goal)
    return pets


def make_pets(path=''):
    """
    Return the controller of the model at `path` (empty: the shipped one).

    ValueError for a file that is no model of the pusher, OSError for one that cannot be read. It
    plans as much as in training.
    """
    path = Path(path or shipped_model())
    try:
        ensemble, header, _ = restore(read_bytes(path), MODEL, *SIZES)
        plan = read_plan(header.get('plan', {}))
    except WeightsError as error:
        raise WeightsError(f'{path}: {error}') from error
    torch.set_num_threads(1)
    use_fast_products()
    return driven(Planner(ensemble, plan))
