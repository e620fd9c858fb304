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
The objects of ComplexHook: a hundred shapes from convex parts, and the paper's plain block.

The authors' meshes come without a usable licence, so these are our own, with the sizes, masses
and dampings their scenes were drawn with.
"""

import colorsys
from dataclasses import replace

import numpy as np

from rpl_ros.tasks import object_shapes as shapes
from rpl_ros.tasks import object_toys as toys
from rpl_ros.tasks.object_parts import bounding_box, HookObject, Part

CUBE = HookObject('cube', 'cube', (Part('box', (0.025, 0.025, 0.025)),), mass=2.0, damping=0.01,
                  site=(0.0, 0.0, 0.0), rgba=(0.5, 0.0, 0.0, 1.0))
"""The block of the noiseless hook task."""

EXTENT = (0.06, 0.12)
"""Range of an object's largest bounding box extent, m."""

MASS = (0.0125, 0.25)
"""Range of the mass, kg."""

DAMPING = (0.2, 5.0)
"""Range of the damping of the free joint, N s/m and N m s/rad."""

SITE_HEIGHT = 0.007
"""Height of the site above the object's lowest point, m, whatever the object's size."""

FAMILIES = {
    **{family.__name__: family for family in (
        shapes.bowl, toys.car, shapes.chair, shapes.hammer, toys.duck, shapes.tower, shapes.cup,
        toys.torus, toys.rocket, shapes.stairs, toys.teddy, shapes.wrench, shapes.bottle,
        toys.boat, shapes.stool, toys.star, toys.snowman, shapes.house, shapes.dumbbell,
        toys.elephant, shapes.table, toys.mushroom, shapes.key, shapes.arch, toys.dog,
        shapes.teapot, toys.plane, shapes.pyramid, shapes.lamp, toys.train, shapes.brush,
        toys.tree, toys.cross, shapes.gear, toys.robot, shapes.can, toys.pawn, toys.spool,
        toys.cactus)},
    **{f'letter_{name}': shapes.letter(rows, lying=name in 'EFT')
       for name, rows in shapes.LETTERS.items()},
}
"""Builder of each family by name. E, F and T lie flat: they would fall over standing."""


def scaled(parts, factor, centre):
    """Return `parts` moved so that `centre` (3) is the origin, then scaled by `factor`."""
    return tuple(replace(
        part, size=tuple((factor * np.asarray(part.size)).tolist()),
        position=tuple((factor * (np.asarray(part.position) - centre)).tolist()))
        for part in parts)


def finish(name, family, parts, rng):
    """Return a HookObject: `parts` scaled and centred, with mass, damping and colour drawn."""
    low, high = bounding_box(parts)
    factor = rng.uniform(*EXTENT) / (high - low).max()
    bottom = factor * (low - high)[2] / 2
    return HookObject(
        name, family, scaled(parts, factor, (low + high) / 2), mass=rng.uniform(*MASS),
        damping=rng.uniform(*DAMPING), site=(0.0, 0.0, bottom + SITE_HEIGHT),
        rgba=(*colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.35, 0.75), 0.85), 1.0))


def unseen_objects(count=100):
    """Return the objects that follow the library."""
    known = len(make_library())
    return make_library(known + count)[known:]


def make_library(count=100, seed=2018):
    """Return `count` different objects, family after family; a longer library starts alike."""
    families = list(FAMILIES.items())
    objects = []
    for index in range(count):
        # one generator per object: changing a family does not change the others
        rng = np.random.default_rng([seed, index])
        family, build = families[index % len(families)]
        objects.append(finish(f'{family}_{index // len(families)}', family, build(rng), rng))
    return tuple(objects)
