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

"""An object to be pulled with the hook: convex parts, mass, damping."""

from dataclasses import dataclass

Numbers = tuple[float, ...]
IDENTITY = (1.0, 0.0, 0.0, 0.0)

DEFAULT_FRICTION = (1.0, 0.005, 0.0001)
"""MuJoCo's default (sliding, torsional, rolling).

The paper says that friction varies between objects; in the authors' scenes it does not, only the
damping of the free joint does. We follow the scenes.
"""


class ObjectError(ValueError):
    """An object that cannot be used; the message names it, what is wrong, what was expected."""


@dataclass(frozen=True)
class Part:
    """
    One convex geom.

    `shape` is box, sphere, capsule, cylinder, ellipsoid or mesh. `size` are MuJoCo's half sizes,
    m, three values, unused ones 0; for a mesh the half extents of its own box. `position` (m) and
    `quaternion` (w, x, y, z) are in the body frame. `mesh` is a mesh file's name, '' otherwise.
    """

    shape: str
    size: Numbers
    position: Numbers = (0.0, 0.0, 0.0)
    quaternion: Numbers = IDENTITY
    mesh: str = ''


@dataclass(frozen=True)
class HookObject:
    """
    A free rigid body of uniform density whose frame is at the centre of its bounding box.

    `mass` kg; `damping` of all six dofs of the free joint, N s/m and N m s/rad; `friction`
    sliding, torsional, rolling; `site` (3, m, body frame) is the point whose position is observed
    as that of the object.
    """

    name: str
    family: str
    parts: tuple[Part, ...]
    mass: float
    damping: float
    site: Numbers
    friction: Numbers = DEFAULT_FRICTION
    rgba: Numbers = (0.6, 0.6, 0.6, 1.0)
