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
The simulated Fetch at the level of its joints: twists and gripper openings in, joint states out.

The plain tasks pull the gripper by a weld. Here the weld is off. Base, torso and head are held,
and the seven arm joints are driven as the robot's Cartesian twist controller drives them: see
docs/fetch_simulated.md. It is modelled after fetchrobotics/robot_controllers, cartesian_twist.cpp.
"""

import mujoco
import numpy as np
from rpl_ros.tasks.fetch_facts import ARM, FINGERS, in_model, TORSO
from rpl_ros.tasks.kinematics import arm_joints, least_squares, reach_pose

UPDATE_PERIOD = 0.01  # s, of the controller and of the joint states
CHAIN_TIP = in_model('wrist_roll_link')  # what a twist moves; its axes are those of world
TIMEOUT = 0.5  # s after the last twist, then the controller stops
VELOCITY_LIMIT = 0.5  # rad/s; one factor slows all joints
ACCELERATION_LIMIT = 1.0  # rad/s^2
DAMPING = 1e-4  # of the damped least squares, squared; the robot uses none
EFFORT = np.array([33.82, 131.76, 76.94, 66.18, 29.35, 25.70, 7.36])  # N m, the URDF's limits
# Servo gains of a joint. The robot's are not published; with these the error is below 0.01 rad.
STIFFNESS, SERVO_DAMPING = 8000.0, 250.0  # N m/rad, N m s/rad
TORSO_HEIGHT = 0.25  # m. If lower, the elbow's limit keeps the gripper off the near table
IK_STEPS = 30
FINGER_SPEED = 0.05  # m/s, the URDF's limit
WIDEST = 0.10  # m, between the open fingers
HELD = 1e11  # kg/s or N m s: damping of joints that stand still, as the model has for the base
OTHERS = (TORSO, 'head_pan_joint', 'head_tilt_joint')  # in the arm driver's joint states, too
STILL = tuple(map(in_model, ('slide0', 'slide1', 'slide2', *OTHERS)))
JointReadings = tuple[tuple[str, ...], np.ndarray, np.ndarray]  # names, positions, velocities


class FetchJoints:
    """
    Drives the joints of the Fetch in a compiled scene.

    `asked` is the highest joint speed for the last twist before the speed limit, rad/s.
    `run_stopped` tells whether the run-stop is pressed.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData,
                 torso: float = TORSO_HEIGHT) -> None:
        """Find the joints; `torso` is the height at which the torso is held, m."""
        self._model, self._data = model, data
        self._qpos, self._dofs = arm_joints(model)
        joints = [model.joint(in_model(name)) for name in ARM]
        self._range = np.array([joint.range if joint.limited[0] else (-np.inf, np.inf)
                                for joint in joints])
        self._still = np.array([int(model.joint(name).dofadr[0]) for name in STILL])
        fingers = [model.joint(in_model(name)) for name in FINGERS]
        self._fingers = np.array([int(joint.qposadr[0]) for joint in fingers])
        self._finger_dofs = np.array([int(joint.dofadr[0]) for joint in fingers])
        self._torso, self._torso_height = model.joint(in_model(TORSO)), torso
        self._spring = model.joint(in_model('forearm_roll_joint')).id
        self._weld = int(np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_WELD)[0])
        self._tip, self._grip = model.body(CHAIN_TIP).id, model.site(in_model('grip')).id
        self._jacobian = np.zeros((6, model.nv))
        self._plain = (model.dof_damping[self._still].copy(), model.jnt_limited[self._torso.id],
                       model.jnt_stiffness[self._spring])
        self._substeps = round(UPDATE_PERIOD / model.opt.timestep)
        self._updates = 0
        self.run_stopped = False
        self._opening = self._ramp = 0.0
        self._stop()

    @property
    def time(self) -> float:
        """Return the time since start(), s."""
        return self._updates * UPDATE_PERIOD

    def release(self) -> None:
        """Undo the changes of start() in the model: resets of the plain task need that."""
        model = self._model
        (model.dof_damping[self._still], model.jnt_limited[self._torso.id],
         model.jnt_stiffness[self._spring]) = self._plain
        self._data.eq_active[self._weld] = 1
        self._data.qfrc_applied[:] = 0.0

    def start(self) -> None:
        """
        Begin with the present pose of the gripper, the arm at rest and no command.

        The torso is put to its height, and the arm joints so that the gripper's pose stays.
        """
        model, data = self._model, self._data
        model.dof_damping[self._still] = HELD
        model.jnt_limited[self._torso.id] = 0  # the model's torso starts below its own limit
        model.jnt_stiffness[self._spring] = 0.0  # a real Fetch has no spring there
        data.eq_active[self._weld] = 0
        data.qvel[self._still] = data.qvel[self._dofs] = data.qvel[self._finger_dofs] = 0.0
        self._raise_torso()
        mujoco.mj_forward(model, data)
        self._updates, self._twist, self._commanded = 0, np.zeros(6), -np.inf
        self._opening = self._ramp = float(data.qpos[self._fingers].sum())
        self._target = data.qpos[self._qpos].copy()
        self._stop()

    def _raise_torso(self) -> None:
        """Put the torso to its height, and the arm joints so that the grip's pose stays."""
        model, data = self._model, self._data
        mujoco.mj_kinematics(model, data)
        place = data.site_xpos[self._grip].copy()
        wanted = np.empty(4)
        mujoco.mju_mat2Quat(wanted, data.site_xmat[self._grip])
        data.qpos[self._torso.qposadr[0]] = self._torso_height
        reach_pose(model, data, place, wanted, damping=DAMPING, iterations=IK_STEPS)

    def _stop(self) -> None:
        self._active, self.asked = False, 0.0
        self._velocity = np.zeros(7)

    @property
    def lag(self) -> float:
        """Return the largest distance of a joint from its target, rad."""
        return float(np.abs(self._target - self._data.qpos[self._qpos]).max())

    def command(self, twist: np.ndarray, frame: str) -> None:
        """
        Command a twist (6,) of wrist_roll_link: linear, m/s, and angular, rad/s, axes of world.

        An empty `frame` stops the controller. It also stops TIMEOUT after the last twist. Numbers
        that are not finite are treated as 0.
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

    def command_gripper(self, opening: float) -> None:
        """Command the distance between the fingers, m."""
        if not self.run_stopped:
            self._opening = float(np.clip(opening, 0.0, WIDEST))

    def run_stop(self, pressed: bool) -> None:
        """Press or release the run-stop: while it is pressed, commands are ignored."""
        self.run_stopped = pressed
        if pressed:
            self._stop()
            self._opening = self._ramp

    def update(self) -> None:
        """Simulate UPDATE_PERIOD."""
        model, data = self._model, self._data
        if self._active and self.time - self._commanded > TIMEOUT:
            self._stop()
        if self._active:
            self._plan()
        self._move_fingers()
        for _ in range(self._substeps):
            self._push()
            mujoco.mj_step(model, data)
            if not model.nu:  # a gripper that stays closed, as in the plain task
                data.qpos[self._fingers] = 0.0
        self._updates += 1

    def _plan(self) -> None:
        """
        Compute the joints' next target from the twist, as the robot's controller does.

        Each target follows from the one before, not from where the joints are.
        """
        velocity = least_squares(self._jacobian_at_target(), self._twist, DAMPING)
        self.asked = float(np.abs(velocity).max())
        self._velocity = limit_acceleration(self._velocity, limit_velocity(velocity))
        self._target = np.clip(self._target + self._velocity * UPDATE_PERIOD, *self._range.T)

    def _jacobian_at_target(self) -> np.ndarray:
        """Return the Jacobian (6, 7) of the chain's tip, with the joints at their targets."""
        data, model = self._data, self._model
        kept = data.qpos[self._qpos].copy()
        data.qpos[self._qpos] = self._target
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_jacBody(model, data, self._jacobian[:3], self._jacobian[3:], self._tip)
        data.qpos[self._qpos] = kept
        return self._jacobian[:, self._dofs]

    def _push(self) -> None:
        """
        Set the joints' torques: compensate gravity, and follow the target with a servo.

        A stopped robot compensates gravity, too: the arm floats. Only the servo torque is limited:
        gravity compensation and joint damping are excluded, because the model's fingers of 4 kg
        and its damping are not those of a real Fetch.
        """
        data, dofs = self._data, self._dofs
        force = data.qfrc_bias[dofs]
        if self._active:
            velocity = data.qvel[dofs]
            servo = (STIFFNESS * (self._target - data.qpos[self._qpos])
                     + SERVO_DAMPING * (self._velocity - velocity))
            force += self._model.dof_damping[dofs] * velocity + np.clip(servo, -EFFORT, EFFORT)
        data.qfrc_applied[dofs] = force

    def _move_fingers(self) -> None:
        """Move the fingers' targets towards the commanded opening."""
        step = 2 * FINGER_SPEED * UPDATE_PERIOD
        self._ramp += float(np.clip(self._opening - self._ramp, -step, step))
        if self._model.nu:
            self._data.ctrl[:] = self._ramp / 2

    def arm_state(self) -> JointReadings:
        """Return (names, positions, velocities) as the arm's driver publishes them."""
        names = (*OTHERS, *ARM)
        joints = [self._data.joint(in_model(name)) for name in names]
        return (names, np.array([joint.qpos[0] for joint in joints]),
                np.array([joint.qvel[0] for joint in joints]))

    def gripper_state(self) -> JointReadings:
        """Return (names, positions, velocities) as the gripper's driver publishes them."""
        data = self._data
        return (FINGERS[::-1], data.qpos[self._fingers][::-1].copy(),
                data.qvel[self._finger_dofs][::-1].copy())


def limit_velocity(velocity: np.ndarray) -> np.ndarray:
    """Return joint velocities scaled by one factor to VELOCITY_LIMIT: the path stays the same."""
    return velocity * min(1.0, VELOCITY_LIMIT / max(np.abs(velocity).max(), 1e-12))


def limit_acceleration(before: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the joint velocities after UPDATE_PERIOD, on the line from `before` to `wanted`."""
    change = wanted - before
    most = ACCELERATION_LIMIT * UPDATE_PERIOD
    return before + change * min(1.0, most / max(np.abs(change).max(), 1e-12))
