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

"""Names of a Fetch's joints, and where its table is: facts that need no simulator."""

ARM = tuple(f'{name}_joint' for name in (
    'shoulder_pan', 'shoulder_lift', 'upperarm_roll', 'elbow_flex', 'forearm_roll', 'wrist_flex',
    'wrist_roll'))
"""The arm's joints from the torso to the hand, as the driver of a Fetch names them."""
FINGERS = ('r_gripper_finger_joint', 'l_gripper_finger_joint')
"""The fingers' joints in the order of the observation: right, left."""
TORSO = 'torso_lift_joint'
TABLE_TOP = 0.4  # m, height of the table in the frame world


def in_model(name: str) -> str:
    """Return the name that a joint, body or site of the robot has in the MuJoCo model."""
    return f'robot0:{name}'
