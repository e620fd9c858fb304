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


"""All random numbers of the package: each purpose has a stream of its own."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for; `number` of generator() stands in parentheses."""

    SCENE = 0  # start poses, goal, object (episode)
    SENSOR_NOISE = 1  # noise on the observations of noisy_hook (episode)
    EXPLORATION = 2  # mode of an episode, noise and random residuals (episode)
    LEARNER = 3  # transitions and goals of the batches
    PETS_FIT = 4  # bootstrap samples and batches of PETS (episode)
    PETS_PLAN = 5  # planning of PETS in training (episode)
    PETS_WEIGHTS = 6  # first weights of PETS
    TRACKER = 7  # noise and delay of the simulated Fetch's tracker (episode)
    MESHES = 8  # masses and sizes of the objects in a folder of meshes


def generator(seed: int, stream: Stream, number: int = 0) -> np.random.Generator:
    """
    Return the generator of a stream; `number` is that of the episode, where there is one.

    numpy appends zeros to a short seed, so that [3] and [3, 0] are the same. All seeds here have
    the same three parts.
    """
    return np.random.default_rng([seed, number, stream])


def seed_of(observation: np.ndarray) -> int:
    """Return a seed that follows from the numbers of an observation (O,) alone."""
    words = np.ascontiguousarray(observation, np.float64).view(np.uint32).tolist()
    return int(np.random.default_rng(words).integers(2**63))


def fixed() -> np.random.Generator:
    """
    Return a generator with the same numbers at each call.

    For choices that must not differ between calls, such as between equally good moves.
    """
    return np.random.default_rng(0)
