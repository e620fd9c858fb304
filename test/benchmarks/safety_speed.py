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

"""`rpl bench safety`: a million hostile inputs through the last stage before the robot."""

from collections import Counter
import os

import numpy as np
from rpl_ros.common.assets import share
from rpl_ros.common.workers import Workers
from rpl_ros.robot.contract import read_contract
from safety_fuzz import fuzz


def _chunk(job):
    """Run fuzz() on one contract; `job` is (its name, inputs, seed)."""
    name, count, seed = job
    with np.errstate(all='ignore'):  # hostile numbers overflow where they are made and checked
        return fuzz(read_contract(share('config') / 'robot' / f'{name}.yaml'), count, seed)


def safety(inputs=1_000_000, chunk=20_000):
    """
    Return figures of so many inputs, half of them for each contract in config/robot.

    Chunks, each with a seed of its own, run beside each other, one on each core.
    """
    names, figures = ('fetch', 'moveit_servo'), {'inputs': inputs, 'violations': 0}
    jobs = [(names[seed % 2], chunk, seed) for seed in range(inputs // chunk)]
    with Workers(os.cpu_count(), variables={}) as pool:
        results = [future.result() for future in [pool.submit(_chunk, job) for job in jobs]]
    for index, name in enumerate(names):
        found = sum((counts for counts, _ in results[index::2]), Counter())
        seconds = sum(taken for _, taken in results[index::2])
        figures[name] = {'microseconds_per_call': round(2e6 * seconds / inputs, 1),
                         **dict(sorted(found.items()))}
    return figures
