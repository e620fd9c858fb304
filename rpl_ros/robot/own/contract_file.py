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

"""Reads the contract with any robot from its YAML file."""

from collections.abc import Iterator, Mapping
import math
from pathlib import Path
import re
from typing import Any

from rpl_ros.common.brief import brief, did_you_mean
from rpl_ros.common.checked_mapping import CheckedMapping
from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.robot.own.contract import (Channel, ElementLimits, RobotContract, Sink, Source,
                                        velocities)
from rpl_ros.settings.fields import SettingsError
from rpl_ros.tasks.specs import Element, RECORDED, TaskSpec

POSE = ('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw')
MOTION = ('vx', 'vy', 'vz', 'wx', 'wy', 'wz')
FORCE = ('fx', 'fy', 'fz', 'tx', 'ty', 'tz')
TWIST = ('linear.x', 'linear.y', 'linear.z', 'angular.x', 'angular.y', 'angular.z')
INPUT_KEYS = {
    'JointState': ('topic', 'joints'), 'PoseStamped': ('topic', 'frame'),
    'TF': ('parent', 'child'), 'WrenchStamped': ('topic', 'frame'),
    'Float64MultiArray': ('topic', 'size'), 'Bool': ('topic',)}
OPTIONAL_INPUT_KEYS = {'PoseStamped': ('jump', 'settle'), 'TF': ('jump', 'settle')}
OUTPUT_KEYS = {
    'Float64MultiArray': ('elements', 'commands'), 'JointTrajectory': ('elements', 'joints'),
    'TwistStamped': ('elements', 'frame'), 'Float64': ('elements', 'commands')}
PACKAGES = {'JointState': 'sensor_msgs/msg/', 'PoseStamped': 'geometry_msgs/msg/',
            'WrenchStamped': 'geometry_msgs/msg/', 'TwistStamped': 'geometry_msgs/msg/',
            'Float64MultiArray': 'std_msgs/msg/', 'Float64': 'std_msgs/msg/',
            'Bool': 'std_msgs/msg/', 'JointTrajectory': 'trajectory_msgs/msg/', 'TF': ''}
"""Package of each type that a contract can name."""
MOST = 1000  # elements of an array
TOPIC = r'(~?/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*'
PERSON = 'person'
"""Value of `success`: a person says so, with the service ~/report_success."""


class _Part(CheckedMapping):
    """A mapping in a contract."""

    error = SettingsError

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.value(key, list, 'a list of names', default)
        if len(found) > MOST or not all(isinstance(one, str) for one in found):
            raise SettingsError(f'{self.where}: {key} is {brief(found)}, expected at most {MOST} '
                                'names')
        return tuple(found)

    def part(self, key: str) -> dict[Any, Any]:
        """Return a mapping inside."""
        return self.value(key, dict, 'a mapping')

    def name(self, key: str) -> str:
        """Return a text that is not empty."""
        found = self.text(key)
        if not found:
            raise SettingsError(f'{self.where}: {key} is empty: give a name')
        return found

    def topic(self, key: str = 'topic') -> str:
        """Return the name of a topic."""
        found = self.name(key)
        if not re.fullmatch(TOPIC, found):
            raise SettingsError(f'{self.where}: {key} is {brief(found)}, expected the name of a '
                                'topic: letters, digits, _ and /, no digit first')
        return found


def read_robot_contract(path: Path | str, spec: TaskSpec) -> RobotContract:
    """Return the contract in a YAML file for a task; SettingsError says what is wrong where."""
    try:
        tree = read_yaml(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f'contract {path}: cannot be read: {error}') from error
    return parse_robot_contract(tree, spec, f'contract {path}')


def parse_robot_contract(tree: Any, spec: TaskSpec, where: str) -> RobotContract:
    """Return the contract in the content of a YAML file; SettingsError begins with `where`."""
    file = _Part(tree, where, (
        'frame', 'stop_messages', 'robot_timeout', 'base_action_timeout', 'command_timeout',
        'inputs', 'observation', 'outputs', 'action'),
        ('run_stop', 'achieved_goal', 'desired_goal', 'reward', 'success'))
    sources = {str(name): _source(str(name), one, f'{where}: inputs: {name}')
               for name, one in file.part('inputs').items()}
    run_stop = (_Part(file.part('run_stop'), f'{where}: run_stop', ('topic', 'timeout'), ())
                if 'run_stop' in file.tree else None)
    sinks = tuple(_sinks(file))
    _require_each_once([name for sink in sinks for name in sink.elements if name], spec.action,
                       f'{where}: outputs')
    velocity = velocities(sinks)
    numbers = file.part('action')
    _require_names(numbers, spec.action, f'{where}: action')
    by_person = file.tree.get('success') == PERSON
    contract = RobotContract(
        frame=file.name('frame'), stop_messages=file.whole('stop_messages', 1, 100),
        robot_timeout=file.number('robot_timeout', 0.001, 10.0),
        base_action_timeout=file.number('base_action_timeout', 0.001, 10.0),
        command_timeout=file.number('command_timeout', 0.001, 10.0),
        run_stop_topic=run_stop.topic() if run_stop else '',
        run_stop_timeout=run_stop.number('timeout', 0.01, 1e6) if run_stop else math.inf,
        sources=sources, sinks=sinks,
        observation=_channels(file, 'observation', spec.observation, sources),
        achieved_goal=_channels(file, 'achieved_goal', spec.goal, sources),
        desired_goal=_channels(file, 'desired_goal', spec.goal, sources),
        reward=_channel(file, 'reward', sources),
        success=None if by_person else _channel(file, 'success', sources), by_person=by_person,
        limits=tuple(_limits(numbers[one.name], f'{where}: action: {one.name}', sources,
                             velocity[one.name]) for one in spec.action))
    for why in _contradictions(contract, spec):
        raise SettingsError(f'{where}: {why}')
    return contract


def _source(name: str, tree: Any, where: str) -> Source:
    """Return an input."""
    kind = _kind(tree, where, INPUT_KEYS)
    if not name or '.' in name:
        raise SettingsError(f'{where}: the name {name!r} is empty or has a dot')
    part = _Part(tree, where, ('type', 'max_age', *INPUT_KEYS[kind]),
                 OPTIONAL_INPUT_KEYS.get(kind, ()))
    joints = part.texts('joints') if kind == 'JointState' else ()
    if kind == 'JointState' and (not joints or len(set(joints)) < len(joints)):
        raise SettingsError(f'{where}: joints is {brief(list(joints))}, expected the names of '
                            'joints, each once')
    size = part.whole('size', 1, MOST) if kind == 'Float64MultiArray' else 0
    channels = {
        'JointState': (*joints, *(f'{joint}.velocity' for joint in joints)),
        'PoseStamped': POSE + MOTION, 'TF': POSE + MOTION, 'WrenchStamped': FORCE,
        'Float64MultiArray': tuple(map(str, range(size))), 'Bool': ('value',)}[kind]
    frame = part.name('parent' if kind == 'TF' else 'frame') if kind in (
        'TF', 'PoseStamped', 'WrenchStamped') else ''
    return Source(name, kind, '' if kind == 'TF' else part.topic(),
                  part.number('max_age', 0.001, 60.0), channels, frame,
                  part.name('child') if kind == 'TF' else '', joints,
                  part.number('jump', 1e-3, 1e6, 1e6), part.number('settle', 0.0, 60.0, 0.5))


def _kind(tree: Any, where: str, kinds: Mapping[str, Any]) -> str:
    """Return the type of an input or output."""
    found = tree.get('type') if isinstance(tree, dict) else None
    if not isinstance(found, str) or found not in kinds:
        raise SettingsError(f'{where}: type is {brief(found)}, expected {" or ".join(kinds)}'
                            f'{did_you_mean(found, kinds)}')
    return found


def _sinks(file: _Part) -> Iterator[Sink]:
    """Yield the outputs."""
    for number, tree in enumerate(file.value('outputs', list, 'a list of outputs'), 1):
        where = f'{file.where}: output {number}'
        kind = _kind(tree, where, OUTPUT_KEYS)
        part = _Part(tree, where, ('type', 'topic', *OUTPUT_KEYS[kind]), ())
        joints = part.texts('joints') if kind == 'JointTrajectory' else ()
        if kind == 'TwistStamped':
            places = part.part('elements')
            for place in places:
                if place not in TWIST:
                    raise SettingsError(f'{where}: elements has {brief(place)}, expected '
                                        f'{", ".join(TWIST)}')
            elements = tuple(str(places.get(place, '')) for place in TWIST)
        else:
            elements = part.texts('elements')
        if kind == 'JointTrajectory' and len(set(joints)) != len(elements):
            raise SettingsError(f'{where}: {len(set(joints))} joints for {len(elements)} elements')
        if kind == 'Float64' and len(elements) != 1:
            raise SettingsError(f'{where}: {len(elements)} elements, expected one')
        commands = {'JointTrajectory': 'position', 'TwistStamped': 'velocity'}.get(kind) or (
            part.choice('commands', ('velocity', 'position'), ''))
        if not elements or commands == 'position' and '' in elements:
            raise SettingsError(f'{where}: elements is {brief(list(elements))}, expected names: '
                                'only a velocity can be left out, which is a zero')
        yield Sink(kind, part.topic(), commands == 'velocity', elements, joints,
                   part.text('frame') if kind == 'TwistStamped' else '')


def _require_names(found: Mapping[Any, Any], elements: tuple[Element, ...], where: str) -> None:
    """Raise SettingsError unless the keys are the names of the elements."""
    names = [one.name for one in elements]
    for name in found:
        if name not in names:
            raise SettingsError(f'{where}: the task has no element {brief(name)}'
                                f'{did_you_mean(name, names)}, it has {", ".join(names)}')
    for name in names:
        if name not in found:
            raise SettingsError(f'{where}: {name} is missing')


def _require_each_once(found: list[str], elements: tuple[Element, ...], where: str) -> None:
    """Raise SettingsError unless each element is there once."""
    _require_names(dict.fromkeys(found), elements, where)
    for name in found:
        if found.count(name) > 1:
            raise SettingsError(f'{where}: {name} is sent twice')


def _channels(file: _Part, key: str, elements: tuple[Element, ...],
              sources: Mapping[str, Source]) -> tuple[Channel, ...]:
    """Return the channel of each element of an observation or goal."""
    found = file.value(key, dict, 'a mapping of elements to inputs', {})
    _require_names(found, elements, f'{file.where}: {key}')
    return tuple(_parse(found[one.name], sources, f'{file.where}: {key}: {one.name}')
                 for one in elements)


def _channel(file: _Part, key: str, sources: Mapping[str, Source]) -> Channel | None:
    """Return the channel of a key that may be missing."""
    if key not in file.tree:
        return None
    return _parse(file.tree[key], sources, f'{file.where}: {key}')


def _parse(text: Any, sources: Mapping[str, Source], where: str) -> Channel:
    """Return the Channel for INPUT.NAME."""
    source, _, name = str(text).partition('.')
    if source not in sources:
        raise SettingsError(f'{where}: is {brief(text)}, expected INPUT.NAME with one of the '
                            f'inputs {", ".join(sources)}{did_you_mean(source, sources)}')
    known = sources[source].channels
    if name not in known:
        raise SettingsError(f'{where}: is {brief(text)}, but {source} has '
                            f'{brief(", ".join(known))}{did_you_mean(name, known)}')
    return Channel(source, name)


def _limits(tree: Any, where: str, sources: Mapping[str, Source],
            velocity: bool) -> ElementLimits:
    """Return the limits of an element of the action."""
    part = _Part(tree, where, ('low', 'high', 'rate'), ('rate_change', 'moves', 'keep', 'margin'))
    low, high = (part.number(key, -1e6, 1e6) for key in ('low', 'high'))
    if low >= high or velocity and not low <= 0.0 <= high:
        raise SettingsError(f'{where}: low {low:g} and high {high:g}, expected low below high'
                            + (', and 0, a stop, between them' if velocity else ''))
    moves = _channel(part, 'moves', sources)
    if moves is None and ('keep' in part.tree or not velocity):
        raise SettingsError(f'{where}: moves is missing: name the measured position that it '
                            + ('is' if not velocity else 'moves, which keep limits'))
    if moves and (moves.name in MOTION or moves.name.endswith('.velocity')):
        raise SettingsError(f'{where}: moves is a velocity, expected a position')
    keep = part.value('keep', list, 'a list of two numbers', [-1e9, 1e9])
    if len(keep) != 2 or not all(type(one) in (int, float) and -1e9 <= one <= 1e9
                                 for one in keep) or keep[0] >= keep[1]:
        raise SettingsError(f'{where}: keep is {brief(keep)}, expected [lowest, highest]')
    margin = part.number('margin', 0.0, 1e6, 0.0)
    if keep[1] - keep[0] <= 2 * margin:
        raise SettingsError(f'{where}: keep {brief(keep)} leaves no room for a margin of '
                            f'{margin:g}')
    return ElementLimits(low, high, part.number('rate', 1e-6, 1e9),
                         part.number('rate_change', 1e-6, 1e12, 1e12), moves,
                         (float(keep[0]), float(keep[1])), margin)


def _contradictions(contract: RobotContract, spec: TaskSpec) -> Iterator[str]:
    """Yield a text for each contradiction with the task or within the contract."""
    period = spec.control_period
    velocity = velocities(contract.sinks)
    for name in ('robot_timeout', 'base_action_timeout', 'command_timeout', 'run_stop_timeout'):
        if getattr(contract, name) < period:
            yield (f'{name} is {getattr(contract, name):g} s, shorter than one control step of '
                   f'{period:g} s: every message would be too late')
    if contract.command_timeout > contract.robot_timeout:
        yield (f'command_timeout {contract.command_timeout:g} is above robot_timeout '
               f'{contract.robot_timeout:g}: the robot would stop before the adapter stops it')
    if spec.recorded_reward and not (contract.reward or contract.success or contract.by_person):
        yield (f'the task {spec.name} has the reward {RECORDED!r}: name the input that it comes '
               'from, reward, or success, for 1 at success and 0 before')
    if not spec.recorded_reward and contract.reward:
        yield (f'reward is given, but the task {spec.name} computes its own, {spec.reward!r}')
    moved = [one.moves for one in contract.limits if one.moves]
    for one in moved:
        if moved.count(one) > 1:
            yield f'two elements of the action move {one.source}.{one.name}'
    if spec.environment:
        for element, limits, low, high in zip(spec.action, contract.limits, spec.environment.low,
                                              spec.environment.high):
            if not (math.isclose(limits.low, low, rel_tol=1e-6, abs_tol=1e-9)
                    and math.isclose(limits.high, high, rel_tol=1e-6, abs_tol=1e-9)):
                yield (f'action: {element.name}: -1 and 1 stand for {limits.low:g} and '
                       f'{limits.high:g}, but for {low:g} and {high:g} in the environment of the '
                       f'task: make them equal')
    topics = [sink.topic for sink in contract.sinks]
    if len(set(topics)) < len(topics):
        yield f'two outputs have one topic: {", ".join(topics)}'
    for topic in {topic.lstrip('/') for topic in topics} & {
            source.topic.lstrip('/') for source in contract.sources.values() if source.topic}:
        yield f'{topic} is the topic of an input and of an output'
    for element, limits in zip(spec.action, contract.limits):
        low, high = limits.keep
        if limits.moves and not velocity[element.name] and (
                high - limits.margin <= limits.low or low + limits.margin >= limits.high):
            yield (f'action: {element.name}: keep {low:g} to {high:g} has no position between low '
                   f'{limits.low:g} and high {limits.high:g}')
    if not contract.sinks:
        yield 'outputs is empty: nothing moves'
