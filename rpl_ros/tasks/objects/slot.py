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
Another object in a compiled MuJoCo model, without compiling the model again.

Compiling a scene with the Fetch meshes takes as long as playing an episode, and a model per object
needs memory. So the model has one body `object0` with room for the largest object. MuJoCo compiles
each object alone, once, and each reset copies the rows of the next object into the scene.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import mujoco
from rpl_ros.tasks.objects.parts import HookObject, ObjectError

BODY = 'object0'
GEOM_TYPES = {name: getattr(mujoco.mjtGeom, f'mjGEOM_{name.upper()}') for name in (
    'sphere', 'capsule', 'ellipsoid', 'cylinder', 'box', 'mesh')}
CONVEX = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
# What is copied of each geom. The mesh, `dataid`, has another number in the scene.
GEOM_ROWS = ('type', 'size', 'aabb', 'rbound', 'pos', 'quat', 'friction', 'contype', 'conaffinity',
             'rgba')


@dataclass(frozen=True)
class Slot:
    """
    The place of `object0` in a model: indices of body and site, ranges of geoms and dofs.

    `meshes` is {name: index}, `assets` {name: bytes of the file}; `compiled` are the objects that
    were put there before, by name.
    """

    body: int
    site: int
    geoms: slice
    dofs: slice
    meshes: Mapping[str, int]
    assets: Mapping[str, bytes]
    compiled: dict[str, tuple[HookObject, mujoco.MjModel]] = field(default_factory=dict)


def add_slot(mj_spec: mujoco.MjSpec, objects: Iterable[HookObject]) -> None:
    """
    Add body `object0` with joint, site and room for any of `objects` to a MjSpec.

    Mesh parts need their files' bytes in `mj_spec.assets` before compiling.
    """
    body = mj_spec.worldbody.add_body(name=BODY)
    body.add_joint(name=f'{BODY}:joint', type=mujoco.mjtJoint.mjJNT_FREE)
    body.add_site(name=BODY, size=[0.002, 0.002, 0.002])
    # MuJoCo leaves out parts of a mass matrix that this inertia shows to be nonzero; a body
    # compiled as 'simple' could take only objects whose inertial frame is the body frame
    body.explicitinertial = True
    if hasattr(body, 'simple'):  # MuJoCo 3.3 has no such switch, and finds out by this inertia
        body.simple = False
    body.mass, body.inertia = 0.1, [1e-4, 1.5e-4, 2e-4]
    body.ipos, body.iquat = [0.01, 0.02, 0.03], [0.5, 0.5, 0.5, -0.5]
    objects = list(objects)
    for index in range(max(len(thing.parts) for thing in objects)):
        body.add_geom(name=f'{BODY}:part{index}', type=mujoco.mjtGeom.mjGEOM_SPHERE,
                      size=[0.01, 0, 0])
    _add_meshes(mj_spec, objects)


def _add_meshes(mj_spec: mujoco.MjSpec, objects: Iterable[HookObject]) -> None:
    for name in sorted({part.mesh for thing in objects for part in thing.parts if part.mesh}):
        # inertia of the hull: it is what collides, and user meshes are seldom watertight;
        # it also makes MuJoCo build the hull although no geom refers to the mesh yet
        mj_spec.add_mesh(name=f'{BODY}:{name}', file=name, inertia=CONVEX)


def find_slot(model: mujoco.MjModel, assets: Mapping[str, bytes] | None = None) -> Slot:
    """Return the Slot of a compiled model; `assets` are the files of the objects' meshes."""
    body = model.body(BODY).id
    start, dof = model.body_geomadr[body], model.body_dofadr[body]
    prefix = f'{BODY}:'
    names = {model.mesh(index).name: index for index in range(model.nmesh)}
    meshes = {name.removeprefix(prefix): index for name, index in names.items()
              if name.startswith(prefix)}
    return Slot(body, model.site(BODY).id, slice(start, start + model.body_geomnum[body]),
                slice(dof, dof + 6), meshes, assets or {})


def compile_object(thing: HookObject, assets: Mapping[str, bytes]) -> mujoco.MjModel:
    """Return the model of an object alone, at MuJoCo's density if it has several parts."""
    mj_spec = mujoco.MjSpec()
    mj_spec.assets.update({part.mesh: assets[part.mesh] for part in thing.parts if part.mesh})
    _add_meshes(mj_spec, [thing])
    body = mj_spec.worldbody.add_body(name=BODY)
    for part in thing.parts:
        body.add_geom(type=GEOM_TYPES[part.shape], size=part.size,
                      pos=part.position, quat=part.quaternion, friction=thing.friction,
                      rgba=thing.rgba, meshname=part.mesh and f'{BODY}:{part.mesh}')
    if len(thing.parts) == 1:
        body.geoms[0].mass = thing.mass  # the cube's inertia has no rounding error that way
    return mj_spec.compile()


def put_object(model: mujoco.MjModel, data: mujoco.MjData, thing: HookObject, slot: Slot) -> None:
    """
    Make `object0` of `model` the HookObject `thing`; the state in `data` stays as it is.

    What `data` derives from the state (poses, contacts) is out of date afterwards: mj_forward or
    the next mj_step brings it up to date. ObjectError if the slot was made for smaller objects or
    without the object's meshes.
    """
    count, room = len(thing.parts), slot.geoms.stop - slot.geoms.start
    if count > room:
        raise ObjectError(f'object {thing.name!r} has {count} parts, the slot has room for {room}:'
                          ' give add_slot all objects')
    missing = {part.mesh for part in thing.parts if part.mesh} - slot.meshes.keys()
    if missing:
        raise ObjectError(f'object {thing.name!r} needs {sorted(missing)}, the slot was made '
                          f'with {sorted(slot.meshes)}: give add_slot all objects')
    known, alone = slot.compiled.get(thing.name, (None, None))
    if known is not thing or alone is None:
        alone = compile_object(thing, slot.assets)
        slot.compiled[thing.name] = thing, alone
    _copy_geoms(model, slot, thing, alone)
    _copy_body(model, slot, thing, alone)
    qpos = data.qpos.copy()
    # computes at qpos0 what follows from mass and shape (inverse weights) and leaves
    # qpos0 in data; it touches nothing else of the state
    mujoco.mj_setConst(model, data)
    data.qpos[:] = qpos
    # the solver's tolerance scales with it, and mj_setConst of MuJoCo 4.0 leaves it alone
    model.stat.meaninertia = model.dof_M0.mean()


def _copy_geoms(model: mujoco.MjModel, slot: Slot, thing: HookObject,
                alone: mujoco.MjModel) -> None:
    used = slice(slot.geoms.start, slot.geoms.start + alone.ngeom)
    for name in GEOM_ROWS:
        getattr(model, f'geom_{name}')[used] = getattr(alone, f'geom_{name}')
    model.geom_dataid[used] = [slot.meshes.get(part.mesh, -1) for part in thing.parts]
    unused = slice(used.stop, slot.geoms.stop)
    model.geom_contype[unused] = model.geom_conaffinity[unused] = 0
    model.geom_rgba[unused] = 0.0
    # statistics (and so the camera's clipping planes) include every geom: the unused are dots
    model.geom_type[unused] = mujoco.mjtGeom.mjGEOM_SPHERE
    model.geom_dataid[unused] = -1
    model.geom_size[unused] = model.geom_aabb[unused] = 0.0
    model.geom_pos[unused] = model.geom_rbound[unused] = 0.0
    model.geom_quat[unused] = (1.0, 0.0, 0.0, 0.0)
    model.geom_friction[unused] = thing.friction
    model.geom_sameframe[slot.geoms] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE


def _copy_body(model: mujoco.MjModel, slot: Slot, thing: HookObject,
               alone: mujoco.MjModel) -> None:
    index = slot.body
    model.body_mass[index] = thing.mass
    model.body_inertia[index] = alone.body_inertia[1] * (thing.mass / alone.body_mass[1])
    model.body_ipos[index], model.body_iquat[index] = alone.body_ipos[1], alone.body_iquat[1]
    model.site_pos[slot.site] = thing.site
    model.dof_damping[slot.dofs] = thing.damping
    # the flags only save work where frames coincide; newer mj_setConst sets them again
    model.body_simple[index] = 0
    model.body_sameframe[index] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
    model.site_sameframe[slot.site] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
    # the tree of bounding boxes is that of the template; without one MuJoCo tests all pairs of
    # this body's geoms (as with mjDSBL_MIDPHASE, but for this body alone)
    model.body_bvhadr[index], model.body_bvhnum[index] = -1, 0
