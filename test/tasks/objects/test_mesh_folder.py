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

"""A folder of meshes: scaled and centred objects, or one clear reason why not."""

import mujoco
import numpy as np
import pytest
from rpl_ros.tasks.objects.mesh_folder import binary_stl, load_mesh_folder
from rpl_ros.tasks.objects.parts import ObjectError
from rpl_ros.tasks.objects.sizing import bounding_box, DAMPING, EXTENT, MASS
from rpl_ros.tasks.objects.slot import add_slot, compile_object, find_slot, put_object

VERTICES = np.array([[0, 0, 0], [9, 0, 0], [0, 5, 0], [2, 1, 6]], float) + [100, 20, 3]
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def obj_text(vertices, faces=FACES):
    return ''.join(f'v {x} {y} {z}\n' for x, y, z in vertices) + ''.join(
        f'f {a + 1} {b + 1} {c + 1}\n' for a, b, c in faces)


def load(folder, seed=1):
    return load_mesh_folder(folder, np.random.default_rng(seed))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'b wedge.STL').write_bytes(binary_stl(VERTICES[FACES]))
    (tmp_path / 'a.obj').write_text(obj_text(VERTICES * 1e-4))
    (tmp_path / 'readme.txt').write_text('not a mesh')
    return tmp_path


def test_meshes_are_scaled_centred_and_drawn(folder):
    objects, assets = load(folder)
    assert [obj.name for obj in objects] == ['a.obj', 'b wedge.STL']
    assert {obj.parts[0].mesh for obj in objects} == assets.keys()
    for obj in objects:
        low, high = bounding_box(obj.parts)
        np.testing.assert_allclose(low, -high, atol=1e-12)
        assert EXTENT[0] <= (high - low).max() <= EXTENT[1]
        np.testing.assert_allclose((high - low) / (high - low).max(), [1, 5 / 9, 6 / 9], rtol=1e-6)
        assert MASS[0] <= obj.mass <= MASS[1] and DAMPING[0] <= obj.damping <= DAMPING[1]
    assert load(folder)[0] == objects
    assert load(folder, seed=2)[0] != objects


def test_mesh_lies_in_the_model_where_its_box_says(folder):
    objects, assets = load(folder)
    spec = mujoco.MjSpec()
    spec.assets.update(assets)
    add_slot(spec, objects)
    model = spec.compile()
    data = mujoco.MjData(model)
    slot = find_slot(model, assets)
    for obj in objects:
        put_object(model, data, obj, slot)
        mujoco.mj_forward(model, data)
        mesh, geom = slot.meshes[obj.parts[0].mesh], slot.geoms.start
        start = model.mesh_vertadr[mesh]
        vertices = model.mesh_vert[start:start + model.mesh_vertnum[mesh]]
        placed = vertices @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
        np.testing.assert_allclose([placed.min(axis=0), placed.max(axis=0)],
                                   bounding_box(obj.parts), atol=1e-7)


def test_the_centre_of_mass_of_a_tetrahedron_is_the_mean_of_its_corners(folder):
    middle = (VERTICES.min(axis=0) + VERTICES.max(axis=0)) / 2
    objects, assets = load(folder)
    for obj in objects:
        alone = compile_object(obj, assets)
        factor = 2 * max(obj.parts[0].size) / 9  # the longest side is 9
        np.testing.assert_allclose(alone.body_ipos[1], factor * (VERTICES.mean(axis=0) - middle),
                                   atol=1e-7)  # of 0.1 m: vertices are float32
        assert alone.body_mass[1] == pytest.approx(obj.mass)


def stl(vertices):
    return binary_stl(np.asarray(vertices, float)[FACES])


FLAT = VERTICES * [1, 1, 0]
TILTED = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 1], [1, 1, 2.0]])
NAN = np.where(VERTICES == 9 + 100, np.nan, VERTICES)
BROKEN = {
    'empty.stl': (b'', 'empty file'),
    'empty.obj': (b'', 'empty file'),
    'ascii.stl': (b'solid thing\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n' * 5, 'ASCII STL'),
    'cut.stl': (stl(VERTICES)[:-20], 'broken STL: 264 bytes'),
    'short.stl': (b'STL', 'broken STL: 3 bytes'),
    'none.stl': (binary_stl(np.zeros((0, 3, 3))), 'broken STL: 84 bytes'),
    'noise.obj': (b'this is no mesh\n', 'cannot use this mesh'),
    'faces.obj': (obj_text([]).encode(), 'cannot use this mesh'),
    'index.obj': (obj_text(VERTICES, [[0, 1, 77]]).encode(), 'cannot use this mesh'),
    'nan.stl': (stl(NAN), 'NaN or infinite'),
    'nan.obj': (obj_text(NAN).encode(), 'NaN or infinite|cannot use this mesh'),
    'infinite.stl': (stl(VERTICES * [1, np.inf, 1]), 'NaN or infinite'),
    'flat.stl': (stl(FLAT), 'flat mesh|cannot use this mesh'),
    'flat.obj': (obj_text(FLAT).encode(), 'flat mesh|cannot use this mesh'),
    'tilted.stl': (stl(TILTED), 'flat mesh|cannot use this mesh'),
    'thin.stl': (stl(VERTICES * [1, 1, 1e-4]), 'flat mesh|cannot use this mesh'),
    'line.stl': (stl(VERTICES * [1, 0, 0]), 'flat mesh|cannot use this mesh'),
    'dot.stl': (stl(VERTICES * 0), 'flat mesh|cannot use this mesh'),
}


@pytest.mark.parametrize('name', BROKEN)
def test_broken_mesh_is_named_with_the_reason(name, folder):
    content, reason = BROKEN[name]
    (folder / name).write_bytes(content)
    with pytest.raises(ObjectError, match=reason) as error:
        load(folder)
    assert str(folder / name) in str(error.value) and 'expected' in str(error.value)
    assert '\n' not in str(error.value)


def test_missing_folder(tmp_path):
    with pytest.raises(ObjectError, match='nowhere: no such folder; expected'):
        load(tmp_path / 'nowhere')


def test_file_instead_of_folder(folder):
    with pytest.raises(ObjectError, match='a.obj: no such folder'):
        load(folder / 'a.obj')


def test_folder_without_meshes(tmp_path):
    (tmp_path / 'duck.ply').write_bytes(b'ply')
    with pytest.raises(ObjectError, match='no mesh in it; expected files ending in .stl or .obj'):
        load(tmp_path)
