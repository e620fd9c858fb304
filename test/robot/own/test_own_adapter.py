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

"""What the adapter of any robot sends as a stop."""

import pytest
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.joints import JointMessage
from rpl_ros.robot.own.adapter import OwnAdapter
from rpl_ros.robot.own.contract_file import parse_robot_contract
from rpl_ros.settings.robot import RobotAdapterSettings
from test_own_contract import CONTRACT, SPEC


@pytest.mark.parametrize('later, finger', [(0.05, [0.02]), (0.11, None), (60.0, None)])
def test_a_stop_holds_a_position_only_while_its_measurement_is_recent(later, finger):
    contract = parse_robot_contract(CONTRACT, SPEC, 'here')
    adapter, before = OwnAdapter(RobotAdapterSettings(), contract, SPEC), Instant(0.0, 100.0)
    velocities, positions = contract.sinks
    assert adapter.stop_of(positions, before) is None
    message = JointMessage(['slide', 'finger'], [0.3, 0.02], [0.0, 0.0], 100.0)
    assert not adapter.measurements.take('joints', 100.0, before,
                                         lambda one: one.on_joints(message, before))
    now = Instant(later, 100.0 + later)
    assert adapter.stop_of(velocities, now) == [0.0]
    assert adapter.stop_of(positions, now) == finger
