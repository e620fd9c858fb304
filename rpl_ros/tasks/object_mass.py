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
Volume, mass and inertia of convex parts and of bodies made of them, as MuJoCo computes them.

Overlapping parts count twice, as in MuJoCo.
"""

import mujoco
import numpy as np

from rpl_ros.tasks.object_parts import rotation_matrices


def volumes_and_inertias(parts, meshes):
    """
    Return volumes (n, m^3) and principal inertias per kg (n, 3, m^2) in the parts' frames.

    `meshes` maps a mesh's name to something with `volume` and `inertia` (3, per kg).
    """
    rows = [(meshes[part.mesh].volume, meshes[part.mesh].inertia) if part.mesh
            else _primitive(part.shape, *part.size) for part in parts]
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


def _primitive(shape, a, b, c):
    pi = np.pi
    if shape == 'sphere':
        return 4 * pi * a**3 / 3, (0.4 * a * a,) * 3
    if shape == 'ellipsoid':
        a2, b2, c2 = a * a, b * b, c * c
        return 4 * pi * a * b * c / 3, ((b2 + c2) / 5, (a2 + c2) / 5, (a2 + b2) / 5)
    if shape == 'cylinder':
        across = (3 * a * a + 4 * b * b) / 12
        return 2 * pi * a * a * b, (across, across, a * a / 2)
    if shape == 'capsule':
        tall = 2 * b
        ball = 4 * a / (4 * a + 3 * tall)
        across = (1 - ball) * (3 * a * a + tall * tall) / 12 + ball * (
            0.4 * a * a + tall * (3 * a + 2 * tall) / 8)
        along = (1 - ball) * a * a / 2 + ball * 0.4 * a * a
        return pi * a * a * (tall + 4 * a / 3), (across, across, along)
    a2, b2, c2 = a * a, b * b, c * c
    return 8 * a * b * c, ((b2 + c2) / 3, (a2 + c2) / 3, (a2 + b2) / 3)


def composite(masses, inertias, positions, quaternions):
    """
    Return centre of mass (3), principal frame (w, x, y, z) and moments (3) of a body.

    `masses` (n) kg; `inertias` (n, 3) per kg in the frames given by `positions` (n, 3) and
    `quaternions` (n, 4).
    """
    moments = masses[:, None] * inertias
    if len(masses) == 1:
        # the compiler does not sort the axes of a single geom either
        return positions[0].copy(), quaternions[0].copy(), moments[0]
    centre = masses @ positions / masses.sum()
    rotation, arm = rotation_matrices(quaternions), positions - centre
    full = np.einsum('nij,nj,nkj->ik', rotation, moments, rotation)
    full += np.eye(3) * (masses * (arm**2).sum(axis=1)).sum() - (masses * arm.T) @ arm
    principal, axes, quaternion = np.zeros(3), np.zeros(9), np.zeros(4)
    mujoco.mju_eig3(principal, axes, quaternion, full.ravel())
    return centre, quaternion, principal


def hull_mass_properties(vertices, graph):
    """
    Return volume (m^3) and principal inertia per kg (3) of a mesh's convex hull.

    `vertices` (n, 3) in the compiled mesh's frame, which is centred and principal already;
    `graph` starts with the mesh's entry in MjModel.mesh_graph.
    """
    corners, faces = graph[:2]
    start = 2 + 3 * corners + 3 * faces
    a, b, c = vertices[graph[start:start + 3 * faces].reshape(-1, 3)].transpose(1, 0, 2)
    # tetrahedra between the origin, inside the hull, and its faces
    volumes = np.abs(np.einsum('ij,ij->i', a, np.cross(b, c))) / 6
    second = (a**2 + b**2 + c**2 + (a + b + c)**2) / 20
    squares = volumes @ second / volumes.sum()
    return volumes.sum(), squares.sum() - squares
