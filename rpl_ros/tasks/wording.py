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

"""What tasks and the elements of their arrays are called in data sets: docs/observations.md."""

TEXTS = {
    'push': 'Push the block to the goal.',
    'slippery_push': 'Push the block, which slips, to the goal.',
    'pick_and_place': 'Pick up the block and bring it to the goal.',
    'hook': 'Pull the block to the goal with the hook.',
    'noisy_hook': 'Pull the block, seen with noise, to the goal with the hook.',
    'complex_hook': 'Pull the object over the bumps to the goal with the hook.',
    'mbrl_pusher': 'Push the cylinder to the goal.',
}
"""What the robot shall do, for learners that read it."""
JOINTS = ('shoulder_pan', 'shoulder_lift', 'upper_arm_roll', 'elbow_flex', 'forearm_roll',
          'wrist_flex', 'wrist_roll')


def _axes(*names):
    """Return the names of the elements of some vectors."""
    return [f'{name}_{axis}' for name in names for axis in 'xyz']


BLOCK = [
    *_axes('gripper', 'object', 'object_minus_gripper'), 'right_finger', 'left_finger',
    *_axes('object_rotation', 'object_minus_gripper_velocity', 'object_angular_velocity',
           'gripper_velocity'), 'right_finger_velocity', 'left_finger_velocity']
HOOK = BLOCK + _axes('hook', 'hook_rotation', 'hook_minus_gripper_velocity',
                     'hook_angular_velocity', 'hook_minus_gripper')
PUSHER = [*(f'{joint}_angle' for joint in JOINTS), *(f'{joint}_velocity' for joint in JOINTS),
          *_axes('tip', 'object')]
OBSERVATIONS = {40: HOOK, 25: BLOCK, 20: PUSHER}
ACTIONS = {4: ['gripper_dx', 'gripper_dy', 'gripper_dz', 'fingers'],
           7: [f'{joint}_torque' for joint in JOINTS]}
ACHIEVED_GOAL, DESIRED_GOAL = _axes('object'), _axes('goal')


def observation_names(spec):
    """Return the names (O) of the elements of an observation of the TaskSpec `spec`."""
    return OBSERVATIONS[spec.observation_size]


def action_names(spec):
    """Return the names (A) of the elements of an action, base action or residual."""
    return ACTIONS[spec.action_size]
