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
What the Fetch's model can do without: a tenth less time, trajectories equal to the last bit.

Only what cannot matter is left out. Two more savings look harmless and are not: the head and the
upper arm do touch the rest of the arm, and one solver for all islands (mjDSBL_ISLAND) rounds
differently, which contacts amplify beyond 1e-6 within an episode. See docs/speed.md.
"""

from itertools import combinations

# Links that move little or not at all against each other, and so never touch each other ...
TRUNK = ('base', 'torso_lift', 'torso_fixed', 'estop', 'laser', 'head_pan', 'head_tilt',
         'shoulder_pan')
# ... and links that are too far apart wherever their joints are.
APART = (('upperarm_roll', 'forearm_roll'), ('shoulder_lift', 'elbow_flex'),
         ('elbow_flex', 'wrist_flex'), ('head_pan', 'shoulder_lift'),
         ('head_tilt', 'shoulder_lift'))
# Bodies without mass and geoms, there for cameras that nobody looks through.
CAMERAS = ('robot0:head_camera_link', 'robot0:gripper_camera_link',
           'robot0:external_camera_body_0')


def lighten(spec):
    """Take out of an MjSpec with the Fetch what costs time without changing any trajectory."""
    for one, other in [*combinations(TRUNK, 2), *APART]:
        spec.add_exclude(bodyname1=f'robot0:{one}_link', bodyname2=f'robot0:{other}_link')
    for name in CAMERAS:
        spec.delete(spec.body(name))
    for geom in spec.body('robot0:mocap').geoms:  # green lines across the scene
        spec.delete(geom)
