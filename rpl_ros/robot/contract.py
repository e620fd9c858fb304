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

"""Reads and checks the contract with a robot, and tightens its limits while the robot runs."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rpl_ros.robot.safety.limits import MAX_WINDOW, window
from rpl_ros.settings.fields import did_you_mean, make_settings, SettingsError
from rpl_ros.settings.parameter_file import read_parameter_file
from rpl_ros.settings.robot import AdapterSettings
from rpl_ros.settings.shared import Managed
from rpl_ros.tasks.find import task_spec

NODE = 'fetch_adapter_node'
TIMEOUTS = ('state_timeout', 'base_action_timeout', 'command_timeout', 'pose_timeout',
            'run_stop_timeout', 'robot_timeout')
OF_ALL_NODES = {field.name for field in fields(Managed)} - {'max_ee_speed'}
ENTRIES = tuple(field.name for field in fields(AdapterSettings)
                if field.name not in OF_ALL_NODES)
"""The entries of a contract. A contract gives all of them: a robot never moves by a default."""
Settings = TypeVar('Settings', bound=AdapterSettings)


def read_contract(path: Path, overrides: dict[str, Any] | None = None) -> AdapterSettings:
    """
    Return the AdapterSettings of a contract file; `overrides` is {setting: value}.

    SettingsError for an entry that is missing, unknown, given twice, of a wrong type or length,
    out of range or in contradiction to another one.
    """
    sections = read_parameter_file(path, (NODE,))
    shared, own = sections.get('/**', {}), sections.get(NODE, {})
    for name in shared.keys() & own.keys():
        raise SettingsError(f'{path}: {name} is given twice, in /** and in {NODE}: remove one of '
                            'them')
    values = {**shared, **own, **(overrides or {})}
    settings = make_settings(AdapterSettings, values, str(path))
    require_all(values, str(path))
    return check_contract(settings, str(path))


def require_all(given: Iterable[str], where: str) -> None:
    """Raise one SettingsError with all entries of the contract that are not among `given`."""
    names = set(given)
    missing = [name for name in ENTRIES if name not in names]
    if missing:
        raise SettingsError(f'{where}: not given: {", ".join(missing)}. Give every entry of the '
                            'contract: config/robot/fetch.yaml has all of them, and '
                            'docs/robot_contract.md explains them')


def check_contract(settings: Settings, where: str) -> Settings:
    """Return `settings`; SettingsError if two of them contradict each other."""
    for why in _contradictions(settings):
        raise SettingsError(f'{where}: {why}')
    return settings


def _contradictions(given: AdapterSettings) -> Iterator[str]:
    """Yield a text for each contradiction."""
    robot = task_spec(given.task).robot
    if robot != 'fetch':
        yield f'task {given.task} is for the robot {robot!r}, expected a task for a Fetch'
    for name in ('twist_topic', 'joint_states_topic', 'world_frame', 'base_frame',
                 'root_frame'):
        if not getattr(given, name):
            yield f'{name} is empty: give a name'
    names = (*given.arm_joints, *given.finger_joints, given.torso_joint)
    if len(set(names)) < len(names):
        yield ('a joint is named twice in arm_joints, finger_joints or torso_joint: '
               f'{", ".join(names)}')
    for name in ('joint_low', 'joint_high', 'joint_speed_limit'):
        if len(getattr(given, name)) != len(given.arm_joints):
            yield (f'{name} has {len(getattr(given, name))} values, expected one for each of the '
                   f'{len(given.arm_joints)} arm_joints')
    for joint, low, high in zip(given.arm_joints, given.joint_low, given.joint_high):
        if high - low <= 2 * given.joint_margin:
            yield (f'joint_low {low} and joint_high {high} of {joint} leave no room between them '
                   f'for a joint_margin of {given.joint_margin}')
    if given.check_joints and len(given.arm_joints) < 6:
        yield (f'check_joints is true for {len(given.arm_joints)} arm_joints: an arm with fewer '
               'than 6 cannot follow every twist')
    if given.check_joints and given.grip_pose_topic:
        yield ('check_joints is true, but with grip_pose_topic there is no model to check them '
               'by: leave it empty for a Fetch, or let the driver check and set '
               'check_joints to false')
    if given.singularity_slow >= given.singularity_stop:
        yield (f'singularity_slow {given.singularity_slow} must be below singularity_stop '
               f'{given.singularity_stop}')
    period = 1.0 / given.command_rate
    for name in TIMEOUTS:
        if getattr(given, name) < period:
            yield (f'{name} is {getattr(given, name)} s, shorter than one period of {period:.3g} '
                   's: every message would be too late')
    if given.command_timeout > given.robot_timeout:
        yield (f'command_timeout {given.command_timeout} is above robot_timeout '
               f'{given.robot_timeout}: the robot would stop before the adapter stops it')
    fastest = math.sqrt(3.0) * given.max_ee_speed
    if given.speed_limit > fastest:
        yield (f'speed_limit is {given.speed_limit} m/s, above what max_ee_speed '
               f'{given.max_ee_speed} can ask for along three axes, {fastest:.4g}: lower it')
    for axis, low, high in zip('xyz', given.workspace_low, given.workspace_high):
        if high - low <= 2 * given.workspace_margin:
            yield (f'workspace_low {low} and workspace_high {high} leave no room along {axis} '
                   f'for a workspace_margin of {given.workspace_margin}')
    floor = given.table_height + given.table_clearance
    if given.workspace_high[2] - floor <= 2 * given.workspace_margin:
        yield (f'table_height + table_clearance = {floor:.4g} m leaves no room below '
               f'workspace_high z = {given.workspace_high[2]} m')
    if window(given) > MAX_WINDOW:
        yield (f'jerk_limit {given.jerk_limit} or turn_jerk_limit {given.turn_jerk_limit} would '
               f'spread commands over {window(given)} periods, at most {MAX_WINDOW} are allowed: '
               'raise it, or lower the acceleration limit')


def tightened(contract: Settings, current: Settings, changes: dict[str, Any]) -> Settings:
    """
    Return `current` with changed limits, {name: value}.

    A limit that was tightened may go back as far as its value in `contract`. SettingsError if a
    name is not that of a limit, or a value is looser than in the contract.
    """
    limits = {field.name: field.metadata['tighten'] for field in fields(contract)
              if field.metadata['tighten']}
    for name in changes:
        if name not in limits:
            raise SettingsError(f'{name} is no limit that can change while the robot runs'
                                f'{did_you_mean(name, limits)}')
    changed = make_settings(type(contract), {**vars(current), **changes}, 'limits')
    check_contract(changed, 'limits')
    for name in changes:
        bound, value = (np.array(getattr(one, name)) for one in (contract, changed))
        looser = value > bound if limits[name] == 'down' else value < bound
        if looser.any():
            raise SettingsError(f'{name} {getattr(changed, name)} is looser than the contract '
                                f'allows, {getattr(contract, name)}: limits can only be tightened')
    return changed
