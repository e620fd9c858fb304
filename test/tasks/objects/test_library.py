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

"""The hundred objects: different, of the paper's sizes and masses, repeatable, in one piece."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings, strategies as st
import make_objects as maker
import mujoco
import numpy as np
import pytest
from rpl_ros.tasks import make_task
from rpl_ros.tasks.objects.library import CUBE, library_objects, read_objects, unseen_objects
from rpl_ros.tasks.objects.parts import DEFAULT_FRICTION, ObjectError, Part
from rpl_ros.tasks.objects.sizing import bounding_box, DAMPING, EXTENT, half_extents, MASS
from rpl_ros.tasks.objects.slot import GEOM_TYPES
from rpl_ros.tasks.poses import matrix

SIM = Path(__file__).resolve().parents[3] / 'sim'
LIBRARY = library_objects()
by_name = pytest.mark.parametrize('obj', LIBRARY, ids=lambda obj: obj.name)

lengths = st.floats(0.001, 0.1)
# whole numbers: MuJoCo's own plane and cylinder miss by millimetres within 1e-15 of a right angle
quaternions = st.lists(st.integers(-9, 9), min_size=4, max_size=4).filter(any).map(
    lambda q: tuple(np.array(q) / np.linalg.norm(q)))


def extents(obj):
    low, high = bounding_box(obj.parts)
    return high - low


def test_a_hundred_different_objects_of_many_families():
    assert len(LIBRARY) == len({obj.name for obj in LIBRARY}) == 100
    assert len({obj.family for obj in LIBRARY}) == len(maker.FAMILIES) >= 20
    assert len({tuple((part.shape, part.size) for part in obj.parts) for obj in LIBRARY}) == 100


def test_heights_are_spread_like_the_authors_meshes():
    low, middle, high = np.percentile([extents(obj)[2] for obj in LIBRARY], [5, 50, 95])
    assert 0.007 < low < 0.021 and 0.05 < middle < 0.08 and 0.09 < high < 0.12


@pytest.mark.parametrize('seed', [2018, 0, 7])
def test_every_seed_keeps_the_limits(seed):
    for obj in maker.make_objects(90, seed):
        assert EXTENT[0] <= extents(obj).max() * (1 + 1e-9) <= EXTENT[1] * (1 + 2e-9)
        assert MASS[0] <= obj.mass <= MASS[1] and DAMPING[0] <= obj.damping <= DAMPING[1]
        assert 1 <= len(obj.parts) <= 14
        assert obj.friction == DEFAULT_FRICTION


@by_name
def test_frame_and_site(obj):
    low, high = bounding_box(obj.parts)
    np.testing.assert_allclose(low, -high, atol=1e-12)
    np.testing.assert_allclose(obj.site, [0, 0, low[2] + 0.007], atol=1e-12)


@by_name
def test_parts_hang_together(obj):
    """Walk from part to part over gaps below a tenth of a millimetre; none is left behind."""
    spec = mujoco.MjSpec()
    for part in obj.parts:
        spec.worldbody.add_geom(type=GEOM_TYPES[part.shape], size=part.size, pos=part.position,
                                quat=part.quaternion)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    reached, left = {0}, set(range(1, model.ngeom))
    while touching := {b for a in reached for b in left
                       if mujoco.mj_geomDistance(model, data, a, b, 1.0, None) < 1e-4}:
        reached, left = reached | touching, left - touching
    assert not left, f'{len(left)} of {model.ngeom} parts float apart'


@by_name
def test_stands_on_its_base(obj):
    """Resting on the floor for a second, the object neither leaves its place nor falls over."""
    spec = mujoco.MjSpec()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 0.1])
    body = spec.worldbody.add_body(pos=[0, 0, -bounding_box(obj.parts)[0][2]])
    body.add_joint(type=mujoco.mjtJoint.mjJNT_FREE, damping=[0.01, 0, 0])
    for part in obj.parts:
        body.add_geom(type=GEOM_TYPES[part.shape], size=part.size, pos=part.position,
                      quat=part.quaternion)
    for geom in body.geoms:
        geom.mass = obj.mass / len(obj.parts)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, 500)
    assert np.linalg.norm(data.qpos[:2]) < 0.02
    upright = matrix(data.qpos[3:7])[8]
    assert upright > np.cos(0.35), f'tilted by {np.degrees(np.arccos(upright)):.0f} degrees'


def test_the_file_holds_what_the_program_makes_to_the_last_bit():
    made = maker.make_objects(maker.COUNT, maker.SEED)
    assert read_objects() == made
    assert (SIM / 'objects.xml').read_text(encoding='utf-8') == maker.to_xml(made)


def test_same_seed_same_objects_and_shorter_is_a_prefix():
    assert maker.make_objects(30, 2018) == LIBRARY[:30]
    assert maker.make_objects(30, 2019) != LIBRARY[:30]


def test_mujoco_reads_the_file():
    model = mujoco.MjModel.from_xml_path(str(SIM / 'objects.xml'))
    assert model.nbody == 201 and model.ngeom == sum(len(obj.parts) for obj in read_objects())


def test_unseen_objects_are_of_the_same_families_and_none_of_the_library():
    unseen = unseen_objects()
    assert len(unseen) == 100 and {each.family for each in unseen} == set(maker.FAMILIES)
    assert not {each.parts for each in unseen} & {each.parts for each in LIBRARY}
    assert not {each.name for each in unseen} & {each.name for each in LIBRARY}
    task = make_task('complex_hook', 0, 'unseen')
    task.reset(3)
    assert task.objects == unseen and task.thing in unseen


def test_library_does_not_touch_the_global_random_state():
    before = np.random.get_state()[1].copy()
    maker.make_objects(10, 0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_cube_is_the_papers_block():
    np.testing.assert_allclose(bounding_box(CUBE.parts), [[-0.025] * 3, [0.025] * 3])
    assert (CUBE.mass, CUBE.damping, CUBE.site) == (2.0, 0.01, (0, 0, 0))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(set(GEOM_TYPES) - {'mesh'})), lengths, lengths, lengths, quaternions)
def test_bounding_box_is_exact(shape, a, b, c, turn):
    """Compare with the support of MuJoCo: a plane at the box's face touches the turned part."""
    part = Part(shape, (a, b, c), quaternion=turn)
    box = half_extents(part)
    for axis, normal in enumerate(([0.5, 0.5, 0.5, 0.5], [0.5, -0.5, -0.5, -0.5], [1, 0, 0, 0])):
        # the plane's z axis points along +x, +y, +z
        spec = mujoco.MjSpec()
        place = np.zeros(3)
        place[axis] = -box[axis]
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 1], quat=normal,
                                pos=place)
        spec.worldbody.add_body().add_geom(type=GEOM_TYPES[shape], size=part.size, quat=turn)
        model = spec.compile()
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        assert abs(mujoco.mj_geomDistance(model, data, 0, 1, 1.0, None)) < 1e-9


def test_unknown_shape_is_refused():
    with pytest.raises(ObjectError, match='teapot.*expected box'):
        bounding_box([replace(CUBE.parts[0], shape='teapot')])
