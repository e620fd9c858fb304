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

"""The watchdog for the Fetch's own computer: what passes, what stops, and that it is Python 2."""

import ast
import math
from pathlib import Path
import shutil
import subprocess
import sys

from fetch_watchdog import checked, NOTHING, PASS, SETTINGS, START_DELAY, STOP, Watchdog
from hypothesis import given, settings, strategies as st
import pytest
from rpl_ros.robot.contract import read_contract

FRAME = 'torso_lift_link'
LIMITS = checked({})
TICK, STILL, SLOW = 0.02, (0.0, 0.0, 0.0), (0.1, 0.0, 0.0)
WRIST_TO_GRIP = 0.17  # m
FETCH = Path(__file__).parents[2] / 'config' / 'robot' / 'fetch.yaml'
FILES = sorted((Path(__file__).parents[2] / 'docs' / 'fetch_ros1').glob('*.py'))


class Robot:
    """A watchdog with a clock, ticked every 20 ms; `wire` is [(time, answer)] of what is sent."""

    def __init__(self):
        self.now, self.wire = 100.0, []
        self.watchdog = Watchdog(self.now, LIMITS, FRAME)
        self.pressed = self.faulted = False
        self.heard_of = True  # whether robot_state comes

    def say(self, answer):
        if answer != NOTHING:
            self.wire.append((self.now, answer))
        return answer

    def wait(self, ticks):
        for _ in range(ticks):
            self.now += TICK
            self.say(self.watchdog.tick(self.now))
            if self.heard_of:
                self.state()

    def state(self):
        self.say(self.watchdog.robot_state(self.now, self.pressed, self.faulted))

    def twist(self, linear=SLOW, angular=STILL, frame=FRAME):
        return self.say(self.watchdog.twist(self.now, frame, linear, angular))

    def answers(self):
        return [answer for _, answer in self.wire]


@pytest.fixture
def moving():
    """Return a Robot that is driven at 25 Hz, with an empty wire."""
    robot = Robot()
    robot.wait(round(START_DELAY / TICK) + 10)
    for _ in range(5):
        robot.wait(2)
        assert robot.twist() == PASS
    robot.wire.clear()
    return robot


def test_a_stream_passes_without_a_stop_in_it(moving):
    for _ in range(100):
        moving.wait(2)
        assert moving.twist() == PASS
    assert moving.answers() == [PASS] * 100


def test_silence_is_three_stops_and_then_silence(moving):
    start = moving.now
    moving.wait(100)
    assert moving.answers() == [STOP] * 3
    first = moving.wire[0][0] - start
    assert LIMITS['timeout'] < first <= LIMITS['timeout'] + TICK + 1e-9
    assert moving.watchdog.reason == 'no twist for 0.15 s'
    assert moving.twist() == PASS  # the pause is what shows that a new motion begins


@pytest.mark.parametrize('bad, word', [
    ({'linear': (math.nan, 0.0, 0.0)}, 'max_speed'),
    ({'linear': (0.0, -math.inf, 0.0)}, 'max_speed'),
    ({'linear': (1e308, 1e308, 1e308)}, 'max_speed'),
    ({'linear': (0.2, 0.2, 0.2)}, 'max_speed'),
    ({'angular': (0.0, 0.0, math.nan)}, 'max_turn_speed'),
    ({'angular': (0.0, 0.61, 0.0)}, 'max_turn_speed'),
    ({'frame': 'end_effector_frame'}, 'end_effector_frame'),
    ({'frame': 'base_link'}, 'base_link'),
])
def test_a_bad_twist_is_a_stop_and_the_stream_waits(moving, bad, word):
    assert moving.twist(**bad) == STOP
    assert word in moving.watchdog.reason
    for _ in range(50):
        moving.wait(2)
        assert moving.twist() == NOTHING
    assert moving.answers() == [STOP] * 3
    moving.wait(8)
    assert moving.twist() == PASS


def press(robot):
    robot.pressed = True


def fault(robot):
    robot.faulted = True


def lose(robot):
    robot.heard_of = False


@pytest.mark.parametrize('block, patience, word', [
    (press, 1, 'run-stop'), (fault, 1, 'fault'),
    (lose, math.ceil(LIMITS['robot_state_timeout'] / TICK) + 1, 'too old')])
def test_nothing_passes_while_the_robot_must_not_be_moved(moving, block, patience, word):
    block(moving)
    for _ in range(patience):
        moving.wait(1)
        moving.twist()
    assert word in moving.watchdog.reason
    moving.wire.clear()
    for _ in range(100):
        moving.wait(2)
        assert moving.twist() == NOTHING
    assert moving.answers() in ([STOP] * 2, [STOP] * 3)  # what remains of the three
    assert moving.watchdog.gripper(moving.now, 0.05) is None
    moving.pressed = moving.faulted = False
    moving.heard_of = True
    for _ in range(100):
        moving.wait(2)
        assert moving.twist() == NOTHING  # the same stream never goes on
    moving.twist(frame='')
    moving.wait(2)
    assert moving.twist() == PASS


def test_the_run_stop_does_not_wait_for_a_tick(moving):
    moving.pressed = True
    moving.state()
    assert moving.answers() == [STOP]


def test_a_stop_that_is_asked_for_always_goes_through(moving):
    assert moving.twist(STILL, STILL, '') == STOP
    assert moving.twist(STILL, STILL, '') == NOTHING  # two more are on their way
    moving.wait(50)
    assert moving.answers() == [STOP] * 3
    assert moving.twist(STILL, STILL, '') == STOP  # and where none is


def test_a_new_motion_has_no_stop_of_the_old_one_in_it(moving):
    moving.twist(frame='')
    for _ in range(5):
        assert moving.twist() == PASS
        moving.wait(2)
    assert moving.answers() == [STOP] + [PASS] * 5


def test_a_relay_that_starts_in_a_motion_waits_for_its_end():
    robot = Robot()
    robot.wait(3)
    for _ in range(100):
        robot.wait(2)
        assert robot.twist() == NOTHING
    assert not robot.wire
    robot.twist(frame='')
    assert robot.twist() == PASS


def test_without_robot_state_nothing_ever_passes():
    robot = Robot()
    robot.heard_of = False
    robot.wait(100)
    assert robot.twist() == NOTHING
    assert robot.watchdog.reason == 'no robot_state yet'
    assert not robot.watchdog.knows_state()


@pytest.mark.parametrize('now', [0.0, math.nan, -math.inf])
def test_a_clock_that_cannot_be_is_a_stop(moving, now):
    moving.now = now
    assert moving.say(moving.watchdog.tick(now)) == STOP
    assert moving.twist() == NOTHING


def test_a_clock_that_goes_back_is_a_stop_where_robot_state_is_fresh(moving):
    moving.now = 50.0
    moving.state()
    assert moving.answers() == [STOP]
    assert moving.watchdog.reason == 'no twist for 0.15 s'


def test_the_gripper_is_told_what_is_new(moving):
    gripper, now = moving.watchdog.gripper, moving.now
    assert [gripper(now, value) for value in (0.1, 0.1, 0.1004, 0.0, 0.05, math.nan, -0.01, 0.2,
                                              0.05)] == [
        0.1, None, None, 0.0, 0.05, None, None, None, 0.05]


def test_the_relay_passes_all_that_the_contract_allows():
    contract = read_contract(FETCH)
    assert contract.twist_topic == 'fetch_relay/twist'
    fastest = contract.speed_limit + contract.turn_speed_limit * WRIST_TO_GRIP
    assert fastest <= LIMITS['max_speed']
    assert contract.turn_speed_limit <= LIMITS['max_turn_speed']
    assert contract.gripper_width <= LIMITS['max_opening']
    assert contract.robot_timeout == LIMITS['timeout'] > 3 / contract.command_rate
    assert contract.root_frame == FRAME


def test_the_first_limits_of_the_bring_up_are_a_contract():
    first = read_contract(FETCH, {'max_residual': 0.0, 'speed_limit': 0.05, 'max_ee_speed': 0.03,
                                  'table_clearance': 0.02})
    text = (FETCH.parents[2] / 'docs' / 'fetch_bringup.md').read_text()
    for name in ('max_residual', 'speed_limit', 'max_ee_speed', 'table_clearance'):
        assert f'`{name}: {getattr(first, name)}`' in text


NUMBERS = st.one_of(st.floats(-0.4, 0.4), st.floats(), st.sampled_from([0.0, 1e308, 5e-324]))
VECTORS = st.tuples(NUMBERS, NUMBERS, NUMBERS)
EVENTS = st.lists(st.one_of(
    st.tuples(st.just('twist'), VECTORS, st.sampled_from([STILL, (0.5, 0.0, 0.0)]),
              st.sampled_from([FRAME] * 5 + ['', 'x'])),
    st.tuples(st.just('good'), st.just(SLOW), st.just(STILL), st.just(FRAME)),
    st.tuples(st.just('wait'), st.integers(1, 12)),
    st.tuples(st.just('state'), st.booleans(), st.booleans())), max_size=60)


@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_whatever_comes_what_passes_is_good_and_a_stop_ends_it(events):
    robot = Robot()
    robot.wait(round(START_DELAY / TICK) + 10)
    refused = False
    heard = -math.inf
    for kind, *rest in events:
        if kind == 'wait':
            robot.wait(*rest)
        elif kind == 'state':
            robot.pressed, robot.heard_of = rest[0], rest[1] or not rest[0]
            robot.state()
        else:
            linear, angular, frame = rest
            if frame == '' or robot.now - heard > LIMITS['timeout'] + 1e-9:
                refused = False
            heard = robot.now
            good = (all(map(math.isfinite, (*linear, *angular))) and frame == FRAME
                    and math.hypot(*linear) <= LIMITS['max_speed'] * (1 + 1e-12)
                    and math.hypot(*angular) <= LIMITS['max_turn_speed'])
            answer = robot.twist(linear, angular, frame)
            if answer == PASS:
                assert good and not refused and not robot.pressed
            refused = refused or bool(robot.pressed or frame and not good)
    robot.wait(30)
    passed = [index for index, answer in enumerate(robot.answers()) if answer == PASS]
    if passed:
        after = robot.wire[passed[-1]:]
        assert [answer for _, answer in after[1:4]] == [STOP] * 3
        assert after[1][0] - after[0][0] <= LIMITS['timeout'] + TICK + 1e-9
    sent = len(robot.wire)
    robot.wait(100)
    assert len(robot.wire) == sent  # silence


@pytest.mark.parametrize('given_settings, word', [
    ({'max_sped': 0.1}, "'max_sped'"), ({'max_speed': 'fast'}, 'max_speed'),
    ({'max_speed': 3.0}, '0.01 to 1'), ({'timeout': 0.5}, '0.05 to 0.4'),
    ({'timeout': math.nan}, 'timeout'), ({'stop_messages': 2.5}, 'whole number'),
    ({'stop_messages': True}, 'stop_messages')])
def test_a_bad_parameter_is_one_error(given_settings, word):
    with pytest.raises(ValueError, match='parameter') as error:
        checked(given_settings)
    assert word in str(error.value)


def test_defaults_are_within_their_ranges():
    assert checked({}) == {name: entry[0] for name, entry in SETTINGS.items()}


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.name)
def test_source_is_python_2_as_well(path):
    # Melodic has Python 2.7, which is not here: what it could not read is looked for instead.
    source = path.read_text()
    source.encode('ascii')
    for node in ast.walk(ast.parse(source, feature_version=(3, 4))):
        assert not isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.Nonlocal, ast.Starred,
                                     ast.NamedExpr, ast.AsyncFunctionDef, ast.YieldFrom))
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            assert not node.args.kwonlyargs and not getattr(node, 'returns', None)
        if isinstance(node, ast.ClassDef):
            assert node.bases
        if isinstance(node, ast.Raise):
            assert node.cause is None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ('print', 'super')


def test_the_watchdog_runs_where_nothing_else_is(tmp_path):
    shutil.copy(FILES[-1], tmp_path)
    assert FILES[-1].name == 'fetch_watchdog.py'
    done = subprocess.run([sys.executable, '-I', '-S', '-c', 'import sys; '
                           f'sys.path.insert(0, {str(tmp_path)!r}); import fetch_watchdog; '
                           'print(fetch_watchdog.checked({})["timeout"])'],
                          capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '0.15'
