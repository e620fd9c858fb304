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
Everyday shapes from convex parts: crockery, furniture, tools, letters, buildings.

Each function draws its proportions from a numpy Generator and returns a list of at most 14 Part,
z up, in any unit and anywhere: the library scales and centres them afterwards.
"""

import math

import numpy as np
from rpl_ros.tasks.objects.parts import IDENTITY, Part

ALONG_X = (math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0)
ALONG_Y = (math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0)


def about(axis, angle):
    """Return the quaternion that turns by `angle` rad about 'x', 'y' or 'z'."""
    turn = {'x': 1, 'y': 2, 'z': 3}[axis]
    return tuple(math.cos(angle / 2) if i == 0 else math.sin(angle / 2) * (i == turn)
                 for i in range(4))


def product(first, second):
    """Return the quaternion that turns by `second`, then by `first`."""
    w, v = first[0], np.array(first[1:])
    p, u = second[0], np.array(second[1:])
    return (w * p - v @ u, *(w * u + p * v + np.cross(v, u)).tolist())


def box(x, y, z, half, turn=IDENTITY):
    """Return a box at (x, y, z) with `half` sizes (3)."""
    return Part('box', tuple(map(float, half)), (x, y, z), turn)


def cylinder(x, y, z, radius, half, turn=IDENTITY):
    """Return a cylinder at (x, y, z) of half length `half`, along z before `turn`."""
    return Part('cylinder', (radius, half, 0.0), (x, y, z), turn)


def sphere(x, y, z, radius):
    """Return a sphere."""
    return Part('sphere', (radius, 0.0, 0.0), (x, y, z))


def ellipsoid(x, y, z, half, turn=IDENTITY):
    """Return an ellipsoid with half axes `half` (3)."""
    return Part('ellipsoid', tuple(map(float, half)), (x, y, z), turn)


def rod(start, end, radius, shape='capsule'):
    """Return a capsule (or cylinder) whose axis runs from `start` to `end`."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    x, y, z = end - start
    length = math.sqrt(x * x + y * y + z * z)
    turn = product(about('z', math.atan2(y, x)), about('y', math.acos(z / length)))
    return Part(shape, (radius, length / 2, 0.0), tuple(((start + end) / 2).tolist()), turn)


def ring(count, radius, z, half, lean=0.0, offset=0.0):
    """
    Return `count` boxes around the z axis; `half` is (radial, -, up), `lean` outwards, rad.

    The boxes' tangential size is what closes the ring at its outer side.
    """
    wide = radius + half[0] * math.cos(lean) + half[-1] * abs(math.sin(lean))
    wide *= math.tan(math.pi / count)
    parts = []
    for i in range(count):
        angle = 2 * math.pi * i / count + offset
        turn = product(about('z', angle), about('y', lean))
        parts.append(box(radius * math.cos(angle), radius * math.sin(angle), z,
                         (half[0], wide, half[-1]), turn))
    return parts


def bowl(rng):
    """Return a bowl: a disc and a leaning wall."""
    radius, tall, lean = rng.uniform(0.45, 0.7), rng.uniform(0.25, 0.4), rng.uniform(0.35, 0.7)
    wall = ring(12, radius + tall * math.sin(lean), tall * math.cos(lean),
                (0.06, 0, tall + 0.05), lean)
    return [cylinder(0, 0, 0.02, radius + 0.05, 0.07)] + wall


def cup(rng):
    """Return a cup with a handle."""
    radius, tall = rng.uniform(0.35, 0.5), rng.uniform(0.4, 0.65)
    low, high, out = 0.5 * tall, 1.5 * tall, radius + rng.uniform(0.25, 0.4)
    handle = [rod((radius, 0, high), (out, 0, high), 0.06),
              rod((out, 0, high), (out, 0, low), 0.06),
              rod((out, 0, low), (radius, 0, low), 0.06)]
    wall = ring(10, radius, tall, (0.05, 0, tall), offset=math.pi / 10)
    return [cylinder(0, 0, 0.05, radius, 0.05)] + wall + handle


def bottle(rng):
    """Return a bottle with a cap."""
    radius, tall, neck = rng.uniform(0.28, 0.45), rng.uniform(0.5, 0.8), rng.uniform(0.1, 0.16)
    return [cylinder(0, 0, tall, radius, tall), ellipsoid(0, 0, 2 * tall, (radius, radius, 0.35)),
            cylinder(0, 0, 2 * tall + 0.45, neck, 0.22),
            cylinder(0, 0, 2 * tall + 0.72, 1.25 * neck, 0.08)]


def can(rng):
    """Return a drink can: a cylinder with two rims and a tab."""
    radius, tall = rng.uniform(0.4, 0.6), rng.uniform(0.5, 0.9)
    return [cylinder(0, 0, tall, radius, tall - 0.1), cylinder(0, 0, 0.05, 0.85 * radius, 0.05),
            cylinder(0, 0, 2 * tall - 0.05, 0.85 * radius, 0.05),
            box(0.2 * radius, 0, 2 * tall + 0.02, (0.4 * radius, 0.15 * radius, 0.02))]


def teapot(rng):
    """Return a teapot with spout, handle and lid."""
    radius, tall = rng.uniform(0.5, 0.65), rng.uniform(0.4, 0.55)
    back, top = -radius - rng.uniform(0.25, 0.35), 1.35 * tall
    return [ellipsoid(0, 0, tall, (radius, radius, tall)),
            cylinder(0, 0, 0.04, 0.7 * radius, 0.08),
            sphere(0, 0, 2 * tall + 0.06, 0.1), cylinder(0, 0, 1.9 * tall, 0.5 * radius, 0.05),
            rod((0.7 * radius, 0, 0.8 * tall), (radius + 0.35, 0, 1.7 * tall), 0.09),
            rod((-0.8 * radius, 0, top), (back, 0, top), 0.06),
            rod((back, 0, top), (back, 0, 0.6 * tall), 0.06),
            rod((back, 0, 0.6 * tall), (-0.8 * radius, 0, 0.6 * tall), 0.06)]


def legs(x, y, tall, thick):
    """Return four box legs at (+-x, +-y), from z = 0 to `tall`."""
    return [box(sx * x, sy * y, tall / 2, (thick, thick, tall / 2))
            for sx in (-1, 1) for sy in (-1, 1)]


def chair(rng):
    """Return a chair with back posts and two slats."""
    wide, tall = rng.uniform(0.3, 0.4), rng.uniform(0.45, 0.65)
    back, deep = rng.uniform(0.45, 0.75), rng.uniform(0.3, 0.4)
    slats = [box(-deep, 0, tall + back * s, (0.04, wide, 0.09)) for s in (0.5, 0.95)]
    posts = [box(-deep, s * (wide - 0.05), tall + back / 2, (0.05, 0.05, back / 2))
             for s in (-1, 1)]
    return [box(0, 0, tall, (deep + 0.05, wide, 0.05))] + legs(
        deep, wide - 0.05, tall, 0.05) + posts + slats


def stool(rng):
    """Return a stool with three splayed legs."""
    radius, tall, out = rng.uniform(0.3, 0.45), rng.uniform(0.6, 1.0), rng.uniform(0.3, 0.5)
    feet = [(math.cos(a), math.sin(a)) for a in (0.0, 2 * math.pi / 3, 4 * math.pi / 3)]
    return [cylinder(0, 0, tall, radius, 0.07)] + [
        rod((out * c, out * s, 0.05), (0.6 * radius * c, 0.6 * radius * s, tall), 0.06)
        for c, s in feet]


def table(rng):
    """Return a table with a shelf."""
    x, y, tall = rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.5), rng.uniform(0.5, 0.8)
    return [box(0, 0, tall, (x, y, 0.05)), box(0, 0, tall * rng.uniform(0.25, 0.5),
                                               (x - 0.1, y - 0.1, 0.03))] + legs(
        x - 0.1, y - 0.1, tall, 0.06)


def lamp(rng):
    """Return a table lamp: foot, stem and a shade that widens downwards."""
    tall, shade = rng.uniform(0.8, 1.2), rng.uniform(0.3, 0.4)
    return [cylinder(0, 0, 0.06, rng.uniform(0.25, 0.4), 0.06),
            cylinder(0, 0, tall / 2, 0.06, tall / 2)] + ring(
        10, shade, tall, (0.03, 0, 0.25), lean=-0.3) + [cylinder(0, 0, tall, shade, 0.03)]


def hammer(rng):
    """Return a hammer lying on its side."""
    long, head, radius = rng.uniform(0.7, 1.0), rng.uniform(0.25, 0.4), rng.uniform(0.1, 0.15)
    return [rod((-long, 0, radius), (long, 0, radius), 0.07, 'cylinder'),
            cylinder(-long + 0.25, 0, radius, 0.09, 0.25, ALONG_X),
            rod((long, -head, radius), (long, head, radius), radius, 'cylinder'),
            box(long, head + 0.1, radius, (radius, 0.15, 0.04))]


def wrench(rng):
    """Return an open-ended wrench lying flat, with a ring at the other end."""
    long, thick, jaw = rng.uniform(0.6, 0.9), rng.uniform(0.06, 0.1), rng.uniform(0.16, 0.24)
    open_end = [box(long + 0.12, s * jaw, thick, (0.2, 0.07, thick), about('z', -s * 0.2))
                for s in (-1, 1)]
    eye = [Part(p.shape, p.size, (p.position[0] - long - jaw, *p.position[1:]), p.quaternion)
           for p in ring(8, jaw, thick, (0.07, 0, thick))]
    return [box(0, 0, thick, (long, 0.1, 0.7 * thick)),
            box(long - 0.05, 0, thick, (0.08, jaw + 0.06, thick))] + open_end + eye


def brush(rng):
    """Return a brush on its bristles."""
    long, wide, tall = rng.uniform(0.35, 0.55), rng.uniform(0.12, 0.2), rng.uniform(0.1, 0.25)
    rows = [box(x, 0, tall, (0.09, wide - 0.02, tall)) for x in np.linspace(-long, long, 4) * 0.8]
    return rows + [box(0, 0, 2 * tall + 0.05, (long, wide, 0.06)),
                   rod((long, 0, 2 * tall + 0.05), (long + rng.uniform(0.6, 1.0), 0,
                                                    2 * tall + rng.uniform(0.05, 0.3)), 0.06)]


def dumbbell(rng):
    """Return a dumbbell with two discs on each side."""
    long, big, small = rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.45), rng.uniform(0.18, 0.28)
    discs = [cylinder(s * x, 0, big, radius, 0.09, ALONG_X) for s in (-1, 1)
             for x, radius in ((long, big), (long + 0.17, small))]
    return [cylinder(0, 0, big, 0.09, long + 0.35, ALONG_X)] + discs


def key(rng):
    """Return a key lying flat."""
    eye, long, thick = rng.uniform(0.2, 0.3), rng.uniform(0.7, 1.0), rng.uniform(0.05, 0.08)
    teeth = [box(eye + long - x, -0.16, thick, (0.05, deep, thick))
             for x, deep in zip((0.05, 0.22, 0.39), rng.uniform(0.08, 0.15, 3))]
    return ring(8, eye, thick, (0.07, 0, thick)) + [
        box(eye + long / 2, 0, thick, (long / 2, 0.07, thick))] + teeth


def gear(rng):
    """Return a gear wheel lying flat, with a stub axle."""
    radius, thick = rng.uniform(0.4, 0.55), rng.uniform(0.08, 0.15)
    teeth = [box(radius * math.cos(a), radius * math.sin(a), thick, (0.2, 0.08, thick),
                 about('z', a)) for a in np.arange(10) * math.pi / 5]
    return [cylinder(0, 0, thick, radius, thick), cylinder(
        0, 0, 2 * thick, rng.uniform(0.12, 0.2), 2 * thick)] + teeth


def letter(rows, lying=False):
    """Return a builder of a letter from bars (x, y, half x, half y), lying or standing."""
    def build(rng):
        slim, wide, thick = rng.uniform(0.7, 1.3), rng.uniform(0.6, 1.0), rng.uniform(0.1, 0.3)
        parts = []
        for x, y, across, up in rows:
            across, up = (across * (slim if across < up else wide),
                          up * (slim if up < across else 1.0))
            parts.append(box(x * wide, y, thick, (across, up, thick)) if lying else
                         box(x * wide, 0.0, y, (across, thick, up)))
        return parts
    return build


LETTERS = {
    'E': ((-0.4, 0, 0.1, 0.7), (0, 0.6, 0.5, 0.1), (0, -0.6, 0.5, 0.1), (-0.05, 0, 0.4, 0.1)),
    'F': ((-0.4, 0, 0.1, 0.7), (0, 0.6, 0.5, 0.1), (-0.1, 0, 0.4, 0.1)),
    'H': ((-0.4, 0, 0.1, 0.7), (0.4, 0, 0.1, 0.7), (0, 0, 0.4, 0.1)),
    'L': ((-0.4, 0, 0.1, 0.7), (0, -0.6, 0.5, 0.1)),
    'T': ((0, 0, 0.1, 0.7), (0, 0.6, 0.5, 0.1)),
    'U': ((-0.4, 0, 0.1, 0.7), (0.4, 0, 0.1, 0.7), (0, -0.6, 0.5, 0.1)),
}


def stairs(rng):
    """Return three to six steps."""
    count, deep, wide = int(rng.integers(3, 7)), rng.uniform(0.12, 0.25), rng.uniform(0.3, 0.5)
    rise = rng.uniform(0.08, 0.15)
    return [box(2 * deep * i, 0, rise * (i + 1), (deep, wide, rise * (i + 1)))
            for i in range(count)]


def pyramid(rng):
    """Return four to seven stacked square boxes, each smaller."""
    count, high = int(rng.integers(4, 8)), rng.uniform(0.06, 0.12)
    return [box(0, 0, high * (2 * i + 1), (0.6 * (1 - i / count),) * 2 + (high,))
            for i in range(count)]


def arch(rng):
    """Return an arch of two pillars and seven stones."""
    radius, pillar, deep = rng.uniform(0.35, 0.5), rng.uniform(0.15, 0.4), rng.uniform(0.15, 0.3)
    thick = rng.uniform(0.08, 0.13)
    stones = [box(radius * math.cos(a), 0, 2 * pillar + radius * math.sin(a),
                  (thick, deep, (radius + thick) * math.tan(math.pi / 14)), about('y', -a))
              for a in (np.arange(7) + 0.5) * math.pi / 7]
    return [box(s * radius, 0, pillar, (thick, deep, pillar)) for s in (-1, 1)] + stones


def house(rng):
    """Return a house with a gable roof and a chimney."""
    x, y, tall = rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.4), rng.uniform(0.25, 0.4)
    side = y * math.sqrt(0.5)
    # the lower half of the turned square is inside the walls unless they are too low
    return [box(0, 0, tall, (x, y, tall)),
            box(0, 0, 2 * tall, (x, side, min(side, tall * 1.2)), about('x', math.pi / 4)),
            box(x / 2, y / 2, 2 * tall + 0.25, (0.07, 0.07, 0.28))]


def tower(rng):
    """Return a castle tower with battlements."""
    radius, tall = rng.uniform(0.28, 0.4), rng.uniform(0.5, 0.8)
    teeth = [box(radius * math.cos(a), radius * math.sin(a), 2 * tall + 0.22, (0.09, 0.1, 0.12),
                 about('z', a)) for a in np.arange(6) * math.pi / 3]
    return [cylinder(0, 0, 0.08, 1.35 * radius, 0.08), cylinder(0, 0, tall, radius, tall),
            cylinder(0, 0, 2 * tall, 1.25 * radius, 0.1)] + teeth
