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

"""ROS parameter files: reading them, and the settings of all nodes from one."""

from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from rpl_ros.common.brief import brief
from rpl_ros.common.yaml_file import read_yaml
from rpl_ros.settings.fields import did_you_mean, is_ros_own, make_settings, SettingsError
from rpl_ros.settings.nodes import NODE_SETTINGS


OPTIONAL_NODES = ('fetch_adapter_node', 'robot_adapter_node', 'fetch_sim_node',
                  'episode_server_node')
"""Nodes that only some graphs have, which a parameter file may name as well."""


NOT_SET = {'horizon': 0, 'max_ee_speed': 0.0, 'residual_scale': None}
"""Settings that all nodes which have them must share -> the value that means: not set here."""


def read_parameter_file(path: Path | str, nodes: Iterable[str] = (*NODE_SETTINGS, *OPTIONAL_NODES),
                        ) -> dict[str, dict[str, Any]]:
    """
    Return {node name or '/**': {setting: value}} of a ROS parameter file for `nodes`.

    The name of a section may be residual_node, /residual_node, /**/residual_node (in any
    namespace) or /robot1/residual_node. SettingsError where the file is missing, is not a
    parameter file, names an unknown node, or has two sections for one node.
    """
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f'{path}: cannot be read as a ROS parameter file: {error}') from error
    if not isinstance(content, dict):
        raise SettingsError(f'{path}: expected a mapping of node names to ros__parameters')
    sections: dict[str, dict[str, Any]] = {}
    for node, section in content.items():
        if not isinstance(node, str):
            raise SettingsError(f'{path}: a section is called {brief(node)}, expected the name of '
                                'a node')
        name = node.rpartition('/')[2] if node != '/**' else node
        if name in sections:
            raise SettingsError(f'{path}: has two sections for {name[:100]}')
        if name != '/**' and name not in nodes:
            raise SettingsError(f'{path}: unknown node {brief(node)}'
                                f'{did_you_mean(name, nodes)}')
        if not isinstance(section, dict) or not isinstance(section.get('ros__parameters'), dict):
            raise SettingsError(f'{path}: {node} has no mapping ros__parameters')
        values = section['ros__parameters']
        for key in values:
            if not isinstance(key, str):
                raise SettingsError(f'{path}: unknown setting {brief(key)} of {name}, expected a '
                                    'name')
        sections[name] = {key: values[key] for key in values if not is_ros_own(key)}
    return sections


def load_settings(path: Path | str, overrides: dict[str, Any] | None = None) -> dict[str, Any]:
    """
    Return {node name: settings} for all nodes from a parameter file.

    The `overrides` {setting: value} and the file's `/**` section apply to each node that has such
    a setting. SettingsError for anything unknown, of a wrong type or out of range.
    """
    sections = read_parameter_file(path)
    shared = sections.get('/**', {})
    everything = {field.name for cls in NODE_SETTINGS.values() for field in fields(cls)}
    for where, names in ((f'{path} in /**', shared), ('overrides', overrides or {})):
        for name in names:
            if name not in everything:
                raise SettingsError(f'{where}: unknown setting {brief(name)}'
                                    f'{did_you_mean(name, everything)}')
    result = {}
    for node, cls in NODE_SETTINGS.items():
        has = {field.name for field in fields(cls)}
        common = {key: value for key, value in shared.items() if key in has}
        own = sections.get(node, {})
        last = {key: value for key, value in (overrides or {}).items() if key in has}
        result[node] = make_settings(cls, {**common, **own, **last}, f'{path}, {node}')
    _check_trial(result, path)
    return _same_everywhere(result, path)


def _same_everywhere(settings: dict[str, Any], path: Path | str) -> dict[str, Any]:
    """
    Return {node: settings} in which all nodes have the horizon and speed that one of them sets.

    SettingsError where two nodes have different values, or different scales of the residual: a
    policy is for one value only.
    """
    for name, unset in NOT_SET.items():
        values = {node: getattr(one, name, unset) for node, one in settings.items()}
        given = {node: value for node, value in values.items() if value != unset}
        if len(set(given.values())) > 1:
            raise SettingsError(f'{path}: {name} is ' + ' but '.join(
                f'{value} for {node}' for node, value in given.items())
                + ': set it in the section /**')
        for value in set(given.values()):
            settings = {node: replace(one, **{name: value}) if hasattr(one, name) else one
                        for node, one in settings.items()}
    return settings


def _check_trial(settings: dict[str, Any], path: Path | str) -> None:
    """Raise SettingsError where a policy could never pass its trial."""
    residual, episodes = settings['residual_node'], settings['learner_node'].trial_episodes
    if episodes and not residual.evaluate_every:
        raise SettingsError(f'{path}: trial_episodes is {episodes}, but evaluate_every is 0: '
                            'a policy passes its trial only in episodes without exploration. '
                            'Set trial_episodes to 0 for no trial')
    if episodes and not residual.base_every and not residual.burn_in_base_probability:
        raise SettingsError(f'{path}: trial_episodes is {episodes}, but base_every and '
                            'burn_in_base_probability are 0: a policy passes its trial only in '
                            'comparison with episodes of the base controller. Set trial_episodes '
                            'to 0 for no trial')
