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
A user's own folder of meshes as objects to be pulled with the hook.

MuJoCo collides the convex hull of a mesh, and here mass and inertia are the hull's as well: a
bowl is filled up. It reads binary STL and OBJ, no ASCII STL.
"""

from pathlib import Path

import mujoco
import numpy as np
from rpl_ros.common.files import read_bytes
from rpl_ros.tasks.objects.parts import HookObject, ObjectError, Part
from rpl_ros.tasks.objects.sizing import make_object
from rpl_ros.tasks.poses import matrix

SUFFIXES = ('.obj', '.stl')

MIN_THICKNESS = 1e-3
"""Smallest extent of a mesh in its principal frame relative to the largest."""


def load_mesh_folder(path: str | Path, rng: np.random.Generator
                     ) -> tuple[tuple[HookObject, ...], dict[str, bytes]]:
    """
    Return (objects, assets) for the .stl and .obj files in `path`, sorted by name.

    Each mesh stands as in its file, z up; largest extent, mass and damping are drawn from `rng`
    (numpy Generator) as in the library. `assets` maps mesh file names to bytes, to be put into
    `MjSpec.assets`. ObjectError on the first mesh that cannot be used.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ObjectError(f'{folder}: no such folder; expected a folder with .stl or .obj meshes')
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ObjectError(f'{folder}: no mesh in it; expected files ending in .stl or .obj')
    objects, assets = [], {}
    for index, file in enumerate(files):
        triangles = read_triangles(file)
        low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
        part = Part('mesh', tuple(((high - low) / 2).tolist()), mesh=f'object_mesh{index}.stl')
        thing = make_object(file.name, 'mesh', [part], rng)
        factor = max(thing.parts[0].size) / max(part.size)
        assets[part.mesh] = binary_stl((triangles - (low + high) / 2) * factor)
        _check_hull(file, assets[part.mesh])
        objects.append(thing)
    return tuple(objects), assets


def read_triangles(file: Path) -> np.ndarray:
    """Return the triangles (n, 3 corners, 3) of a mesh file, its own unit; or ObjectError."""
    try:
        content = read_bytes(file)
    except OSError as error:
        raise ObjectError(f'{file}: cannot be read: {error.strerror}') from error
    if not content:
        raise ObjectError(f'{file}: empty file; expected a binary STL or OBJ mesh')
    if file.suffix.lower() == '.stl':
        _check_stl(file, content)
    # a shell needs no closed surface; the solid is checked once it has its final size
    model = _compile(file, file.suffix.lower(), content,
                     mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
    vertices = model.mesh_vert @ matrix(model.mesh_quat[0]).reshape(3, 3).T + model.mesh_pos[0]
    if not np.isfinite(vertices).all():
        raise ObjectError(f'{file}: has NaN or infinite vertices; expected finite coordinates')
    return vertices[model.mesh_face]


def _check_stl(file: Path, content: bytes) -> None:
    """Raise ObjectError unless `content` is binary STL with finite corners."""
    faces = int.from_bytes(content[80:84], 'little')
    if len(content) == 84 + 50 * faces and faces:
        if not np.isfinite(np.frombuffer(content[84:], STL_RECORD)['corners']).all():
            raise ObjectError(f'{file}: has NaN or infinite vertices; expected finite coordinates')
        return
    if content.lstrip()[:5].lower() == b'solid':
        raise ObjectError(f'{file}: ASCII STL, which MuJoCo does not read; expected binary STL '
                          '(save it again as binary, or as OBJ)')
    raise ObjectError(f'{file}: broken STL: {len(content)} bytes; expected 84 and 50 for each of '
                      f'the {faces} triangles it announces, at least one')


def _check_hull(file: Path, content: bytes) -> None:
    """Raise ObjectError unless MuJoCo makes a solid of the scaled binary STL `content`."""
    model = _compile(file, '.stl', content, mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX)
    extents = np.sort(np.ptp(model.mesh_vert, axis=0))
    if extents[0] < MIN_THICKNESS * extents[2]:
        raise ObjectError(f'{file}: flat mesh, {extents[0] / extents[2]:.1g} times as thick as '
                          f'wide; expected a solid of at least {MIN_THICKNESS:g}')


def _compile(file: Path, suffix: str, content: bytes,
             inertia: mujoco.mjtMeshInertia) -> mujoco.MjModel:
    """Return a MjModel with this mesh only; ObjectError with MuJoCo's reason otherwise."""
    mj_spec = mujoco.MjSpec()
    mj_spec.assets['mesh' + suffix] = content
    mj_spec.add_mesh(name='mesh', file='mesh' + suffix, inertia=inertia)
    try:
        return mj_spec.compile()
    except ValueError as error:
        reason = ' '.join(str(error).split())
        raise ObjectError(f'{file}: MuJoCo cannot use this mesh ({reason}); expected triangles '
                          'around a volume') from error


STL_RECORD = np.dtype([('normal', '<f4', 3), ('corners', '<f4', (3, 3)), ('attribute', '<u2')])


def binary_stl(triangles: np.ndarray) -> bytes:
    """Return binary STL of triangles (n, 3 corners, 3), any unit."""
    records = np.zeros(len(triangles), dtype=STL_RECORD)
    records['corners'] = triangles
    return bytes(80) + len(triangles).to_bytes(4, 'little') + records.tobytes()
