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

"""The benchmarks of the simulator and of the learner."""

import json

from benchmarks import bench, learner_speed


def test_rpl_bench_prints_a_ratio(capsys):
    assert bench.main(['sim', '--pairs', '1']) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])['sim']
    assert figures['ratio_to_bare_mj_step'] > 0 and figures['env_steps_per_second'] > 0


def test_the_learner_is_measured():
    figures = learner_speed.update_figures('paper', pairs=1, repeats=2)
    assert figures['update_ms'] > 0 and figures['times_faster_than_eager'] > 0
    assert learner_speed.fresh(learner_speed.our_rate, 0, 50) > 0
    rows = learner_speed.flatness(capacity=50_000, repeats=20)
    assert list(rows) == ['1 %', '100 %', '200 %']
    assert abs(rows['200 %']['memory_mb'] - rows['100 %']['memory_mb']) <= 1
