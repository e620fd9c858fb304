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
The simulated Fetch as its driver shows it: twists and gripper positions in, joints out.

The plain tasks pull the gripper by a weld. Here the weld is off, base, torso and head are held,
and the seven arm joints are driven as by the robot's Cartesian twist controller: see
docs/real_robot.md. Facts about it are from fetchrobotics/robot_controllers, cartesian_twist.cpp.
"""

import mujoco
import numpy as np

from rpl_ros.robot.joints import ARM, FINGERS, TORSO

UPDATE_PERIOD = 0.01  # s, of the controller and of the joint states
CHAIN_TIP = 'robot0:wrist_roll_link'  # what a twist moves; its axes are those of world
TIMEOUT = 0.5  # s after the last twist, then the controller stops
VELOCITY_LIMIT = 0.5  # rad/s; all joints are slowed alike
ACCELERATION_LIMIT = 1.0  # rad/s^2
DAMPING = 1e-4  # of the least squares, squared; the robot's has none
EFFORT = np.array([33.82, 131.76, 76.94, 66.18, 29.35, 25.70, 7.36])  # N m, the URDF's limits
# The servo of a joint. The robot's gains are not published; these follow within 0.01 rad.
STIFFNESS, SERVO_DAMPING = 8000.0, 250.0  # N m/rad, N m s/rad
TORSO_HEIGHT = 0.25  # m. Lower, the elbow's limit keeps the gripper out of the table's near part
IK_STEPS = 30
FINGER_SPEED = 0.05  # m/s, the URDF's limit
WIDEST = 0.10  # m, between the open fingers
HELD = 1e11  # kg/s or N m s: the damping of what stands still, as that of the model's base
STILL = ('robot0:slide0', 'robot0:slide1', 'robot0:slide2', f'robot0:{TORSO}',
         'robot0:head_pan_joint', 'robot0:head_tilt_joint')
OTHERS = (TORSO, 'head_pan_joint', 'head_tilt_joint')  # in the arm driver's joint states, too


class FetchJoints:
    """
    Drives the joints of the Fetch in `data`.

    `asked` is the greatest speed, rad/s, that the last twist asked a joint for, before limits.
    """

    def __init__(self, model, data, torso=TORSO_HEIGHT):
        """Take a compiled scene with the Fetch, and where its torso is held, m."""
        self._model, self._data = model, data
        joints = [model.joint(f'robot0:{name}') for name in ARM]
        self._qpos = np.array([int(joint.qposadr[0]) for joint in joints])
        self._dofs = np.array([int(joint.dofadr[0]) for joint in joints])
        self._range = np.array([joint.range if joint.limited[0] else (-np.inf, np.inf)
                                for joint in joints])
        self._still = np.array([int(model.joint(name).dofadr[0]) for name in STILL])
        fingers = [model.joint(f'robot0:{name}') for name in FINGERS]
        self._fingers = np.array([int(joint.qposadr[0]) for joint in fingers])
        self._finger_dofs = np.array([int(joint.dofadr[0]) for joint in fingers])
        self._torso, self._torso_height = model.joint(f'robot0:{TORSO}'), torso
        self._spring = model.joint('robot0:forearm_roll_joint').id
        self._weld = int(np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_WELD)[0])
        self._tip, self._grip = model.body(CHAIN_TIP).id, model.site('robot0:grip').id
        self._jacobian = np.zeros((6, model.nv))
        self._plain = (model.dof_damping[self._still].copy(), model.jnt_limited[self._torso.id],
                       model.jnt_stiffness[self._spring])
        self._substeps = round(UPDATE_PERIOD / model.opt.timestep)
        self._updates = 0
        self.run_stopped = False
        self._opening = self._ramp = 0.0
        self._stop()

    @property
    def time(self):
        """Return the time since start(), s."""
        return self._updates * UPDATE_PERIOD

    def release(self):
        """Give the model back to the plain task, whose resets need it as it was."""
        model = self._model
        (model.dof_damping[self._still], model.jnt_limited[self._torso.id],
         model.jnt_stiffness[self._spring]) = self._plain
        self._data.eq_active[self._weld] = 1
        self._data.qfrc_applied[:] = 0.0

    def start(self):
        """
        Take over the present state: nothing is commanded, the arm stands still.

        The torso goes to its height and the joints to where the gripper is as it was.
        """
        model, data = self._model, self._data
        model.dof_damping[self._still] = HELD
        model.jnt_limited[self._torso.id] = 0  # the model's torso is below its own limit
        model.jnt_stiffness[self._spring] = 0.0  # a spring that no Fetch has
        data.eq_active[self._weld] = 0
        data.qvel[self._still] = data.qvel[self._dofs] = data.qvel[self._finger_dofs] = 0.0
        self._raise_torso()
        mujoco.mj_forward(model, data)
        self._updates, self._twist, self._commanded = 0, np.zeros(6), -np.inf
        self._opening = self._ramp = float(data.qpos[self._fingers].sum())
        self._target = data.qpos[self._qpos].copy()
        self._stop()

    def _raise_torso(self):
        """Put the torso where it is held, and the joints so that the grip's pose stays."""
        model, data = self._model, self._data
        mujoco.mj_kinematics(model, data)
        place = data.site_xpos[self._grip].copy()
        wanted, found, turn = np.empty(4), np.empty(4), np.empty(3)
        mujoco.mju_mat2Quat(wanted, data.site_xmat[self._grip])
        data.qpos[self._torso.qposadr[0]] = self._torso_height
        for _ in range(IK_STEPS):
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mju_mat2Quat(found, data.site_xmat[self._grip])
            mujoco.mju_subQuat(turn, wanted, found)  # in the frame of `found`
            turn = data.site_xmat[self._grip].reshape(3, 3) @ turn
            error = np.concatenate([place - data.site_xpos[self._grip], turn])
            mujoco.mj_jacSite(model, data, self._jacobian[:3], self._jacobian[3:], self._grip)
            data.qpos[self._qpos] += least_squares(self._jacobian[:, self._dofs], error)

    def _stop(self):
        self._active, self.asked = False, 0.0
        self._velocity = np.zeros(7)

    @property
    def lag(self):
        """Return how far the joints are from their targets at the most, rad."""
        return float(np.abs(self._target - self._data.qpos[self._qpos]).max())

    def command(self, twist, frame):
        """
        Take a twist (6,): linear, m/s, and angular, rad/s, of wrist_roll_link, axes of world.

        An empty `frame` stops the controller; so does silence for TIMEOUT. Numbers that are not
        finite count as 0.
        """
        if self.run_stopped:
            return
        if not frame:
            self._stop()
            return
        self._twist, self._commanded = np.where(np.isfinite(twist), twist, 0.0), self.time
        if not self._active:
            self._active = True
            self._target = self._data.qpos[self._qpos].copy()
            self._velocity = self._data.qvel[self._dofs].copy()

    def command_gripper(self, opening):
        """Take the distance, m, that the fingers shall have."""
        if not self.run_stopped:
            self._opening = float(np.clip(opening, 0.0, WIDEST))

    def run_stop(self, pressed):
        """Press the run-stop, or release it: while it is pressed, no command is taken."""
        self.run_stopped = pressed
        if pressed:
            self._stop()
            self._opening = self._ramp

    def update(self):
        """Let UPDATE_PERIOD pass."""
        model, data = self._model, self._data
        if self._active and self.time - self._commanded > TIMEOUT:
            self._stop()
        if self._active:
            self._plan()
        self._move_fingers()
        for _ in range(self._substeps):
            self._push()
            mujoco.mj_step(model, data)
            if not model.nu:  # a blocked gripper, as in the plain task
                data.qpos[self._fingers] = 0.0
        self._updates += 1

    def _plan(self):
        """
        Turn the twist into the joints' next target, as the robot's controller does.

        Its targets run on from each other and do not look at where the joints are.
        """
        velocity = least_squares(self._jacobian_at_target(), self._twist)
        self.asked = float(np.abs(velocity).max())
        self._velocity = limit_acceleration(self._velocity, limit_velocity(velocity))
        self._target = np.clip(self._target + self._velocity * UPDATE_PERIOD, *self._range.T)

    def _jacobian_at_target(self):
        """Return the Jacobian (6, 7) of the chain's tip, with the joints at their targets."""
        data, model = self._data, self._model
        kept = data.qpos[self._qpos].copy()
        data.qpos[self._qpos] = self._target
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_jacBody(model, data, self._jacobian[:3], self._jacobian[3:], self._tip)
        data.qpos[self._qpos] = kept
        return self._jacobian[:, self._dofs]

    def _push(self):
        """
        Set the joints' torques: gravity is balanced, and the servo follows the target.

        The robot's gravity is balanced without a servo, too: stopped, the arm floats. The limit
        is on what the servo adds: the model's fingers, of 4 kg each, and its damping, which
        counts as friction while the arm floats, are no Fetch's.
        """
        data, dofs = self._data, self._dofs
        force = data.qfrc_bias[dofs]
        if self._active:
            velocity = data.qvel[dofs]
            servo = (STIFFNESS * (self._target - data.qpos[self._qpos])
                     + SERVO_DAMPING * (self._velocity - velocity))
            force += self._model.dof_damping[dofs] * velocity + np.clip(servo, -EFFORT, EFFORT)
        data.qfrc_applied[dofs] = force

    def _move_fingers(self):
        """Move the fingers' targets towards the commanded opening."""
        way = 2 * FINGER_SPEED * UPDATE_PERIOD
        self._ramp += float(np.clip(self._opening - self._ramp, -way, way))
        if self._model.nu:
            self._data.ctrl[:] = self._ramp / 2

    def arm_state(self):
        """Return (names, positions, velocities) as the arm's driver publishes them."""
        names = (*OTHERS, *ARM)
        joints = [self._data.joint(f'robot0:{name}') for name in names]
        return (names, np.array([joint.qpos[0] for joint in joints]),
                np.array([joint.qvel[0] for joint in joints]))

    def gripper_state(self):
        """Return (names, positions, velocities) as the gripper's driver publishes them."""
        data = self._data
        return (FINGERS[::-1], data.qpos[self._fingers][::-1].copy(),
                data.qvel[self._finger_dofs][::-1].copy())


def least_squares(jacobian, twist):
    """Return the joint velocities (7,) that best give `twist` (6,); the least of them."""
    return jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + DAMPING * np.eye(6), twist)


def limit_velocity(velocity):
    """Return joint velocities within VELOCITY_LIMIT, all slowed alike: the way stays the same."""
    return velocity * min(1.0, VELOCITY_LIMIT / max(np.abs(velocity).max(), 1e-12))


def limit_acceleration(before, wanted):
    """Return the joint velocities after UPDATE_PERIOD, on the line from `before` to `wanted`."""
    change = wanted - before
    most = ACCELERATION_LIMIT * UPDATE_PERIOD
    return before + change * min(1.0, most / max(np.abs(change).max(), 1e-12))
