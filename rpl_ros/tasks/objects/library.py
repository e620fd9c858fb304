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

`sim/make_objects` has made them; this module only reads them.
"""

from functools import cache
from xml.etree import ElementTree

from rpl_ros.common.assets import share
from rpl_ros.tasks.objects.parts import HookObject, Numbers, Part

CUBE = HookObject('cube', 'cube', (Part('box', (0.025, 0.025, 0.025)),), mass=2.0, damping=0.01,
                  site=(0.0, 0.0, 0.0), rgba=(0.5, 0.0, 0.0, 1.0))
"""The block of the noiseless hook task."""

LIBRARY_SIZE = 100


@cache
def read_objects() -> tuple[HookObject, ...]:
    """Return the objects of sim/objects.xml (MJCF): those of the library, then the unseen ones."""
    root = ElementTree.parse(share('sim') / 'objects.xml').getroot()
    drawn = {item.get('name', ''): _numbers(item, 'data') for item in root.iter('numeric')}
    return tuple(_read_object(body, *drawn[f'{body.get("name")} mass and damping'])
                 for body in root.iter('body'))


def _read_object(body: ElementTree.Element, mass: float, damping: float) -> HookObject:
    geoms, (site, *_) = body.findall('geom'), body.findall('site')
    parts = tuple(Part(geom.get('type', ''), _numbers(geom, 'size'), _numbers(geom, 'pos'),
                       _numbers(geom, 'quat')) for geom in geoms)
    name = body.get('name', '')
    return HookObject(name, name.rpartition('_')[0], parts, mass, damping, _numbers(site, 'pos'),
                      rgba=_numbers(geoms[0], 'rgba'))


def _numbers(element: ElementTree.Element, name: str) -> Numbers:
    return tuple(map(float, element.get(name, '').split()))


def library_objects() -> tuple[HookObject, ...]:
    """Return the hundred objects of the library, which training uses."""
    return read_objects()[:LIBRARY_SIZE]


def unseen_objects() -> tuple[HookObject, ...]:
    """Return the hundred other objects of the same families, which no training uses."""
    return read_objects()[LIBRARY_SIZE:]
