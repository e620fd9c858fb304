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
Another object in a compiled MuJoCo model, without compiling again.

Compiling a scene with the Fetch meshes takes as long as playing an episode, and a model per object
needs memory. So the model has one body `object0` with room for the largest object, and each reset
writes the next object into it, in a quarter of a millisecond.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from rpl_ros.tasks.object_mass import composite, hull_mass_properties, volumes_and_inertias
from rpl_ros.tasks.object_parts import ObjectError

BODY = 'object0'

GEOM_TYPES = {
    'sphere': mujoco.mjtGeom.mjGEOM_SPHERE, 'capsule': mujoco.mjtGeom.mjGEOM_CAPSULE,
    'ellipsoid': mujoco.mjtGeom.mjGEOM_ELLIPSOID, 'cylinder': mujoco.mjtGeom.mjGEOM_CYLINDER,
    'box': mujoco.mjtGeom.mjGEOM_BOX, 'mesh': mujoco.mjtGeom.mjGEOM_MESH,
}


@dataclass(frozen=True)
class SlotMesh:
    """
    A compiled mesh: MuJoCo moves it into the principal frame of its hull.

    `position`, `quaternion` lead from that frame to the file's; `box` is centre and half size (6)
    in it; `volume` (m^3) and `inertia` (3, per kg) are those of the convex hull.
    """

    index: int
    position: np.ndarray
    quaternion: np.ndarray
    box: np.ndarray
    volume: float
    inertia: np.ndarray


@dataclass(frozen=True)
class Slot:
    """Where `object0` lies in a model: indices of body and site, ranges of geoms and dofs."""

    body: int
    site: int
    geoms: slice
    dofs: slice
    meshes: dict


def add_slot(spec, objects):
    """
    Add body `object0` with joint, site and room for any of `objects` to a MjSpec.

    Mesh parts need their files' bytes in `spec.assets` before compiling.
    """
    body = spec.worldbody.add_body(name=BODY)
    body.add_joint(name=f'{BODY}:joint', type=mujoco.mjtJoint.mjJNT_FREE)
    body.add_site(name=BODY, size=[0.002, 0.002, 0.002])
    # MuJoCo leaves out parts of a mass matrix that this inertia shows to be nonzero; a body
    # compiled as 'simple' could take only objects whose inertial frame is the body frame
    body.explicitinertial, body.simple = True, False
    body.mass, body.inertia = 0.1, [1e-4, 1.5e-4, 2e-4]
    body.ipos, body.iquat = [0.01, 0.02, 0.03], [0.5, 0.5, 0.5, -0.5]
    for index in range(max(len(obj.parts) for obj in objects)):
        body.add_geom(name=f'{BODY}:part{index}', type=mujoco.mjtGeom.mjGEOM_SPHERE,
                      size=[0.01, 0, 0])
    for name in sorted({part.mesh for obj in objects for part in obj.parts if part.mesh}):
        # inertia of the hull: it is what collides, and user meshes are seldom watertight;
        # it also makes MuJoCo build the hull although no geom refers to the mesh yet
        spec.add_mesh(name=f'{BODY}:{name}', file=name,
                      inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX)


def find_slot(model):
    """Return the Slot of a compiled model; takes some ms when there are meshes, so keep it."""
    body = model.body(BODY).id
    start, dof = model.body_geomadr[body], model.body_dofadr[body]
    prefix = f'{BODY}:'
    names = {model.mesh(index).name: index for index in range(model.nmesh)}
    meshes = {name.removeprefix(prefix): _slot_mesh(model, index)
              for name, index in names.items() if name.startswith(prefix)}
    return Slot(body, model.site(BODY).id, slice(start, start + model.body_geomnum[body]),
                slice(dof, dof + 6), meshes)


def _slot_mesh(model, index):
    start, count = model.mesh_vertadr[index], model.mesh_vertnum[index]
    vertices = model.mesh_vert[start:start + count].astype(float)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    volume, inertia = hull_mass_properties(vertices, model.mesh_graph[model.mesh_graphadr[index]:])
    return SlotMesh(index, model.mesh_pos[index].copy(), model.mesh_quat[index].copy(),
                    np.concatenate([low + high, high - low]) / 2, volume, inertia)


def put_object(model, data, obj, slot=None):
    """
    Make `object0` of `model` the HookObject `obj`; the state in `data` stays as it is.

    `slot` is find_slot(model), looked up if absent. What `data` derives from the state (poses,
    contacts) is out of date afterwards: mj_forward or the next mj_step brings it up to date.
    ObjectError if the slot was made for smaller objects or without the object's meshes.
    """
    slot = slot or find_slot(model)
    count, room = len(obj.parts), slot.geoms.stop - slot.geoms.start
    if count > room:
        raise ObjectError(f'object {obj.name!r} has {count} parts, the slot has room for {room}: '
                          'give add_slot all objects')
    missing = {part.mesh for part in obj.parts if part.mesh} - slot.meshes.keys()
    if missing:
        raise ObjectError(f'object {obj.name!r} needs {sorted(missing)}, the slot was made '
                          f'with {sorted(slot.meshes)}: give add_slot all objects')
    _write_geoms(model, slot, obj)
    _write_body(model, slot, obj)
    qpos = data.qpos.copy()
    # computes at qpos0 what follows from mass and shape (inverse weights) and leaves
    # qpos0 in data; it touches nothing else of the state
    mujoco.mj_setConst(model, data)
    data.qpos[:] = qpos
    # the solver's tolerance scales with it, and mj_setConst of MuJoCo 4.0 leaves it alone
    model.stat.meaninertia = model.dof_M0.mean()


def _write_geoms(model, slot, obj):
    used = slice(slot.geoms.start, slot.geoms.start + len(obj.parts))
    unused = slice(used.stop, slot.geoms.stop)
    for i, part in enumerate(obj.parts, used.start):
        _write_part(model, slot, i, part)
    model.geom_friction[slot.geoms] = obj.friction
    model.geom_contype[used] = model.geom_conaffinity[used] = 1
    model.geom_rgba[used] = obj.rgba
    model.geom_contype[unused] = model.geom_conaffinity[unused] = 0
    model.geom_rgba[unused] = 0.0
    # statistics (and so the camera's clipping planes) count every geom: shrink the unused to dots
    model.geom_type[unused] = GEOM_TYPES['sphere']
    model.geom_dataid[unused] = -1
    model.geom_size[unused] = model.geom_aabb[unused] = 0.0
    model.geom_pos[unused] = model.geom_rbound[unused] = 0.0
    model.geom_quat[unused] = (1.0, 0.0, 0.0, 0.0)


def _write_part(model, slot, i, part):
    model.geom_type[i] = GEOM_TYPES[part.shape]
    if part.shape == 'mesh':
        mesh = slot.meshes[part.mesh]
        model.geom_dataid[i], model.geom_aabb[i] = mesh.index, mesh.box
        model.geom_size[i] = np.abs(mesh.box[:3]) + mesh.box[3:]
        model.geom_rbound[i] = np.linalg.norm(model.geom_size[i])
        mujoco.mju_mulPose(model.geom_pos[i], model.geom_quat[i], np.array(part.position),
                           np.array(part.quaternion), mesh.position, mesh.quaternion)
        return
    model.geom_dataid[i] = -1
    model.geom_size[i] = part.size
    model.geom_pos[i], model.geom_quat[i] = part.position, part.quaternion
    model.geom_aabb[i], model.geom_rbound[i] = _bounds(part.shape, *part.size)


def _bounds(shape, a, b, c):
    """Return centre and half extents (6) and the bounding radius of a part, its own frame."""
    if shape == 'sphere':
        return (0, 0, 0, a, a, a), a
    if shape == 'capsule':
        return (0, 0, 0, a, a, a + b), a + b
    if shape == 'cylinder':
        return (0, 0, 0, a, a, b), (a * a + b * b) ** 0.5
    if shape == 'ellipsoid':
        return (0, 0, 0, a, b, c), max(a, b, c)
    return (0, 0, 0, a, b, c), (a * a + b * b + c * c) ** 0.5


def _write_body(model, slot, obj):
    i, used = slot.body, slice(slot.geoms.start, slot.geoms.start + len(obj.parts))
    volumes, inertias = volumes_and_inertias(obj.parts, slot.meshes)
    position, quaternion, inertia = composite(
        obj.mass * volumes / volumes.sum(), inertias, model.geom_pos[used],
        model.geom_quat[used])
    model.body_mass[i], model.body_inertia[i] = obj.mass, inertia
    model.body_ipos[i], model.body_iquat[i] = position, quaternion
    model.site_pos[slot.site] = obj.site
    model.dof_damping[slot.dofs] = obj.damping
    # the flags only save work where frames coincide; newer mj_setConst sets them again
    model.body_simple[i] = 0
    model.body_sameframe[i] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
    model.geom_sameframe[slot.geoms] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
    model.site_sameframe[slot.site] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE
    # the tree of bounding boxes is that of the template; without one MuJoCo tests all pairs of
    # this body's geoms (as with mjDSBL_MIDPHASE, but for this body alone)
    model.body_bvhadr[i], model.body_bvhnum[i] = -1, 0
