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

import numpy as np
import pytest
from rpl_ros.data import State
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.joints import JointMessage
from rpl_ros.robot.own.adapter import OwnAdapter
from rpl_ros.robot.own.contract_file import parse_robot_contract
from rpl_ros.settings.robot import RobotAdapterSettings
from rpl_ros.tasks.rewards import next_state
from test_own_contract import CONTRACT, RECORDED, SPEC, without_goals


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


def test_a_task_without_a_goal_succeeds_only_where_the_robot_says_so():
    zeros = np.zeros(3)
    before = State(0, 4, zeros, np.empty(0), np.empty(0))
    after = next_state(RECORDED, before, zeros, np.empty(0), np.zeros(2))
    contract = parse_robot_contract(without_goals(reward='tool.fz'), RECORDED, 'here')
    adapter = OwnAdapter(RobotAdapterSettings(), contract, RECORDED)
    assert not after.success and not adapter.outcome(after).success
