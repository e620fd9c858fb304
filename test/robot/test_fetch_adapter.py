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

"""The adapter without ROS: its inputs, its decisions, the states of its episodes."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest
from rpl_ros.common.assets import share
from rpl_ros.data import Status
from rpl_ros.robot.clocks import Instant
from rpl_ros.robot.contract import read_contract
from rpl_ros.robot.fetch_adapter import FetchAdapter
from rpl_ros.robot.joints import JointMessage
from rpl_ros.robot.kinematics import Kinematics, SIM_BASE
from rpl_ros.robot.robot_inputs import in_parent, pose_of
from rpl_ros.robot.safety.inputs import PoseMessage
from rpl_ros.robot.safety.modes import Mode, Output
from rpl_ros.robot.safety.reasons import Reason
from rpl_ros.robot.simulated.sensors import FetchSim
from rpl_ros.settings.fields import make_settings
from rpl_ros.settings.robot import AdapterRunSettings
from rpl_ros.tasks import make_task
from rpl_ros.tasks.poses import matrix

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
    """An adapter of an arm that stands still, with clocks to play with."""

    def __init__(self, kinematics, measurements, **changes):
        """Begin an episode."""
        self.adapter = FetchAdapter(replace(SETTINGS, **changes), kinematics)
        self._measurements, self.now, self.ahead = measurements, 10.0, AHEAD
        self.adapter.due(self.instant())  # as the node's watch does, long before
        self.adapter.begin(3, self.now + AHEAD)

    def instant(self):
        """Return the present Instant."""
        return Instant(self.now, self.now + self.ahead)

    def receive(self, *kinds, **changes):
        """
        Receive all but the `kinds`; return the answers.

        `changes` are the frame, the stamp, or by how much the stamp of a kind is off.
        """
        if 'run-stop' not in kinds:
            self.adapter.on_run_stop(False, self.now)
        limits, inputs = self.adapter.limits, self.adapter.inputs
        right = changes.get('stamp', self.now + self.ahead)
        said = []
        for item in self._measurements:
            if item.kind in kinds or item.kind == 'grip' and 'grip' not in inputs.names:
                continue
            stamp = right + changes.get(item.kind, 0.0)
            if item.kind in inputs.names:
                message = PoseMessage(item.content, changes.get('frame', 'world'), stamp)
                said.append(inputs.on_pose(item.kind, message, self.instant(), limits))
            else:
                message = JointMessage(*item.content, stamp)
                said.append(inputs.on_joints(message, self.instant(), limits))
        return said

    def step(self, base=BACK, sent=BACK, wait=PERIOD):
        """Play a period; return (State, RobotCommand)."""
        self.now += wait
        self.receive()
        state = self.adapter.next_state(self.instant())
        self.answer(state, base, sent)
        return state, self.adapter.decide(self.instant())

    def answer(self, state, base, sent, status=Status.RESIDUAL):
        """Give the adapter a base action and a command for a State."""
        if base is not None:
            self.adapter.on_base_action(state.episode, state.step, base, self.instant())
        if sent is not None:
            self.adapter.on_command(state.episode, state.step, sent, status, self.instant())


@pytest.fixture
def robot(kinematics, measurements):
    """Return a Robot with the Fetch's contract."""
    return Robot(kinematics, measurements)


def test_an_episode_has_all_its_steps_and_ends_in_a_stop(robot):
    states, commands = zip(*(robot.step() for _ in range(50)))
    assert [state.step for state in states] == list(range(50))
    assert {state.episode for state in states} == {3}
    assert {command.output for command in commands} == {Output.TWIST}
    assert not states[0].applied and all(state.applied for state in states[1:])
    assert [state.reward for state in states[:2]] == [0.0, -1.0]
    robot.now += PERIOD
    robot.receive()
    last = robot.adapter.next_state(robot.instant())
    assert last.last and last.step == 50 and robot.adapter.episode is None
    outputs = []
    for _ in range(5):
        outputs.append(robot.adapter.decide(robot.instant()).output)
        robot.now += PERIOD
    assert outputs == [Output.STOP] * 3 + [Output.NOTHING] * 2 and robot.adapter.at_rest


def test_a_cut_episode_stops_the_arm_at_once_and_ends_with_the_next_state(robot):
    robot.step()
    robot.step()
    robot.now += PERIOD / 2
    robot.adapter.cut()
    assert robot.adapter.cutting and robot.adapter.decide(robot.instant()).output == Output.STOP
    robot.now += PERIOD / 2
    robot.receive()
    assert not robot.adapter.due(robot.instant())
    last = robot.adapter.next_state(robot.instant())
    assert (last.step, last.truncated, last.applied, last.problem) == (2, True, False, '')
    assert robot.adapter.episode is None and not robot.adapter.cutting
    robot.adapter.begin(4, robot.now + robot.ahead)
    assert not robot.step()[0].truncated and not robot.step()[0].truncated


def test_a_goal_from_outside_replaces_the_measured_one(robot):
    measured = robot.step()[0].desired_goal
    robot.adapter.end()
    robot.adapter.begin(4, robot.now + robot.ahead, np.array([1.62, 0.78, 0.42]))
    for _ in range(2):
        assert robot.step()[0].desired_goal.tolist() == [1.62, 0.78, 0.42]
    robot.adapter.end()
    robot.adapter.begin(5, robot.now + robot.ahead)
    np.testing.assert_array_equal(robot.step()[0].desired_goal, measured)


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
    _, command = robot.step(fast, fast)
    state, _ = robot.step()
    speed = robot.adapter.settings.max_ee_speed
    # A first command is spread over the window: the arm begins slower than it was asked to.
    assert 0 < state.motion[2] < state.executed[2]
    np.testing.assert_allclose(speed * state.motion[2], command.twist[2], rtol=0.2)
    assert state.motion[3] == state.executed[3]


def test_only_what_answers_the_present_state_counts(robot):
    robot.now += PERIOD
    robot.receive()
    state = robot.adapter.next_state(robot.instant())
    robot.answer(replace(state, step=5), BACK, BACK)
    robot.answer(replace(state, episode=2), BACK, BACK)
    assert not robot.adapter.due(robot.instant())
    robot.answer(state, None, BACK)
    assert not robot.adapter.due(robot.instant())  # without a base action nothing bounds it
    robot.answer(state, BACK, None)
    assert robot.adapter.due(robot.instant())


def test_a_missing_command_is_due_before_the_period_is_over(robot):
    robot.now += PERIOD
    robot.receive()
    state = robot.adapter.next_state(robot.instant())
    robot.answer(state, BACK, None)
    robot.now += 0.029
    assert not robot.adapter.due(robot.instant())
    robot.now += 0.0011
    assert robot.adapter.due(robot.instant())
    assert Reason.COMMAND_MISSING in robot.adapter.decide(robot.instant()).reasons


def test_a_command_that_is_a_stop_stops(robot):
    robot.step()
    robot.now += PERIOD
    robot.receive()
    state = robot.adapter.next_state(robot.instant())
    robot.answer(state, None, np.zeros(4), Status.STOP_NO_BASE)
    assert robot.adapter.due(robot.instant())
    command = robot.adapter.decide(robot.instant())
    assert command.output == Output.STOP and Reason.STOP_ASKED in command.reasons


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
        robot.receive(silent)
        assert not robot.adapter.faults(robot.instant())
    robot.now = begin + limit + 0.001
    robot.receive(silent)
    assert robot.adapter.due(robot.instant())
    command = robot.adapter.decide(robot.instant())
    assert command.output == Output.STOP and reason in command.reasons
    assert robot.adapter.next_state(robot.instant()) is None
    assert robot.step()[0].step == 1  # it continues when all inputs are back


def test_old_and_future_stamps_are_faults_and_hide_nothing_that_follows(robot):
    robot.adapter.begin(3, 0.0)
    robot.step()
    for stamp in (robot.now + AHEAD - 1.0, robot.now + AHEAD + 100.0):
        robot.now += PERIOD
        robot.receive(stamp=stamp)
        assert robot.adapter.faults(robot.instant())
        robot.now += 0.1  # until a joint state that could not be used is forgotten
        robot.receive()
        assert not robot.adapter.faults(robot.instant())


def test_poses_in_the_frame_of_the_base_are_brought_to_the_world(kinematics, measurements):
    base = pose_of((0.5, -0.2, 0.1, 0.7))
    assert in_parent(base, np.array([1.0, 0, 0, 1, 0, 0, 0])) == pytest.approx(
        [0.5 + np.cos(0.7), -0.2 + np.sin(0.7), 0.1, np.cos(0.35), 0, 0, np.sin(0.35)])
    robot = Robot(kinematics, measurements)
    robot.receive(frame='base_link')
    seen = robot.adapter.inputs.view.tracks['object'].pose[:3]
    there = next(item for item in measurements if item.kind == 'object').content[:3]
    assert seen == pytest.approx(SIM_BASE[:3] + there)


def test_the_hook_is_where_the_contract_puts_it(kinematics, measurements):
    seen = [Robot(kinematics, measurements, hook_offset=(0.0, 0.0, lift)).step()[0].observation
            for lift in (0.0, 0.03)]
    assert (seen[1] - seen[0])[25:28] == pytest.approx([0.0, 0.0, 0.03])


def test_what_is_from_before_the_episode_does_not_count(robot):
    robot.receive(stamp=robot.now + AHEAD - 0.01)
    assert robot.adapter.next_state(robot.instant()) is None
    robot.receive()
    assert robot.adapter.next_state(robot.instant()).step == 0


def test_before_the_first_message_about_the_run_stop_nothing_moves(robot):
    robot.receive('run-stop')
    assert robot.adapter.next_state(robot.instant()) is None
    assert 'run_stopped' in robot.adapter.faults(robot.instant())[Reason.RUN_STOP]


def test_an_emergency_stop_stops_also_between_two_commands(robot):
    robot.step()
    robot.now += 0.001
    assert robot.adapter.decide(robot.instant(), estop=True).output == Output.STOP
    assert robot.adapter.mode == Mode.ESTOPPED
    assert robot.step()[1].output == Output.STOP
    robot.adapter.decide(robot.instant(), reset=True)
    assert robot.step()[1].output == Output.TWIST


def test_the_twist_is_that_of_the_wrist_in_the_axes_of_the_base(kinematics, measurements):
    turned = Robot(kinematics, measurements, base_pose=(0.6919, 0.7441, 0.0, np.pi / 2),
                   workspace_low=(-3.0, -3.0, -3.0), workspace_high=(3.0, 3.0, 3.0),
                   table_height=-2.0)
    for _ in range(8):
        _, command = turned.step(np.array([0.1, 0, 0, 0]), np.array([0.1, 0, 0, 0]))
    inputs = turned.adapter.inputs
    grip = inputs.view.grip()
    linear = inputs.in_root(np.r_[np.cross(
        inputs._turn[:3, :3] @ command.twist[3:], grip.from_wrist), 0, 0, 0])[:3]
    assert command.twist[:3] + linear == pytest.approx([0.0, -0.01, 0.0], abs=1e-9)


def test_another_arm_is_refused(kinematics):
    with pytest.raises(ValueError, match='model of a Fetch'):
        FetchAdapter(replace(SETTINGS, torso_joint=''), kinematics)


OTHER = {'grip_pose_topic': 'grip_pose', 'check_joints': False, 'arm_joints': ('elbow',),
         'torso_joint': ''}


def test_an_arm_that_tells_its_grip_is_driven_as_a_fetch_whose_joints_tell(
        kinematics, measurements):
    fetch = Robot(kinematics, measurements, check_joints=False)
    fetch.receive()
    grip = fetch.adapter.inputs.view.grip()
    tool = matrix(grip.quaternion).reshape(3, 3).T @ grip.from_wrist
    other = Robot(None, measurements, tool_to_grip=tuple(tool), **OTHER)
    for _ in range(5):
        (mine, own), (state, command) = fetch.step(), other.step()
        assert command.output == Output.TWIST
        assert np.allclose(state.observation, mine.observation, atol=1e-3)
        assert np.allclose(command.twist, own.twist, atol=1e-4)


def test_an_arm_that_tells_its_grip_stops_when_it_tells_no_more(measurements):
    robot = Robot(None, measurements, **OTHER)
    robot.receive('grip')
    assert robot.adapter.next_state(robot.instant()) is None
    assert Reason.POSE_MISSING in robot.adapter.faults(robot.instant())
    for _ in range(3):
        _, command = robot.step()
    assert command.output == Output.TWIST
    waited = 0.0
    while command.output == Output.TWIST:
        assert waited < 10.0
        waited += 0.01
        robot.now += 0.01
        robot.receive('grip')
        state = robot.adapter.next_state(robot.instant())
        if state is not None:
            robot.answer(state, BACK, BACK)
        command = robot.adapter.decide(robot.instant())
        if Reason.TOO_SOON in command.reasons:
            command = replace(command, output=Output.TWIST)
    assert {Reason.STATE_STALE, Reason.STATE_OLD} & set(command.reasons)
    assert command.output == Output.STOP
    assert waited == pytest.approx(SETTINGS.state_timeout, abs=0.011)


def test_the_contract_of_another_arm_drives_it():
    contract = read_contract(share('config') / 'robot' / 'moveit_servo.yaml')
    adapter = FetchAdapter(make_settings(AdapterRunSettings, vars(contract)), None)
    assert adapter.inputs.names == ('object', 'goal', 'grip')


def stopped(robot):
    """Return the Reasons, with their texts, for which a moving arm is stopped at once."""
    assert robot.adapter.due(robot.instant())
    command = robot.adapter.decide(robot.instant())
    assert command.output == Output.STOP
    return {reason: command.texts.get(reason) for reason in command.reasons}


def test_a_run_stop_that_says_nothing_any_more_stops_the_arm_until_it_does(robot):
    limit = robot.adapter.settings.run_stop_timeout
    robot.step()
    begin, command = robot.now, None
    while command is None or command.output == Output.TWIST:
        assert robot.now - begin < 10.0
        robot.now += PERIOD
        robot.receive('run-stop')
        state = robot.adapter.next_state(robot.instant())
        if state is None:
            break
        robot.answer(state, BACK, BACK)
        command = robot.adapter.decide(robot.instant())
    assert limit < robot.now - begin < limit + 1.1 * PERIOD
    text = stopped(robot)[Reason.RUN_STOP_STALE]
    assert text == (f'no message on run_stopped for {robot.now - begin:.2f} s, allowed are 0.5 '
                    's: stop until one arrives')
    assert robot.step()[1].output == Output.TWIST  # by itself


@pytest.mark.parametrize('pressed', [False, True])
def test_a_run_stop_that_speaks_on_change_only_can_be_believed_for_ever(
        kinematics, measurements, pressed):
    robot = Robot(kinematics, measurements, run_stop_timeout=1e6)
    robot.step()
    if pressed:
        robot.adapter.on_run_stop(True, robot.now)
    robot.now += 1e5
    robot.receive('run-stop')
    assert not robot.adapter.faults(robot.instant())
    assert bool(robot.adapter.run_stop) == pressed


def test_a_run_stop_whose_last_word_was_pressed_stays_so_when_it_dies(robot):
    robot.step()
    robot.adapter.on_run_stop(True, robot.now)
    assert Reason.RUN_STOP in stopped(robot)
    robot.now += 10.0
    robot.receive('run-stop')
    robot.adapter.decide(robot.instant(), reset=True)
    assert robot.adapter.mode == Mode.RUN_STOPPED


def test_without_a_run_stop_topic_nobody_waits_for_one(kinematics, measurements):
    robot = Robot(kinematics, measurements, run_stop_topic='')
    robot.now += 100.0
    robot.receive('run-stop')
    assert not robot.adapter.faults(robot.instant())


@pytest.mark.parametrize('jump', [-3600.0, 3600.0, -0.1, 0.1])
def test_after_a_jump_of_the_clock_the_arm_stops_and_goes_on_with_the_new_time(robot, jump):
    for _ in range(3):
        robot.step()
    robot.now += 0.01
    robot.ahead += jump
    reasons = stopped(robot)
    assert reasons[Reason.CLOCK_JUMPED] == (
        f'the clock of the messages jumped by {jump:+.3f} s: stop until all joint states and '
        'poses have arrived with the new time')
    # One of them is still missing; the one that is there takes no harm by it.
    robot.now += 0.01
    robot.receive('hook')
    assert Reason.CLOCK_JUMPED in robot.adapter.faults(robot.instant())
    assert Reason.STATE_OLD not in robot.adapter.faults(robot.instant())
    robot.now += 0.01
    robot.receive()
    assert not robot.adapter.faults(robot.instant())
    assert robot.step()[1].output == Output.TWIST


@pytest.mark.parametrize('jump', [-3600.0, 3600.0])
def test_what_is_still_on_its_way_when_the_clock_jumps_does_no_harm(robot, jump):
    robot.step()
    robot.ahead += jump
    robot.now += 0.01
    robot.receive(stamp=robot.now + AHEAD)  # with the time of before
    assert Reason.CLOCK_JUMPED in stopped(robot)
    robot.now += 0.1
    robot.receive()
    assert not robot.adapter.faults(robot.instant())
    assert robot.step()[1].output == Output.TWIST


def test_a_jump_of_the_clock_ends_no_latched_stop_and_forgets_no_pose_that_jumped(robot):
    robot.step()
    robot.adapter.decide(robot.instant(), estop=True)
    robot.ahead += 50.0
    robot.now += PERIOD
    robot.receive()
    assert robot.adapter.mode == Mode.ESTOPPED
    assert robot.step()[1].output == Output.NOTHING or robot.adapter.mode == Mode.ESTOPPED
    track = robot.adapter.inputs._poses['object'][0]
    robot.ahead -= 50.0
    robot.now += PERIOD
    robot.adapter.faults(robot.instant())
    assert robot.adapter.inputs._poses['object'][0] is track and track.position is not None


def test_a_clock_that_is_slewed_has_not_jumped(robot):
    for _ in range(40):
        robot.ahead -= 0.05 * PERIOD  # 80 ms in all
        assert robot.step()[1].output == Output.TWIST


@pytest.mark.parametrize('off', [-3600.0, 3600.0])
@pytest.mark.parametrize('kind, reason, named', [
    ('arm', Reason.STATE_OLD, 'the joint state of torso_lift_joint'),
    ('gripper', Reason.STATE_OLD, 'the joint state of l_gripper_finger_joint'),
    ('object', Reason.POSE_OLD, 'object: the stamp of its pose')])
@pytest.mark.parametrize('playing', [True, False])
def test_a_publisher_whose_clock_is_wrong_is_named_with_how_far(robot, kind, reason, named, off,
                                                                playing):
    for _ in range(3 * playing):
        robot.step()
    for _ in range(30):
        robot.now += 0.01
        robot.receive(**{kind: off})
    faults = robot.adapter.faults(robot.instant())
    assert Reason.CLOCK_JUMPED not in faults
    side = 'ahead of' if off > 0 else 'behind'
    texts = '; '.join(faults.values())
    assert named in texts and f'is 3600.000 s {side} the clock of this machine' in texts
    assert 'no joint state of' not in texts and 'for too long' not in texts
    if off < 0 or kind == 'object':
        assert reason in faults
    robot.now += 0.5  # until what was wrong is forgotten
    robot.receive()
    assert not robot.adapter.faults(robot.instant())


def test_two_poses_with_one_fault_are_both_named(robot):
    robot.step()
    robot.now += 1.0
    robot.receive('object', 'goal')
    text = robot.adapter.faults(robot.instant())[Reason.POSE_STALE]
    assert text.startswith('object: ') and '; goal: ' in text


def test_joints_of_others_never_matter(robot):
    inputs, limits = robot.adapter.inputs, robot.adapter.limits
    robot.step()
    for names, positions, velocities, stamp in (
            (['wheel'], [np.nan], [], 0.0), (['a', 'a'], [1.0], [], 1e12), ([], [], [], 0.0)):
        message = JointMessage(names, np.array(positions), np.array(velocities), stamp)
        assert inputs.on_joints(message, robot.instant(), limits) == ''
        assert not robot.adapter.faults(robot.instant())
    assert robot.step()[1].output == Output.TWIST


def test_a_bad_joint_state_is_named_as_long_as_it_counts(robot):
    inputs, limits = robot.adapter.inputs, robot.adapter.limits
    robot.step()
    message = JointMessage(['elbow_flex_joint'], np.array([np.nan]), np.array([]),
                           robot.instant().ros)
    said = inputs.on_joints(message, robot.instant(), limits)
    assert 'elbow_flex_joint has position nan' in said
    assert stopped(robot)[Reason.STATE_BAD] == said


def test_a_robot_whose_joint_states_have_no_velocities_is_driven(kinematics, measurements):
    bare = [replace(item, content=(item.content[0], item.content[1], np.array([])))
            if item.kind in ('arm', 'gripper') else item for item in measurements]
    robot, other = (Robot(kinematics, found) for found in (bare, measurements))
    robot.receive()
    assert robot.adapter.next_state(robot.instant()) is None
    text = robot.adapter.faults(robot.instant())[Reason.STATE_OLD]
    assert text.startswith('no velocity of shoulder_pan_joint')
    for one in (robot, other):
        one.now += PERIOD
        one.receive()
    (state, command), (expected, _) = robot.step(), other.step()
    assert command.output == Output.TWIST
    np.testing.assert_allclose(state.observation, expected.observation, atol=1e-3)


def test_joints_that_another_robot_calls_otherwise_are_named_as_it_does(kinematics, measurements):
    names = tuple(f'left_{name}' for name in SETTINGS.arm_joints)
    robot = Robot(kinematics, measurements, arm_joints=names)
    robot.receive()  # of a Fetch in the same network
    assert robot.adapter.next_state(robot.instant()) is None
    assert 'no joint state of left_shoulder_pan_joint' in '; '.join(
        robot.adapter.faults(robot.instant()).values())


EVENTS = st.lists(st.tuples(
    st.sampled_from(['step', 'step', 'step', 'jump', 'silent', 'run-stop', 'estop', 'reset',
                     'naked', 'late']),
    st.sampled_from([-3600.0, -0.2, -0.03, 0.03, 0.2, 3600.0])), max_size=25)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_whatever_clocks_and_sensors_do_the_arm_moves_on_nothing_old_and_goes_on_after(
        kinematics, measurements, events):
    robot = Robot(kinematics, measurements)
    adapter, pressed, latched, received = robot.adapter, False, False, -1.0
    for event, size in events:
        robot.now += 0.6 if event == 'silent' else PERIOD
        if event == 'jump':
            robot.ahead += size
        elif event == 'late':
            robot.receive(stamp=robot.now + robot.ahead + size)
            pressed, received = False, robot.now
        elif event == 'run-stop':
            adapter.on_run_stop(True, robot.now)
            pressed = latched = True
        elif event == 'naked':
            robot.receive('arm', 'gripper')
            pressed = False
        elif event == 'step':
            robot.receive()
            pressed, received = False, robot.now
        elif event in ('estop', 'reset'):
            adapter.decide(robot.instant(), **{event: True})
            latched = event == 'estop' or latched and pressed
        faults, state = adapter.faults(robot.instant()), adapter.next_state(robot.instant())
        assert state is None or not faults
        if state is not None:
            assert np.abs(state.observation).max() < 3.0
            robot.answer(state, BACK, BACK)
        command = adapter.decide(robot.instant())
        if command.output == Output.TWIST:
            assert not latched and not faults
            assert robot.now - received <= SETTINGS.state_timeout
    for _ in range(8):  # all is well again
        robot.now += 0.1
        robot.receive()
    assert not adapter.faults(robot.instant())
    adapter.decide(robot.instant(), reset=True)
    assert robot.step()[1].output == Output.TWIST
