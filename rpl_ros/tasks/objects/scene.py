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

"""A scene with the Fetch in which object and bumps change from episode to episode."""

from collections.abc import Mapping, Sequence

import numpy as np
from rpl_ros.tasks.fetch import Fetch, load_scene
from rpl_ros.tasks.fetch_facts import TABLE_TOP
from rpl_ros.tasks.objects.bumps import add_bumps, put_bumps
from rpl_ros.tasks.objects.parts import HookObject
from rpl_ros.tasks.objects.sizing import bounding_box
from rpl_ros.tasks.objects.slot import add_slot, find_slot, put_object


class ObjectScene(Fetch):
    """A Fetch scene with room for any of some objects; it is compiled once."""

    def __init__(self, scene: str, objects: Sequence[HookObject],
                 meshes: Mapping[str, bytes]) -> None:
        mj_spec = load_scene(scene, meshes)
        add_slot(mj_spec, objects)
        add_bumps(mj_spec)
        super().__init__(mj_spec.compile())
        self._slot = find_slot(self.model, meshes)

    def put_object(self, thing: HookObject) -> None:
        """Make `object0` the object `thing`; ObjectError if the scene was built without it."""
        put_object(self.model, self.data, thing, self._slot)

    def place_above_table(self, thing: HookObject, place: np.ndarray) -> None:
        """Put the object `thing` 2 mm above the table at `place` (2,), m, without velocity."""
        height = TABLE_TOP + 0.002 - bounding_box(thing.parts)[0][2]
        self.place_object(np.r_[place, height, 1, 0, 0, 0])

    def put_bumps(self, bumps: Sequence[Sequence[float]] | np.ndarray) -> None:
        """Put `bumps` (n, 5) on the table in place of those that were there."""
        put_bumps(self.model, bumps)
