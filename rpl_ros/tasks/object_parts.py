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

"""What an object to be hooked is: convex parts, mass, damping; and its exact bounding box."""

from dataclasses import dataclass

import numpy as np

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
    size: tuple
    position: tuple = (0.0, 0.0, 0.0)
    quaternion: tuple = IDENTITY
    mesh: str = ''


@dataclass(frozen=True)
class HookObject:
    """
    A free rigid body of uniform density whose frame sits at the centre of its bounding box.

    `mass` kg; `damping` of all six dofs of the free joint, N s/m and N m s/rad; `friction`
    sliding, torsional, rolling; `site` (3, m, body frame) is the point that counts as the
    object's position.
    """

    name: str
    family: str
    parts: tuple
    mass: float
    damping: float
    site: tuple
    friction: tuple = DEFAULT_FRICTION
    rgba: tuple = (0.6, 0.6, 0.6, 1.0)


def rotation_matrices(quaternions):
    """Return (n, 3, 3) rotation matrices of (n, 4) unit quaternions w, x, y, z."""
    w, x, y, z = np.asarray(quaternions, dtype=float).T
    rows = np.stack([
        w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z], axis=-1)
    return rows.reshape(-1, 3, 3)


def half_extents(part):
    """
    Return the half extents (3, m) of a part along the axes of the body frame.

    Exact for primitives; for a mesh exact when the part is not rotated, else an upper bound.
    """
    rotation = rotation_matrices([part.quaternion])[0]
    size, axis = np.asarray(part.size), rotation[:, 2]
    if part.shape == 'sphere':
        return np.full(3, size[0])
    if part.shape == 'capsule':
        return np.abs(axis) * size[1] + size[0]
    if part.shape == 'cylinder':
        return np.abs(axis) * size[1] + size[0] * np.linalg.norm(rotation[:, :2], axis=1)
    if part.shape == 'ellipsoid':
        return np.linalg.norm(rotation * size, axis=1)
    if part.shape in ('box', 'mesh'):
        return np.abs(rotation) @ size
    raise ObjectError(f'unknown shape {part.shape!r}: expected box, sphere, capsule, cylinder, '
                      'ellipsoid or mesh')


def bounding_box(parts):
    """Return (low, high), each (3, m), of the axis-aligned box around `parts`, body frame."""
    positions = np.array([part.position for part in parts])
    extents = np.array([half_extents(part) for part in parts])
    return (positions - extents).min(axis=0), (positions + extents).max(axis=0)
