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

"""What is left out of the Fetch's model: nothing that could be noticed."""

from itertools import combinations, product

import mujoco
import numpy as np
import pytest
from rpl_ros.controllers import find_controller
from rpl_ros.tasks import fetch, make_task
from rpl_ros.tasks.model_pruning import APART, CAMERAS, TRUNK

CONTROLLERS = {'push': 'reactive_push', 'pick_and_place': 'reactive_pick_and_place',
               'complex_hook': 'reactive_hook'}
BEYOND = 0.2  # rad, by which joints are moved beyond their limits, which are soft
TORSO = (-0.02, 0.4)  # m, range of the torso with room: it starts below its lower limit
TOUCH = 0.002  # m, distance at which contacts of the robot begin: the margins of two geoms
GRID = {0: 1, 1: 100, 2: 40, 3: 15, 4: 9}  # points for each joint, by the number of joints


@pytest.fixture(scope='module')
def full():
    """Return the three tasks in scenes from which nothing is left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, 'remove_unneeded_parts', lambda mj_spec: None)
        return {name: make_task(name, 5) for name in CONTROLLERS}


def drive(task, number, way):
    """Return positions and velocities (T, nq + nv) of an episode driven in one of three ways."""
    controller = find_controller(CONTROLLERS[task.spec.name])
    rng, log = np.random.default_rng(number), []
    state = task.reset(number)
    for step in range(task.spec.horizon):
        if way == 'controller':
            action = controller(state.observation, state.desired_goal)
        elif way == 'noisy controller':
            action = controller(state.observation, state.desired_goal) + rng.normal(0, 0.5, 4)
        elif step % 10 == 0:  # far into the robot itself, the table, the floor
            action = rng.choice([-1.0, 0.0, 1.0], 4)
        state = task.step(action)
        log.append(np.r_[task.data.qpos, task.data.qvel])
    return np.array(log)


@pytest.mark.parametrize('way', ['controller', 'noisy controller', 'far'])
@pytest.mark.parametrize('name', CONTROLLERS)
def test_trajectories_are_those_of_the_full_model(full, name, way):
    light = make_task(name, 5)
    assert light.model.nbody < full[name].model.nbody
    assert light.model.nexclude > full[name].model.nexclude
    for number in range(4):
        np.testing.assert_array_equal(drive(light, number, way), drive(full[name], number, way))


def joints_between(model, one, other):
    """Return the joints on which the place of one body in the frame of another depends."""
    joints = []
    for body in (one, other):
        found = set()
        while body:
            start = model.body_jntadr[body]
            found |= set(range(start, start + model.body_jntnum[body]))
            body = model.body_parentid[body]
        joints.append(found)
    return sorted(joints[0] ^ joints[1])


def places(model, joint, count):
    """Return `count` positions of a joint over its whole range and a little more."""
    if model.joint(joint).name == 'robot0:torso_lift_joint':
        return np.linspace(*TORSO, count)
    if not model.jnt_limited[joint]:
        return np.linspace(-np.pi, np.pi, count)
    low, high = model.jnt_range[joint]
    return np.linspace(low - BEYOND, high + BEYOND, count)


def looks_for_contact(model, one, other):
    """Return whether MuJoCo, left alone, looks for contacts of two bodies."""
    weld = [int(model.body_weldid[body]) for body in (one, other)]
    above = [int(model.body_weldid[model.body_parentid[body]]) for body in weld]
    signature = (min(one, other) << 16) + max(one, other)
    return (weld[0] != weld[1] and weld[0] != above[1] and weld[1] != above[0]
            and signature not in model.exclude_signature)


def nearest(model, one, other):
    """Return the least distance, m, at most 0.1, of two bodies over all positions of joints."""
    data = mujoco.MjData(model)
    geoms = [int(model.body_geomadr[body]) for body in (one, other)]
    joints = joints_between(model, one, other)
    distances = []
    for position in product(*[places(model, joint, GRID[len(joints)]) for joint in joints]):
        data.qpos[model.jnt_qposadr[joints]] = position
        mujoco.mj_kinematics(model, data)
        distances.append(mujoco.mj_geomDistance(model, data, *geoms, 0.1, None))
    return min(distances)


def test_links_whose_contacts_are_left_out_never_come_near_each_other(full):
    model = full['push'].model
    pairs = [[model.body(f'robot0:{name}_link').id for name in pair]
             for pair in (*combinations(TRUNK, 2), *APART)]
    found = {pair: nearest(model, *pair) for pair in map(tuple, pairs)
             if looks_for_contact(model, *pair)}
    assert len(found) == 20
    assert min(found.values()) > 2 * TOUCH, found


def test_what_is_left_out_of_the_tree_has_neither_mass_nor_shape(full):
    model = full['push'].model
    roots = {model.body(name).id for name in CAMERAS}
    gone = [body for body in range(model.nbody)
            if roots & {body, *ancestors(model, body)}]
    assert len(gone) == model.nbody - make_task('push', 5).model.nbody
    for body in gone:
        assert model.body_mass[body] == 0 and not model.body_inertia[body].any()
        assert model.body_geomnum[body] == 0 and model.body_jntnum[body] == 0


def ancestors(model, body):
    """Return the bodies that `body` hangs on."""
    found = []
    while body:
        body = int(model.body_parentid[body])
        found.append(body)
    return found
