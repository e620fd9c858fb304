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

"""The exact bounding box of an object, and how its size, mass, damping and colour are drawn."""

from collections.abc import Sequence
import colorsys
from dataclasses import replace

import numpy as np
from rpl_ros.tasks.objects.parts import HookObject, ObjectError, Part
from rpl_ros.tasks.poses import matrix

EXTENT = (0.06, 0.12)
"""Range of an object's largest bounding box extent, m."""

MASS = (0.0125, 0.25)
"""Range of the mass, kg."""

DAMPING = (0.2, 5.0)
"""Range of the damping of the free joint, N s/m and N m s/rad."""

SITE_HEIGHT = 0.007
"""Height of the site above the object's lowest point, m, whatever the object's size."""


def half_extents(part: Part) -> np.ndarray:
    """
    Return the half extents (3, m) of a part along the axes of the body frame.

    Exact for primitives; for a mesh exact when the part is not rotated, else an upper bound.
    """
    rotation = matrix(np.array(part.quaternion)).reshape(3, 3)
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


def bounding_box(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    """Return (low, high), each (3, m), of the axis-aligned box around `parts`, body frame."""
    positions = np.array([part.position for part in parts])
    extents = np.array([half_extents(part) for part in parts])
    return (positions - extents).min(axis=0), (positions + extents).max(axis=0)


def scaled(parts: Sequence[Part], factor: float, centre: np.ndarray) -> tuple[Part, ...]:
    """Return `parts` moved so that `centre` (3) is the origin, then scaled by `factor`."""
    return tuple(replace(
        part, size=tuple((factor * np.asarray(part.size)).tolist()),
        position=tuple((factor * (np.asarray(part.position) - centre)).tolist()))
        for part in parts)


def make_object(name: str, family: str, parts: Sequence[Part],
                rng: np.random.Generator) -> HookObject:
    """Return a HookObject: `parts` scaled and centred, with mass, damping and colour drawn."""
    low, high = bounding_box(parts)
    factor = rng.uniform(*EXTENT) / (high - low).max()
    bottom = factor * (low - high)[2] / 2
    return HookObject(
        name, family, scaled(parts, factor, (low + high) / 2), mass=rng.uniform(*MASS),
        damping=rng.uniform(*DAMPING), site=(0.0, 0.0, bottom + SITE_HEIGHT),
        rgba=(*colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.35, 0.75), 0.85), 1.0))
