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

"""How well the simulated Fetch follows a controller, as measured by benchmarks.tracking."""

import json

from benchmarks import tracking
from rpl_ros.evaluation.episodes import FRESH


def test_tracking_prints_what_was_found(capsys):
    tracking.main(['hook', '--episodes', '1', '--horizon', '20', '--delay', '0.02'])
    failed, figures = map(json.loads, capsys.readouterr().out.splitlines())
    assert failed['failed'] == FRESH and len(failed['joints']) == 7
    assert (figures['success'], figures['episodes'], figures['delay']) == (0, 1, 0.02)
    velocity = [figures['velocity, m/s'][str(share)] for share in tracking.SHARES]
    assert velocity == sorted(velocity) and 0 < velocity[-1] < 0.3
    assert figures['tilt, degrees']['100'] < 2 and figures['joint lag, rad']['100'] < 0.02
