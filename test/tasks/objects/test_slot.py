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

"""The slot moves like a model compiled with the object itself."""

import mujoco
import numpy as np
import pytest
from rpl_ros.tasks.objects.library import CUBE, library_objects
from rpl_ros.tasks.objects.mesh_folder import binary_stl
from rpl_ros.tasks.objects.parts import HookObject, ObjectError, Part
from rpl_ros.tasks.objects.slot import add_slot, find_slot, GEOM_TYPES, put_object

LIBRARY = library_objects()
CONVEX = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX


def wedge():
    """Return a lopsided wedge as (vertices, faces), m."""
    vertices = np.array([[0, 0, 0], [0.09, 0, 0], [0, 0.05, 0], [0.02, 0.01, 0.06],
                         [0.09, 0, 0.02]])
    return vertices, [(0, 2, 1), (0, 3, 2), (0, 1, 4), (0, 4, 3), (1, 2, 4), (2, 3, 4)]


VERTICES, FACES = wedge()
ASSETS = {'wedge.stl': binary_stl(VERTICES[np.array(FACES)])}
MESH = HookObject(
    'wedge', 'mesh', (
        Part('mesh', (0.045, 0.025, 0.03), (-0.03, -0.02, -0.02), (0.8, 0.0, 0.6, 0.0),
             'wedge.stl'),
        Part('capsule', (0.01, 0.03, 0.0), (0.03, 0.0, 0.02), (0.6, 0.8, 0.0, 0.0))),
    mass=0.1, damping=0.3, site=(0.0, 0.0, -0.01), friction=(0.6, 0.01, 0.001))
OBJECTS = (CUBE, MESH, *LIBRARY)
SAMPLE = (CUBE, MESH, *LIBRARY[:45:2], *LIBRARY[45:])


def scene():
    """Return a spec with a plane, a body of bumps, a mocap pusher and a free bar."""
    spec = mujoco.MjSpec()
    spec.option.timestep, spec.option.tolerance = 0.002, 1e-15
    spec.assets.update(ASSETS)
    box = mujoco.mjtGeom.mjGEOM_BOX
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[2, 2, 0.1])
    bumps = spec.worldbody.add_body(name='bumps')
    bumps.add_geom(type=box, size=[0.03, 0.02, 0.004], pos=[0.03, 0.01, 0])
    bumps.add_geom(type=box, size=[0.02, 0.04, 0.006], pos=[-0.05, 0.02, 0])
    pusher = spec.worldbody.add_body(name='pusher', mocap=True)
    pusher.add_geom(type=box, size=[0.01, 0.1, 0.05], pos=[-0.25, 0, 0.05])
    bar = spec.worldbody.add_body(name='bar', pos=[0.02, 0, 0.3])
    bar.add_freejoint()
    bar.add_geom(type=box, size=[0.1, 0.01, 0.01], pos=[0, 0, 0], density=300)
    bar.add_geom(type=box, size=[0.01, 0.04, 0.01], pos=[0.1, 0.03, 0], density=300)
    return spec


def slot_model(objects=OBJECTS):
    spec = scene()
    add_slot(spec, objects)
    return spec.compile()


def native_model(obj, inertial=None):
    """
    Compile the scene with `obj` as ordinary geoms.

    `inertial` is (ipos, iquat, inertia); without it MuJoCo computes it for a uniform density.
    """
    spec = scene()
    body = spec.worldbody.add_body(name='object0')
    body.add_joint(name='object0:joint', type=mujoco.mjtJoint.mjJNT_FREE,
                   damping=[obj.damping, 0, 0])
    body.add_site(name='object0', pos=obj.site)
    for name in {part.mesh for part in obj.parts if part.mesh}:
        spec.add_mesh(name=name, file=name, inertia=CONVEX)
    for part in obj.parts:
        body.add_geom(type=GEOM_TYPES[part.shape], size=part.size, pos=part.position,
                      quat=part.quaternion, friction=obj.friction, meshname=part.mesh,
                      density=1000)
    if inertial:
        body.explicitinertial, body.mass = True, obj.mass
        body.ipos, body.iquat, body.inertia = inertial
        return spec.compile()
    mass = spec.compile().body('object0').mass[0]
    for geom in body.geoms:
        geom.density = 1000 * obj.mass / mass
    return spec.compile()


def roll(model, data, steps=1000):
    """Drop, let settle and push the object; return the states (steps, nq + nv)."""
    mujoco.mj_resetData(model, data)
    address = model.jnt_qposadr[model.joint('object0:joint').id]
    data.qpos[address:address + 7] = [0.01, 0, 0.15, 0.96, 0.2, 0.12, 0.16]
    states = []
    for step in range(steps):
        data.mocap_pos[0, 0] = 0.0005 * max(0, step - steps // 3)
        mujoco.mj_step(model, data)
        states.append(np.concatenate([data.qpos, data.qvel, data.site('object0').xpos]))
    return np.array(states)


@pytest.fixture(scope='module')
def shared():
    """Return one slot model, its data and slot, used by all objects one after the other."""
    model = slot_model()
    return model, mujoco.MjData(model), find_slot(model, ASSETS)


def inertial_of(model):
    body = model.body('object0')
    return body.ipos.tolist(), body.iquat.tolist(), body.inertia.tolist()


@pytest.mark.parametrize('obj', OBJECTS, ids=lambda obj: obj.name)
def test_mass_and_inertia_are_those_of_uniform_density(obj, shared):
    model, data, slot = shared
    put_object(model, data, obj, slot)
    native = native_model(obj)
    np.testing.assert_allclose(model.body('object0').mass, native.body('object0').mass, rtol=1e-12)
    for field in ('ipos', 'iquat'):
        np.testing.assert_allclose(getattr(model.body('object0'), field),
                                   getattr(native.body('object0'), field), rtol=0, atol=2e-9)
    np.testing.assert_allclose(model.body('object0').inertia, native.body('object0').inertia,
                               rtol=1e-7 if obj is MESH else 1e-12)


@pytest.mark.parametrize('obj', OBJECTS, ids=lambda obj: obj.name)
def test_fields_are_those_of_the_compiled_object(obj, shared):
    model, data, slot = shared
    put_object(model, data, obj, slot)
    native = native_model(obj, inertial_of(model))
    start, count = native.body('object0').geomadr[0], len(obj.parts)
    for field in ('type', 'size', 'pos', 'quat', 'aabb', 'rbound', 'friction', 'contype',
                  'conaffinity', 'condim', 'sameframe', 'margin', 'gap', 'priority'):
        ours, theirs = getattr(model, f'geom_{field}'), getattr(native, f'geom_{field}')
        np.testing.assert_allclose(ours[slot.geoms][:count], theirs[start:start + count],
                                   rtol=1e-7, atol=1e-9, err_msg=field)
    for field in ('body_mass', 'body_inertia', 'body_ipos', 'body_iquat', 'body_sameframe',
                  'body_subtreemass', 'body_invweight0', 'body_contype', 'body_conaffinity',
                  'dof_damping', 'dof_invweight0', 'dof_M0', 'dof_length', 'site_pos',
                  'site_sameframe', 'qpos0'):
        np.testing.assert_allclose(getattr(model, field), getattr(native, field), rtol=1e-7,
                                   err_msg=field)
    assert model.stat.meaninertia == pytest.approx(native.stat.meaninertia, rel=1e-12)


@pytest.mark.parametrize('obj', SAMPLE, ids=lambda obj: obj.name)
def test_moves_like_the_compiled_object(obj, shared):
    model, data, slot = shared
    put_object(model, data, obj, slot)
    native = native_model(obj, inertial_of(model))
    # contacts in the order of the slot, which has no tree: the last bits depend on the order,
    # and in 1000 steps of toppling and sliding they may grow to anything
    native.body_bvhadr[native.body('object0').id] = -1
    expected = roll(native, mujoco.MjData(native))
    assert expected[-1, -3] > 0.04, 'the pusher did not reach the object: the test says nothing'
    np.testing.assert_allclose(roll(model, data), expected, rtol=0, atol=1e-11)


CALM = [obj for obj in OBJECTS if obj.name in {
    'cube', 'wedge', 'chair_0', 'tower_1', 'house_1', 'stairs_1', 'torus_1', 'key_1'}]
"""Objects whose fall does not magnify the last bits of the inertia as a rolling spool's does."""


@pytest.mark.parametrize('obj', CALM, ids=lambda obj: obj.name)
def test_moves_like_an_untouched_model(obj, shared):
    model, data, slot = shared
    put_object(model, data, obj, slot)
    native = native_model(obj)
    np.testing.assert_allclose(roll(model, data, 250), roll(native, mujoco.MjData(native), 250),
                               rtol=0, atol=1e-6)


def test_switching_back_and_forth_leaves_no_trace(shared):
    model, data, slot = shared
    runs = []
    for obj in (MESH, LIBRARY[2], CUBE, MESH, LIBRARY[2], CUBE):
        put_object(model, data, obj, slot)
        runs.append(roll(model, data, 400))
    for first, second in zip(runs[:3], runs[3:]):
        np.testing.assert_array_equal(first, second)


def test_order_of_the_template_does_not_matter():
    runs = []
    for objects in (OBJECTS[:4], OBJECTS[3::-1]):
        model = slot_model(objects)
        data = mujoco.MjData(model)
        put_object(model, data, MESH, find_slot(model, ASSETS))
        runs.append(roll(model, data, 400))
    np.testing.assert_array_equal(*runs)


def test_state_is_kept(shared):
    model, data, slot = shared
    put_object(model, data, LIBRARY[0], slot)
    roll(model, data, 50)
    spec = mujoco.mjtState.mjSTATE_INTEGRATION
    before, after = np.zeros((2, mujoco.mj_stateSize(model, spec)))
    mujoco.mj_getState(model, data, before, spec)
    put_object(model, data, LIBRARY[1], slot)
    mujoco.mj_getState(model, data, after, spec)
    np.testing.assert_array_equal(after, before)


def test_unused_parts_are_off_and_invisible(shared):
    model, data, slot = shared
    put_object(model, data, LIBRARY[0], slot)
    put_object(model, data, CUBE, slot)
    unused = slice(slot.geoms.start + 1, slot.geoms.stop)
    assert not model.geom_contype[unused].any() and not model.geom_conaffinity[unused].any()
    assert not model.geom_rgba[unused].any()


def test_too_large_an_object_is_refused():
    model = slot_model([CUBE])
    largest = max(LIBRARY, key=lambda obj: len(obj.parts))
    with pytest.raises(ObjectError, match='room for 1'):
        put_object(model, mujoco.MjData(model), largest, find_slot(model))


def test_unknown_mesh_is_refused():
    model = slot_model([LIBRARY[0]])
    with pytest.raises(ObjectError, match='wedge.stl'):
        put_object(model, mujoco.MjData(model), MESH, find_slot(model))
