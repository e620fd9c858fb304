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


"""Random numbers: no two purposes share a stream, and those that files depend on stay."""

from itertools import product
from pathlib import Path

import numpy as np
import rpl_ros
from rpl_ros.streams import generator, Stream


def test_no_two_streams_of_small_seeds_and_episodes_are_equal():
    seen = {tuple(generator(seed, stream, number).integers(2**63, size=3))
            for seed, stream, number in product(range(6), Stream, range(12))}
    assert len(seen) == 6 * len(Stream) * 12


def test_scenes_and_exploration_are_those_of_earlier_versions():
    for stream, seed in ((Stream.SCENE, [5, 7]), (Stream.SENSOR_NOISE, [5, 7, 1]),
                         (Stream.EXPLORATION, [5, 7, 2])):
        np.testing.assert_array_equal(generator(5, stream, 7).random(9),
                                      np.random.default_rng(seed).random(9))


def test_generators_are_made_in_one_file():
    found = {path.name for path in Path(rpl_ros.__file__).parent.rglob('*.py')
             if 'default_rng' in path.read_text(encoding='utf-8')}
    assert found == {'streams.py'}
