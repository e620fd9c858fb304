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
Parts of the Fetch's model that are left out: a step takes a tenth less time.

Trajectories stay equal to the last bit. Two more savings look harmless and are not: the head and
the upper arm do touch the rest of the arm, and one solver for all islands (mjDSBL_ISLAND) rounds
differently, which contacts amplify beyond 1e-6 within an episode. See docs/speed.md.
"""

from itertools import combinations
from typing import Any

from rpl_ros.tasks.fetch_facts import in_model

# Links that hardly move against each other, and so never touch each other ...
TRUNK = ('base', 'torso_lift', 'torso_fixed', 'estop', 'laser', 'head_pan', 'head_tilt',
         'shoulder_pan')
# ... and links that are too far apart wherever their joints are.
APART = (('upperarm_roll', 'forearm_roll'), ('shoulder_lift', 'elbow_flex'),
         ('elbow_flex', 'wrist_flex'), ('head_pan', 'shoulder_lift'),
         ('head_tilt', 'shoulder_lift'))
# Bodies without mass and geoms, for cameras that are not used.
CAMERAS = (in_model('head_camera_link'), in_model('gripper_camera_link'),
           in_model('external_camera_body_0'))


def remove_unneeded_parts(mj_spec: Any) -> None:
    """Remove from an MjSpec with the Fetch what costs time without changing any trajectory."""
    for one, other in [*combinations(TRUNK, 2), *APART]:
        mj_spec.add_exclude(bodyname1=in_model(f'{one}_link'),
                            bodyname2=in_model(f'{other}_link'))
    for name in CAMERAS:
        mj_spec.delete(mj_spec.body(name))
    for geom in mj_spec.body(in_model('mocap')).geoms:  # green lines across the scene
        mj_spec.delete(geom)
