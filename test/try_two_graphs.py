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
Two graphs of one task in one ROS domain, started and stopped in any order, again and again.

Not part of the tests, as it takes half a minute for each time: python test/try_two_graphs.py 20
Each graph must be equal to one that runs alone, to the last bit; in between, a third graph comes
and is killed.
"""

from contextlib import ExitStack
from pathlib import Path
import sys
import tempfile
import time

from graph_tools import free_domain, in_process, listener, nodes, random_policy
from identity_tools import give_weights, graph, TASK, Watch
import numpy as np


def once(number, rng, content, expected):
    """Run two graphs with pauses drawn from `rng`; AssertionError where one is not as alone."""
    domain, watches, kept, said = free_domain(), {}, [], []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for run in rng.permutation(['one', 'two']).tolist():
            place = Path(folder) / run
            place.mkdir()
            node, spin = stack.enter_context(listener(domain, f'listener_{run}'))
            watches[run] = Watch(node, run), spin
            started = stack.enter_context(nodes(domain, place, **graph(run, node.get_name())))
            if rng.random() < 0.5:  # one that is killed in the middle of its start
                (place / 'third').mkdir()
                third = stack.enter_context(nodes(
                    domain, place / 'third', **graph('third', 'nobody')))
                time.sleep(rng.uniform(0.0, 4.0))
                for process in third.values():
                    process.kill()
            time.sleep(rng.uniform(0.0, 2.0))
            kept.append((give_weights(node, spin, place, content, run), started))
        for watch, spin in watches.values():
            spin(watch.is_complete)
        for _, started in kept:
            spin(lambda started=started: started['sim_node'].poll() == 0)
        said = [log.read_text().count('ignores') for log in Path(folder).glob('*/*.log')]
    for watch, _ in watches.values():
        watch.equals(expected)
    print(f'{number}: both equal to the last bit; {sum(said)} senders named', flush=True)


def main(times):
    """Do it `times` times."""
    content = random_policy(TASK, np.random.default_rng(1))
    expected, rng = in_process(TASK, content), np.random.default_rng(0)
    for number in range(1, times + 1):
        once(number, rng, content, expected)


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
