# Copyright 2026 rpl_ros contributors. SPDX-License-Identifier: Apache-2.0
"""The adapter without ROS: what it takes, when it decides, what it says about the episode."""

from dataclasses import replace

import numpy as np
import pytest

from rpl_ros import data
from rpl_ros.assets import share
from rpl_ros.config import make_settings
from rpl_ros.config_robot import AdapterRunSettings
from rpl_ros.robot.adapter import Adapter
from rpl_ros.robot.contract import read_contract
from rpl_ros.robot.kinematics import Kinematics, SIM_BASE
from rpl_ros.robot.observe import matrix
from rpl_ros.robot.safety_modes import Mode, Output
from rpl_ros.robot.safety_reasons import Reason
from rpl_ros.robot.senses import moved, pose_of
from rpl_ros.tasks import make_task
from rpl_ros.tasks.fetch_sim import FetchSim

PERIOD = 0.04
BACK = np.array([0.0, 0.0, 0.1, 0.0])
SETTINGS = AdapterRunSettings(task='hook', horizon=50)
AHEAD = 1e9  # how much the clock of the messages is ahead of the steady one, s


@pytest.fixture(scope='module')
def kinematics():
    """Return the arm."""
    return Kinematics()


@pytest.fixture(scope='module')
def measurements():
    """Return what comes in the first 10 ms of an episode."""
    sim = FetchSim(make_task('hook', 0), grip=True)
    sim.reset(0, np.random.default_rng(0))
    return sim.advance()


class Robot:
    """An adapter that hears the same of an arm that stands still, with clocks to play with."""

    def __init__(self, kinematics, measurements, **changes):
        """Begin an episode."""
        self.adapter = Adapter(replace(SETTINGS, **changes), kinematics)
        self.adapter.run_stop = False
        self._measurements, self.now = measurements, 10.0
        self.adapter.begin(3, self.now + AHEAD)

    def times(self):
        """Return (steady clock, clock of the messages)."""
        return self.now, self.now + AHEAD

    def hear(self, *kinds, **changes):
        """Hear all but the `kinds`; return the answers. `changes` are frame or stamp."""
        limits, senses = self.adapter.limits, self.adapter.senses
        stamp = changes.get('stamp', self.now + AHEAD)
        said = []
        for item in self._measurements:
            if item.kind in kinds or item.kind == 'grip' and 'grip' not in senses.names:
                continue
            if item.kind in senses.names:
                said.append(senses.hear_pose(item.kind, item.content,
                                             changes.get('frame', 'world'), stamp, *self.times(),
                                             limits))
            else:
                said.append(senses.hear_joints(*item.content, stamp, *self.times(), limits))
        return said

    def step(self, base=BACK, sent=BACK, wait=PERIOD):
        """Play a period; return (State, Order)."""
        self.now += wait
        self.hear()
        state = self.adapter.next_state(*self.times())
        self.answer(state, base, sent)
        return state, self.adapter.decide(*self.times())

    def answer(self, state, base, sent, status=data.RESIDUAL):
        """Give the adapter a base action and a command for a State."""
        now, ros_now = self.times()
        if base is not None:
            self.adapter.hear_base_action(state.episode, state.step, base, ros_now, now)
        if sent is not None:
            self.adapter.hear_command(state.episode, state.step, sent, status, ros_now, now)


@pytest.fixture
def robot(kinematics, measurements):
    """Return a Robot with the Fetch's contract."""
    return Robot(kinematics, measurements)


def test_an_episode_has_all_its_steps_and_ends_in_a_stop(robot):
    states, orders = zip(*(robot.step() for _ in range(50)))
    assert [state.step for state in states] == list(range(50))
    assert {state.episode for state in states} == {3}
    assert {order.output for order in orders} == {Output.TWIST}
    assert not states[0].applied and all(state.applied for state in states[1:])
    assert [state.reward for state in states[:2]] == [0.0, -1.0]
    robot.now += PERIOD
    robot.hear()
    last = robot.adapter.next_state(*robot.times())
    assert last.last and last.step == 50 and robot.adapter.episode is None
    outputs = []
    for _ in range(5):
        outputs.append(robot.adapter.decide(*robot.times()).output)
        robot.now += PERIOD
    assert outputs == [Output.STOP] * 3 + [Output.NOTHING] * 2 and robot.adapter.at_rest


def test_the_next_state_tells_what_was_executed(robot):
    robot.step()
    for base, sent, output, executed in (
            (BACK, None, Output.TWIST, BACK), (BACK, BACK * np.nan, Output.TWIST, BACK),
            (BACK, BACK + 0.1, Output.TWIST, BACK + 0.1), (None, BACK, Output.STOP, [])):
        assert robot.step(base, sent)[1].output == output
        state, _ = robot.step()
        assert state.applied == (output == Output.TWIST)
        np.testing.assert_array_equal(state.executed, executed)
        assert robot.step()[0].applied


def test_a_residual_is_executed_within_its_bounds_only(robot):
    robot.adapter.tighten({'max_residual': 0.05})
    robot.step()
    robot.step(BACK, BACK + np.array([0.5, -0.01, -0.5, 0.0]))
    state, _ = robot.step()
    np.testing.assert_allclose(state.executed, BACK + np.array([0.05, -0.01, -0.05, 0.0]))
    robot.adapter.tighten({'max_residual': 0.0})
    robot.step(BACK, -BACK)
    np.testing.assert_array_equal(robot.step()[0].executed, BACK)


def test_motion_is_what_the_arm_was_told_after_all_limits(robot):
    fast = 9 * BACK
    _, order = robot.step(fast, fast)
    state, _ = robot.step()
    speed = robot.adapter.settings.max_ee_speed
    # A first command is spread over the window: the arm begins slower than it was asked to.
    assert 0 < state.motion[2] < state.executed[2]
    np.testing.assert_allclose(speed * state.motion[2], order.twist[2], rtol=0.2)
    assert state.motion[3] == state.executed[3]


def test_only_what_answers_the_present_state_counts(robot):
    robot.now += PERIOD
    robot.hear()
    state = robot.adapter.next_state(*robot.times())
    robot.answer(replace(state, step=5), BACK, BACK)
    robot.answer(replace(state, episode=2), BACK, BACK)
    assert not robot.adapter.due(*robot.times())
    robot.answer(state, None, BACK)
    assert not robot.adapter.due(*robot.times())  # without a base action nothing bounds it
    robot.answer(state, BACK, None)
    assert robot.adapter.due(*robot.times())


def test_a_missing_command_is_due_before_the_period_is_over(robot):
    robot.now += PERIOD
    robot.hear()
    state = robot.adapter.next_state(*robot.times())
    robot.answer(state, BACK, None)
    robot.now += 0.029
    assert not robot.adapter.due(*robot.times())
    robot.now += 0.0011
    assert robot.adapter.due(*robot.times())
    assert Reason.COMMAND_MISSING in robot.adapter.decide(*robot.times()).reasons


def test_a_command_that_is_a_stop_stops(robot):
    robot.step()
    robot.now += PERIOD
    robot.hear()
    state = robot.adapter.next_state(*robot.times())
    robot.answer(state, None, np.zeros(4), data.STOP_NO_BASE)
    assert robot.adapter.due(*robot.times())
    order = robot.adapter.decide(*robot.times())
    assert order.output == Output.STOP and Reason.STOP_ASKED in order.reasons


@pytest.mark.parametrize('silent, reason', [
    ('arm', Reason.STATE_STALE), ('gripper', Reason.STATE_STALE), ('hook', Reason.POSE_STALE),
    ('goal', Reason.POSE_STALE)])
def test_what_falls_silent_stops_a_moving_arm_at_its_timeout(robot, silent, reason):
    robot.step()
    settings = robot.adapter.settings
    limit = settings.state_timeout if reason == Reason.STATE_STALE else settings.pose_timeout
    begin = robot.now
    while robot.now - begin < limit - 0.011:
        robot.now += 0.01
        robot.hear(silent)
        assert not robot.adapter.faults(*robot.times())
    robot.now = begin + limit + 0.001
    robot.hear(silent)
    assert robot.adapter.due(*robot.times())
    order = robot.adapter.decide(*robot.times())
    assert order.output == Output.STOP and reason in order.reasons
    assert robot.adapter.next_state(*robot.times()) is None
    assert robot.step()[0].step == 1  # it goes on when all is there again


def test_old_and_future_stamps_are_faults_and_hide_nothing_that_follows(robot):
    robot.adapter.begin(3, 0.0)
    robot.step()
    for stamp in (robot.now + AHEAD - 1.0, robot.now + AHEAD + 100.0):
        robot.now += PERIOD
        robot.hear(stamp=stamp)
        assert robot.adapter.faults(*robot.times())
        robot.now += 0.1  # until a joint state that could not be used is forgotten
        robot.hear()
        assert not robot.adapter.faults(*robot.times())


def test_poses_in_the_frame_of_the_base_are_brought_to_the_world(kinematics, measurements):
    base = pose_of((0.5, -0.2, 0.1, 0.7))
    assert moved(base, np.array([1.0, 0, 0, 1, 0, 0, 0])) == pytest.approx(
        [0.5 + np.cos(0.7), -0.2 + np.sin(0.7), 0.1, np.cos(0.35), 0, 0, np.sin(0.35)])
    robot = Robot(kinematics, measurements)
    robot.hear(frame='base_link')
    seen = robot.adapter.senses.view.tracks['object'].pose[:3]
    there = next(item for item in measurements if item.kind == 'object').content[:3]
    assert seen == pytest.approx(SIM_BASE[:3] + there)


def test_the_hook_is_where_the_contract_puts_it(kinematics, measurements):
    seen = [Robot(kinematics, measurements, hook_offset=(0.0, 0.0, lift)).step()[0].observation
            for lift in (0.0, 0.03)]
    assert (seen[1] - seen[0])[25:28] == pytest.approx([0.0, 0.0, 0.03])


def test_what_is_from_before_the_episode_does_not_count(robot):
    robot.hear(stamp=robot.now + AHEAD - 0.01)
    assert robot.adapter.next_state(*robot.times()) is None
    robot.hear()
    assert robot.adapter.next_state(*robot.times()).step == 0


def test_before_the_first_message_about_the_run_stop_nothing_moves(robot):
    robot.adapter.run_stop = None
    robot.hear()
    assert robot.adapter.next_state(*robot.times()) is None
    assert 'run_stopped' in robot.adapter.faults(*robot.times())[Reason.RUN_STOP]


def test_an_emergency_stop_stops_also_between_two_commands(robot):
    robot.step()
    robot.now += 0.001
    assert robot.adapter.decide(*robot.times(), estop=True).output == Output.STOP
    assert robot.adapter.mode == Mode.ESTOPPED
    assert robot.step()[1].output == Output.STOP
    robot.adapter.decide(*robot.times(), reset=True)
    assert robot.step()[1].output == Output.TWIST


def test_the_twist_is_that_of_the_wrist_in_the_axes_of_the_base(kinematics, measurements):
    turned = Robot(kinematics, measurements, base_pose=(0.6919, 0.7441, 0.0, np.pi / 2),
                   workspace_low=(-3.0, -3.0, -3.0), workspace_high=(3.0, 3.0, 3.0),
                   table_height=-2.0)
    for _ in range(8):
        _, order = turned.step(np.array([0.1, 0, 0, 0]), np.array([0.1, 0, 0, 0]))
    grip = turned.adapter.senses.grip()
    linear = turned.adapter.senses.in_root(np.r_[np.cross(
        turned.adapter.senses._both[:3, :3] @ order.twist[3:], grip.from_wrist), 0, 0, 0])[:3]
    assert order.twist[:3] + linear == pytest.approx([0.0, -0.01, 0.0], abs=1e-9)


def test_another_arm_is_refused(kinematics):
    with pytest.raises(ValueError, match='model of a Fetch'):
        Adapter(replace(SETTINGS, torso_joint=''), kinematics)


OTHER = {'grip_pose_topic': 'grip_pose', 'check_joints': False, 'arm_joints': ('elbow',),
         'torso_joint': ''}


def test_an_arm_that_tells_its_grip_is_driven_as_a_fetch_whose_joints_tell(
        kinematics, measurements):
    fetch = Robot(kinematics, measurements, check_joints=False)
    fetch.hear()
    grip = fetch.adapter.senses.grip()
    tool = matrix(grip.quaternion).reshape(3, 3).T @ grip.from_wrist
    other = Robot(None, measurements, tool_to_grip=tuple(tool), **OTHER)
    for _ in range(5):
        (mine, own), (state, order) = fetch.step(), other.step()
        assert order.output == Output.TWIST
        assert np.allclose(state.observation, mine.observation, atol=1e-3)
        assert np.allclose(order.twist, own.twist, atol=1e-4)


def test_an_arm_that_tells_its_grip_stops_when_it_tells_no_more(measurements):
    robot = Robot(None, measurements, **OTHER)
    robot.hear('grip')
    assert robot.adapter.next_state(*robot.times()) is None
    assert Reason.POSE_MISSING in robot.adapter.faults(*robot.times())
    for _ in range(3):
        _, order = robot.step()
    assert order.output == Output.TWIST
    waited = 0.0
    while order.output == Output.TWIST:
        waited += 0.01
        robot.now += 0.01
        robot.hear('grip')
        state = robot.adapter.next_state(*robot.times())
        if state is not None:
            robot.answer(state, BACK, BACK)
        order = robot.adapter.decide(*robot.times())
        if Reason.TOO_SOON in order.reasons:
            order = replace(order, output=Output.TWIST)
    assert {Reason.STATE_STALE, Reason.STATE_OLD} & set(order.reasons)
    assert order.output == Output.STOP
    assert waited == pytest.approx(SETTINGS.state_timeout, abs=0.011)


def test_the_contract_of_another_arm_drives_it():
    contract = read_contract(share('config') / 'robot' / 'moveit_servo.yaml')
    adapter = Adapter(make_settings(AdapterRunSettings, vars(contract)), None)
    assert adapter.senses.names == ('object', 'goal', 'grip')
