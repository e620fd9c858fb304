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

"""Toys, animals and plants from convex parts; see shapes.py for what the functions return."""

import math

import numpy as np
from shapes import about, ALONG_X, ALONG_Y, box, cylinder, ellipsoid, legs, ring, rod, sphere


def wheels(xs, y, radius):
    """Return two wheels, standing on z = 0, at each of the places `xs`."""
    return [cylinder(x, s * y, radius, radius, 0.07, ALONG_Y) for x in xs for s in (-1, 1)]


def car(rng):
    """Return a car."""
    long, wide, tall = rng.uniform(0.7, 1.0), rng.uniform(0.3, 0.4), rng.uniform(0.14, 0.25)
    radius, cabin = rng.uniform(0.16, 0.24), rng.uniform(0.3, 0.5)
    top = radius + 2 * tall
    return wheels((-0.6 * long, 0.6 * long), wide, radius) + [
        box(0, 0, radius + tall, (long, wide, tall)),
        box(-rng.uniform(0, 0.3), 0, top + 0.14, (cabin, 0.85 * wide, 0.16)),
        box(long, 0, radius + 0.5 * tall, (0.06, wide, 0.06))]


def train(rng):
    """Return a steam engine."""
    long, radius, boiler = rng.uniform(0.6, 0.9), rng.uniform(0.15, 0.2), rng.uniform(0.2, 0.28)
    deck = 1.7 * radius
    return wheels((-0.7 * long, 0, 0.7 * long), 0.25, radius) + [
        box(0, 0, deck, (long, 0.26, 0.07)),
        cylinder(0.25 * long, 0, deck + boiler, boiler, 0.7 * long, ALONG_X),
        box(-0.7 * long, 0, deck + 0.35, (0.3 * long, 0.27, rng.uniform(0.32, 0.45))),
        cylinder(0.75 * long, 0, deck + 2 * boiler + 0.1, 0.08, rng.uniform(0.12, 0.22))]


def boat(rng):
    """Return a sailing boat on a flat keel."""
    long, wide, tall = rng.uniform(0.5, 0.8), rng.uniform(0.22, 0.32), rng.uniform(0.12, 0.2)
    mast = rng.uniform(0.6, 1.0)
    side = wide * math.sqrt(0.5)
    return [box(0, 0, tall, (long, wide, tall)),
            box(long, 0, tall, (side, side, tall), about('z', math.pi / 4)),
            box(-0.5 * long, 0, 2 * tall + 0.1, (0.3 * long, 0.6 * wide, 0.12)),
            rod((0.15 * long, 0, tall), (0.15 * long, 0, 2 * tall + mast), 0.04),
            box(0.15 * long - 0.22, 0, 2 * tall + 0.55 * mast, (0.22, 0.02, 0.35 * mast))]


def plane(rng):
    """Return an aeroplane on three feet."""
    long, span, radius = rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9), rng.uniform(0.12, 0.17)
    z, deep = radius + 0.12, rng.uniform(0.12, 0.2)
    feet = [rod((x, y, 0.05), (x, 0.5 * y, z), 0.05)
            for x, y in ((0.7 * long, 0), (-0.1, 0.25), (-0.1, -0.25))]
    return feet + [rod((-long, 0, z), (long, 0, z), radius), box(0.1, 0, z, (deep, span, 0.03)),
                   box(-long, 0, z + 0.05, (0.09, 0.4 * span, 0.03)),
                   box(-long, 0, z + 0.2, (0.1, 0.03, 0.2)),
                   box(long + radius, 0, z, (0.02, 0.05, 0.28), about('x', rng.uniform(0, 1)))]


def rocket(rng):
    """Return a rocket on four fins."""
    radius, tall, fin = rng.uniform(0.2, 0.3), rng.uniform(0.5, 0.8), rng.uniform(0.15, 0.3)
    fins = [box((radius + fin / 2) * math.cos(a), (radius + fin / 2) * math.sin(a), 0.25,
                (fin / 2 + 0.04, 0.03, 0.25), about('z', a)) for a in np.arange(4) * math.pi / 2]
    return fins + [cylinder(0, 0, tall + 0.15, radius, tall),
                   cylinder(0, 0, 0.12, 0.7 * radius, 0.06),
                   ellipsoid(0, 0, 2 * tall + 0.15, (radius, radius, rng.uniform(0.35, 0.6)))]


def duck(rng):
    """Return a bath duck."""
    long, wide, tall = rng.uniform(0.5, 0.65), rng.uniform(0.35, 0.45), rng.uniform(0.3, 0.4)
    head, x = rng.uniform(0.2, 0.28), 0.6 * long
    top = 1.75 * tall + 0.6 * head
    wings = [ellipsoid(-0.1, s * 0.9 * wide, 1.1 * tall, (0.3, 0.09, 0.16)) for s in (-1, 1)]
    return wings + [
        ellipsoid(0, 0, tall, (long, wide, tall)), sphere(x, 0, top, head),
        cylinder(0, 0, 0.06, 0.6 * wide, 0.06),
        ellipsoid(x + head, 0, top - 0.05, (0.17, 0.12, 0.05)),
        ellipsoid(-long, 0, 1.4 * tall, (0.22, 0.15, 0.08), about('y', rng.uniform(0.4, 0.8)))]


def dog(rng):
    """Return a dog."""
    long, tall, radius = rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.55), rng.uniform(0.17, 0.24)
    z, nose = tall + 0.7 * radius, rng.uniform(0.15, 0.3)
    x, top = long + 0.15, tall + 0.7 * radius + rng.uniform(0.2, 0.35)
    ears = [box(x - 0.05, s * 0.17, top + 0.12, (0.07, 0.04, 0.13)) for s in (-1, 1)]
    return legs(long - 0.05, 0.7 * radius, tall + 0.1, 0.07) + ears + [
        rod((-long, 0, z), (long, 0, z), radius), sphere(x, 0, top, 0.21),
        rod((x, 0, top - 0.05), (x + nose, 0, top - 0.08), 0.1),
        rod((-long - 0.1, 0, z), (-long - 0.35, 0, z + rng.uniform(0.1, 0.4)), 0.05)]


def elephant(rng):
    """Return an elephant."""
    long, tall, radius = rng.uniform(0.5, 0.65), rng.uniform(0.3, 0.45), rng.uniform(0.35, 0.42)
    z, x = tall + 0.7 * radius, long + 0.12
    feet = [cylinder(sx * 0.5 * long, sy * 0.5 * radius, tall / 2, 0.12, tall / 2)
            for sx in (-1, 1) for sy in (-1, 1)]
    ears = [ellipsoid(x - 0.08, s * 0.33, z + 0.2, (0.06, 0.2, 0.25)) for s in (-1, 1)]
    tip = rng.uniform(0.1, 0.3)
    return feet + ears + [
        ellipsoid(0, 0, z, (long, 0.85 * radius, radius)), sphere(x, 0, z + 0.15, 0.27),
        rod((x + 0.2, 0, z + 0.1), (x + 0.35, 0, tip + 0.1), 0.08),
        rod((x + 0.35, 0, tip + 0.1), (x + 0.55, 0, tip), 0.07),
        rod((-0.95 * long, 0, z), (-long - 0.12, 0, z - 0.25), 0.04)]


def teddy(rng):
    """Return a sitting teddy bear."""
    belly, head = rng.uniform(0.33, 0.42), rng.uniform(0.26, 0.34)
    tall, reach = rng.uniform(0.38, 0.48), rng.uniform(0.3, 0.45)
    top = 2 * tall + 0.7 * head
    pairs = [part for s in (-1, 1) for part in (
        sphere(0, s * 0.75 * head, top + 0.75 * head, 0.35 * head),
        rod((0.05, s * 0.8 * belly, 1.5 * tall), (0.2, s * (belly + reach), tall), 0.11),
        rod((0.1, s * 0.5 * belly, 0.14), (0.25 + reach, s * 0.8 * belly, 0.14), 0.14))]
    return pairs + [ellipsoid(0, 0, tall, (0.85 * belly, belly, tall)), sphere(0, 0, top, head),
                    ellipsoid(head, 0, top - 0.06, (0.12, 0.13, 0.1))]


def snowman(rng):
    """Return a snowman with hat and carrot."""
    low, mid, head = rng.uniform(0.38, 0.46), rng.uniform(0.27, 0.34), rng.uniform(0.18, 0.25)
    z1 = 1.7 * low + 0.7 * mid
    z2 = z1 + 0.8 * mid + 0.8 * head
    arms = [rod((0, s * 0.8 * mid, z1), (0, s * (mid + 0.3), z1 + rng.uniform(0, 0.2)), 0.04)
            for s in (-1, 1)]
    return arms + [cylinder(0, 0, 0.06, 0.7 * low, 0.06), sphere(0, 0, low, low),
                   sphere(0, 0, z1, mid), sphere(0, 0, z2, head),
                   rod((head, 0, z2), (head + rng.uniform(0.1, 0.2), 0, z2), 0.05),
                   cylinder(0, 0, z2 + 0.75 * head, 1.2 * head, 0.03),
                   cylinder(0, 0, z2 + 0.75 * head + 0.14, 0.75 * head, 0.14)]


def robot(rng):
    """Return a toy robot."""
    x, y, tall = rng.uniform(0.15, 0.25), rng.uniform(0.25, 0.35), rng.uniform(0.25, 0.4)
    leg, head = rng.uniform(0.15, 0.25), rng.uniform(0.14, 0.2)
    mid = 2 * leg + tall
    pairs = [part for s in (-1, 1) for part in (
        box(0, s * 0.5 * y, leg, (0.1, 0.09, leg)),
        box(0.06, s * 0.5 * y, 0.06, (0.2, 0.12, 0.06)),
        rod((0, s * (y + 0.07), mid + 0.7 * tall), (0.25, s * (y + 0.12), mid - 0.4 * tall),
            0.08))]
    return pairs + [box(0, 0, mid, (x, y, tall)),
                    box(0, 0, mid + tall + head, (0.9 * head, 1.2 * head, head)),
                    rod((0, 0, mid + tall + 2 * head), (0, 0, mid + tall + 2 * head + 0.15), 0.03)]


def pawn(rng):
    """Return a chess pawn."""
    foot, waist, head = rng.uniform(0.32, 0.42), rng.uniform(0.13, 0.2), rng.uniform(0.2, 0.27)
    tall = rng.uniform(0.5, 0.8)
    return [cylinder(0, 0, 0.08, foot, 0.08), cylinder(0, 0, 0.2, 0.8 * foot, 0.06),
            cylinder(0, 0, 0.2 + tall / 2, waist, tall / 2),
            cylinder(0, 0, 0.2 + tall, 0.9 * head, 0.05), sphere(0, 0, 0.2 + tall + head, head)]


def torus(rng):
    """Return a ring lying flat."""
    radius, thick = rng.uniform(0.5, 0.7), rng.uniform(0.1, 0.25)
    return ring(14, radius, thick, (rng.uniform(0.1, 0.25), 0, thick))


def star(rng):
    """Return a star with five points, lying flat."""
    radius, thick, side = rng.uniform(0.34, 0.4), rng.uniform(0.08, 0.2), rng.uniform(0.17, 0.24)
    points = [box(radius * math.cos(a), radius * math.sin(a), thick, (side, side, thick),
                  about('z', a + math.pi / 4)) for a in np.arange(5) * 2 * math.pi / 5]
    return points + [cylinder(0, 0, 1.1 * thick, 0.75 * radius, 1.1 * thick)]


def cross(rng):
    """Return a jack, a cross in three dimensions, on a foot."""
    x, y, tall = rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.7), rng.uniform(0.5, 0.8)
    thick = rng.uniform(0.1, 0.16)
    return [box(0, 0, tall, (x, thick, thick)), box(0, 0, tall, (thick, y, thick)),
            box(0, 0, tall, (thick, thick, tall)), box(0, 0, 0.06, (0.35, 0.35, 0.06))]


def spool(rng):
    """Return a spool of thread standing on its flange."""
    radius, tall = rng.uniform(0.35, 0.55), rng.uniform(0.35, 0.7)
    return [cylinder(0, 0, 0.08, radius, 0.08), cylinder(0, 0, 2 * tall, radius, 0.08),
            cylinder(0, 0, tall, rng.uniform(0.4, 0.8) * radius, tall)]


def mushroom(rng):
    """Return a mushroom."""
    stalk, tall, cap = rng.uniform(0.15, 0.24), rng.uniform(0.3, 0.5), rng.uniform(0.4, 0.6)
    return [cylinder(0, 0, 0.05, 1.5 * stalk, 0.05), cylinder(0, 0, tall, stalk, tall),
            ellipsoid(0, 0, 2 * tall, (cap, cap, rng.uniform(0.2, 0.35))),
            cylinder(0, 0, 2 * tall - 0.03, 0.97 * cap, 0.04)]


def tree(rng):
    """Return a fir: a trunk and leaning rings for branches."""
    foot, tall = rng.uniform(0.4, 0.55), rng.uniform(0.15, 0.25)
    tiers = [cylinder(0, 0, 2 * tall + 0.13 + 0.26 * i, foot * (1 - i / 5), 0.13)
             for i in range(5)]
    return [cylinder(0, 0, tall, 0.13, tall), cylinder(0, 0, 0.04, 0.3, 0.04)] + tiers


def cactus(rng):
    """Return a cactus with two arms in a pot."""
    radius, tall = rng.uniform(0.13, 0.2), rng.uniform(0.8, 1.2)
    arms = []
    for side in (-1, 1):
        out, z = side * rng.uniform(0.35, 0.5), tall * rng.uniform(0.5, 0.75)
        arms += [rod((0, 0, z), (out, 0, z), 0.6 * radius),
                 rod((out, 0, z), (out, 0, z + rng.uniform(0.2, 0.4)), 0.6 * radius)]
    return arms + [cylinder(0, 0, 0.18, rng.uniform(0.25, 0.35), 0.18),
                   rod((0, 0, 0.2), (0, 0, tall + 0.2), radius)]
