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
Make the objects of ComplexHook: `python sim/make_objects/make_objects.py` writes sim/objects.xml.

The library is the first hundred, the unseen objects the other hundred: family after family. The
authors' meshes come without a usable licence, so these are our own, with the sizes, masses and
dampings their scenes were drawn with.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from rpl_ros.tasks.objects.parts import HookObject
from rpl_ros.tasks.objects.sizing import make_object
import shapes
import toys

COUNT, SEED = 200, 2018
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


def make_objects(count: int, seed: int) -> tuple[HookObject, ...]:
    """Return `count` different objects, family after family; more objects begin alike."""
    families = list(FAMILIES.items())
    objects = []
    for index in range(count):
        # one generator per object: changing a family does not change the others
        rng = np.random.default_rng([seed, index])
        family, build = families[index % len(families)]
        objects.append(make_object(f'{family}_{index // len(families)}', family, build(rng), rng))
    return tuple(objects)


def text(numbers: tuple[float, ...]) -> str:
    """Return numbers for an attribute: reading them again gives the same ones to the last bit."""
    return ' '.join(repr(float(number)) for number in numbers)


def to_xml(objects: tuple[HookObject, ...]) -> str:
    """Return objects as MJCF, which MuJoCo's viewer can show."""
    root = ElementTree.Element('mujoco', model='objects')
    world, custom = ElementTree.SubElement(root, 'worldbody'), ElementTree.Element('custom')
    for number, item in enumerate(objects):
        body = ElementTree.SubElement(world, 'body', name=item.name,
                                      pos=f'{number % 20 * 0.15:g} {number // 20 * 0.15:g} 0')
        ElementTree.SubElement(body, 'site', pos=text(item.site), size='0.002')
        for part in item.parts:
            ElementTree.SubElement(body, 'geom', type=part.shape, size=text(part.size),
                                   pos=text(part.position), quat=text(part.quaternion),
                                   rgba=text(item.rgba))
        ElementTree.SubElement(custom, 'numeric', name=f'{item.name} mass and damping',
                               data=text((item.mass, item.damping)))
    root.append(custom)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding='unicode') + '\n'


if __name__ == '__main__':
    place = Path(__file__).resolve().parents[1] / 'objects.xml'
    place.write_text(to_xml(make_objects(COUNT, SEED)), encoding='utf-8')
    print(place)
