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

"""The controller is right but for its fault, and a residual can correct that."""

from pathlib import Path

from gymnasium.utils.env_checker import check_env
import numpy as np
from rpl_ros.launching.graph import resolve
from rpl_ros.robot.own.contract_file import read_robot_contract
from rpl_ros.tasks.find import task_spec
from ur_reach.arm import Arm, ELBOW_UP, JOINTS
from ur_reach.controller import act, rates, tool_and_jacobian
from ur_reach.environment import make, PERIOD, REACH, SPEED, STEPS

CONFIG = Path(__file__).parents[1] / 'config'
NONE = np.zeros(6)
"""The offsets of a model without its fault."""
WRIST = np.array([0.0, 0.0, 0.0, 0.0, 0.8, 0.0])
"""How far the second joint of the wrist may start from ELBOW_UP, rad."""
MOST_RESIDUAL = 0.3
"""max_residual of robot_adapter_node."""


def play(number: int, residual: float) -> float:
    """
    Return the distance between tool and target at the end of episode `number`, m.

    The best residual corrects the controller, by at most `residual` in each element.
    """
    env = make().unwrapped
    seen, _ = env.reset(seed=number)
    for _ in range(STEPS):
        base = act(seen['observation'], seen['desired_goal'])
        best = rates(seen['observation'][:6], seen['desired_goal'], NONE, 0.0) / SPEED
        action = base + np.clip(best - base, -residual, residual)
        seen, *_ = env.step(SPEED * action)
    return float(np.linalg.norm(seen['achieved_goal'] - seen['desired_goal']))


def test_the_environment_is_one_by_gymnasiums_own_check() -> None:
    """Spaces, seeds, and what each call returns."""
    check_env(make().unwrapped, skip_render_check=True)


def test_the_same_seed_is_the_same_episode() -> None:
    """Otherwise two runs with one seed would differ."""
    one, two = make(), make()
    first, second = one.reset(seed=4)[0], two.reset(seed=4)[0]
    for _ in range(5):
        assert all(np.array_equal(first[key], second[key]) for key in first)
        action = SPEED * act(first['observation'], first['desired_goal'])
        first, second = one.step(action)[0], two.step(action)[0]


def test_the_controllers_model_without_its_fault_is_the_arm() -> None:
    """Its own kinematics and MuJoCo's, in any pose."""
    rng, arm = np.random.default_rng(0), Arm()
    for _ in range(100):
        positions = rng.uniform(-3.0, 3.0, 6)
        arm.reset(positions, np.zeros(3))
        tool, jacobian = tool_and_jacobian(positions, NONE, 0.0)
        assert np.abs(tool - arm.tool).max() < 1e-6
        for joint, column in zip(np.eye(6), jacobian.T):
            ahead, behind = (tool_and_jacobian(positions + change * joint, NONE, 0.0)[0]
                             for change in (1e-5, -1e-5))
            assert np.abs((ahead - behind) / 2e-5 - column).max() < 1e-6


def test_the_fault_of_the_model_depends_on_the_pose() -> None:
    """A fault that were the same everywhere could be subtracted from each target."""
    faults = [tool_and_jacobian(pose)[0] - tool_and_jacobian(pose, NONE, 0.0)[0]
              for pose in (ELBOW_UP - WRIST, ELBOW_UP, ELBOW_UP + WRIST)]
    assert all(0.002 < np.linalg.norm(fault) < 0.06 for fault in faults)
    assert np.linalg.norm(faults[0] - faults[2]) > REACH


def test_the_controller_moves_the_tool_towards_the_target() -> None:
    """In the first half of an episode, from far away."""
    env = make().unwrapped
    for number in range(10):
        seen, _ = env.reset(seed=number)
        before = np.linalg.norm(seen['achieved_goal'] - seen['desired_goal'])
        for _ in range(STEPS // 2):
            action = act(seen['observation'], seen['desired_goal'])
            assert action.shape == (6,) and np.abs(action).max() <= 1.0 + 1e-12
            seen, *_ = env.step(SPEED * action)
        after = np.linalg.norm(seen['achieved_goal'] - seen['desired_goal'])
        assert after < max(before / 2, 0.05)


def test_the_arm_follows_with_a_lag_and_keeps_its_pose() -> None:
    """Like a real one: after a time of 0.05 s it has 63 % of the speed."""
    arm, wanted = Arm(), np.array([0.3, -0.2, 0.4, 0.5, -0.3, 0.2])
    arm.advance(1.0)
    assert np.abs(arm.positions - ELBOW_UP).max() < 1e-3  # gravity does not pull it down
    arm.command(wanted)
    arm.advance(0.05)
    assert (np.abs(arm.velocities) < 0.8 * np.abs(wanted)).all()
    arm.advance(0.3)
    assert np.abs(arm.velocities - wanted).max() < 0.02
    arm.command(np.full(6, 100.0))
    arm.advance(0.3)
    assert arm.velocities.max() < 1.05 * np.pi  # of the data sheet


def test_the_base_alone_succeeds_sometimes_and_a_small_residual_corrects_it() -> None:
    """So there is something to learn, and it can be learned."""
    base = np.array([play(number, 0.0) for number in range(50)])
    corrected = np.array([play(number, MOST_RESIDUAL) for number in range(50)])
    assert 0.2 <= np.mean(base <= REACH) <= 0.8
    assert np.mean(corrected <= REACH) > 0.95


def test_task_and_contract_fit_the_arm() -> None:
    """What the two files say, and what environment and arm have."""
    spec = task_spec(str(CONFIG / 'task.yaml'))
    contract = read_robot_contract(CONFIG / 'contract.yaml', spec)
    assert (spec.control_period, spec.horizon, spec.reach) == (PERIOD, STEPS, REACH)
    assert contract.sources['joints'].joints == JOINTS
    assert [(one.low, one.high) for one in contract.limits] == [(-SPEED, SPEED)] * 6
    names = [one.name for one in contract.observation[:6]]
    assert names == [one.moves.name for one in contract.limits] == list(JOINTS)


def test_the_launch_file_starts_the_graph_on_this_robot() -> None:
    """What it hands over are arguments that rpl_ros has; their values fit the contract."""
    text = (CONFIG.parent / 'launch' / 'ur_reach.launch.py').read_text()
    given = {'robot': 'own', 'contract': str(CONFIG / 'contract.yaml'),
             'reset_service': 'reset_scene'}
    assert all(f"'{name}': " in text for name in ('task', *given))
    run = resolve(str(CONFIG / 'task.yaml'), given)
    assert run.main == 'robot_adapter_node'
    assert run.settings[run.main].reset_service == 'reset_scene'
